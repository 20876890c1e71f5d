/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sqlite: what the parts of the SQLite store share. Only they include it.
 * One file, collector.db, in WAL mode with synchronous=FULL: after COMMIT the
 * rows survive a power cut. Keys that grow (one file per day of receipt) hang
 * on `events` and `streams` staying in one file.
 */
#pragma once

#include <sqlite3.h>

#include "collector/store.h"

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
	STMT_INCIDENTS,
	STMT_COUNT_
};

/* Leaves of this transaction, not yet in the tree. */
struct sqlite_tree {
	bool is_known; /* size was read in this transaction */
	uint64_t size;
	uint8_t (*leaves)[MERKLE_HASH_SIZE];
	size_t count;
	size_t capacity;
	size_t step; /* count when the step began */
};

struct sqlite_store {
	struct store base;
	sqlite3 *db;
	struct sqlite_tree tree;
	sqlite3_stmt *statements[STMT_COUNT_];
};

static inline struct sqlite_store *sqlite_store(struct store *store)
{
	return (struct sqlite_store *)store; /* base is the first member */
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
int sqlite_put_batch(struct store *store, const struct store_batch *batch,
		     struct store_ack *ret_ack);
int sqlite_put_incident(struct store *store,
			const struct store_incident *incident);

/*
 * store_sqlite_tree.c: the index of the next leaf; one more leaf of this
 * transaction; all of them into the tree, before COMMIT; none of them.
 */
int sqlite_tree_next(struct sqlite_store *s, uint64_t *ret_index)
	__attribute__((warn_unused_result));
int sqlite_tree_add(struct sqlite_store *s, const char *stream, uint64_t seq,
		    const uint8_t hash[MERKLE_HASH_SIZE])
	__attribute__((warn_unused_result));
int sqlite_tree_flush(struct sqlite_store *s)
	__attribute__((warn_unused_result));
void sqlite_tree_forget(struct sqlite_store *s);

/* The tree of a store from before there was one; in a transaction. */
int sqlite_tree_build(struct sqlite_store *s)
	__attribute__((warn_unused_result));

int sqlite_tree_read(struct store *store, struct merkle *ret_tree);
int sqlite_tile_read(struct store *store, unsigned int level, uint64_t index,
		     uint8_t *ret_hashes, size_t *ret_width);

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
int sqlite_each_terminal(struct store *store, store_terminal_fn *fn, void *ctx);
int sqlite_each_row(struct store *store, const struct store_query *query,
		    store_row_fn *fn, void *ctx);
int sqlite_each_incident(struct store *store, size_t limit,
			 store_incident_fn *fn, void *ctx);
int sqlite_each_stream_end(struct store *store, uint64_t leaves,
			   const char *host, store_stream_end_fn *fn,
			   void *ctx);
