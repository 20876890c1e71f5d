/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as an OTLP request and as a response. What was read is written again
 * and must read the same.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/wire/otlp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM (1u << 20)

static void check_again(const struct otlp_resource *resource,
			const struct otlp_record *record)
{
	static uint8_t room[ROOM];
	struct otlp_output output = {.buffer = room, .capacity = ROOM};
	struct otlp_reader reader;
	struct otlp_record again;

	if (otlp_encode_request(resource, record, 1, &output) != 0)
		return; /* longer than the room */
	otlp_reader_init(&reader, span_of((char *)output.data, output.size));
	if (otlp_reader_next(&reader, &again) != 0 ||
	    again.seq != record->seq || again.flags != record->flags ||
	    again.wall_ns != record->wall_ns ||
	    again.severity_id != record->severity_id ||
	    !span_equals(again.body, record->body) ||
	    !span_equals(again.event_name, record->event_name) ||
	    !span_equals(reader.resource.host_id, resource->host_id))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_of((const char *)data, size);
	struct otlp_response response;
	struct otlp_reader reader;
	struct otlp_record record;

	otlp_reader_init(&reader, bytes);
	while (otlp_reader_next(&reader, &record) == 0)
		check_again(&reader.resource, &record);
	(void)!otlp_decode_response(bytes, &response);
	return 0;
}
