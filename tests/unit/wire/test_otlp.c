/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP in both directions: our own messages, others' and hostile ones. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/wire/otlp.h"
#include "agent/wire/otlp_fields.h"
#include "agent/wire/protobuf.h"

static const struct otlp_resource resource = {
	.host_id = {"00112233445566778899aabbccddeeff", 32},
	.host_name = {"shimin-01", 9},
	.service_name = {"sekimori", 8},
	.service_version = {"0.1.0", 5},
	.stream = {"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f", 32},
	.boot_id = {"b0071d", 6},
	.os_description = {"Debian GNU/Linux 12", 19},
};

static struct otlp_record sample(uint64_t seq, const char *body)
{
	return (struct otlp_record){
		.seq = seq,
		.flags = 0x0b,
		.severity_id = 3,
		.wall_ns = 1795172301990000000,
		.observed_ns = 1795172301990000001,
		.boot_ns = 123456789012,
		.event_name = SPAN("usb.device.blocked"),
		.event_id = SPAN("abcdefghijklmnopqrstuvwxyz"),
		.body = span_str(body),
	};
}

static void assert_span(struct span a, struct span b)
{
	assert_true(span_equals(a, b));
}

static void a_request_round_trips(void **state)
{
	static uint8_t buffer[65536];
	struct otlp_record records[50];
	struct otlp_output output = {.buffer = buffer,
				     .capacity = sizeof(buffer)};
	struct otlp_reader reader;
	struct otlp_record got;

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		records[i] = sample(i + 1, "{\"課\":\"市民課\"}");
	records[0].body = SPAN("");
	records[1].event_name = (struct span){0};
	records[2].seq = INT64_MAX;
	records[2].flags = UINT32_MAX;
	assert_int_equal(otlp_encode_request(&resource, records, 50, &output),
			 0);

	otlp_reader_init(&reader, span_of((char *)output.data, output.size));
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(otlp_reader_next(&reader, &got), 0);
		assert_true(got.has_seq);
		assert_int_equal(got.seq, records[i].seq);
		assert_int_equal(got.flags, records[i].flags);
		assert_int_equal(got.severity_id, 3);
		assert_int_equal(got.wall_ns, records[i].wall_ns);
		assert_int_equal(got.observed_ns, records[i].observed_ns);
		assert_int_equal(got.boot_ns, records[i].boot_ns);
		assert_span(got.body, records[i].body);
		assert_span(got.event_name, records[i].event_name);
		assert_span(got.event_id, records[i].event_id);
		assert_span(reader.resource.host_id, resource.host_id);
		assert_span(reader.resource.stream, resource.stream);
		assert_span(reader.resource.os_description,
			    resource.os_description);
		assert_span(reader.resource.boot_id, resource.boot_id);
	}
	assert_int_equal(otlp_reader_next(&reader, &got), OTLP_END);
}

static void the_stated_room_is_enough_and_less_is_refused(void **state)
{
	struct otlp_record record = sample(UINT64_MAX, "{}");
	size_t strings = 32 + 9 + 8 + 5 + 32 + 6 + 19;
	size_t room = OTLP_REQUEST_OVERHEAD_MAX + strings +
		      OTLP_RECORD_OVERHEAD_MAX + record.body.len +
		      2 * record.event_name.len;
	uint8_t *buffer = malloc(room);
	struct otlp_output output = {.buffer = buffer, .capacity = room};

	(void)state;
	record.flags = UINT32_MAX;
	record.boot_ns = UINT64_MAX;
	assert_int_equal(otlp_encode_request(&resource, &record, 1, &output),
			 0);
	size_t size = output.size;
	for (size_t capacity = 0; capacity < size; capacity++) {
		output.capacity = capacity;
		assert_int_equal(otlp_encode_request(&resource, &record, 1,
						     &output),
				 -ENOBUFS);
	}
	output.capacity = size;
	assert_int_equal(otlp_encode_request(&resource, &record, 1, &output),
			 0);
	assert_int_equal(otlp_encode_request(&resource, &record,
					     OTLP_RECORDS_MAX + 1, &output),
			 -E2BIG);
	free(buffer);
}

static int count_records(const uint8_t *data, size_t size)
{
	struct otlp_reader reader;
	struct otlp_record record;
	int count = 0;
	int r;

	otlp_reader_init(&reader, span_of((const char *)data, size));
	while ((r = otlp_reader_next(&reader, &record)) == 0)
		count++;
	return r == OTLP_END ? count : r;
}

static void a_message_cut_anywhere_is_refused(void **state)
{
	uint8_t buffer[2048];
	struct otlp_record record = sample(1, "{\"a\":1}");
	struct otlp_output output = {.buffer = buffer,
				     .capacity = sizeof(buffer)};

	(void)state;
	assert_int_equal(otlp_encode_request(&resource, &record, 1, &output),
			 0);
	assert_int_equal(count_records(output.data, output.size), 1);
	assert_int_equal(count_records(output.data, 0), 0);
	for (size_t cut = 1; cut < output.size; cut++)
		assert_int_equal(count_records(output.data, cut), -EBADMSG);
}

/* A message made by hand, from the inside out. */
struct hand {
	uint8_t buffer[16384];
	struct protobuf_writer writer;
};

static void hand_init(struct hand *hand)
{
	hand->writer = (struct protobuf_writer){.buffer = hand->buffer,
						.at = sizeof(hand->buffer),
						.end = sizeof(hand->buffer)};
}

static void put_attribute_text(struct hand *hand, const char *key,
			       const char *value)
{
	size_t mark = hand->writer.at;

	protobuf_put_bytes(&hand->writer, ANY_VALUE_STRING, span_str(value));
	protobuf_wrap(&hand->writer, KEY_VALUE_VALUE, mark);
	protobuf_put_bytes(&hand->writer, KEY_VALUE_KEY, span_str(key));
	protobuf_wrap(&hand->writer, LOG_RECORD_ATTRIBUTES, mark);
}

static void put_attribute_int(struct hand *hand, const char *key,
			      uint64_t value)
{
	size_t mark = hand->writer.at;

	protobuf_put_varint(&hand->writer, ANY_VALUE_INT, value);
	protobuf_wrap(&hand->writer, KEY_VALUE_VALUE, mark);
	protobuf_put_bytes(&hand->writer, KEY_VALUE_KEY, span_str(key));
	protobuf_wrap(&hand->writer, LOG_RECORD_ATTRIBUTES, mark);
}

/* Wraps what is there as a record in a request and reads it. */
static int read_hand(struct hand *hand, struct otlp_record *ret_record)
{
	struct otlp_reader reader;
	size_t end = sizeof(hand->buffer);

	protobuf_wrap(&hand->writer, SCOPE_LOGS_LOG_RECORDS, end);
	protobuf_wrap(&hand->writer, RESOURCE_LOGS_SCOPE_LOGS, end);
	protobuf_wrap(&hand->writer, REQUEST_RESOURCE_LOGS, end);
	assert_false(hand->writer.failed);
	otlp_reader_init(&reader,
			 span_of((char *)hand->buffer + hand->writer.at,
				 end - hand->writer.at));
	return otlp_reader_next(&reader, ret_record);
}

static void unknown_fields_and_attributes_are_skipped(void **state)
{
	struct otlp_record record;
	struct hand hand;

	(void)state;
	hand_init(&hand);
	protobuf_put_varint(&hand.writer, 7, 3); /* dropped_attributes_count */
	protobuf_put_bytes(&hand.writer, 9, SPAN("0123456789abcdef"));
	protobuf_put_fixed64(&hand.writer, 99, 1);
	put_attribute_text(&hand, "dept", "市民課");
	put_attribute_text(&hand, OTLP_ATTR_ACTION, "agent.start");
	put_attribute_int(&hand, OTLP_ATTR_SEQ, 5);
	assert_int_equal(read_hand(&hand, &record), 0);
	assert_int_equal(record.seq, 5);
	/* No event_name: the older attribute stands in. */
	assert_span(record.event_name, SPAN("agent.start"));
	assert_true(record.body.len == 0);
}

static void a_record_without_a_number_says_so(void **state)
{
	struct otlp_record record;
	struct hand hand;

	(void)state;
	hand_init(&hand);
	protobuf_put_fixed64(&hand.writer, LOG_RECORD_TIME, 1);
	assert_int_equal(read_hand(&hand, &record), 0);
	assert_false(record.has_seq);
}

static void what_is_ambiguous_or_wrong_is_refused(void **state)
{
	struct otlp_record record = {.seq = 123};
	struct hand hand;

	(void)state;
	/* The same number twice. */
	hand_init(&hand);
	put_attribute_int(&hand, OTLP_ATTR_SEQ, 5);
	put_attribute_int(&hand, OTLP_ATTR_SEQ, 6);
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);

	/* A text twice, a resource's attribute twice, two names. */
	hand_init(&hand);
	put_attribute_text(&hand, OTLP_ATTR_ID, "a");
	put_attribute_text(&hand, OTLP_ATTR_ID, "b");
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);
	hand_init(&hand);
	protobuf_put_bytes(&hand.writer, LOG_RECORD_EVENT_NAME, SPAN("a"));
	protobuf_put_bytes(&hand.writer, LOG_RECORD_EVENT_NAME, SPAN("b"));
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);

	/* A number as text, a text as number, a negative, flags too wide. */
	hand_init(&hand);
	put_attribute_text(&hand, OTLP_ATTR_SEQ, "5");
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);
	hand_init(&hand);
	put_attribute_int(&hand, OTLP_ATTR_ID, 5);
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);
	hand_init(&hand);
	put_attribute_int(&hand, OTLP_ATTR_SEQ, UINT64_MAX);
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);
	hand_init(&hand);
	put_attribute_int(&hand, OTLP_ATTR_FLAGS, 1ull << 32);
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);

	/* Time as a varint; two bodies; a body that is no string. */
	hand_init(&hand);
	protobuf_put_varint(&hand.writer, LOG_RECORD_TIME, 5);
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);
	hand_init(&hand);
	for (int i = 0; i < 2; i++) {
		size_t mark = hand.writer.at;

		protobuf_put_bytes(&hand.writer, ANY_VALUE_STRING, SPAN("x"));
		protobuf_wrap(&hand.writer, LOG_RECORD_BODY, mark);
	}
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);
	hand_init(&hand);
	size_t mark = hand.writer.at;
	protobuf_put_varint(&hand.writer, ANY_VALUE_INT, 1);
	protobuf_wrap(&hand.writer, LOG_RECORD_BODY, mark);
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);

	/* Field number 0 and a group. */
	hand_init(&hand);
	protobuf_put_varint(&hand.writer, 0, 1);
	assert_int_equal(read_hand(&hand, &record), -EBADMSG);
	assert_int_equal(count_records((const uint8_t *)"\x0b", 1), -EBADMSG);
	/* A varint of eleven bytes. */
	assert_int_equal(count_records((const uint8_t *)"\x08\xff\xff\xff\xff"
							"\xff\xff\xff\xff\xff"
							"\xff\x01",
				       12),
			 -EBADMSG);
	assert_int_equal(record.seq, 123);
}

static void limits_are_held(void **state)
{
	struct otlp_record record;
	struct hand hand;

	(void)state;
	hand_init(&hand);
	for (unsigned i = 0; i < OTLP_ATTRIBUTES_MAX; i++)
		put_attribute_int(&hand, "x", 1);
	assert_int_equal(read_hand(&hand, &record), 0);
	hand_init(&hand);
	for (unsigned i = 0; i < OTLP_ATTRIBUTES_MAX + 1; i++)
		put_attribute_int(&hand, "x", 1);
	assert_int_equal(read_hand(&hand, &record), -E2BIG);

	/* Empty resources without end. */
	uint8_t junk[4 * OTLP_EMPTY_MAX];
	for (size_t i = 0; i < sizeof(junk); i += 2)
		memcpy(junk + i, "\x0a\x00", 2);
	assert_int_equal(count_records(junk, 20), 0);
	assert_int_equal(count_records(junk, sizeof(junk)), -E2BIG);

	/* Empty records without end: 2 bytes each. */
	size_t count = OTLP_RECORDS_MAX + 1;
	uint8_t *many = malloc(2 * count + 32);
	struct protobuf_writer writer = {.buffer = many,
					 .at = 2 * count + 32,
					 .end = 2 * count + 32};
	for (size_t i = 0; i < count; i++)
		protobuf_put_bytes(&writer, SCOPE_LOGS_LOG_RECORDS, SPAN(""));
	protobuf_wrap(&writer, RESOURCE_LOGS_SCOPE_LOGS, writer.end);
	protobuf_wrap(&writer, REQUEST_RESOURCE_LOGS, writer.end);
	assert_int_equal(count_records(many + writer.at,
				       writer.end - writer.at),
			 -E2BIG);
	free(many);
}

static void several_senders_in_one_request_are_kept_apart(void **state)
{
	uint8_t buffer[4096];
	struct otlp_resource other = resource;
	struct otlp_record record = sample(1, "{}");
	struct otlp_output one = {.buffer = buffer, .capacity = 2048};
	struct otlp_output two = {.buffer = buffer + 2048, .capacity = 2048};
	struct otlp_reader reader;

	(void)state;
	other.host_id = SPAN("ffffffffffffffffffffffffffffffff");
	assert_int_equal(otlp_encode_request(&other, &record, 1, &two), 0);
	assert_int_equal(otlp_encode_request(&resource, &record, 1, &one), 0);
	memmove(one.data + one.size, two.data, two.size);
	otlp_reader_init(&reader,
			 span_of((char *)one.data, one.size + two.size));
	assert_int_equal(otlp_reader_next(&reader, &record), 0);
	assert_span(reader.resource.host_id, resource.host_id);
	assert_int_equal(otlp_reader_next(&reader, &record), 0);
	assert_span(reader.resource.host_id, other.host_id);
	assert_int_equal(otlp_reader_next(&reader, &record), OTLP_END);
}

static void a_response_round_trips(void **state)
{
	uint8_t buffer[128];
	struct otlp_output output = {.buffer = buffer,
				     .capacity = sizeof(buffer)};
	struct otlp_response response = {.rejected = 3,
					 .message = SPAN("quarantined")};
	struct otlp_response got;

	(void)state;
	assert_int_equal(otlp_encode_response(&response, &output), 0);
	assert_int_equal(otlp_decode_response(span_of((char *)output.data,
						      output.size),
					      &got),
			 0);
	assert_int_equal(got.rejected, 3);
	assert_span(got.message, response.message);
	assert_int_equal(otlp_decode_response(span_of((char *)output.data,
						      output.size - 1),
					      &got),
			 -EBADMSG);

	response = (struct otlp_response){0};
	assert_int_equal(otlp_encode_response(&response, &output), 0);
	assert_int_equal(output.size, 0);
	assert_int_equal(otlp_decode_response(SPAN(""), &got), 0);
	assert_int_equal(got.rejected, 0);
	assert_int_equal(otlp_decode_response(SPAN("<html>"), &got), -EBADMSG);
}

static void severities_map_both_ways(void **state)
{
	(void)state;
	for (uint32_t id = 0; id <= 6; id++)
		assert_int_equal(otlp_severity_id(otlp_severity_number(id)),
				 id);
	assert_int_equal(otlp_severity_number(7), 0);
	assert_int_equal(otlp_severity_number(UINT32_MAX), 0);
	assert_int_equal(otlp_severity_id(12), 2);
	assert_int_equal(otlp_severity_id(100), 6);
}

static void the_event_id_is_base32_of_128_bits(void **state)
{
	uint8_t hash[32];
	char text[OTLP_EVENT_ID_LENGTH + 1];

	(void)state;
	/* python3: base64.b32encode(bytes(range(16))).lower().rstrip(b'=') */
	for (unsigned i = 0; i < 32; i++)
		hash[i] = (uint8_t)i;
	otlp_event_id(hash, text);
	assert_string_equal(text, "aaaqeayeaudaocajbifqydiob4");
	memset(hash, 0xff, sizeof(hash));
	otlp_event_id(hash, text);
	assert_string_equal(text, "7777777777777777777777777"
				  "4");
}

/* tests/data is looked for from the top of the tree, where make runs. */
static size_t load(const char *path, uint8_t *buffer, size_t size)
{
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	size_t n = fread(buffer, 1, size, file);
	(void)fclose(file);
	return n;
}

/*
 * request.bin is what we send, byte for byte; test_otlp_golden.py lets protoc
 * judge it. With SEKIMORI_WRITE_GOLDEN set in the environment it is rewritten.
 */
static void our_request_is_the_golden_one(void **state)
{
	static const char path[] = "tests/data/otlp/request.bin";
	uint8_t buffer[4096];
	uint8_t golden[4096];
	struct otlp_record records[] = {
		sample(1201, "{\"課\":\"市民課\",\"n\":1}"),
		sample(1202, "{}"),
	};
	struct otlp_output output = {.buffer = buffer,
				     .capacity = sizeof(buffer)};

	(void)state;
	records[1].severity_id = 0;
	records[1].observed_ns = 0;
	records[1].event_name = (struct span){0};
	assert_int_equal(otlp_encode_request(&resource, records, 2, &output),
			 0);
	if (secure_getenv("SEKIMORI_WRITE_GOLDEN")) {
		FILE *file = fopen(path, "wb");

		assert_non_null(file);
		assert_int_equal(fwrite(output.data, 1, output.size, file),
				 output.size);
		(void)fclose(file);
	}
	size_t size = load(path, golden, sizeof(golden));
	assert_int_equal(size, output.size);
	assert_memory_equal(golden, output.data, size);
}

static void a_foreign_senders_request_is_read(void **state)
{
	uint8_t data[4096];
	size_t size = load("tests/data/otlp/foreign.bin", data, sizeof(data));
	struct otlp_reader reader;
	struct otlp_record record;

	(void)state;
	otlp_reader_init(&reader, span_of((char *)data, size));
	assert_int_equal(otlp_reader_next(&reader, &record), 0);
	assert_span(reader.resource.host_id,
		    SPAN("ffffffffffffffffffffffffffffffff"));
	assert_int_equal(record.wall_ns, 1795172301000000001);
	assert_int_equal(record.severity_id, 3);
	assert_int_equal(record.seq, 7);
	assert_span(record.event_name, SPAN("agent.start"));
	assert_span(record.body, SPAN("{\"課\":\"市民課\"}"));
	assert_int_equal(otlp_reader_next(&reader, &record), 0);
	assert_false(record.has_seq);
	assert_int_equal(otlp_reader_next(&reader, &record), OTLP_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_round_trips),
		cmocka_unit_test(the_stated_room_is_enough_and_less_is_refused),
		cmocka_unit_test(a_message_cut_anywhere_is_refused),
		cmocka_unit_test(unknown_fields_and_attributes_are_skipped),
		cmocka_unit_test(a_record_without_a_number_says_so),
		cmocka_unit_test(what_is_ambiguous_or_wrong_is_refused),
		cmocka_unit_test(limits_are_held),
		cmocka_unit_test(several_senders_in_one_request_are_kept_apart),
		cmocka_unit_test(a_response_round_trips),
		cmocka_unit_test(severities_map_both_ways),
		cmocka_unit_test(the_event_id_is_base32_of_128_bits),
		cmocka_unit_test(our_request_is_the_golden_one),
		cmocka_unit_test(a_foreign_senders_request_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
