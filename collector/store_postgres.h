/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_postgres: what the parts of the PostgreSQL store share. Only they
 * include it. One schema, `sekimori`; events in partitions by day of receipt.
 * Several collectors may write: each transaction begins by locking the tree's
 * one row, so that leaves have one order and a stream one high-water mark.
 */
#pragma once

#include <libpq-fe.h>

#include "agent/base/buf.h"
#include "collector/store_tables.h"

enum pg_statement {
	PG_TREE_LOCK,
	PG_TREE_GET,
	PG_TREE_SET,
	PG_TILE_GET,
	PG_TILE_SET,
	PG_HOST_FIND,
	PG_HOST_ADD,
	PG_HOST_SEEN,
	PG_HOST_STATUS,
	PG_STREAM_FIND,
	PG_STREAM_OTHERS,
	PG_STREAM_ADD,
	PG_STREAM_MOVE,
	PG_EVENT_HASH,
	PG_GAP_ADD,
	PG_RETIRE_END,
	PG_RETIRE,
	PG_ROLLUP_ADD,
	PG_INCIDENT_ADD,
	PG_TOKEN_ADD,
	PG_TOKEN_FIND,
	PG_TOKEN_USE,
	PG_TOKEN_SWEEP,
	PG_CERT_ADD,
	PG_CERT_STATE,
	PG_CERT_OTHER,
	PG_CERT_REVOKE,
	PG_META_SET,
	PG_META_GET,
	PG_TERMINALS,
	PG_TERMINALS_NAMED,
	PG_COUNTS,
	PG_INCIDENTS,
	PG_STREAM_ENDS,
	PG_COUNT_
};

struct pg_store {
	struct table_store table;
	PGconn *db;
	enum store_mode mode;
	bool is_prepared[PG_COUNT_];
	struct buf copy; /* rows of this step, not yet sent */
	int64_t day;	 /* its partition is there; 0: not looked */
};

static inline struct pg_store *pg_store(struct store *store)
{
	return (struct pg_store *)store; /* table.base comes first */
}

/* Arguments of one statement; binary, so that nothing is ever quoted. */
#define PG_ARGS_MAX  8
#define PG_TEXT_ROOM 1024
struct pg_args {
	const char *values[PG_ARGS_MAX];
	int lengths[PG_ARGS_MAX];
	int count;
	uint8_t numbers[PG_ARGS_MAX][8];
	char texts[PG_TEXT_ROOM]; /* of what had to be cleaned */
	size_t texts_len;
};

void pg_int(struct pg_args *args, int64_t value);
void pg_blob(struct pg_args *args, const void *data, size_t size);
/* `text` outlives the call. */
void pg_text(struct pg_args *args, const char *text);
/* From a terminal: what is not UTF-8 is U+FFFD; cut at the room there is. */
void pg_foreign(struct pg_args *args, const char *text, size_t len);
void pg_null(struct pg_args *args);

/*
 * Runs a statement (prepared at first use; ARGS NULL: none). 0 and *ret_result,
 * for PQclear, or -errno.
 */
int pg_ask(struct pg_store *s, enum pg_statement id, const struct pg_args *args,
	   PGresult **ret_result) __attribute__((warn_unused_result));
/* The same for SQL of ours that is made for the occasion. */
int pg_query(struct pg_store *s, const char *sql, const struct pg_args *args,
	     PGresult **ret_result) __attribute__((warn_unused_result));
/* pg_ask() where only success matters. */
int pg_do(struct pg_store *s, enum pg_statement id, const struct pg_args *args)
	__attribute__((warn_unused_result));
/* SQL without arguments, of several statements if need be. */
int pg_exec(struct pg_store *s, const char *sql);
/* -errno of a failed result; of the connection where RESULT is NULL. */
int pg_errno(struct pg_store *s, const PGresult *result);

/* A column of a binary result: int8, text (ended by NUL, as libpq does:
 * fe-protocol3.c), bytea. */
int64_t pg_get_int(const PGresult *result, int row, int column);
const char *pg_get_text(const PGresult *result, int row, int column);
/* False: another size. */
bool pg_get_blob(const PGresult *result, int row, int column, void *ret,
		 size_t size);

DEFINE_CLEANUP(pg, PGresult *, PQclear);
#define _cleanup_pg_ _cleanup_(cleanup_pg)

/* store_postgres_put.c; pg_flush: the rows of this step to the server. */
int pg_flush(struct pg_store *s) __attribute__((warn_unused_result));
/* The same to another table: COPY's text. */
int pg_flush_to(struct pg_store *s, const char *sql)
	__attribute__((warn_unused_result));
/* A row of COPY: its head, then each column. Text of a terminal is cleaned as
 * pg_foreign() does, of ours it goes as bytes. */
int pg_copy_row(struct buf *copy, int columns);
int pg_copy_null(struct buf *copy);
int pg_copy_int(struct buf *copy, int64_t value);
int pg_copy_blob(struct buf *copy, const void *data, size_t size);
int pg_copy_text(struct buf *copy, const char *text, size_t len);
/* The partition of a day of receipt is there. */
int pg_take_day(struct pg_store *s, int64_t day)
	__attribute__((warn_unused_result));
int pg_put_incident(struct store *store, const struct store_incident *incident);
int pg_retire(struct store *store, int64_t before_ms, size_t limit,
	      int64_t *id);
int pg_tree_read(struct store *store, struct merkle *ret_tree);
int pg_tile_read(struct store *store, unsigned int level, uint64_t index,
		 uint8_t *ret_hashes, size_t *ret_width);
extern const struct store_tables pg_tables;

/* store_postgres_enroll.c */
int pg_token_add(struct store *store, const struct store_token *token);
int pg_token_find(struct store *store, const uint8_t hash[SECRET_HASH_BYTES],
		  int64_t now_ms, bool *ret_is_reenrol);
int pg_token_use(struct store *store, const uint8_t hash[SECRET_HASH_BYTES]);
int pg_cert_add(struct store *store, const struct ca_cert *cert,
		int64_t now_ms);
int pg_cert_state(struct store *store, const char *serial,
		  struct store_cert_state *ret_state);
int pg_cert_find_other(struct store *store, const struct ca_cert *cert,
		       int64_t now_ms);
int pg_cert_revoke(struct store *store, const char *host,
		   const uint8_t *key_hash, int64_t now_ms);
int pg_meta_set(struct store *store, const char *key, const char *value);
int pg_meta_get(struct store *store, const char *key, char **ret_value);

/* store_postgres_read.c */
int pg_each_terminal(struct store *store, const char *name,
		     store_terminal_fn *fn, void *ctx);
int pg_each_row(struct store *store, const struct store_query *query,
		store_row_fn *fn, void *ctx);
int pg_each_count(struct store *store, int64_t day, store_count_fn *fn,
		  void *ctx);
int pg_each_incident(struct store *store, size_t limit, store_incident_fn *fn,
		     void *ctx);
int pg_each_stream_end(struct store *store, uint64_t leaves, const char *host,
		       store_stream_end_fn *fn, void *ctx);
