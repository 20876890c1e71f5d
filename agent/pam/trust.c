/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A check of path and ownership before use leaves no gap here: who could
 * exchange the file between check and use is root already.
 */
#include "agent/pam/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

#include "agent/base/banned.h"

static bool is_roots(const struct pam_places *places, const struct stat *st)
{
	return st->st_uid == places->trusted_uid &&
	       (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Cuts the last component off; false at the trust root. */
static bool go_up(const struct pam_places *places, char *path)
{
	if (strcmp(path, places->trust_root) == 0 || strcmp(path, "/") == 0)
		return false;
	char *slash = strrchr(path, '/');
	if (!slash)
		return false;
	slash[slash == path ? 1 : 0] = '\0';
	return true;
}

bool trust_is_root_file(const struct pam_places *places, const char *path)
{
	char at[PATH_MAX];
	struct stat st;

	if (path[0] != '/' || strlen(path) >= sizeof(at))
		return false;
	memcpy(at, path, strlen(path) + 1);
	if (lstat(at, &st) < 0 || !S_ISREG(st.st_mode) ||
	    !is_roots(places, &st))
		return false;
	while (go_up(places, at))
		if (lstat(at, &st) < 0 || !S_ISDIR(st.st_mode) ||
		    !is_roots(places, &st))
			return false;
	return true;
}

/* Whether the canonical path lies directly in one of the directories. */
static bool is_in_module_dirs(const struct pam_places *places, const char *path)
{
	size_t len = (size_t)(strrchr(path, '/') - path);

	for (size_t i = 0; places->module_dirs[i]; i++) {
		char dir[PATH_MAX];

		if (realpath(places->module_dirs[i], dir) &&
		    strlen(dir) == len && memcmp(dir, path, len) == 0)
			return true;
	}
	return false;
}

static int resolve(const struct pam_places *places, const char *name,
		   char *ret_path)
{
	if (name[0] == '/')
		return realpath(name, ret_path) ? 0 : -errno;
	if (strchr(name, '/'))
		return -EPERM;
	for (size_t i = 0; places->module_dirs[i]; i++) {
		char path[PATH_MAX];
		int n = snprintf(path, sizeof(path), "%s/%s",
				 places->module_dirs[i], name);

		if (n > 0 && (size_t)n < sizeof(path) &&
		    realpath(path, ret_path))
			return 0;
	}
	return -ENOENT;
}

int trust_find_module(const struct pam_places *places, const char *name,
		      char *ret_path)
{
	int r = resolve(places, name, ret_path);

	if (r < 0)
		return r;
	return is_in_module_dirs(places, ret_path) &&
			       trust_is_root_file(places, ret_path)
		       ? 0
		       : -EPERM;
}

static bool is_plain_name(const char *user)
{
	return user[0] != '\0' && user[0] != '.' && !strchr(user, '/');
}

bool trust_is_root_enrolment(const struct pam_places *places,
			     struct span pattern, const char *user)
{
	const struct span holes[] = {SPAN("${USER}"), SPAN("%u"), SPAN("%n")};
	char path[PATH_MAX];
	char canonical[PATH_MAX];
	size_t len = 0;

	while (pattern.len > 0) {
		struct span piece = span_take(pattern, 1);

		for (size_t i = 0; i < sizeof(holes) / sizeof(*holes); i++) {
			if (!span_starts_with(pattern, holes[i]))
				continue;
			if (!is_plain_name(user))
				return false;
			pattern = span_skip(pattern, holes[i].len - 1);
			piece = span_str(user);
			break;
		}
		if (piece.len >= sizeof(path) - len)
			return false;
		memcpy(path + len, piece.ptr, piece.len);
		len += piece.len;
		pattern = span_skip(pattern, 1);
	}
	path[len] = '\0';
	return realpath(path, canonical) &&
	       trust_is_root_file(places, canonical);
}

int trust_read(const struct pam_places *places, int dirfd, const char *path,
	       char *ret_text, size_t capacity)
{
	struct stat st;
	size_t size = 0;

	/* O_NONBLOCK: a FIFO in its place must not hold the login. */
	_cleanup_close_ int fd =
		open_below(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || !is_roots(places, &st))
		return -EPERM;
	if (st.st_size >= (off_t)capacity)
		return -EFBIG;
	int r = read_full(fd, ret_text, capacity - 1, &size);
	if (r < 0)
		return r;
	ret_text[size] = '\0';
	return 0;
}
