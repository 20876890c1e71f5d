/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust: may this file be believed? Only when nobody but root could have put
 * it there: it and every directory above it belong to root and are not
 * writable for others. Opens nothing that could make a login wait: no FIFO, no
 * device, no symbolic link at the end.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/pam/places.h"
#include "policy/span.h"

/*
 * Whether `path`, which must be canonical (realpath(3)), is a regular file that
 * only the trusted user can change or replace.
 */
bool trust_is_root_file(const struct pam_places *places, const char *path)
	__attribute__((nonnull, warn_unused_result));

/*
 * Finds a module by its name in a line: absolute, or a bare name looked up in
 * the module directories. 0 with the canonical path in ret_path (PATH_MAX
 * bytes); -ENOENT; -EPERM for a file outside the module directories or one
 * that others can change.
 */
int trust_find_module(const struct pam_places *places, const char *name,
		      char *ret_path)
	__attribute__((nonnull, warn_unused_result));

/*
 * Whether the enrolment file of `user` is root's: %u, %n and ${USER} stand
 * for the login name. A user name that could leave the directory is refused. A
 * file that is missing is nobody's enrolment, and refused too.
 */
bool trust_is_root_enrolment(const struct pam_places *places,
			     struct span pattern, const char *user)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads a regular file of at most `capacity` - 1 bytes that the trusted user
 * owns and nobody else can write; adds a NUL. 0, -EPERM when it is not such a
 * file, -EFBIG, or -errno.
 */
int trust_read(const struct pam_places *places, int dirfd, const char *path,
	       char *ret_text, size_t capacity)
	__attribute__((nonnull, warn_unused_result));
