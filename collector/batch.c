/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: OTLP records to store events. The order of the checks matters: count
 * and sequence first, so that nothing is hashed for a batch that lies about
 * its size; the chain last, over the very bytes that will be stored.
 */
#include "collector/batch.h"

#include <string.h>

#include "agent/wire/frame.h"
#include "agent/wire/otlp.h"
#include "collector/event.h"
#include "collector/status.h"

#include "agent/base/banned.h"

/* The code of an event that has none we could read. */
static const char UNREADABLE[] = "unreadable";

void batch_fini(struct batch *batch)
{
	cleanup_free(&batch->events);
	*batch = (struct batch){0};
}

const char *batch_outcome_to_str(int outcome)
{
	switch (outcome) {
	case BATCH_MALFORMED:
		return "the body is not an OTLP request of our agent";
	case BATCH_TOO_LARGE:
		return "too many events in one request";
	case BATCH_DISAGREES:
		return "the body is not what its headers say";
	case BATCH_BROKEN_CHAIN:
		return "the events do not lead from the first to the last hash";
	default:
		return "ok";
	}
}

/* Who the body says it is from may be left out, but not be another. */
static bool is_sender(const struct otlp_resource *resource,
		      const struct headers *headers, const char *host)
{
	return (span_is_empty(resource->stream) ||
		span_equals_str(resource->stream, headers->stream)) &&
	       (span_is_empty(resource->host_id) ||
		span_equals_str(resource->host_id, host));
}

static void read_json(struct batch *batch, struct store_event *event,
		      const struct otlp_record *record)
{
	struct event_fields fields;
	int check = event_scan(event->body, event->body_len, &fields);

	if (check == 0 && (uint64_t)fields.sequence != event->seq)
		check = EVENT_CHECK_TYPE;
	event->quarantine = check;
	if (check != 0) {
		event->code = (struct event_text){UNREADABLE,
						  sizeof(UNREADABLE) - 1};
		event->severity = (int)record->severity_id;
		event->time_ms = (int64_t)(record->wall_ns / 1000000u);
		return;
	}

	event->code = fields.code;
	event->severity = (int)fields.severity;
	event->action = (int)fields.action;
	event->time_ms = fields.wall_time_ms;
	(void)event_unescape(fields.unit, event->unit,
			     sizeof(event->unit)); /* cut is fine */
	if (fields.hostname.len > 0)
		(void)event_unescape(fields.hostname, batch->hostname,
				     sizeof(batch->hostname));
	if (event->unit[0] != '\0')
		memcpy(batch->unit, event->unit, sizeof(batch->unit));
	if (status_is_told_by(fields.code))
		status_read(event->body, event->body_len, &batch->status);
}

static int read_record(struct batch *batch, const struct otlp_record *record,
		       uint64_t seq)
{
	struct store_event *event = &batch->events[batch->count];

	if (!record->has_seq || record->seq != seq)
		return BATCH_DISAGREES;
	if (record->body.len > FRAME_PAYLOAD_MAX ||
	    record->wall_ns > INT64_MAX || record->boot_ns > INT64_MAX)
		return BATCH_MALFORMED;
	*event = (struct store_event){
		.seq = seq,
		.wall_ns = record->wall_ns,
		.boot_ns = record->boot_ns,
		.flags = record->flags,
		.body = record->body.len > 0 ? record->body.ptr : "",
		.body_len = record->body.len,
	};
	read_json(batch, event, record);
	batch->count++;
	return 0;
}

static int read_records(struct otlp_reader *reader,
			const struct headers *headers, const char *host,
			struct batch *batch)
{
	struct otlp_record record;
	int r;

	while ((r = otlp_reader_next(reader, &record)) == 0) {
		if (batch->count == headers->count ||
		    !is_sender(&reader->resource, headers, host))
			return BATCH_DISAGREES;
		r = read_record(batch, &record,
				headers->first_seq + batch->count);
		if (r)
			return r;
	}
	if (r < 0)
		return BATCH_MALFORMED;
	return batch->count == headers->count ? 0 : BATCH_DISAGREES;
}

/* h_n of each event; the last must be the tip that the headers promise. */
static int link_chain(struct batch *batch, const struct headers *headers)
{
	const uint8_t *prev = headers->prev_hash;

	for (size_t i = 0; i < batch->count; i++) {
		struct store_event *event = &batch->events[i];
		struct frame frame = {
			.flags = event->flags,
			.seq = event->seq,
			.wall_ns = event->wall_ns,
			.boot_ns = event->boot_ns,
			.payload = (const uint8_t *)event->body,
			.payload_size = event->body_len,
		};
		int r;

		memcpy(frame.prev, prev, sizeof(frame.prev));
		r = frame_hash(&frame, event->hash);
		if (r < 0)
			return r;
		prev = event->hash;
	}
	return memcmp(prev, headers->tip_hash, FRAME_HASH_SIZE) == 0
		       ? 0
		       : BATCH_BROKEN_CHAIN;
}

int batch_decode(const void *data, size_t size, const struct headers *headers,
		 const char *host, struct batch *ret_batch)
{
	_cleanup_batch_ struct batch batch = {0};
	struct otlp_reader reader;
	int r;

	if (headers->count > LIMIT_BATCH_EVENTS)
		return BATCH_TOO_LARGE;
	batch.events = calloc(headers->count, sizeof(*batch.events));
	if (!batch.events)
		return -ENOMEM;

	otlp_reader_init(&reader, span_of(data, size));
	r = read_records(&reader, headers, host, &batch);
	if (r == 0)
		r = link_chain(&batch, headers);
	if (r)
		return r;
	*ret_batch = batch;
	batch = (struct batch){0};
	return 0;
}
