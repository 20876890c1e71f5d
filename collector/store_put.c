/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_put: a batch into the tables of any database. The stream's high-water
 * row decides what is new, what was had already and what is missing; its tip
 * proves that the batch continues the history we hold. Row, events, roll-ups
 * and the terminal's line change in one transaction or not at all.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/hex.h"
#include "collector/store_tables.h"

#include "agent/base/banned.h"

/* Different (unit, code) pairs gathered before they are written. */
#define ROLLUP_SLOTS 32

static_assert(FRAME_HASH_SIZE == HEADERS_HASH_BYTES, "one hash everywhere");

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
static int find_stream(struct table_store *s, int64_t host,
		       const struct store_batch *batch,
		       struct table_stream *ret_stream)
{
	int r;

	*ret_stream = (struct table_stream){0};
	r = s->tables->stream_find(&s->base, host, batch->headers->stream,
				   ret_stream);
	if (r < 0)
		return r;
	return r == 0 ? origin(batch, ret_stream->tip) : 0;
}

/* Is a sequence we hold the same event? A body already expired passes. */
static int compare_stored(struct table_store *s, int64_t stream,
			  const struct store_event *event, bool *ret_is_same)
{
	uint8_t hash[FRAME_HASH_SIZE];
	int r = s->tables->event_hash(&s->base, stream, event->seq, hash);

	if (r < 0)
		return r;
	*ret_is_same = r == 0 || memcmp(hash, event->hash, sizeof(hash)) == 0;
	return 0;
}

/*
 * Does the batch continue (or repeat) what we hold? The hash at the high-water
 * mark is compared: with prev where the batch begins behind it, with the event
 * at it where they overlap, with the stored row where all is old.
 */
static int is_continuation(struct table_store *s,
			   const struct table_stream *stream,
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

static int note(struct table_store *s, const struct store_batch *batch,
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

	return s->base.ops->put_incident(&s->base, &incident);
}

/* A second stream of one terminal: its spool was made anew. */
static int add_stream(struct table_store *s, int64_t host,
		      const struct store_batch *batch,
		      struct table_stream *stream)
{
	int r = s->tables->stream_others(&s->base, host,
					 batch->headers->stream);

	if (r > 0)
		r = note(s, batch, "stream.new",
			 "the terminal started a new spool");
	return r < 0 ? r : s->tables->stream_add(&s->base, host, batch, stream);
}

/* The event's id is its leaf: nothing may take the place of one removed. */
static int add_event(struct table_store *s, struct table_event *row,
		     const struct store_batch *batch)
{
	const struct store_event *event = row->event;
	int r = store_tree_next(s, &row->leaf);

	if (r == 0)
		r = store_tree_add(s, batch->headers->stream, event->seq,
				   event->hash);
	return r < 0 ? r : s->tables->event_add(&s->base, row);
}

static int write_rollups(struct table_store *s, int64_t recv_ms,
			 const struct table_rollup *slots, size_t used)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < used; i++)
		r = s->tables->rollup_add(&s->base, store_day(recv_ms),
					  &slots[i]);
	return r;
}

/* Counts per (unit, code); a slot array keeps most batches at a few rows. */
static int add_rollups(struct table_store *s, const struct store_batch *batch,
		       size_t from)
{
	struct table_rollup slots[ROLLUP_SLOTS];
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
			slots[used++] = (struct table_rollup){e->unit, e->code,
							      0};
		slots[at].count++;
	}
	return write_rollups(s, batch->recv_ms, slots, used);
}

/* The hole stays visible for ever: in the incident and in the numbers. */
static int note_lost(struct table_store *s, uint64_t first,
		     const struct store_batch *batch)
{
	char detail[LIMIT_INCIDENT_DETAIL_BYTES];

	(void)snprintf(detail, sizeof(detail),
		       "events %" PRIu64 " to %" PRIu64
		       " are gone from the terminal's spool",
		       first, batch->headers->first_seq - 1); /* fits */
	return note(s, batch, "stream.lost", detail);
}

static int put_new(struct table_store *s, int64_t host,
		   struct table_stream *stream, const struct store_batch *batch,
		   struct store_ack *ack)
{
	const struct headers *h = batch->headers;
	bool is_jump = h->first_seq > stream->seq + 1;
	size_t from = is_jump ? 0 : (size_t)(stream->seq + 1 - h->first_seq);
	struct table_event row = {.host = host, .recv_ms = batch->recv_ms};
	int r = 0;

	if (stream->id == 0)
		r = add_stream(s, host, batch, stream);
	if (r == 0 && is_jump)
		r = note_lost(s, stream->seq + 1, batch);
	/* Without the hash before it, the event behind a hole could not be
	 * checked. */
	if (r == 0 && is_jump)
		r = s->tables->gap_add(&s->base, stream->id, stream->seq + 1,
				       h);
	row.stream = stream->id;
	for (size_t i = from; r == 0 && i < batch->count; i++) {
		row.event = &batch->events[i];
		r = add_event(s, &row, batch);
		ack->quarantined += batch->events[i].quarantine != 0;
	}
	if (r == 0)
		r = add_rollups(s, batch, from);
	if (r == 0)
		r = s->tables->stream_move(&s->base, stream->id, batch,
					   batch->count - from);
	ack->duplicates = from;
	ack->stored = batch->count - from;
	ack->seq = h->last_seq;
	return r;
}

int store_put_batch(struct store *store, const struct store_batch *batch,
		    struct store_ack *ret_ack)
{
	struct table_store *s = table_store(store);
	struct store_cert_state cert = {0};
	struct store_ack ack = {0};
	struct table_stream stream = {0};
	bool is_same = false;
	int64_t host = 0;
	int r;

	r = store->ops->cert_state(store, batch->peer->serial, &cert);
	if (r < 0)
		return r;
	if (cert.is_revoked) {
		*ret_ack = ack;
		return STORE_REVOKED;
	}
	r = s->tables->host_take(store, batch, &host);
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
		r = s->tables->host_seen(store, host, batch);
	if (r == 0)
		*ret_ack = ack;
	return r;
}
