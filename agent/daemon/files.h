/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 持出簿's source: every file written to a medium under read-write access
 * becomes an event, with its path, size and SHA-256 and who wrote it, and so
 * do deletions and renames; the end of the mount sums up. Decides and refuses
 * nothing. Two threads of its own read the kernel's events and the files; the
 * loop only hands over mounts and takes finished events, and waits for them
 * at most RELEASE_WAIT_MS, where an access ends.
 *
 * A file whose SHA-256 cannot be had is told all the same, with the reason.
 */
#pragma once

#include <stdint.h>

#include "agent/base/log.h"
#include "agent/bpf/guard.h"
#include "agent/daemon/devices.h"
#include "agent/daemon/recorder.h"

/* File systems watched at once. */
#define FILES_MOUNTS_MAX 32
/* Memory of what is not told yet; above the first limit files are told
 * without SHA-256, above the second they are counted only. */
#define FILES_QUEUE_BYTES ((size_t)6 * 1024 * 1024)
#define FILES_TOTAL_BYTES ((size_t)8 * 1024 * 1024)
#define RELEASE_WAIT_MS	  500

struct files;

/* The kernel half's side of it; all NULL where there is none. A file system is
 * named by its number (st_dev). The loop calls. */
struct files_guard {
	/* When it was mounted; 0: the guard does not know it. */
	uint64_t (*born_ns)(void *userdata, uint32_t major, uint32_t minor);
	/* It is watched if it still is that one. 0: it is watched no more. */
	void (*watch)(void *userdata, uint32_t major, uint32_t minor,
		      uint64_t born_ns);
	void *userdata;
};

struct files_options {
	int root_fd; /* borrowed */
	const struct log *log;
	const struct devices *devices; /* borrowed */
	struct record_sink sink;
	struct recorder *recorder; /* asked for room; NULL in tests */
	struct files_guard guard;
	/* A file written under a grant has 個人番号 in it: told already. May be
	 * NULL. */
	void (*on_mynumbers)(void *userdata, const char *grant, uint64_t count);
	void *userdata;
};

/* Starts no thread yet. */
int files_new(const struct files_options *options, struct files **ret_files)
	__attribute__((nonnull, warn_unused_result));

/* Tells what is left, without waiting for SHA-256, and frees. NULL is fine. */
struct files *files_free(struct files *files);

/* Readable: call files_dispatch(), which tells some of what is finished, and
 * stops when the recorder is full: files_resume() when that has room. */
int files_event_fd(const struct files *files) __attribute__((nonnull));
void files_dispatch(struct files *files) __attribute__((nonnull));
void files_resume(struct files *files) __attribute__((nonnull));

/* Compares with the mount table: begins to record mounts of media that are
 * read-write, ends those that have gone. After each change of the table. */
void files_sync(struct files *files) __attribute__((nonnull));

/* The guard tells of a file that was opened for writing before its file system
 * was watched: it is told like the others. */
void files_writing(struct files *files, const struct guard_writing *writing)
	__attribute__((nonnull));

/* The access to a disk ends: hashing stops, nothing on it is held open when
 * this returns 0. -ETIMEDOUT: a read still hangs in the kernel. Call before
 * unmounting; the mounts are recorded again only by the next files_sync(). */
int files_release(struct files *files, const char *disk)
	__attribute__((nonnull));
