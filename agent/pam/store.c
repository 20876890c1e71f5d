/* SPDX-License-Identifier: Apache-2.0 */
/* Files below one directory descriptor; nothing here waits for anybody. */
#include "agent/pam/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "agent/base/proc.h"
#include "agent/pam/trust.h"

#include "agent/base/banned.h"

int store_process(uint32_t pid, struct login_process *ret_process)
{
	uint64_t start = 0;

	_cleanup_close_ int root = open_below(AT_FDCWD, "/",
					      O_PATH | O_DIRECTORY, 0);
	if (root < 0)
		return root;
	int r = proc_start(root, pid, &start);
	if (r < 0)
		return r;
	*ret_process = (struct login_process){pid, start};
	return 0;
}

int store_random_id(char ret_id[LOGIN_ID_CHARS + 1])
{
	uint8_t bytes[LOGIN_ID_CHARS / 2];
	ssize_t n = getrandom(bytes, sizeof(bytes), GRND_NONBLOCK);

	if (n != (ssize_t)sizeof(bytes))
		return n < 0 ? -errno : -EAGAIN;
	hex_encode(bytes, sizeof(bytes), ret_id);
	explicit_bzero(bytes, sizeof(bytes));
	return 0;
}

static bool is_id(const char *id)
{
	return strlen(id) == LOGIN_ID_CHARS &&
	       strspn(id, "0123456789abcdef") == LOGIN_ID_CHARS;
}

static int name_of(const struct login_record *record,
		   char ret_name[STORE_NAME_MAX])
{
	if (record->kind == LOGIN_RECORD_OPEN) {
		(void)snprintf(ret_name, STORE_NAME_MAX, "%u-%llu",
			       record->process.pid,
			       (unsigned long long)record->process.start);
		return 0;
	}
	if (!is_id(record->id))
		return -EINVAL;
	(void)snprintf(ret_name, STORE_NAME_MAX, "%s", record->id);
	return 0;
}

/* Opens a directory that belongs to root and that nobody else can enter. */
static int open_private(const struct pam_places *places, int dirfd,
			const char *path)
{
	struct stat st;
	_cleanup_close_ int fd = open_below(dirfd, path, O_RDONLY | O_DIRECTORY,
					    0);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != places->trusted_uid || (st.st_mode & 077) != 0)
		return -EPERM;
	return TAKE_FD(fd);
}

static int open_folder(const struct pam_places *places,
		       enum login_record_kind kind, bool make)
{
	_cleanup_close_ int run = -1;
	const char *name = login_record_folder(kind);

	if (!name)
		return -EINVAL;
	/* The parent is tmpfiles' or the daemon's to make: it is public. */
	if (make && mkdir(places->run_dir, STORE_TMPFS_MODE) < 0 &&
	    errno != EEXIST)
		return -errno;
	run = open_private(places, AT_FDCWD, places->run_dir);
	if (run < 0)
		return run;
	if (make && mkdirat(run, name, STORE_TMPFS_MODE) < 0 && errno != EEXIST)
		return -errno;
	return open_private(places, run, name);
}

/*
 * Whether a file in a full folder may go: what the daemon did not fetch within
 * an hour, and open records of processes that are no more.
 */
static bool is_dead(int folder, const char *name, enum login_record_kind kind)
{
	struct login_process process;
	struct stat st;
	char *end = NULL;

	if (kind == LOGIN_RECORD_OPEN) {
		unsigned long pid = strtoul(name, &end, 10);
		uint64_t start = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;

		return store_process((uint32_t)pid, &process) < 0 ||
		       process.start != start;
	}
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	uint64_t age_limit = clock_wall_ns() / NS_PER_S - 3600;
	return (uint64_t)st.st_mtim.tv_sec < age_limit;
}

static int make_room(int folder, enum login_record_kind kind)
{
	unsigned count = 0;
	_cleanup_closedir_ DIR *dir = NULL;
	int r = open_dir_below(folder, ".", &dir);
	if (r < 0)
		return r;

	for (const struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	if (count < STORE_FILES_MAX)
		return 0;

	rewinddir(dir);
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.' &&
		    is_dead(folder, entry->d_name, kind) &&
		    unlinkat(folder, entry->d_name, 0) == 0)
			count--;
	return count < STORE_FILES_MAX ? 0 : -ENOSPC;
}

int store_write(const struct pam_places *places,
		const struct login_record *record)
{
	char name[STORE_NAME_MAX];
	char text[LOGIN_TEXT_MAX_BYTES];

	int r = name_of(record, name);
	if (r < 0)
		return r;
	size_t size = login_record_format(record, text, sizeof(text));
	if (size == 0)
		return -EFBIG;
	_cleanup_close_ int folder = open_folder(places, record->kind, true);
	if (folder < 0)
		return folder;
	r = make_room(folder, record->kind);
	if (r < 0)
		return r;
	return write_atomic(folder, name, text, size, 0600);
}

int store_read_evidence(const struct pam_places *places, const char *id,
			struct login_record *ret_record)
{
	char text[LOGIN_TEXT_MAX_BYTES + 1];
	struct login_record record;

	if (!is_id(id))
		return -EINVAL;
	_cleanup_close_ int folder = open_folder(places, LOGIN_RECORD_EVIDENCE,
						 false);
	if (folder < 0)
		return folder;
	int r = trust_read(places, folder, id, text, sizeof(text));
	if (r < 0)
		return r;
	r = login_record_parse(span_str(text), &record);
	explicit_bzero(text, sizeof(text));
	if (r < 0)
		return r;
	if (record.kind != LOGIN_RECORD_EVIDENCE || strcmp(record.id, id) != 0)
		return -EINVAL;
	*ret_record = record;
	return 0;
}

int store_remove(const struct pam_places *places,
		 const struct login_record *record)
{
	char name[STORE_NAME_MAX];

	int r = name_of(record, name);
	if (r < 0)
		return r;
	_cleanup_close_ int folder = open_folder(places, record->kind, false);
	if (folder < 0)
		return folder;
	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}
