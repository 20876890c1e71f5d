/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk by descriptors: no link is followed and no other file system entered.
 */
#include "agent/sense/files_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/cleanup.h"

struct walk {
	dev_t device;
	int64_t wall_since_s;
	uint64_t mono_end_ns;
	unsigned int entries;
	unsigned int depth;
	files_fn fn;
	void *userdata;
	char path[FILES_PATH_MAX];
};

static int walk_dir(struct walk *walk, int fd, size_t len);

static void tell(struct walk *walk, const struct stat *st)
{
	struct files_event event = {
		.change = FILES_CLOSED,
		.fd = -1,
		.path = walk->path,
	};

	files_fill_stat(&event, st);
	walk->fn(&event, walk->userdata);
}

/* What is gone by now is no error. */
static int walk_entry(struct walk *walk, int dir, const char *name, size_t len)
{
	struct stat st;
	int n = snprintf(walk->path + len, sizeof(walk->path) - len, "%s%s",
			 len ? "/" : "", name);

	if (n < 0 || (size_t)n >= sizeof(walk->path) - len ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_dev != walk->device)
		return 0;
	if (S_ISREG(st.st_mode) && (st.st_mtime >= walk->wall_since_s ||
				    st.st_ctime >= walk->wall_since_s))
		tell(walk, &st);
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (walk->depth >= FILES_WALK_DEPTH_MAX)
		return FILES_WALK_LIMIT;
	int fd = openat(dir, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : walk_dir(walk, fd, len + (size_t)n);
}

/* Takes FD; LEN is what the path has of it. */
static int walk_dir(struct walk *walk, int fd, size_t len)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	walk->depth++;
	while (r == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (walk->entries++ >= FILES_WALK_ENTRIES_MAX ||
		    clock_mono_ns() >= walk->mono_end_ns)
			r = FILES_WALK_LIMIT;
		else
			r = walk_entry(walk, dirfd(dir), entry->d_name, len);
	}
	walk->depth--;
	walk->path[len] = '\0';
	return r;
}

int files_walk(const char *point, int64_t wall_since_s, files_fn fn,
	       void *userdata)
{
	struct walk walk = {
		.wall_since_s = wall_since_s,
		.mono_end_ns = clock_mono_ns() + FILES_WALK_NS,
		.fn = fn,
		.userdata = userdata,
	};
	struct stat st;
	_cleanup_close_ int fd = open(point,
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	walk.device = st.st_dev;
	return walk_dir(&walk, TAKE_FD(fd), 0);
}
