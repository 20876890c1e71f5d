/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP encoder. The writer runs backwards, so every function here puts the last
 * field first; read them from the bottom to see the message in order.
 */
#include "agent/wire/otlp.h"

#include <errno.h>

#include "agent/wire/otlp_fields.h"
#include "agent/wire/protobuf.h"

uint32_t otlp_severity_number(uint32_t severity_id)
{
	/* OCSF unknown, informational, low, medium, high, critical, fatal */
	static const uint32_t numbers[] = {0, 9, 10, 13, 17, 21, 24};

	return severity_id < sizeof(numbers) / sizeof(*numbers)
		       ? numbers[severity_id]
		       : 0;
}

void otlp_event_id(const uint8_t hash[32],
		   char ret_text[OTLP_EVENT_ID_LENGTH + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint32_t bits = 0;
	unsigned count = 0;
	size_t next = 0;

	for (size_t i = 0; i < OTLP_EVENT_ID_LENGTH; i++) {
		if (count < 5) {
			/* 16 bytes are 25 groups and 3 bits: pad with zero */
			bits = bits << 8 | (next < 16 ? hash[next] : 0u);
			next++;
			count += 8;
		}
		count -= 5;
		ret_text[i] = alphabet[bits >> count & 31];
	}
	ret_text[OTLP_EVENT_ID_LENGTH] = '\0';
}

static void put_text_attribute(struct protobuf_writer *writer, uint32_t number,
			       const char *key, struct span value)
{
	if (span_is_empty(value))
		return;

	size_t attribute = writer->at;
	protobuf_put_bytes(writer, ANY_VALUE_STRING, value);
	protobuf_wrap(writer, KEY_VALUE_VALUE, attribute);
	protobuf_put_bytes(writer, KEY_VALUE_KEY, span_str(key));
	protobuf_wrap(writer, number, attribute);
}

static void put_int_attribute(struct protobuf_writer *writer, uint32_t number,
			      const char *key, uint64_t value)
{
	size_t attribute = writer->at;

	protobuf_put_varint(writer, ANY_VALUE_INT, value);
	protobuf_wrap(writer, KEY_VALUE_VALUE, attribute);
	protobuf_put_bytes(writer, KEY_VALUE_KEY, span_str(key));
	protobuf_wrap(writer, number, attribute);
}

static void put_record(struct protobuf_writer *writer,
		       const struct otlp_record *record)
{
	const uint32_t attributes = LOG_RECORD_ATTRIBUTES;
	size_t start = writer->at;

	if (!span_is_empty(record->event_name))
		protobuf_put_bytes(writer, LOG_RECORD_EVENT_NAME,
				   record->event_name);
	if (record->observed_ns)
		protobuf_put_fixed64(writer, LOG_RECORD_OBSERVED_TIME,
				     record->observed_ns);
	put_text_attribute(writer, attributes, OTLP_ATTR_ACTION,
			   record->event_name);
	put_text_attribute(writer, attributes, OTLP_ATTR_ID, record->event_id);
	put_int_attribute(writer, attributes, OTLP_ATTR_MONO_NS,
			  record->boot_ns);
	put_int_attribute(writer, attributes, OTLP_ATTR_FLAGS, record->flags);
	put_int_attribute(writer, attributes, OTLP_ATTR_SEQ, record->seq);

	size_t body = writer->at;
	protobuf_put_bytes(writer, ANY_VALUE_STRING, record->body);
	protobuf_wrap(writer, LOG_RECORD_BODY, body);
	if (record->severity_id)
		protobuf_put_varint(writer, LOG_RECORD_SEVERITY_NUMBER,
				    otlp_severity_number(record->severity_id));
	protobuf_put_fixed64(writer, LOG_RECORD_TIME, record->wall_ns);
	protobuf_wrap(writer, SCOPE_LOGS_LOG_RECORDS, start);
}

static void put_resource(struct protobuf_writer *writer,
			 const struct otlp_resource *resource)
{
	size_t start = writer->at;

#define PUT(name, member)                                                      \
	put_text_attribute(writer, RESOURCE_ATTRIBUTES, name, resource->member);
	OTLP_RESOURCE_ATTRIBUTES(PUT)
#undef PUT
	protobuf_wrap(writer, RESOURCE_LOGS_RESOURCE, start);
}

static int finish(const struct protobuf_writer *writer,
		  struct otlp_output *output)
{
	if (writer->failed)
		return -ENOBUFS;

	output->data = writer->buffer + writer->at;
	output->size = writer->end - writer->at;
	return 0;
}

int otlp_encode_request(const struct otlp_resource *resource,
			const struct otlp_record *records, size_t count,
			struct otlp_output *output)
{
	struct protobuf_writer writer = {.buffer = output->buffer,
					 .at = output->capacity,
					 .end = output->capacity};

	if (count > OTLP_RECORDS_MAX)
		return -E2BIG;

	for (size_t i = count; i > 0; i--)
		put_record(&writer, &records[i - 1]);

	size_t scope = writer.at;
	protobuf_put_bytes(&writer, SCOPE_NAME, SPAN(OTLP_SCOPE_NAME));
	protobuf_wrap(&writer, SCOPE_LOGS_SCOPE, scope);
	protobuf_wrap(&writer, RESOURCE_LOGS_SCOPE_LOGS, writer.end);
	put_resource(&writer, resource);
	protobuf_wrap(&writer, REQUEST_RESOURCE_LOGS, writer.end);
	return finish(&writer, output);
}

int otlp_encode_response(const struct otlp_response *response,
			 struct otlp_output *output)
{
	struct protobuf_writer writer = {.buffer = output->buffer,
					 .at = output->capacity,
					 .end = output->capacity};

	if (response->rejected || !span_is_empty(response->message)) {
		if (!span_is_empty(response->message))
			protobuf_put_bytes(&writer, PARTIAL_SUCCESS_MESSAGE,
					   response->message);
		if (response->rejected)
			protobuf_put_varint(&writer, PARTIAL_SUCCESS_REJECTED,
					    response->rejected);
		protobuf_wrap(&writer, RESPONSE_PARTIAL_SUCCESS, writer.end);
	}
	return finish(&writer, output);
}
