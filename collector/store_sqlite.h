/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sqlite: what the parts of the SQLite store share. Only they include it.
 * One file, collector.db, in WAL mode with synchronous=FULL: after COMMIT the
 * rows survive a power cut. Keys that grow (one file per day of receipt) hang
 * on `events` and `streams` staying in one file.
 */
#pragma once

#include <sqlite3.h>

#include "collector/store_tables.h"

enum statement {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_ROLLBACK,
	STMT_STEP,
	STMT_STEP_KEEP,
	STMT_STEP_UNDO,
	STMT_HOST_FIND,
	STMT_HOST_ADD,
	STMT_HOST_SEEN,
	STMT_HOST_STATUS,
	STMT_STREAM_FIND,
	STMT_STREAM_ADD,
	STMT_STREAM_MOVE,
	STMT_STREAM_OTHERS,
	STMT_EVENT_ADD,
	STMT_EVENT_HASH,
	STMT_GAP_ADD,
	STMT_TREE_GET,
	STMT_TREE_SET,
	STMT_TILE_GET,
	STMT_TILE_SET,
	STMT_STREAM_ENDS,
	STMT_RETIRE_END,
	STMT_RETIRE_KEEP,
	STMT_RETIRE,
	STMT_RETIRE_BACK,
	STMT_RETIRE_DONE,
	STMT_ROLLUP_ADD,
	STMT_INCIDENT_ADD,
	STMT_TOKEN_ADD,
	STMT_TOKEN_FIND,
	STMT_TOKEN_USE,
	STMT_TOKEN_SWEEP,
	STMT_CERT_ADD,
	STMT_CERT_STATE,
	STMT_CERT_OTHER,
	STMT_CERT_REVOKE,
	STMT_META_SET,
	STMT_META_GET,
	STMT_TERMINALS,
	STMT_TERMINALS_NAMED,
	STMT_COUNTS,
	STMT_INCIDENTS,
	STMT_COUNT_
};

struct sqlite_store {
	struct table_store table;
	sqlite3 *db;
	sqlite3_stmt *statements[STMT_COUNT_];
};

static inline struct sqlite_store *sqlite_store(struct store *store)
{
	return (struct sqlite_store *)store; /* table.base comes first */
}

/* The statement, reset and unbound; prepared at first use. NULL: no memory. */
sqlite3_stmt *sqlite_statement(struct sqlite_store *s, enum statement id);

/* SQLite's result as -errno; 0 for OK, DONE and ROW. */
int sqlite_errno(int rc);

/*
 * Runs a statement that returns no rows, then resets it. NULL (it could not be
 * prepared) is -EIO.
 */
int sqlite_run(sqlite3_stmt *st) __attribute__((warn_unused_result));

/* Steps: 1 a row, 0 none (and reset), -errno (and reset). */
int sqlite_next(sqlite3_stmt *st) __attribute__((warn_unused_result));

/* Column as text; "" for NULL. Valid until the next step. */
const char *sqlite_text(sqlite3_stmt *st, int column);

/* Binds text that outlives the step. */
void sqlite_bind_text(sqlite3_stmt *st, int index, const char *text);

/* store_sqlite_put.c */
int sqlite_put_incident(struct store *store,
			const struct store_incident *incident);
int sqlite_retire(struct store *store, int64_t before_ms, size_t limit,
		  int64_t *id);
int sqlite_host_take(struct store *store, const struct store_batch *batch,
		     int64_t *ret_id);
int sqlite_host_seen(struct store *store, int64_t host,
		     const struct store_batch *batch);
int sqlite_stream_find(struct store *store, int64_t host, const char *stream,
		       struct table_stream *ret_stream);
int sqlite_stream_others(struct store *store, int64_t host, const char *stream);
int sqlite_stream_add(struct store *store, int64_t host,
		      const struct store_batch *batch,
		      struct table_stream *stream);
int sqlite_stream_move(struct store *store, int64_t stream,
		       const struct store_batch *batch, size_t stored);
int sqlite_event_add(struct store *store, const struct table_event *row);
int sqlite_event_hash(struct store *store, int64_t stream, uint64_t seq,
		      uint8_t ret_hash[FRAME_HASH_SIZE]);
int sqlite_gap_add(struct store *store, int64_t stream, uint64_t first,
		   const struct headers *headers);
int sqlite_rollup_add(struct store *store, int64_t day,
		      const struct table_rollup *rollup);

/* store_sqlite_tree.c */
int sqlite_tree_set(struct store *store, const struct merkle *tree);
int sqlite_tile_set(struct store *store, unsigned int level, uint64_t index,
		    const uint8_t *hashes, size_t count);
int sqlite_tree_read(struct store *store, struct merkle *ret_tree);
int sqlite_tile_read(struct store *store, unsigned int level, uint64_t index,
		     uint8_t *ret_hashes, size_t *ret_width);

/* The tree of a store from before there was one; in a transaction. */
int sqlite_tree_build(struct sqlite_store *s)
	__attribute__((warn_unused_result));

/* store_sqlite_enroll.c */
int sqlite_token_add(struct store *store, const struct store_token *token);
int sqlite_token_find(struct store *store,
		      const uint8_t hash[SECRET_HASH_BYTES], int64_t now_ms,
		      bool *ret_is_reenrol);
int sqlite_token_use(struct store *store,
		     const uint8_t hash[SECRET_HASH_BYTES]);
int sqlite_cert_add(struct store *store, const struct ca_cert *cert,
		    int64_t now_ms);
int sqlite_cert_state(struct store *store, const char *serial,
		      struct store_cert_state *ret_state);
int sqlite_cert_find_other(struct store *store, const struct ca_cert *cert,
			   int64_t now_ms);
int sqlite_cert_revoke(struct store *store, const char *host,
		       const uint8_t *key_hash, int64_t now_ms);
int sqlite_meta_set(struct store *store, const char *key, const char *value);
int sqlite_meta_get(struct store *store, const char *key, char **ret_value);

/* store_sqlite_read.c */
int sqlite_each_terminal(struct store *store, const char *name,
			 store_terminal_fn *fn, void *ctx);
int sqlite_each_row(struct store *store, const struct store_query *query,
		    store_row_fn *fn, void *ctx);
int sqlite_each_count(struct store *store, int64_t day, store_count_fn *fn,
		      void *ctx);
int sqlite_each_incident(struct store *store, size_t limit,
			 store_incident_fn *fn, void *ctx);
int sqlite_each_stream_end(struct store *store, uint64_t leaves,
			   const char *host, store_stream_end_fn *fn,
			   void *ctx);
