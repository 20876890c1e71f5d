/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool: the events of this terminal in order, durable, within a fixed budget.
 * A directory of preallocated segment files written by one process; readers
 * (spool/reader.h) need no lock. It knows bytes and severities, not records.
 *
 * A thread of the spool groups what is pending into one write and fdatasync,
 * then publishes the new durable tail and signals an eventfd. An append never
 * waits for the disk. All functions may be called from any thread between
 * spool_open and spool_close.
 *
 * Room is claimed before an event is accepted: segments are allocated on disk
 * ahead of use, so a full disk shows as SPOOL_FULL at append, never as a lost
 * event later. `reserve_bytes` of segments are kept back for FRAME_URGENT.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "agent/wire/frame.h"

#define SPOOL_SEGMENT_BYTES_DEFAULT   (UINT32_C(4) << 20)
#define SPOOL_SEGMENT_BYTES_MIN	      (UINT32_C(128) << 10) /* > a frame */
#define SPOOL_SEGMENT_BYTES_MAX	      (UINT32_C(64) << 20)
#define SPOOL_TOTAL_BYTES_DEFAULT     (UINT64_C(256) << 20)
#define SPOOL_RESERVE_BYTES_DEFAULT   (UINT64_C(16) << 20)
#define SPOOL_PENDING_BYTES_DEFAULT   (UINT32_C(1) << 20)
#define SPOOL_RETAIN_SEGMENTS_DEFAULT 8u
#define SPOOL_KEEP_PLAIN_DEFAULT      1u
#define SPOOL_SEGMENTS_MAX	      4096u

struct spool;
struct spool_ops;

/* Zero in a size means its default. The config is copied. */
struct spool_config {
	int dirfd;   /* the spool directory; not taken over, dup'ed */
	int tail_fd; /* spool.tail, O_RDWR; dup'ed; -1: no tail is published */
	uint8_t host_id[FRAME_ID_SIZE];
	EVP_PKEY *host_key;	/* Ed25519, signs footers; NULL: unsigned. Must
			       outlive the spool */
	uint32_t segment_bytes; /* default: 4 MiB, more beyond 8 GiB in all */
	uint32_t pending_bytes; /* memory for events not yet durable */
	uint64_t total_bytes;	/* segments that any event may fill */
	uint64_t reserve_bytes; /* beyond it, FRAME_URGENT only; rounded up */
	uint32_t retain_segments; /* acked segments kept while space allows */
	uint32_t keep_plain; /* newest closed segments that are not packed */
	/*
	 * The highest sequence known to have been durable in `known_stream`
	 * (the shipper's cursor); a spool that ends below it was rolled back
	 * and its numbers must not be used twice. 0: not known.
	 */
	uint64_t known_seq;
	uint8_t known_stream[FRAME_ID_SIZE];
	/* A stream to be given up if it is the one found: the collector holds
	 * another history of it. Zeros: none. */
	uint8_t forked_stream[FRAME_ID_SIZE];
	const struct spool_ops *ops; /* NULL: the real ones (tests) */
};

/* How the spool was found, by spool_open. */
enum spool_found {
	SPOOL_FOUND_CLEAN = 0, /* the last segment ends in a frame or footer */
	SPOOL_FOUND_TORN,      /* unacknowledged bytes at its end were cut */
	SPOOL_FOUND_NONE,      /* empty directory: a new stream */
	/* A new stream; what was there is set aside in a folder `aside-*`. */
	SPOOL_FOUND_FOREIGN,	 /* another host's */
	SPOOL_FOUND_CORRUPT,	 /* the last segment's header is unreadable */
	SPOOL_FOUND_ROLLED_BACK, /* durable events are missing at the end */
	SPOOL_FOUND_FORKED,	 /* whole, but forked_stream */
};

/* "clean", "torn", …; total. */
const char *spool_found_to_str(enum spool_found found)
	__attribute__((returns_nonnull));

/* What spool_open has to tell, for the event spool.reset and for the log. */
struct spool_opening {
	enum spool_found found;
	bool is_new_stream;
	uint8_t old_stream[FRAME_ID_SIZE]; /* zero when it was not readable */
	uint64_t cut_bytes;		   /* torn tail, garbage included */
	uint64_t old_last_seq; /* last known of the old stream, 0 unknown */
	/* Closed segments missing in the middle: first and last lost seq. */
	uint64_t gap_first;
	uint64_t gap_last;
	size_t pruned_count; /* streams set aside long ago, now removed */
	bool is_fork_kept;   /* forked_stream goes on: too many were given up */
};

/*
 * Opens or makes the spool, recovers its end and starts the writer thread.
 * Returns 0 with both outputs set, -EBUSY when another process writes it
 * (flock on the directory), -EINVAL for sizes that make no sense, or -errno:
 * then nothing was accepted and nothing acknowledged was removed.
 */
int spool_open(const struct spool_config *config, struct spool **ret_spool,
	       struct spool_opening *ret_opening)
	__attribute__((nonnull, warn_unused_result));

/*
 * Writes out what is pending, stops the thread, frees everything. Blocks for
 * the disk; events that cannot be written within `timeout_ms` are given up.
 * Accepts NULL; returns NULL.
 */
struct spool *spool_close(struct spool *spool, uint32_t timeout_ms);

/* The stream id; constant while the spool is open. */
void spool_stream(const struct spool *spool, uint8_t ret_stream[FRAME_ID_SIZE])
	__attribute__((nonnull));

/* The sequence number that the next append will give. */
uint64_t spool_next_seq(struct spool *spool) __attribute__((nonnull));

struct spool_entry {
	const void *data; /* copied */
	size_t size;
	uint32_t flags; /* FRAME_SEVERITY_MASK, FRAME_URGENT */
	uint64_t seq;	/* must be the next one; 0: whatever comes */
	uint64_t wall_ns;
	uint64_t boot_ns;
};

enum spool_append_outcome {
	SPOOL_FULL = 1,	 /* no room on disk that this event may use */
	SPOOL_BUSY,	 /* pending memory is full: the disk is behind */
	SPOOL_TOO_LARGE, /* over FRAME_PAYLOAD_MAX */
	SPOOL_SEQ_TAKEN, /* entry->seq is not next; write it anew */
};

/*
 * Accepts one event: copies it, gives it a sequence number and a place on disk.
 * Does not block. Returns 0 with *ret_seq set, one of the outcomes above (the
 * event was not accepted and took no number), or -ENOMEM. Durable once
 * spool_durable_seq() reaches *ret_seq.
 */
int spool_append(struct spool *spool, const struct spool_entry *entry,
		 uint64_t *ret_seq)
	__attribute__((nonnull, warn_unused_result));

enum spool_flush_outcome { SPOOL_TIMEOUT = 1 };

/*
 * Waits until `seq` is durable. Returns 0 or SPOOL_TIMEOUT. For shutdown and
 * for the few callers that may block; the daemon's loop uses spool_event_fd.
 */
int spool_flush(struct spool *spool, uint64_t seq, uint32_t timeout_ms)
	__attribute__((nonnull, warn_unused_result));

/* The newest durable sequence; 0 before the first. */
uint64_t spool_durable_seq(struct spool *spool) __attribute__((nonnull));

/*
 * An eventfd (owned by the spool, non-blocking) that becomes readable when the
 * durable tail moved, room came back, or writing began to fail or recovered.
 */
int spool_event_fd(const struct spool *spool) __attribute__((nonnull));

struct spool_tip {
	uint64_t seq; /* last accepted; 0: none in this stream yet */
	uint8_t hash[FRAME_HASH_SIZE]; /* its h_n, or h_0 */
};

/* The end of the chain: what the next frame's prev will be. */
void spool_tip(struct spool *spool, struct spool_tip *ret_tip)
	__attribute__((nonnull));

/*
 * The segments to come are signed with another Ed25519 key, which must outlive
 * the spool; the open one is closed and signed with the old key first. Blocks for
 * the disk. Returns 0; -EAGAIN when the open segment is still empty; -EINVAL for
 * another kind of key; or -errno with the old key in use.
 */
int spool_rekey(struct spool *spool, EVP_PKEY *key)
	__attribute__((nonnull, warn_unused_result));

/*
 * Tells that all events up to `seq` are stored elsewhere. Whole acked segments
 * beyond retain_segments are unlinked by the spool's thread, never the open
 * one; a lower number than before is ignored.
 */
void spool_release(struct spool *spool, uint64_t seq) __attribute__((nonnull));

struct spool_stats {
	uint64_t last_seq;		 /* accepted */
	uint64_t durable_seq;		 /* on the medium */
	uint64_t acked_seq;		 /* told by spool_release */
	uint64_t first_seq;		 /* oldest still on disk */
	uint64_t unacked_count;		 /* durable, not acked: the lag */
	uint64_t oldest_unacked_wall_ns; /* at most this old; 0: none */
	uint64_t bytes;			 /* disk taken, reserve included */
	uint64_t limit_bytes;		 /* total + reserve */
	uint64_t refused_count; /* appends answered SPOOL_FULL or _BUSY */
	bool is_in_reserve;	/* only FRAME_URGENT is accepted */
	int error; /* -errno of the last failing write, 0 when all is well */
};

/* A consistent snapshot. */
void spool_stats(struct spool *spool, struct spool_stats *ret_stats)
	__attribute__((nonnull));
