/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of the spool directory, by name; their names sort by age. */
#include "agent/spool/aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "agent/spool/directory.h"

#include "agent/base/banned.h"

#define ASIDE_MODE 0750
/* "aside-", 20 digits, "-", 32 hex. */
#define ASIDE_NAME_SIZE 64u

static int open_list(int spool_fd, const char *path, DIR **ret_directory)
{
	_cleanup_close_ int fd = open_below(spool_fd, path,
					    O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	DIR *directory = fdopendir(fd);
	if (!directory)
		return -errno;
	(void)TAKE_FD(fd); /* closedir closes it */
	*ret_directory = directory;
	return 0;
}

/* How many there are, and the oldest's name. */
static int survey(int spool_fd, size_t *ret_count,
		  char ret_oldest[ASIDE_NAME_SIZE])
{
	_cleanup_closedir_ DIR *directory = NULL;
	const struct dirent *entry;
	size_t count = 0;

	int r = open_list(spool_fd, ".", &directory);
	if (r < 0)
		return r;
	ret_oldest[0] = '\0';
	while ((entry = readdir(directory))) {
		if (strncmp(entry->d_name, ASIDE_PREFIX,
			    strlen(ASIDE_PREFIX)) != 0 ||
		    strlen(entry->d_name) >= ASIDE_NAME_SIZE)
			continue;
		count++;
		if (!*ret_oldest || strcmp(entry->d_name, ret_oldest) < 0)
			memcpy(ret_oldest, entry->d_name,
			       strlen(entry->d_name) + 1);
	}
	*ret_count = count;
	return 0;
}

int aside_count(int spool_fd, size_t *ret_count)
{
	char oldest[ASIDE_NAME_SIZE];

	return survey(spool_fd, ret_count, oldest);
}

/* As the spool itself: the shipper's group may look. */
static int make_folder(int spool_fd, const char *name)
{
	struct stat status;

	if (mkdirat(spool_fd, name, ASIDE_MODE) < 0 && errno != EEXIST)
		return -errno;
	_cleanup_close_ int fd = open_below(spool_fd, name,
					    O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (fstat(spool_fd, &status) == 0)
		/* Without the right to, the creator's group stays. */
		(void)!fchown(fd, (uid_t)-1, status.st_gid);
	return 0;
}

int aside_keep(int spool_fd, const struct spool_ops *ops,
	       const uint64_t *first_seqs, size_t count,
	       const uint8_t stream[FRAME_ID_SIZE])
{
	char hex[HEX_SIZE(FRAME_ID_SIZE)];
	char folder[ASIDE_NAME_SIZE];

	hex_encode(stream, FRAME_ID_SIZE, hex);
	(void)snprintf(folder, sizeof(folder), ASIDE_PREFIX "%020" PRIu64 "-%s",
		       clock_wall_ns(), hex);
	int r = make_folder(spool_fd, folder);
	for (size_t i = 0; r == 0 && i < count; i++) {
		char name[SEGMENT_NAME_SIZE];
		char path[ASIDE_NAME_SIZE + SEGMENT_NAME_SIZE];

		segment_name(first_seqs[i], name);
		(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
		r = ops->rename(spool_fd, name, path);
	}
	if (r < 0)
		return r;
	_cleanup_close_ int fd = open_below(spool_fd, folder,
					    O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	r = ops->sync_directory(fd);
	return r < 0 ? r : ops->sync_directory(spool_fd);
}

static int remove_folder(int spool_fd, const struct spool_ops *ops,
			 const char *folder)
{
	_cleanup_closedir_ DIR *directory = NULL;
	const struct dirent *entry;

	int r = open_list(spool_fd, folder, &directory);
	if (r < 0)
		return r == -ENOTDIR ? ops->unlink(spool_fd, folder) : r;
	while (r == 0 && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			r = ops->unlink(dirfd(directory), entry->d_name);
	if (r == 0 && unlinkat(spool_fd, folder, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

int aside_prune(int spool_fd, const struct spool_ops *ops, size_t *ret_removed)
{
	char oldest[ASIDE_NAME_SIZE];
	size_t removed = 0;
	size_t count = 0;
	int r = survey(spool_fd, &count, oldest);

	while (r == 0 && count > ASIDE_STREAMS_MAX) {
		r = remove_folder(spool_fd, ops, oldest);
		if (r == 0) {
			removed++;
			r = survey(spool_fd, &count, oldest);
		}
	}
	if (r == 0)
		*ret_removed = removed;
	return r;
}
