/* SPDX-License-Identifier: Apache-2.0 */
/* Files by openat below the folder's descriptor; "….new" is being written. */
#include "agent/daemon/login_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

/* Opens a folder that belongs to whom the daemon runs as, to nobody else. */
static int open_private(int dirfd, const char *path)
{
	struct stat st;
	_cleanup_close_ int fd = open_below(dirfd, path, O_RDONLY | O_DIRECTORY,
					    0);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return -EPERM;
	return TAKE_FD(fd);
}

static int make_private(int dirfd, const char *path)
{
	if (mkdirat(dirfd, path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return open_private(dirfd, path);
}

int login_store_make(int root_fd)
{
	_cleanup_close_ int run = make_private(root_fd, LOGIN_RUN_DIR);

	if (run < 0)
		return run;
	for (int kind = LOGIN_RECORD_EVIDENCE; kind < LOGIN_RECORD_COUNT;
	     kind++) {
		_cleanup_close_ int folder = make_private(
			run, login_record_folder((enum login_record_kind)kind));
		if (folder < 0)
			return folder;
	}
	return 0;
}

int login_store_open(int root_fd, enum login_record_kind kind)
{
	const char *name = login_record_folder(kind);
	_cleanup_close_ int run = open_private(root_fd, LOGIN_RUN_DIR);

	if (run < 0)
		return run;
	return name ? open_private(run, name) : -EINVAL;
}

static int read_record(int folder, const char *name,
		       enum login_record_kind kind,
		       struct login_record *ret_record)
{
	_cleanup_free_ char *text = NULL;
	struct login_record record;
	size_t size = 0;

	int r = read_small_file(folder, name, LOGIN_TEXT_MAX_BYTES, &text,
				&size);
	if (r < 0)
		return r;
	r = login_record_parse(span_of(text, size), &record);
	explicit_bzero(text, size); /* evidence has a secret */
	if (r < 0)
		return r;
	if (record.kind != kind)
		return -EINVAL;
	explicit_bzero(record.secret, sizeof(record.secret));
	*ret_record = record;
	return 0;
}

static void name_of(const struct login_process *leader,
		    char ret_name[LOGIN_FILE_ID_SIZE])
{
	(void)snprintf(ret_name, LOGIN_FILE_ID_SIZE, "%u-%llu", leader->pid,
		       (unsigned long long)leader->start);
}

int login_store_find(int root_fd, const struct login_process *leader,
		     struct login_record *ret_record)
{
	char name[LOGIN_FILE_ID_SIZE];
	struct login_record record;
	_cleanup_close_ int folder = login_store_open(root_fd,
						      LOGIN_RECORD_OPEN);

	if (folder < 0)
		return folder;
	name_of(leader, name);
	int r = read_record(folder, name, LOGIN_RECORD_OPEN, &record);
	if (r < 0)
		return r;
	/* A start of 0 is "not known": it would match everybody's */
	if (leader->start == 0 || record.process.pid != leader->pid ||
	    record.process.start != leader->start)
		return -EINVAL;
	*ret_record = record;
	return 0;
}

static bool is_unfinished(const char *name)
{
	size_t len = strlen(name);

	return name[0] == '.' ||
	       (len > 4 && strcmp(name + len - 4, ".new") == 0);
}

int login_store_each(int root_fd, enum login_record_kind kind,
		     login_store_fn fn, void *userdata)
{
	unsigned int count = 0;
	_cleanup_close_ int folder = login_store_open(root_fd, kind);

	if (folder < 0)
		return folder;
	_cleanup_closedir_ DIR *dir = NULL;
	int r = open_dir_below(folder, ".", &dir);
	if (r < 0)
		return r;

	for (const struct dirent *entry;
	     count < LOGIN_FILES_MAX && (entry = readdir(dir)); count++) {
		struct login_record record;

		if (is_unfinished(entry->d_name))
			continue;
		r = read_record(folder, entry->d_name, kind, &record);
		if (r == -ENOENT)
			continue; /* its owner took it back */
		if (r < 0 ? r == -EINVAL : fn(entry->d_name, &record, userdata))
			/* If it stays it is read again: told, not harmful */
			(void)unlinkat(folder, entry->d_name, 0);
	}
	return 0;
}

void login_store_forget(int root_fd, const struct login_process *leader)
{
	char name[LOGIN_FILE_ID_SIZE];
	_cleanup_close_ int folder = login_store_open(root_fd,
						      LOGIN_RECORD_OPEN);

	name_of(leader, name);
	if (folder >= 0)
		(void)unlinkat(folder, name, 0); /* the module did before us */
}
