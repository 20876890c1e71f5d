/* SPDX-License-Identifier: Apache-2.0 */
/* store_sqlite_backup: a consistent copy of the store, while others write. */
#include "collector/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/base/fd.h"

#include "agent/base/banned.h"

#define PATH_SIZE 4096

/* VACUUM INTO leaves that to its caller (lang_vacuum.html). */
static int sync_copy(const char *to)
{
	_cleanup_close_ int dirfd = open(to,
					 O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;

	if (dirfd < 0)
		return -errno;
	fd = open_below(dirfd, "collector.db", O_RDONLY, 0);
	if (fd < 0)
		return fd;
	return fsync(fd) < 0 || fsync(dirfd) < 0 ? -errno : 0;
}

int store_sqlite_backup(const char *dir, const char *to)
{
	_cleanup_(cleanup_store) struct store *store = NULL;
	char path[PATH_SIZE];
	sqlite3_stmt *st = NULL;
	int r = store_sqlite_open(dir, STORE_READ, &store);

	if (r < 0)
		return r;
	if (snprintf(path, sizeof(path), "%s/collector.db", to) >= PATH_SIZE)
		return -ENAMETOOLONG;
	if (sqlite3_prepare_v2(sqlite_store(store)->db, "VACUUM INTO ?1", -1,
			       &st, NULL) != SQLITE_OK)
		return -EIO;
	sqlite_bind_text(st, 1, path);
	r = sqlite_run(st);
	(void)sqlite3_finalize(st); /* r says it already */
	return r < 0 ? r : sync_copy(to);
}
