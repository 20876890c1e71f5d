/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool's inside, shared by spool.c (opening, appending), recover.c (what a
 * crash left) and writer.c (the thread). Nobody else includes it.
 *
 * Who may touch what: "fixed" is set before the thread starts; "locked" under
 * spool->lock; "writer" under spool->writer_lock, which the thread holds while it
 * writes, or a caller of spool_flush who writes in its stead. writer_lock is
 * taken before lock, never after.
 */
#pragma once

#include <pthread.h>

#include "agent/spool/directory.h"
#include "agent/spool/ops.h"
#include "agent/spool/spool.h"
#include "agent/wire/segment.h"

/* Segment files kept ready: the reserve and one more. */
#define SPARES_MAX 64u
/* Rotations that one group commit may span. */
#define PIECES_MAX 8u
/* How long to wait before trying a failed write or allocation again. */
#define RETRY_MS 1000u

/* A run of frames for one segment file, within a group. */
struct piece {
	size_t start; /* in group->data */
	size_t size;
	uint64_t offset; /* in the file */

	bool opens; /* first of a new segment: header goes before it */
	bool is_opened;
	bool is_renamed;
	unsigned slot; /* of the prepared file it was opened from */
	struct segment_header header; /* of the segment, always set */

	bool closes; /* last of its segment: footer goes behind it */
	struct segment_footer footer;
	uint64_t footer_offset;
};

/* What becomes durable together. One is filled while the other is written. */
struct group {
	uint8_t *data; /* pending_bytes */
	size_t size;
	struct piece pieces[PIECES_MAX];
	size_t piece_count;
	size_t written_count; /* of pieces; the others are to be tried again */
	uint64_t last_seq;    /* 0: no frame in it */
};

/* A segment on disk; the last one is open, its last_seq moves. */
struct segment_entry {
	uint64_t first_seq;
	uint64_t last_seq; /* first_seq - 1: empty */
	uint64_t wall_ns;
	uint64_t bytes;
	bool is_settled; /* packed, or to stay as it is */
};

/* The segment that appends go to. */
struct open_segment {
	struct segment_header header;
	uint64_t used;	   /* end of the last frame */
	uint64_t capacity; /* size of the file */
	uint64_t count;
	bool is_closed;	 /* found closed: rotate before the next frame */
	bool is_reserve; /* only FRAME_URGENT may go in */
};

struct spool {
	/* fixed */
	int dirfd; /* holds the flock */
	int tail_fd;
	int event_fd;
	const struct spool_ops *ops;
	/* changed with both locks held */
	EVP_PKEY *host_key;
	uint8_t key_id[SEGMENT_KEY_ID_SIZE];
	uint8_t stream[FRAME_ID_SIZE];
	uint8_t host_id[FRAME_ID_SIZE];
	uint32_t segment_bytes;
	uint32_t pending_bytes;
	uint32_t retain_segments;
	uint32_t keep_plain;
	uint64_t total_bytes;
	size_t reserve_segments;
	pthread_t thread;
	bool has_thread;
	bool has_lock;

	/* locked */
	pthread_mutex_t lock;
	pthread_mutex_t writer_lock;
	pthread_cond_t work;	/* for the thread */
	pthread_cond_t durable; /* for spool_flush */
	struct group *active;
	struct open_segment open;
	uint8_t tip[FRAME_HASH_SIZE];
	uint64_t next_seq;
	uint64_t durable_seq;
	uint64_t acked_seq;
	struct segment_entry *segments;
	size_t segment_count;
	size_t segment_capacity;
	uint64_t used_bytes;   /* of all in segments */
	size_t spare_count;    /* prepared and not promised to a rotation */
	bool is_prepare_stuck; /* the last attempt to prepare one failed */
	bool wants_release;    /* acked_seq moved: see what may go */
	bool wants_stop;
	uint64_t stop_mono_ns; /* give up writing at this time */
	uint64_t refused_count;
	int error; /* of the group being written, which is tried again */

	/* writer */
	struct group *writing;
	int segment_fd;
	uint64_t pack_after_ns; /* mono; the thread's alone */
	bool spare_exists[SPARES_MAX];
	struct group groups[2];
};

/* recover.c: what was found, and where the chain goes on. */
struct recovered {
	enum spool_found found;
	struct segment_header header; /* of the last segment */
	uint64_t count;
	uint64_t used;
	uint64_t size;
	uint64_t cut_bytes;
	uint8_t tip[FRAME_HASH_SIZE];
	bool is_closed;
	int fd; /* the last segment, O_RDWR; -1 when a new stream begins */
};

/*
 * Finds the end of the spool in spool->dirfd, cutting a torn tail. On 0 with
 * result->fd >= 0 the chain goes on there; with -1 the caller begins a new
 * stream, what was there having been set aside. Fills spool->segments.
 */
int spool_recover(struct spool *spool, const struct spool_config *config,
		  struct recovered *result, struct spool_opening *opening)
	__attribute__((nonnull, warn_unused_result));

/* writer.c */

/*
 * Writes what is pending, unless somebody does so already: spares the waiting
 * caller two switches of thread. True if it tried.
 */
bool writer_help(struct spool *spool) __attribute__((nonnull));

/*
 * Removes spares of an earlier run: one may hold frames that a crash kept from
 * getting a name, and a segment must start out as zeros. spool_open only.
 */
void writer_discard_spares(struct spool *spool) __attribute__((nonnull));

/* Prepares spare segments as far as budget and disk allow. Thread or open. */
void writer_prepare(struct spool *spool) __attribute__((nonnull));

/* Opens the first segment of a stream at once; spool_open only. */
int writer_begin_stream(struct spool *spool)
	__attribute__((nonnull, warn_unused_result));

/* The thread's body; the argument is the spool. */
void *writer_run(void *argument) __attribute__((nonnull));

/* Writes the tail file, as far as durable_seq. */
void writer_publish(struct spool *spool) __attribute__((nonnull));

/* spool.c */

/* Where the footer of the open segment goes. Lock held. */
uint64_t spool_footer_offset(const struct spool *spool)
	__attribute__((nonnull));

/* How many segments more the budget allows. Lock held. */
size_t spool_room(const struct spool *spool) __attribute__((nonnull));

/* The place in the table for one more segment is there by construction. */
void spool_push_segment(struct spool *spool, const struct segment_entry *entry)
	__attribute__((nonnull));

/* Starts a segment in the append cursor (locked) from a promised spare. */
void spool_start_segment(struct spool *spool) __attribute__((nonnull));
