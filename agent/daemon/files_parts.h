/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What files.c (the loop's side) and the threads share.
 * Nothing else includes it. Everything below files.lock but what says
 * otherwise; the lock is never held over a system call that may wait for a
 * medium.
 */
#pragma once

#include <pthread.h>

#include "agent/daemon/files.h"
#include "agent/daemon/files_note.h"
#include "agent/sense/files.h"

/* Names told before the write: of a file that had none (O_TMPFILE). */
#define LINKS_MAX 16

struct link_name {
	uint64_t inode;
	char *path; /* NULL: free */
};

/* A file opened for writing before the watch was there. */
struct told_file {
	struct told_file *next;
	uint64_t inode;
	uint32_t tgid;
	uint32_t uid;
	char path[]; /* as its opener saw it */
};

/* A mount of a medium and what happened to its files. */
struct files_mount {
	struct files_mount *next;
	struct files *files;
	/* Set once, read by all: */
	uint32_t major;
	uint32_t minor;
	int64_t wall_since_s; /* what changed since is told */
	char point[SYSFS_PATH_MAX];
	char node[SYSFS_PATH_MAX];
	char disk[BLOCK_NAME_MAX];
	char plug[DEVICES_PLUG_SIZE];
	struct usb_fact usb;
	struct media_fact media; /* .parent is .usb or NULL */
	struct decision decision;

	/* Which one the guard means by the number: __atomic */
	uint64_t born_ns;	 /* the loop's, as it is mounted now */
	uint64_t watched_ns;	 /* the reader's: this one is watched */
	uint64_t told_ns;	 /* the loop's: the guard knows that it is */
	struct told_file *told;	 /* for the reader, newest first */
	unsigned int told_count; /* of it */

	struct files_watch *watch; /* the reader's; NULL: not yet, no more */
	const char *why;	   /* it ends; a literal. Also __atomic */
	struct link_name links[LINKS_MAX]; /* the reader's */
	unsigned int next_link;
	/* It stands in the table no more; somebody may still have files of it
	 * open, or a mount of their own. Set by the loop, __atomic */
	bool is_away;
	bool is_ended;	   /* its notes are on their way */
	bool is_unwatched; /* nothing could be seen of it */
	bool is_seen;	   /* mark of the running files_sync() */
	bool must_renew;
	unsigned int users;	    /* threads at work on it */
	unsigned int by_name_count; /* the reader's: may be .is_by_name */
	struct note_table table;
	struct record_files sum;
};

struct files {
	struct files_options options; /* of the loop, but for root_fd, log */
	pthread_mutex_t lock;
	pthread_cond_t work; /* for the hasher: a file, an end */
	pthread_cond_t gone; /* for the loop: a mount is let go */
	pthread_t reader;
	pthread_t hasher;
	bool is_started;
	bool is_stopping;
	int wake_fd; /* for the reader: the mounts have changed */
	int done_fd; /* for the loop: .done has notes */
	struct files_mount *mounts;
	struct note_list done;
	size_t bytes; /* of all notes */
	uint64_t lost_untold;
	bool is_waiting; /* the loop's: for room in the recorder */
};

/* The threads (files_worker.c, files_hasher.c). */
void *files_reader_main(void *userdata);
void *files_hasher_main(void *userdata);
/* A thread is done with MOUNT (.users); the last one has an ended mount summed
 * up. Not under the lock. */
void files_leave(struct files_mount *mount) __attribute__((nonnull));

/* Those told by the guard so far, oldest first; the caller frees each. */
struct told_file *files_take_told(struct files_mount *mount)
	__attribute__((nonnull));
/* As the watch would have told it. Borrows from TOLD. */
void files_fill_told(const struct files_mount *mount,
		     const struct told_file *told,
		     struct files_event *ret_event) __attribute__((nonnull));

/* Under the lock. What the guard has to know of MOUNT (files_guard.c). */
void files_guard_ask(const struct files *files, struct files_mount *mount)
	__attribute__((nonnull));
void files_guard_tell(const struct files *files, struct files_mount *mount)
	__attribute__((nonnull));
void files_guard_end(const struct files *files, struct files_mount *mount)
	__attribute__((nonnull));

/* The loop's: MOUNT's medium as the records have it. */
void files_fill_medium(struct files_mount *mount, const struct files *files,
		       const struct medium_entry *medium)
	__attribute__((nonnull));
void files_fill_medium_part(const struct files_mount *mount,
			    struct record *record) __attribute__((nonnull));

/* Under the lock. The note leaves its table, if it is in one, for the loop. */
void files_finish(struct files *files, struct note *note)
	__attribute__((nonnull));
/* Wakes whoever polls an eventfd. */
void files_poke(int fd);
