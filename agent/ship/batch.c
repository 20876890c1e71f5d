/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies are copied to one arena, since the reader's frames live only until the
 * next one. The arena is as large as a request may be; a batch is closed while
 * one more event of the longest kind still fits.
 */
#include "agent/ship/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/ship/label.h"

#include "agent/base/banned.h"

/* Severity from which on an event is shipped at once (OCSF 3: Medium). */
#define URGENT_SEVERITY 3u
#define RESOURCE_ROOM	4096u
#define RECORD_COST	(OTLP_RECORD_OVERHEAD_MAX + 2 * LABEL_MAX)

struct batch {
	struct batch_info info;
	struct otlp_record records[BATCH_EVENTS_MAX];
	char event_ids[BATCH_EVENTS_MAX][OTLP_EVENT_ID_LENGTH + 1];
	size_t used; /* of the arena */
	size_t cost; /* of the request, at most */
	char arena[BATCH_BYTES_MAX];
	uint8_t request[BATCH_BYTES_MAX];
};

int batch_new(struct batch **ret_batch)
{
	struct batch *batch = malloc(sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	batch->info = (struct batch_info){0};
	*ret_batch = batch;
	return 0;
}

struct batch *batch_free(struct batch *batch)
{
	free(batch);
	return NULL;
}

const struct batch_info *batch_info(const struct batch *batch)
{
	return &batch->info;
}

struct span batch_body(const struct batch *batch, size_t index)
{
	return batch->records[index].body;
}

static void add(struct batch *batch, const struct spool_item *item)
{
	const struct frame *frame = &item->frame;
	struct batch_info *info = &batch->info;
	char *id = batch->event_ids[info->count];
	char *body = batch->arena + batch->used;

	if (frame->payload_size > 0)
		memcpy(body, frame->payload, frame->payload_size);
	batch->used += frame->payload_size;
	batch->cost += frame->payload_size + RECORD_COST;
	otlp_event_id(item->hash, id);

	batch->records[info->count] = (struct otlp_record){
		.seq = frame->seq,
		.flags = frame->flags,
		.severity_id = frame->flags & FRAME_SEVERITY_MASK,
		.wall_ns = frame->wall_ns,
		.observed_ns = frame->wall_ns,
		.boot_ns = frame->boot_ns,
		.event_name = label_of(span_of(body, frame->payload_size)),
		.event_id = span_of(id, OTLP_EVENT_ID_LENGTH),
		.body = span_of(body, frame->payload_size),
	};
	if (info->count == 0) {
		info->first_seq = frame->seq;
		memcpy(info->prev, frame->prev, FRAME_HASH_SIZE);
	}
	info->last_seq = frame->seq;
	memcpy(info->tip, item->hash, FRAME_HASH_SIZE);
	info->is_urgent = info->is_urgent || frame->flags & FRAME_URGENT ||
			  (frame->flags & FRAME_SEVERITY_MASK) >=
				  URGENT_SEVERITY;
	info->count++;
}

int batch_fill(struct batch *batch, struct spool_reader *reader,
	       uint64_t max_seq, size_t events_max)
{
	const size_t cost_max = BATCH_BYTES_MAX - OTLP_REQUEST_OVERHEAD_MAX -
				RESOURCE_ROOM - RECORD_COST - FRAME_PAYLOAD_MAX;
	struct spool_item item;

	batch->info = (struct batch_info){0};
	batch->used = 0;
	batch->cost = 0;
	if (events_max > BATCH_EVENTS_MAX)
		events_max = BATCH_EVENTS_MAX;

	while (batch->info.count < events_max && batch->cost <= cost_max) {
		int r = spool_reader_next(reader, max_seq, &item);

		if (r != 0)
			return batch->info.count > 0 ? 0 : r;
		add(batch, &item);
	}
	return 0;
}

int batch_encode(struct batch *batch, const struct otlp_resource *resource,
		 struct span *ret_data)
{
	struct otlp_output output = {.buffer = batch->request,
				     .capacity = sizeof(batch->request)};

	int r = otlp_encode_request(resource, batch->records, batch->info.count,
				    &output);
	if (r < 0)
		return r;
	*ret_data = span_of((const char *)output.data, output.size);
	return 0;
}
