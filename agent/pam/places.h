/* SPDX-License-Identifier: Apache-2.0 */
/*
 * places: everything of the machine that the module depends on, as data, so
 * that tests link another twin of places.c (tests/pam/places.c) and the shipped
 * module has no switch that could be turned. Must not be set at run time.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct pam_handle;

struct pam_places {
	const char *run_dir; /* records; trusted_uid only, 0700 */
	const char *const *
		policy_files; /* first that reads well holds; NULL-terminated */
	const char *switch_file; /* weakens its mode; may be missing */
	const char *const
		*module_dirs;	/* of modules to wrap; NULL-terminated */
	const char *group_file; /* local groups: break-glass */
	const char *boot_id_file;
	const char *trust_root; /* directories above it are not looked at */
	uid_t trusted_uid;	/* who may own what we believe: root */
	/* The uid of a user. 0, or -ENOENT. */
	int (*find_uid)(struct pam_handle *pamh, const char *user,
			uint32_t *ret_uid);
};

/* Never NULL, the same at every call, static storage. */
const struct pam_places *pam_places_get(void) __attribute__((returns_nonnull));
