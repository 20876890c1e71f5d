/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on their way to the spool: takes a record from the pipeline, gives it
 * what only it knows (terminal, stream, sequence, unique id) and appends it.
 * While there is no spool (early boot: /var is missing or read-only) records
 * wait in a bounded queue; what does not fit is counted and told as log.gap.
 * Must not judge, and never blocks or fails the caller: enforcement does not
 * wait for its log.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/log.h"
#include "agent/daemon/config.h"
#include "agent/daemon/cursor.h"
#include "agent/daemon/failure.h"
#include "agent/spool/spool.h"
#include "policy/record.h"

/* Where the pipeline hands its records; the recorder, or a list in tests. */
struct record_sink {
	void (*emit)(void *userdata, const struct record *record);
	void *userdata;
};

struct recorder;

struct recorder_options {
	int root_fd; /* borrowed */
	const struct config *config;
	const struct log *log;
	struct failures *failures;
	/* Called once, when the spool is open and before what waits is written:
	 * agent.start belongs first. */
	void (*on_open)(void *userdata, bool is_first_start);
	/* Who sits at the machine when something happens to a device or a medium
	 * that names nobody; strings are borrowed for the call. May be NULL. */
	bool (*who)(void *userdata, struct record_actor *ret_actor);
	void *userdata;
};

int recorder_new(const struct recorder_options *options,
		 struct recorder **ret_recorder)
	__attribute__((nonnull, warn_unused_result));

/* Writes out what it can within TIMEOUT_MS, then frees. NULL is fine. */
struct recorder *recorder_free(struct recorder *recorder, uint32_t timeout_ms);

struct record_sink recorder_sink(struct recorder *recorder)
	__attribute__((nonnull));

/* What stands in every event; replaced when a policy comes into force. The
 * strings are borrowed until the next call. */
void recorder_set_policy(struct recorder *recorder,
			 const struct record_policy *policy, const char *zone)
	__attribute__((nonnull));

/* Tries to open identity and spool. 0 when they are open (already); -errno:
 * not yet, to be tried again when the mount table changes. */
int recorder_open(struct recorder *recorder)
	__attribute__((nonnull, warn_unused_result));
bool recorder_is_open(const struct recorder *recorder) __attribute__((nonnull));

/* The spool's eventfd, -1 before it is open; when it is readable call
 * recorder_dispatch(): it writes what waits and clears failures. */
int recorder_event_fd(const struct recorder *recorder) __attribute__((nonnull));
void recorder_dispatch(struct recorder *recorder) __attribute__((nonnull));

/* Reads the shipper's cursor and frees what it says is stored elsewhere, if it
 * speaks of this stream and of events that exist. */
void recorder_read_cursor(struct recorder *recorder) __attribute__((nonnull));

/* Whether the collector refuses this stream, as recorder_read_cursor() saw: it
 * holds another history of it (a restored image, a copied disk). */
bool recorder_is_forked(const struct recorder *recorder)
	__attribute__((nonnull));

/* Then: sets the stream aside and begins a new one with spool.reset. The
 * eventfd is another afterwards. 0; -EAGAIN: not now, nothing has changed; or
 * -errno: it is closed, and recorder_open() is to be tried again. */
int recorder_renew(struct recorder *recorder)
	__attribute__((nonnull, warn_unused_result));

/* Replaces the key that signs the spool; key.rotate tells of it. 0; -EAGAIN: not
 * while events wait for the spool; or -errno with the old key in use. */
int recorder_rotate_key(struct recorder *recorder)
	__attribute__((nonnull, warn_unused_result));

struct recorder_status {
	bool is_open;
	char stream[33]; /* "" while not open */
	struct spool_stats spool;
	uint64_t queued;  /* in memory */
	uint64_t dropped; /* lost since the start */
	bool has_cursor;
	struct cursor cursor;
};
void recorder_status(struct recorder *recorder,
		     struct recorder_status *ret_status)
	__attribute__((nonnull));
/* Who this terminal is; NULL before its files could be read. */
const struct identity *recorder_identity(const struct recorder *recorder)
	__attribute__((nonnull));
const struct record_terminal *recorder_terminal(const struct recorder *recorder)
	__attribute__((nonnull, returns_nonnull));

/* Durable events after AFTER, oldest first, at most MAX; JSON is valid during
 * the call, not NUL-terminated. FN non-zero ends it. 0 or -errno. */
typedef int (*recorder_event_fn)(uint64_t seq, const char *json, size_t size,
				 void *userdata);
int recorder_each(struct recorder *recorder, uint64_t after, uint32_t max,
		  recorder_event_fn fn, void *userdata)
	__attribute__((nonnull(1, 4), warn_unused_result));
