/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: where events, streams, terminals, tokens and certificates are kept,
 * behind one table of operations, so that another database is another file. A
 * handle belongs to one thread at a time. Writing happens only between begin
 * and commit: what was not committed never happened, and nothing may be
 * acknowledged before. Must not know HTTP or TLS.
 *
 * All functions return 0 (or a named outcome > 0) or -errno: -ENOSPC disk full,
 * -EBUSY another process holds the lock too long, -EBADMSG the file is damaged,
 * -EIO, -ENOMEM. All texts are UTF-8, all times milliseconds of Unix time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/cleanup.h"
#include "agent/wire/merkle.h"
#include "collector/ca.h"
#include "collector/event.h"
#include "collector/headers.h"
#include "collector/limits.h"
#include "collector/secret.h"

struct store_event {
	uint64_t seq;
	uint64_t wall_ns; /* of the frame */
	uint64_t boot_ns;
	uint32_t flags;
	int64_t time_ms; /* when it happened, from the JSON */
	int severity;	 /* OCSF, 0..99 */
	int action;	 /* OCSF action_id, 0 none */
	struct event_text code;
	char unit[LIMIT_UNIT_BYTES + 1];
	const char *body; /* borrowed, exactly what was hashed */
	size_t body_len;
	uint8_t hash[HEADERS_HASH_BYTES];
	int quarantine; /* enum event_check, 0: passed */
};

/* What a terminal last said of itself; zeroed: it said nothing. */
struct store_status {
	bool is_set;
	char tier[LIMIT_TEXT_BYTES];
	char mode[LIMIT_TEXT_BYTES];
	char policy[LIMIT_TEXT_BYTES]; /* serial */
	char version[LIMIT_TEXT_BYTES];
};

/* One request, decoded and chained by itself (batch.c); all borrowed. */
struct store_batch {
	const struct ca_cert *peer;
	const struct headers *headers;
	const struct store_event *events; /* seq first..last without holes */
	size_t count;
	int64_t recv_ms;
	const char *hostname; /* "" unknown */
	const char *unit;
	const struct store_status *status;
};

enum store_verdict {
	STORE_GAP = 1,	/* first > high-water + 1 and not said to be lost */
	STORE_MISMATCH, /* its chain is not ours; an incident was stored */
	STORE_REVOKED,	/* the certificate is on the deny list */
};

struct store_ack {
	uint64_t seq; /* high-water now: everything up to it is stored */
	size_t stored;
	size_t duplicates;
	size_t quarantined;
};

struct store_incident {
	const char *kind; /* "chain.mismatch" … */
	const char *host;
	const char *stream; /* "" none */
	uint64_t seq;
	const char *detail;
	int64_t recv_ms;
};

struct store_token {
	uint8_t hash[SECRET_HASH_BYTES];
	int64_t created_ms;
	int64_t expires_ms;
	unsigned int uses;
	bool is_reenrol; /* may replace a live certificate */
};

enum store_token_verdict {
	STORE_TOKEN_UNKNOWN = 1,
	STORE_TOKEN_EXPIRED,
	STORE_TOKEN_USED,
};

/* What the deny list and the enrolment rules ask about a certificate. */
struct store_cert_state {
	bool is_known;
	bool is_revoked;
};

struct store_terminal {
	const char *host, *tenant, *hostname, *unit;
	const char *tier, *mode, *policy, *version;
	int64_t first_ms, last_ms, status_ms, skew_ms;
	uint64_t acked, tail; /* of its newest stream */
	uint64_t events;
	uint64_t incidents;
};

/* Of quarantine: the record was removed by retention, the body is empty. */
#define STORE_RETIRED 64

struct store_row {
	int64_t id;
	const char *host, *stream;
	uint64_t seq, wall_ns, boot_ns;
	uint32_t flags;
	int64_t recv_ms, time_ms;
	const char *code, *unit;
	int severity, action, quarantine; /* or STORE_RETIRED */
	const char *body;
	size_t body_len;
	const uint8_t *hash; /* HEADERS_HASH_BYTES */
	/* With is_proof only: the hash before, NULL where it is not known. */
	const uint8_t *prev;
	bool is_after_lost; /* the terminal said that those before are gone */
	/*
	 * Set by the exporter; NULL: not asked for; zeroes: not known. The
	 * leaf's number is id - 1.
	 */
	const uint8_t *leaf_hash;
};

struct store_incident_row {
	int64_t first_ms, last_ms;
	uint64_t count, seq;
	const char *kind, *host, *stream, *detail;
};

struct store_query {
	const char *host; /* NULL: any */
	const char *code; /* NULL: any */
	int min_severity;
	int64_t after; /* rows with a greater id; or, newest first, a smaller */
	bool is_newest_first;
	bool is_proof; /* prev and is_after_lost too */
	size_t limit;  /* 0: no limit */
};

/* Days are Japan's (UTC+9, no summer time), from 1970-01-01. */
#define STORE_DAY_MS	(INT64_C(86400) * 1000)
#define STORE_DAY_AT_MS (INT64_C(9) * 3600 * 1000)
static inline int64_t store_day(int64_t wall_ms)
{
	return (wall_ms + STORE_DAY_AT_MS) / STORE_DAY_MS;
}

/* A callback that does not return 0 ends the walk with that value. */
typedef int store_terminal_fn(const struct store_terminal *terminal, void *ctx);
typedef int store_row_fn(const struct store_row *row, void *ctx);
/* `seq` is the stream's last event within the leaves asked for. */
typedef int store_stream_end_fn(const char *host, const char *stream,
				uint64_t seq, void *ctx);
typedef int store_count_fn(int64_t day, const char *unit, const char *code,
			   uint64_t count, void *ctx);
typedef int store_incident_fn(const struct store_incident_row *row, void *ctx);

struct store;

struct store_ops {
	void (*close)(struct store *store);

	/* The transaction, and one step of it that can be undone alone. */
	int (*begin)(struct store *store);
	int (*commit)(struct store *store);
	void (*rollback)(struct store *store);
	int (*step_begin)(struct store *store);
	int (*step_end)(struct store *store, bool is_kept);

	/*
	 * Stores what is new of a batch and moves the stream's high-water row.
	 * 0, or an enum store_verdict; *ret_ack is set in every case but an
	 * error (seq: what the server has).
	 */
	int (*put_batch)(struct store *store, const struct store_batch *batch,
			 struct store_ack *ret_ack);
	int (*put_incident)(struct store *store,
			    const struct store_incident *incident);

	/*
	 * Removes the bodies of at most `limit` events behind *id that were
	 * received before `before_ms`, up to the first that was not; *id is
	 * then the last of them.
	 */
	int (*retire)(struct store *store, int64_t before_ms, size_t limit,
		      int64_t *id);

	/* token_find: 0 it may be used, or an enum store_token_verdict. */
	int (*token_add)(struct store *store, const struct store_token *token);
	int (*token_find)(struct store *store,
			  const uint8_t hash[SECRET_HASH_BYTES], int64_t now_ms,
			  bool *ret_is_reenrol);
	/* One use less; in the transaction that found it. */
	int (*token_use)(struct store *store,
			 const uint8_t hash[SECRET_HASH_BYTES]);

	int (*cert_add)(struct store *store, const struct ca_cert *cert,
			int64_t now_ms);
	int (*cert_state)(struct store *store, const char *serial,
			  struct store_cert_state *ret_state);
	/* 1: `host` has a live certificate under another key; else 0. */
	int (*cert_find_other)(struct store *store, const struct ca_cert *cert,
			       int64_t now_ms);
	/* Revokes the host's certificates (not of `key_hash`, if given);
	 * returns how many. */
	int (*cert_revoke)(struct store *store, const char *host,
			   const uint8_t *key_hash, int64_t now_ms);

	/* Small named texts (organisation, console token hash). */
	int (*meta_set)(struct store *store, const char *key,
			const char *value);
	/* -ENOENT: not there. The caller frees. */
	int (*meta_get)(struct store *store, const char *key, char **ret_value);

	/* Heard from last first; `name`: only those of this id or host name. */
	int (*each_terminal)(struct store *store, const char *name,
			     store_terminal_fn *fn, void *ctx);
	int (*each_row)(struct store *store, const struct store_query *query,
			store_row_fn *fn, void *ctx);
	int (*each_incident)(struct store *store, size_t limit,
			     store_incident_fn *fn, void *ctx);

	/* Events received, by store_day(), unit and code, since `day`. */
	int (*each_count)(struct store *store, int64_t day, store_count_fn *fn,
			  void *ctx);

	/*
	 * The tree over all events in the order of their commit, as committed:
	 * leaf n is the event of id n + 1. tile_read: the hashes of a tile
	 * (C2SP tlog-tiles; MERKLE_TILE_BYTES of room) and how many there are;
	 * -ENOENT: there is none yet.
	 */
	int (*tree_read)(struct store *store, struct merkle *ret_tree);
	int (*tile_read)(struct store *store, unsigned int level,
			 uint64_t index, uint8_t *ret_hashes,
			 size_t *ret_width);
	/* Every stream (of `host`, unless NULL) in the first `leaves`. */
	int (*each_stream_end)(struct store *store, uint64_t leaves,
			       const char *host, store_stream_end_fn *fn,
			       void *ctx);
};

struct store {
	const struct store_ops *ops;
};

enum store_mode {
	STORE_READ = 0, /* must exist; cannot write once its schema is ours */
	STORE_WRITE,	/* must exist */
	STORE_CREATE,	/* made if it is not there */
};

/*
 * Opens the SQLite store in `dir`. 0 and *ret_store, for ->close(); -ENOENT
 * when there is none; -EBADMSG when it is not ours or newer than we are. The
 * schema of an older one is brought up to ours first, which reads every event
 * once and may take minutes.
 */
int store_sqlite_open(const char *dir, enum store_mode mode,
		      struct store **ret_store)
	__attribute__((nonnull, warn_unused_result));

/*
 * A consistent copy of the SQLite store in `dir` as `to`/collector.db, which is
 * not there yet, on disk at return; others may write meanwhile. 0 or as above.
 */
int store_sqlite_backup(const char *dir, const char *to)
	__attribute__((nonnull, warn_unused_result));

/*
 * Opens the PostgreSQL store that libpq's connection string WHERE names. As
 * above; -ECONNREFUSED when the server cannot be reached or refuses us; -ENOENT
 * when nothing of ours is there yet (STORE_CREATE makes it, in the schema
 * `sekimori`). Several collectors may write to one.
 */
int store_postgres_open(const char *where, enum store_mode mode,
			struct store **ret_store)
	__attribute__((nonnull, warn_unused_result));

/* The one that is configured: PostgreSQL where `database` is not "", else SQLite
 * in `dir`. Results of both. */
int store_open(const char *database, const char *dir, enum store_mode mode,
	       struct store **ret_store)
	__attribute__((nonnull, warn_unused_result));

/*
 * *ret_id: of the last event received before `recv_ms`, 0 where there is none.
 * By bisection: where the collector's clock was set back, somewhere in there.
 */
int store_find_received(struct store *store, int64_t recv_ms, int64_t *ret_id)
	__attribute__((nonnull, warn_unused_result));

/* Runs `fn` in a transaction of its own; for the commands. */
typedef int store_txn_fn(struct store *store, void *ctx);
int store_transact(struct store *store, store_txn_fn *fn, void *ctx)
	__attribute__((nonnull(1, 2), warn_unused_result));

static inline void store_close(struct store *store)
{
	if (store)
		store->ops->close(store);
}

DEFINE_CLEANUP(store, struct store *, store_close);
