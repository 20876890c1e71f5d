/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sqlite_put: the rows that a batch changes (store_put.c), in SQLite.
 */
#include "collector/store_sqlite.h"

#include <errno.h>
#include <string.h>

#include "agent/base/banned.h"

int sqlite_host_take(struct store *store, const struct store_batch *batch,
		     int64_t *ret_id)
{
	struct sqlite_store *s = sqlite_store(store);
	sqlite3_stmt *st = sqlite_statement(s, STMT_HOST_FIND);
	int r;

	if (!st)
		return -EIO;
	sqlite_bind_text(st, 1, batch->peer->ident.host);
	r = sqlite_next(st);
	if (r > 0) {
		*ret_id = sqlite3_column_int64(st, 0);
		(void)sqlite3_reset(st); /* the row was read */
		return 0;
	}
	if (r < 0)
		return r;

	st = sqlite_statement(s, STMT_HOST_ADD);
	if (!st)
		return -EIO;
	sqlite_bind_text(st, 1, batch->peer->ident.host);
	sqlite_bind_text(st, 2, batch->peer->ident.tenant);
	(void)sqlite3_bind_int64(st, 3, batch->recv_ms);
	r = sqlite_run(st);
	if (r == 0)
		*ret_id = sqlite3_last_insert_rowid(s->db);
	return r;
}

int sqlite_stream_find(struct store *store, int64_t host, const char *stream,
		       struct table_stream *ret_stream)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_STREAM_FIND);
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, host);
	sqlite_bind_text(st, 2, stream);
	r = sqlite_next(st);
	if (r <= 0)
		return r;
	ret_stream->id = sqlite3_column_int64(st, 0);
	ret_stream->seq = (uint64_t)sqlite3_column_int64(st, 1);
	r = sqlite3_column_bytes(st, 2) == FRAME_HASH_SIZE ? 1 : -EBADMSG;
	if (r > 0)
		memcpy(ret_stream->tip, sqlite3_column_blob(st, 2),
		       FRAME_HASH_SIZE);
	(void)sqlite3_reset(st); /* the row was read */
	return r;
}

int sqlite_event_hash(struct store *store, int64_t stream, uint64_t seq,
		      uint8_t ret_hash[FRAME_HASH_SIZE])
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_EVENT_HASH);
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, stream);
	(void)sqlite3_bind_int64(st, 2, (int64_t)seq);
	r = sqlite_next(st);
	if (r <= 0)
		return r;
	r = sqlite3_column_bytes(st, 0) == FRAME_HASH_SIZE ? 1 : -EBADMSG;
	if (r > 0)
		memcpy(ret_hash, sqlite3_column_blob(st, 0), FRAME_HASH_SIZE);
	(void)sqlite3_reset(st); /* the row was read */
	return r;
}

int sqlite_put_incident(struct store *store,
			const struct store_incident *incident)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_INCIDENT_ADD);

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, incident->recv_ms);
	sqlite_bind_text(st, 2, incident->kind);
	sqlite_bind_text(st, 3, incident->host);
	sqlite_bind_text(st, 4, incident->stream);
	(void)sqlite3_bind_int64(st, 5, (int64_t)incident->seq);
	sqlite_bind_text(st, 6, incident->detail);
	return sqlite_run(st);
}

int sqlite_stream_others(struct store *store, int64_t host, const char *stream)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_STREAM_OTHERS);
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, host);
	sqlite_bind_text(st, 2, stream);
	r = sqlite_next(st);
	if (r <= 0)
		return r;
	r = sqlite3_column_int(st, 0);
	(void)sqlite3_reset(st); /* the row was read */
	return r;
}

int sqlite_stream_add(struct store *store, int64_t host,
		      const struct store_batch *batch,
		      struct table_stream *stream)
{
	struct sqlite_store *s = sqlite_store(store);
	sqlite3_stmt *st = sqlite_statement(s, STMT_STREAM_ADD);
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, host);
	sqlite_bind_text(st, 2, batch->headers->stream);
	(void)sqlite3_bind_blob(st, 3, stream->tip, FRAME_HASH_SIZE,
				SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 4, batch->recv_ms);
	r = sqlite_run(st);
	if (r == 0)
		stream->id = sqlite3_last_insert_rowid(s->db);
	return r;
}

int sqlite_event_add(struct store *store, const struct table_event *row)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_EVENT_ADD);
	const struct store_event *e = row->event;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, row->host);
	(void)sqlite3_bind_int64(st, 2, row->stream);
	(void)sqlite3_bind_int64(st, 3, (int64_t)e->seq);
	(void)sqlite3_bind_int64(st, 4, row->recv_ms);
	(void)sqlite3_bind_int64(st, 5, e->time_ms);
	(void)sqlite3_bind_text(st, 6, e->code.at, (int)e->code.len,
				SQLITE_STATIC);
	(void)sqlite3_bind_int(st, 7, e->severity);
	(void)sqlite3_bind_int(st, 8, e->action);
	sqlite_bind_text(st, 9, e->unit);
	(void)sqlite3_bind_int64(st, 10, e->flags);
	(void)sqlite3_bind_int64(st, 11, (int64_t)e->wall_ns);
	(void)sqlite3_bind_int64(st, 12, (int64_t)e->boot_ns);
	(void)sqlite3_bind_int(st, 13, e->quarantine);
	(void)sqlite3_bind_blob(st, 14, e->hash, FRAME_HASH_SIZE,
				SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 15, e->body, (int)e->body_len,
				SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 16, (int64_t)row->leaf + 1);
	return sqlite_run(st);
}

int sqlite_rollup_add(struct store *store, int64_t day,
		      const struct table_rollup *rollup)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_ROLLUP_ADD);

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, day);
	sqlite_bind_text(st, 2, rollup->unit);
	(void)sqlite3_bind_text(st, 3, rollup->code.at, (int)rollup->code.len,
				SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 4, rollup->count);
	return sqlite_run(st);
}

int sqlite_stream_move(struct store *store, int64_t stream,
		       const struct store_batch *batch, size_t stored)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_STREAM_MOVE);
	const struct headers *h = batch->headers;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, stream);
	(void)sqlite3_bind_int64(st, 2, (int64_t)h->last_seq);
	(void)sqlite3_bind_blob(st, 3, h->tip_hash, FRAME_HASH_SIZE,
				SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 4, (int64_t)h->tail_seq);
	(void)sqlite3_bind_int64(st, 5, batch->recv_ms);
	(void)sqlite3_bind_int64(st, 6, (int64_t)stored);
	return sqlite_run(st);
}

int sqlite_host_seen(struct store *store, int64_t host,
		     const struct store_batch *batch)
{
	struct sqlite_store *s = sqlite_store(store);
	sqlite3_stmt *st = sqlite_statement(s, STMT_HOST_SEEN);
	int64_t told_ms = batch->headers->wall_time_ms;
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, host);
	(void)sqlite3_bind_int64(st, 2, batch->recv_ms);
	(void)sqlite3_bind_int64(st, 3, told_ms ? batch->recv_ms - told_ms : 0);
	sqlite_bind_text(st, 4, batch->hostname);
	sqlite_bind_text(st, 5, batch->unit);
	r = sqlite_run(st);
	if (r < 0 || !batch->status->is_set)
		return r;

	st = sqlite_statement(s, STMT_HOST_STATUS);
	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, host);
	(void)sqlite3_bind_int64(st, 2, batch->recv_ms);
	sqlite_bind_text(st, 3, batch->status->tier);
	sqlite_bind_text(st, 4, batch->status->mode);
	sqlite_bind_text(st, 5, batch->status->policy);
	sqlite_bind_text(st, 6, batch->status->version);
	return sqlite_run(st);
}

int sqlite_gap_add(struct store *store, int64_t stream, uint64_t first,
		   const struct headers *headers)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store), STMT_GAP_ADD);

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, stream);
	(void)sqlite3_bind_int64(st, 2, (int64_t)headers->first_seq);
	(void)sqlite3_bind_int64(st, 3, (int64_t)first);
	(void)sqlite3_bind_blob(st, 4, headers->prev_hash, FRAME_HASH_SIZE,
				SQLITE_STATIC);
	return sqlite_run(st);
}

static int run_range(struct sqlite_store *s, enum statement id, int64_t after,
		     int64_t end)
{
	sqlite3_stmt *st = sqlite_statement(s, id);

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, after);
	(void)sqlite3_bind_int64(st, 2, end);
	return sqlite_run(st);
}

int sqlite_retire(struct store *store, int64_t before_ms, size_t limit,
		  int64_t *id)
{
	struct sqlite_store *s = sqlite_store(store);
	sqlite3_stmt *st = sqlite_statement(s, STMT_RETIRE_END);
	int64_t end;
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, *id);
	(void)sqlite3_bind_int64(st, 2, (int64_t)limit);
	(void)sqlite3_bind_int64(st, 3, before_ms);
	r = sqlite_next(st);
	if (r <= 0)
		return r;
	end = sqlite3_column_int64(st, 0);
	(void)sqlite3_reset(st); /* the row was read */
	if (end <= *id)
		return 0;

	r = run_range(s, STMT_RETIRE_KEEP, *id, end);
	if (r == 0)
		r = run_range(s, STMT_RETIRE, *id, end);
	if (r == 0)
		r = sqlite_run(sqlite_statement(s, STMT_RETIRE_BACK));
	if (r == 0)
		r = sqlite_run(sqlite_statement(s, STMT_RETIRE_DONE));
	if (r == 0)
		*id = end;
	return r;
}
