/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to the files of one mounted file system: written, closed after
 * writing, deleted, renamed. A fanotify notification group on the whole file
 * system (fanotify(7), FAN_MARK_FILESYSTEM), so it sees every mount of it and
 * never holds up anybody. Reads only, and judges nothing; needs CAP_SYS_ADMIN.
 *
 * Two groups, because no single one does it: writes are told with a descriptor
 * of the file, which works on every file system; names need a file system that
 * hands out file handles (vfat, ext4, ntfs3 and others; before Linux 6.6 not
 * exfat, and not FUSE). An unread write pins the mount: read promptly.
 *
 * Seen: write(2) and its kin, mmap (told when the last mapping goes, for that
 * is when the kernel closes the file), O_TMPFILE with linkat(2), hard links,
 * rename over a file, and where names are told truncate(2) by path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest path below the mount, NUL included (PATH_MAX). */
#define FILES_PATH_MAX 4096

enum files_change {
	FILES_NONE = 0,
	FILES_MODIFIED, /* .fd; once until files_watch_loud() if made quiet */
	FILES_CLOSED,	/* .fd: a descriptor for writing has been closed */
	FILES_CREATED,	/* .path: a new name, be it a hard link */
	FILES_DELETED,	/* .path */
	FILES_RENAMED,	/* .path is the old name, .to the new */
	FILES_RESIZED,	/* .path: its content changed by its name, truncate(2);
			 * and once for each file that is written anyway */
	FILES_LOST,	/* the kernel's queue was full, or it could not tell */
};

struct files_event {
	enum files_change change;
	int32_t pid; /* thread group; it may have ended since */
	int fd;	     /* MODIFIED, CLOSED: read-only, during the call; or -1 */
	bool is_directory;
	const char *path; /* from the top of the mount; NULL: has no name */
	const char *to;
	bool has_stat; /* the following; of MODIFIED and CLOSED always */
	uint64_t inode;
	uint64_t size_bytes;
	int64_t wall_changed_ns; /* time of the last change, as the disk has it */
	uint32_t link_count;
	uint32_t owner_uid;
	bool is_writer; /* .owner_uid is the user who opened it for writing */
};

struct stat;
struct files_watch;

enum files_flags {
	FILES_NO_RENAME = 1, /* as Linux before 5.17: for tests */
};

/* Watches the file system mounted at POINT (an absolute path). 0, or -errno
 * with nothing watched. Names may be missing: see files_watch_has_names(). */
int files_watch_open(const char *point, unsigned int flags,
		     struct files_watch **ret_watch)
	__attribute__((nonnull, warn_unused_result));

/* What was not read is gone. NULL is fine. */
struct files_watch *files_watch_close(struct files_watch *watch);

/* The same again, in case another file system has been mounted at the point
 * meanwhile: the kernel drops a watch with its file system and says nothing. */
int files_watch_renew(struct files_watch *watch)
	__attribute__((nonnull, warn_unused_result));

/* Whether the watch is on the file system with this number: another one may be
 * mounted over the point. */
bool files_watch_sees(const struct files_watch *watch, uint32_t major,
		      uint32_t minor) __attribute__((nonnull));

/* To be polled for input: [0] names or -1, [1] writes. */
void files_watch_fds(const struct files_watch *watch, int ret_fds[2])
	__attribute__((nonnull));
bool files_watch_has_names(const struct files_watch *watch)
	__attribute__((nonnull));

/* Everything that waits, names before writes, or as much of it as one turn
 * may take. What the event points to lives during the call. One thread only. */
typedef void (*files_fn)(const struct files_event *event, void *userdata);
/* True: no write waits any more, so all those of the names told are told. */
bool files_watch_read(struct files_watch *watch, files_fn fn, void *userdata)
	__attribute__((nonnull(1, 2)));

/* Of this file only the first write counts: no MODIFIED until it is loud
 * again. Failing is harmless: there are more events then. */
void files_watch_quiet(const struct files_watch *watch, int fd)
	__attribute__((nonnull));
void files_watch_loud(const struct files_watch *watch, int fd)
	__attribute__((nonnull));

/* Pure: what an event says of a file. */
void files_fill_stat(struct files_event *event, const struct stat *st)
	__attribute__((nonnull));

/* Pure: TEXT, as /proc/self/fd/N names a file, below POINT; NULL: elsewhere. */
const char *files_below(const char *point, const char *text)
	__attribute__((nonnull));
