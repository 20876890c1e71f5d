/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local groups file, group(5), read as it is: no name service, so that a
 * directory server can neither break our glass nor hold anybody up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GROUP_NAME_MAX	63
#define GROUP_NAMES_MAX 64

/* Whether the file names `user` as a member of `group`. The group that a user
 * has by his passwd entry alone does not count. false where it cannot be
 * read. */
bool group_has_member(int dirfd, const char *path, const char *group,
		      const char *user)
	__attribute__((nonnull, warn_unused_result));

struct group_names {
	size_t count;
	char names[GROUP_NAMES_MAX][GROUP_NAME_MAX + 1];
};

/* All groups that list `user` or have number `gid`; more than fit, and longer
 * names, are left out. */
void group_list(int dirfd, const char *path, const char *user, uint32_t gid,
		struct group_names *ret_names) __attribute__((nonnull));
