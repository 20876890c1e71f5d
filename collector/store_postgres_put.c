/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_postgres_put: the rows that a batch changes (store_put.c) and the tree's,
 * in PostgreSQL. Events are gathered and go by COPY at the end of each step, or
 * before something asks for them.
 */
#include "collector/store_postgres.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/banned.h"

#define DAY_MS	     INT64_C(86400000)
#define COPY_COLUMNS 16
#define COPY_PART    ((size_t)1 << 20) /* of one PQputCopyData */

/* --- COPY, binary (PostgreSQL's manual, COPY, File Formats) ---------------- */

static const char COPY_HEAD[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
static const char COPY_END[2] = "\377\377";

static void put_be(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

int pg_copy_blob(struct buf *copy, const void *data, size_t size)
{
	uint8_t head[4];
	int r;

	put_be(head, size, 4);
	r = buf_append(copy, head, sizeof(head));
	return r < 0 ? r : buf_append(copy, data, size);
}

int pg_copy_int(struct buf *copy, int64_t value)
{
	uint8_t at[8];

	put_be(at, (uint64_t)value, 8);
	return pg_copy_blob(copy, at, sizeof(at));
}

int pg_copy_null(struct buf *copy)
{
	static const uint8_t none[4] = {0xff, 0xff, 0xff, 0xff};

	return buf_append(copy, none, sizeof(none));
}

int pg_copy_row(struct buf *copy, int columns)
{
	uint8_t head[2];

	put_be(head, (uint64_t)columns, sizeof(head));
	return buf_append(copy, head, sizeof(head));
}

/* Text of a terminal: PostgreSQL takes nothing but UTF-8. */
int pg_copy_text(struct buf *copy, const char *text, size_t len)
{
	struct pg_args clean = {0};

	pg_foreign(&clean, text, len);
	return pg_copy_blob(copy, clean.values[0], (size_t)clean.lengths[0]);
}

static int copy_row(struct buf *copy, const struct table_event *row)
{
	const struct store_event *e = row->event;
	const int64_t before[] = {
		(int64_t)row->leaf + 1, row->host,    row->stream,
		(int64_t)e->seq,	row->recv_ms, e->time_ms};
	const int64_t after[] = {e->flags, (int64_t)e->wall_ns,
				 (int64_t)e->boot_ns, e->quarantine};
	int r = pg_copy_row(copy, COPY_COLUMNS);

	for (size_t i = 0; r == 0 && i < sizeof(before) / sizeof(*before); i++)
		r = pg_copy_int(copy, before[i]);
	if (r == 0)
		r = pg_copy_text(copy, e->code.at, e->code.len);
	if (r == 0)
		r = pg_copy_int(copy, e->severity);
	if (r == 0)
		r = pg_copy_int(copy, e->action);
	if (r == 0)
		r = pg_copy_text(copy, e->unit, strlen(e->unit));
	for (size_t i = 0; r == 0 && i < sizeof(after) / sizeof(*after); i++)
		r = pg_copy_int(copy, after[i]);
	if (r == 0)
		r = pg_copy_blob(copy, e->hash, FRAME_HASH_SIZE);
	return r < 0 ? r : pg_copy_blob(copy, e->body, e->body_len);
}

static int send_rows(struct pg_store *s)
{
	int ok = PQputCopyData(s->db, COPY_HEAD, sizeof(COPY_HEAD));

	for (size_t at = 0; ok == 1 && at < s->copy.size; at += COPY_PART) {
		size_t left = s->copy.size - at;

		ok = PQputCopyData(s->db, s->copy.data + at,
				   (int)(left < COPY_PART ? left : COPY_PART));
	}
	if (ok == 1)
		ok = PQputCopyData(s->db, COPY_END, sizeof(COPY_END));
	if (ok == 1)
		ok = PQputCopyEnd(s->db, NULL);
	return ok == 1 ? 0 : -EIO;
}

int pg_flush(struct pg_store *s)
{
	return pg_flush_to(s, "COPY events FROM STDIN (FORMAT binary)");
}

int pg_flush_to(struct pg_store *s, const char *sql)
{
	PGresult *result;
	int r;

	if (s->copy.size == 0)
		return 0;
	result = PQexec(s->db, sql);
	r = PQresultStatus(result) == PGRES_COPY_IN ? send_rows(s)
						    : pg_errno(s, result);
	PQclear(result);
	buf_clear(&s->copy);
	while ((result = PQgetResult(s->db))) {
		if (r == 0 && PQresultStatus(result) != PGRES_COMMAND_OK)
			r = pg_errno(s, result);
		PQclear(result);
	}
	return r;
}

/* Attached, not made as one: that would wait for every reader (ddl.sgml). */
static int make_day(struct pg_store *s, int64_t day)
{
	char sql[512];
	_cleanup_pg_ PGresult *result = NULL;

	(void)snprintf(sql, sizeof(sql),
		       "SELECT to_regclass('sekimori.events_%" PRId64
		       "') IS NOT NULL",
		       day); /* fits */
	result = PQexec(s->db, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		return pg_errno(s, result);
	if (PQgetvalue(result, 0, 0)[0] == 't')
		return 0;
	(void)snprintf(sql, sizeof(sql),
		       "CREATE TABLE events_%" PRId64
		       " (LIKE events INCLUDING DEFAULTS);"
		       "ALTER TABLE events ATTACH PARTITION events_%" PRId64
		       " FOR VALUES FROM (%" PRId64 ") TO (%" PRId64 ")",
		       day, day, day * DAY_MS, (day + 1) * DAY_MS); /* fits */
	return pg_exec(s, sql);
}

int pg_take_day(struct pg_store *s, int64_t day)
{
	int r = day == s->day ? 0 : make_day(s, day);

	if (r == 0)
		s->day = day;
	return r;
}

static int event_add(struct store *store, const struct table_event *row)
{
	struct pg_store *s = pg_store(store);
	int r = pg_take_day(s, row->recv_ms / DAY_MS);

	return r < 0 ? r : copy_row(&s->copy, row);
}

/* --- rows ---------------------------------------------------------------------- */

/* 1: one row, whose first column is *ret_value; 0: none; or -errno. */
static int ask_int(struct pg_store *s, enum pg_statement id,
		   const struct pg_args *args, int64_t *ret_value)
{
	_cleanup_pg_ PGresult *result = NULL;
	int r = pg_ask(s, id, args, &result);

	if (r < 0 || PQntuples(result) == 0)
		return r;
	*ret_value = pg_get_int(result, 0, 0);
	return 1;
}

static int host_take(struct store *store, const struct store_batch *batch,
		     int64_t *ret_id)
{
	struct pg_store *s = pg_store(store);
	struct pg_args args = {0};
	int r;

	pg_text(&args, batch->peer->ident.host);
	r = ask_int(s, PG_HOST_FIND, &args, ret_id);
	if (r != 0)
		return r < 0 ? r : 0;
	pg_text(&args, batch->peer->ident.tenant);
	pg_int(&args, batch->recv_ms);
	r = ask_int(s, PG_HOST_ADD, &args, ret_id);
	return r < 0 ? r : r == 1 ? 0 : -EBADMSG;
}

static void add_foreign(struct pg_args *args, const char *text)
{
	pg_foreign(args, text, strlen(text));
}

static int host_seen(struct store *store, int64_t host,
		     const struct store_batch *batch)
{
	struct pg_store *s = pg_store(store);
	struct pg_args seen = {0}, status = {0};
	int64_t told_ms = batch->headers->wall_time_ms;
	int r;

	pg_int(&seen, host);
	pg_int(&seen, batch->recv_ms);
	pg_int(&seen, told_ms ? batch->recv_ms - told_ms : 0);
	add_foreign(&seen, batch->hostname);
	add_foreign(&seen, batch->unit);
	r = pg_do(s, PG_HOST_SEEN, &seen);
	if (r < 0 || !batch->status->is_set)
		return r;

	pg_int(&status, host);
	pg_int(&status, batch->recv_ms);
	add_foreign(&status, batch->status->tier);
	add_foreign(&status, batch->status->mode);
	add_foreign(&status, batch->status->policy);
	add_foreign(&status, batch->status->version);
	return pg_do(s, PG_HOST_STATUS, &status);
}

static int stream_find(struct store *store, int64_t host, const char *stream,
		       struct table_stream *ret_stream)
{
	_cleanup_pg_ PGresult *result = NULL;
	struct pg_args args = {0};
	int r;

	pg_int(&args, host);
	pg_text(&args, stream);
	r = pg_ask(pg_store(store), PG_STREAM_FIND, &args, &result);
	if (r < 0 || PQntuples(result) == 0)
		return r;
	ret_stream->id = pg_get_int(result, 0, 0);
	ret_stream->seq = (uint64_t)pg_get_int(result, 0, 1);
	return pg_get_blob(result, 0, 2, ret_stream->tip, FRAME_HASH_SIZE)
		       ? 1
		       : -EBADMSG;
}

static int stream_others(struct store *store, int64_t host, const char *stream)
{
	struct pg_args args = {0};
	int64_t count = 0;
	int r;

	pg_int(&args, host);
	pg_text(&args, stream);
	r = ask_int(pg_store(store), PG_STREAM_OTHERS, &args, &count);
	return r < 0 ? r : count > 0;
}

static int stream_add(struct store *store, int64_t host,
		      const struct store_batch *batch,
		      struct table_stream *stream)
{
	struct pg_args args = {0};
	int r;

	pg_int(&args, host);
	pg_text(&args, batch->headers->stream);
	pg_blob(&args, stream->tip, FRAME_HASH_SIZE);
	pg_int(&args, batch->recv_ms);
	r = ask_int(pg_store(store), PG_STREAM_ADD, &args, &stream->id);
	return r < 0 ? r : r == 1 ? 0 : -EBADMSG;
}

static int stream_move(struct store *store, int64_t stream,
		       const struct store_batch *batch, size_t stored)
{
	const struct headers *h = batch->headers;
	struct pg_args args = {0};

	pg_int(&args, stream);
	pg_int(&args, (int64_t)h->last_seq);
	pg_blob(&args, h->tip_hash, FRAME_HASH_SIZE);
	pg_int(&args, (int64_t)h->tail_seq);
	pg_int(&args, batch->recv_ms);
	pg_int(&args, (int64_t)stored);
	return pg_do(pg_store(store), PG_STREAM_MOVE, &args);
}

static int event_hash(struct store *store, int64_t stream, uint64_t seq,
		      uint8_t ret_hash[FRAME_HASH_SIZE])
{
	struct pg_store *s = pg_store(store);
	_cleanup_pg_ PGresult *result = NULL;
	struct pg_args args = {0};
	int r = pg_flush(s);

	if (r < 0)
		return r;
	pg_int(&args, stream);
	pg_int(&args, (int64_t)seq);
	r = pg_ask(s, PG_EVENT_HASH, &args, &result);
	if (r < 0 || PQntuples(result) == 0)
		return r;
	return pg_get_blob(result, 0, 0, ret_hash, FRAME_HASH_SIZE) ? 1
								    : -EBADMSG;
}

static int gap_add(struct store *store, int64_t stream, uint64_t first,
		   const struct headers *headers)
{
	struct pg_args args = {0};

	pg_int(&args, stream);
	pg_int(&args, (int64_t)headers->first_seq);
	pg_int(&args, (int64_t)first);
	pg_blob(&args, headers->prev_hash, FRAME_HASH_SIZE);
	return pg_do(pg_store(store), PG_GAP_ADD, &args);
}

static int rollup_add(struct store *store, int64_t day,
		      const struct table_rollup *rollup)
{
	struct pg_args args = {0};

	pg_int(&args, day);
	add_foreign(&args, rollup->unit);
	pg_foreign(&args, rollup->code.at, rollup->code.len);
	pg_int(&args, rollup->count);
	return pg_do(pg_store(store), PG_ROLLUP_ADD, &args);
}

int pg_retire(struct store *store, int64_t before_ms, size_t limit, int64_t *id)
{
	struct pg_store *s = pg_store(store);
	struct pg_args asked = {0}, args = {0};
	int64_t end = 0;
	int r = pg_flush(s);

	pg_int(&asked, *id);
	pg_int(&asked, (int64_t)limit);
	pg_int(&asked, before_ms);
	if (r == 0)
		r = ask_int(s, PG_RETIRE_END, &asked, &end);
	if (r < 0 || end <= *id)
		return r < 0 ? r : 0;
	pg_int(&args, *id);
	pg_int(&args, end);
	r = pg_do(s, PG_RETIRE, &args);
	if (r == 0)
		*id = end;
	return r;
}

int pg_put_incident(struct store *store, const struct store_incident *incident)
{
	struct pg_args args = {0};

	pg_int(&args, incident->recv_ms);
	pg_text(&args, incident->kind);
	pg_text(&args, incident->host);
	pg_text(&args, incident->stream);
	pg_int(&args, (int64_t)incident->seq);
	add_foreign(&args, incident->detail);
	return pg_do(pg_store(store), PG_INCIDENT_ADD, &args);
}

/* --- the tree ------------------------------------------------------------------- */

int pg_tree_read(struct store *store, struct merkle *ret_tree)
{
	_cleanup_pg_ PGresult *result = NULL;
	struct merkle tree = {0};
	int r = pg_ask(pg_store(store), PG_TREE_GET, NULL, &result);

	if (r < 0)
		return r;
	if (PQntuples(result) != 1)
		return -EBADMSG;
	tree.size = (uint64_t)pg_get_int(result, 0, 0);
	if (tree.size > MERKLE_SIZE_MAX ||
	    !pg_get_blob(result, 0, 1, tree.peaks,
			 merkle_peaks(tree.size) * MERKLE_HASH_SIZE))
		return -EBADMSG;
	*ret_tree = tree;
	return 0;
}

static int tree_set(struct store *store, const struct merkle *tree)
{
	struct pg_args args = {0};

	pg_int(&args, (int64_t)tree->size);
	pg_blob(&args, tree->peaks,
		merkle_peaks(tree->size) * MERKLE_HASH_SIZE);
	return pg_do(pg_store(store), PG_TREE_SET, &args);
}

int pg_tile_read(struct store *store, unsigned int level, uint64_t index,
		 uint8_t *ret_hashes, size_t *ret_width)
{
	_cleanup_pg_ PGresult *result = NULL;
	struct pg_args args = {0};
	int r;

	pg_int(&args, store_tile_key(level, index));
	r = pg_ask(pg_store(store), PG_TILE_GET, &args, &result);
	if (r < 0)
		return r;
	if (PQntuples(result) == 0)
		return -ENOENT;
	size_t size = (size_t)PQgetlength(result, 0, 0);
	if (size == 0 || size > MERKLE_TILE_BYTES ||
	    size % MERKLE_HASH_SIZE != 0)
		return -EBADMSG;
	memcpy(ret_hashes, PQgetvalue(result, 0, 0), size);
	*ret_width = size / MERKLE_HASH_SIZE;
	return 0;
}

static int tile_set(struct store *store, unsigned int level, uint64_t index,
		    const uint8_t *hashes, size_t count)
{
	struct pg_args args = {0};

	pg_int(&args, store_tile_key(level, index));
	pg_blob(&args, hashes, count * MERKLE_HASH_SIZE);
	return pg_do(pg_store(store), PG_TILE_SET, &args);
}

const struct store_tables pg_tables = {
	.host_take = host_take,
	.host_seen = host_seen,
	.stream_find = stream_find,
	.stream_others = stream_others,
	.stream_add = stream_add,
	.stream_move = stream_move,
	.event_add = event_add,
	.event_hash = event_hash,
	.gap_add = gap_add,
	.rollup_add = rollup_add,
	.tree_set = tree_set,
	.tile_set = tile_set,
};
