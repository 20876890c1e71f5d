/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sqlite_put: a batch into the tables. The stream's high-water row decides
 * what is new, what was had already and what is missing; its tip proves that
 * the batch continues the history we hold. Row, events, roll-ups and the
 * terminal's line change in one transaction or not at all.
 */
#include "collector/store_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/hex.h"
#include "agent/wire/frame.h"

#include "agent/base/banned.h"

#define DAY_MS INT64_C(86400000)

/* Different (unit, code) pairs gathered before they are written. */
#define ROLLUP_SLOTS 32

static_assert(FRAME_HASH_SIZE == HEADERS_HASH_BYTES, "one hash everywhere");

struct stream {
	int64_t id; /* 0: not seen yet */
	uint64_t seq;
	uint8_t tip[FRAME_HASH_SIZE];
};

static int find_host(struct sqlite_store *s, const struct store_batch *batch,
		     int64_t *ret_id)
{
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

static int origin(const struct store_batch *batch, uint8_t *ret_hash)
{
	uint8_t stream[FRAME_ID_SIZE], host[FRAME_ID_SIZE];
	int r = hex_decode(batch->headers->stream, IDENT_HEX_LEN, stream,
			   sizeof(stream));

	if (r == 0)
		r = hex_decode(batch->peer->ident.host, IDENT_HEX_LEN, host,
			       sizeof(host));
	return r < 0 ? r : frame_origin(stream, host, ret_hash);
}

/* An unknown stream stands at 0 with its origin as tip. */
static int find_stream(struct sqlite_store *s, int64_t host,
		       const struct store_batch *batch,
		       struct stream *ret_stream)
{
	sqlite3_stmt *st = sqlite_statement(s, STMT_STREAM_FIND);
	int r;

	*ret_stream = (struct stream){0};
	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, host);
	sqlite_bind_text(st, 2, batch->headers->stream);
	r = sqlite_next(st);
	if (r < 0)
		return r;
	if (r == 0)
		return origin(batch, ret_stream->tip);
	ret_stream->id = sqlite3_column_int64(st, 0);
	ret_stream->seq = (uint64_t)sqlite3_column_int64(st, 1);
	r = sqlite3_column_bytes(st, 2) == FRAME_HASH_SIZE ? 0 : -EBADMSG;
	if (r == 0)
		memcpy(ret_stream->tip, sqlite3_column_blob(st, 2),
		       FRAME_HASH_SIZE);
	(void)sqlite3_reset(st); /* the row was read */
	return r;
}

/* Is a sequence we hold the same event? A body already expired passes. */
static int compare_stored(struct sqlite_store *s, int64_t stream,
			  const struct store_event *event, bool *ret_is_same)
{
	sqlite3_stmt *st = sqlite_statement(s, STMT_EVENT_HASH);
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, stream);
	(void)sqlite3_bind_int64(st, 2, (int64_t)event->seq);
	r = sqlite_next(st);
	if (r < 0)
		return r;
	*ret_is_same = true;
	if (r > 0) {
		*ret_is_same = sqlite3_column_bytes(st, 0) == FRAME_HASH_SIZE &&
			       memcmp(sqlite3_column_blob(st, 0), event->hash,
				      FRAME_HASH_SIZE) == 0;
		(void)sqlite3_reset(st); /* the row was read */
	}
	return 0;
}

/*
 * Does the batch continue (or repeat) what we hold? The hash at the high-water
 * mark is compared: with prev where the batch begins behind it, with the event
 * at it where they overlap, with the stored row where all is old.
 */
static int is_continuation(struct sqlite_store *s, const struct stream *stream,
			   const struct store_batch *batch, bool *ret_is_same)
{
	const struct headers *h = batch->headers;
	const uint8_t *at_mark;

	if (h->first_seq > stream->seq + 1) {
		*ret_is_same = true; /* what is between is lost */
		return 0;
	}
	if (h->last_seq < stream->seq)
		return compare_stored(s, stream->id,
				      &batch->events[batch->count - 1],
				      ret_is_same);
	at_mark = h->first_seq == stream->seq + 1
			  ? h->prev_hash
			  : batch->events[stream->seq - h->first_seq].hash;
	*ret_is_same = memcmp(at_mark, stream->tip, FRAME_HASH_SIZE) == 0;
	return 0;
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

static int note(struct sqlite_store *s, const struct store_batch *batch,
		const char *kind, const char *detail)
{
	const struct store_incident incident = {
		.kind = kind,
		.host = batch->peer->ident.host,
		.stream = batch->headers->stream,
		.seq = batch->headers->first_seq,
		.detail = detail,
		.recv_ms = batch->recv_ms,
	};

	return sqlite_put_incident(&s->base, &incident);
}

/* A second stream of one terminal: its spool was made anew. */
static int add_stream(struct sqlite_store *s, int64_t host,
		      const struct store_batch *batch, struct stream *stream)
{
	sqlite3_stmt *st = sqlite_statement(s, STMT_STREAM_OTHERS);
	int64_t others = 0;
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, host);
	sqlite_bind_text(st, 2, batch->headers->stream);
	r = sqlite_next(st);
	if (r < 0)
		return r;
	others = r > 0 ? sqlite3_column_int64(st, 0) : 0;
	(void)sqlite3_reset(st); /* the row was read */
	if (others > 0) {
		r = note(s, batch, "stream.new",
			 "the terminal started a new spool");
		if (r < 0)
			return r;
	}

	st = sqlite_statement(s, STMT_STREAM_ADD);
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

/* The event's id is its leaf: nothing may take the place of one removed. */
static int add_event(struct sqlite_store *s, const int64_t ids[2],
		     const struct store_batch *batch,
		     const struct store_event *e)
{
	sqlite3_stmt *st;
	uint64_t leaf = 0;
	int r = sqlite_tree_next(s, &leaf);

	if (r == 0)
		r = sqlite_tree_add(s, batch->headers->stream, e->seq, e->hash);
	if (r < 0)
		return r;
	st = sqlite_statement(s, STMT_EVENT_ADD);
	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, ids[0]);
	(void)sqlite3_bind_int64(st, 2, ids[1]);
	(void)sqlite3_bind_int64(st, 3, (int64_t)e->seq);
	(void)sqlite3_bind_int64(st, 4, batch->recv_ms);
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
	(void)sqlite3_bind_int64(st, 16, (int64_t)leaf + 1);
	return sqlite_run(st);
}

struct rollup {
	const char *unit;
	struct event_text code;
	int64_t count;
};

static int write_rollups(struct sqlite_store *s, int64_t recv_ms,
			 const struct rollup *slots, size_t used)
{
	for (size_t i = 0; i < used; i++) {
		sqlite3_stmt *st = sqlite_statement(s, STMT_ROLLUP_ADD);
		int r;

		if (!st)
			return -EIO;
		(void)sqlite3_bind_int64(st, 1, recv_ms / DAY_MS);
		sqlite_bind_text(st, 2, slots[i].unit);
		(void)sqlite3_bind_text(st, 3, slots[i].code.at,
					(int)slots[i].code.len, SQLITE_STATIC);
		(void)sqlite3_bind_int64(st, 4, slots[i].count);
		r = sqlite_run(st);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Counts per (unit, code); a slot array keeps most batches at a few rows. */
static int add_rollups(struct sqlite_store *s, const struct store_batch *batch,
		       size_t from)
{
	struct rollup slots[ROLLUP_SLOTS];
	size_t used = 0;

	for (size_t i = from; i < batch->count; i++) {
		const struct store_event *e = &batch->events[i];
		size_t at = 0;

		while (at < used && (slots[at].code.len != e->code.len ||
				     memcmp(slots[at].code.at, e->code.at,
					    e->code.len) != 0 ||
				     strcmp(slots[at].unit, e->unit) != 0))
			at++;
		if (at == ROLLUP_SLOTS) {
			int r = write_rollups(s, batch->recv_ms, slots, used);

			if (r < 0)
				return r;
			at = used = 0;
		}
		if (at == used)
			slots[used++] = (struct rollup){e->unit, e->code, 0};
		slots[at].count++;
	}
	return write_rollups(s, batch->recv_ms, slots, used);
}

static int move_stream(struct sqlite_store *s, int64_t stream,
		       const struct store_batch *batch, size_t stored)
{
	sqlite3_stmt *st = sqlite_statement(s, STMT_STREAM_MOVE);
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

static int touch_host(struct sqlite_store *s, int64_t host,
		      const struct store_batch *batch)
{
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

/* The hole stays visible for ever: in the incident and in the numbers. */
static int note_lost(struct sqlite_store *s, uint64_t first,
		     const struct store_batch *batch)
{
	char detail[LIMIT_INCIDENT_DETAIL_BYTES];

	(void)snprintf(detail, sizeof(detail),
		       "events %" PRIu64 " to %" PRIu64
		       " are gone from the terminal's spool",
		       first, batch->headers->first_seq - 1); /* fits */
	return note(s, batch, "stream.lost", detail);
}

/* Without the hash before it, the event behind a hole could not be checked. */
static int add_gap(struct sqlite_store *s, const struct stream *stream,
		   const struct store_batch *batch)
{
	sqlite3_stmt *st = sqlite_statement(s, STMT_GAP_ADD);

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, stream->id);
	(void)sqlite3_bind_int64(st, 2, (int64_t)batch->headers->first_seq);
	(void)sqlite3_bind_int64(st, 3, (int64_t)stream->seq + 1);
	(void)sqlite3_bind_blob(st, 4, batch->headers->prev_hash,
				FRAME_HASH_SIZE, SQLITE_STATIC);
	return sqlite_run(st);
}

static int put_new(struct sqlite_store *s, int64_t host, struct stream *stream,
		   const struct store_batch *batch, struct store_ack *ack)
{
	bool is_jump = batch->headers->first_seq > stream->seq + 1;
	size_t from =
		is_jump ? 0
			: (size_t)(stream->seq + 1 - batch->headers->first_seq);
	int64_t ids[2] = {host, 0};
	int r = 0;

	if (stream->id == 0)
		r = add_stream(s, host, batch, stream);
	if (r == 0 && is_jump)
		r = note_lost(s, stream->seq + 1, batch);
	if (r == 0 && is_jump)
		r = add_gap(s, stream, batch);
	ids[1] = stream->id;
	for (size_t i = from; r == 0 && i < batch->count; i++) {
		r = add_event(s, ids, batch, &batch->events[i]);
		ack->quarantined += batch->events[i].quarantine != 0;
	}
	if (r == 0)
		r = add_rollups(s, batch, from);
	if (r == 0)
		r = move_stream(s, stream->id, batch, batch->count - from);
	ack->duplicates = from;
	ack->stored = batch->count - from;
	ack->seq = batch->headers->last_seq;
	return r;
}

int sqlite_put_batch(struct store *store, const struct store_batch *batch,
		     struct store_ack *ret_ack)
{
	struct sqlite_store *s = sqlite_store(store);
	struct store_cert_state cert = {0};
	struct store_ack ack = {0};
	struct stream stream = {0};
	bool is_same = false;
	int64_t host = 0;
	int r;

	r = sqlite_cert_state(store, batch->peer->serial, &cert);
	if (r < 0)
		return r;
	if (cert.is_revoked) {
		*ret_ack = ack;
		return STORE_REVOKED;
	}
	r = find_host(s, batch, &host);
	if (r == 0)
		r = find_stream(s, host, batch, &stream);
	if (r < 0)
		return r;
	ack.seq = stream.seq;
	*ret_ack = ack;
	if (batch->headers->first_seq > stream.seq + 1 &&
	    (batch->headers->lost_seq == 0 ||
	     batch->headers->lost_seq > stream.seq + 1))
		return STORE_GAP;
	r = is_continuation(s, &stream, batch, &is_same);
	if (r < 0)
		return r;
	if (!is_same) {
		r = note(s, batch, "chain.mismatch",
			 "its history is not the one stored here");
		return r < 0 ? r : STORE_MISMATCH;
	}

	if (batch->headers->last_seq > stream.seq)
		r = put_new(s, host, &stream, batch, &ack);
	else
		ack.duplicates = batch->count;
	if (r == 0)
		r = touch_host(s, host, batch);
	if (r == 0)
		*ret_ack = ack;
	return r;
}
