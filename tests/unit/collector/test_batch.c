/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP bodies against their headers and chain; the configuration file. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "agent/wire/otlp.h"
#include "collector/batch.h"
#include "collector/config.h"
#include "tests/unit/collector/fixture.h"

#define COUNT 5u

/* A body of events first.. as the agent's own encoder writes it. */
struct body {
	uint8_t buffer[32768];
	struct otlp_resource resource;
	struct otlp_record records[COUNT];
	struct otlp_output out;
	struct headers headers;
	char json[COUNT][512];
};

static void fill(struct body *b, uint64_t first)
{
	uint8_t chain[FRAME_HASH_SIZE] = {7};

	*b = (struct body){.resource = {.host_id = span_str(FIXTURE_HOST),
					.stream = span_str(FIXTURE_STREAM)}};
	memcpy(b->headers.stream, FIXTURE_STREAM, sizeof(FIXTURE_STREAM));
	memcpy(b->headers.prev_hash, chain, sizeof(chain));
	b->headers.first_seq = first;
	b->headers.last_seq = first + COUNT - 1;
	b->headers.count = COUNT;
	for (unsigned int i = 0; i < COUNT; i++) {
		struct frame frame = {.flags = 3,
				      .seq = first + i,
				      .wall_ns = 1000 + i,
				      .boot_ns = 2000 + i};

		snprintf(
			b->json[i], sizeof(b->json[i]),
			"{\"time\":%u,\"class_uid\":1,\"severity_id\":2,"
			"\"action_id\":1,\"metadata\":{\"version\":\"1.8.0\","
			"\"event_code\":\"a.b\",\"sequence\":%u},\"device\":{"
			"\"hostname\":\"h%u\",\"org\":{\"ou_name\":\"課%u\"}}}",
			i, (unsigned int)first + i, i, i);
		frame.payload = (uint8_t *)b->json[i];
		frame.payload_size = strlen(b->json[i]);
		memcpy(frame.prev, chain, sizeof(chain));
		assert_int_equal(frame_hash(&frame, chain), 0);
		b->records[i] =
			(struct otlp_record){.seq = frame.seq,
					     .flags = 3,
					     .severity_id = 2,
					     .wall_ns = frame.wall_ns,
					     .boot_ns = frame.boot_ns,
					     .body = span_str(b->json[i]),
					     .has_seq = true};
	}
	memcpy(b->headers.tip_hash, chain, sizeof(chain));
}

static int decode(struct body *b, struct batch *batch)
{
	b->out = (struct otlp_output){.buffer = b->buffer,
				      .capacity = sizeof(b->buffer)};
	assert_int_equal(otlp_encode_request(&b->resource, b->records, COUNT,
					     &b->out),
			 0);
	return batch_decode(b->out.data, b->out.size, &b->headers, FIXTURE_HOST,
			    batch);
}

static void a_body_becomes_chained_events(void **state)
{
	static struct body b;
	struct batch batch = {0};

	(void)state;
	fill(&b, 9);
	assert_int_equal(decode(&b, &batch), 0);
	assert_int_equal(batch.count, COUNT);
	assert_string_equal(batch.hostname, "h4");
	assert_string_equal(batch.unit, "課4");
	for (unsigned int i = 0; i < COUNT; i++) {
		const struct store_event *e = &batch.events[i];

		assert_int_equal(e->seq, 9 + i);
		assert_int_equal(e->quarantine, 0);
		assert_int_equal(e->time_ms, i);
		assert_int_equal(e->severity, 2);
		assert_int_equal(e->body_len, strlen(b.json[i]));
		assert_memory_equal(e->body, b.json[i], e->body_len);
	}
	assert_memory_equal(batch.events[COUNT - 1].hash, b.headers.tip_hash,
			    32);
	batch_fini(&batch);
}

static void a_body_that_disagrees_is_refused(void **state)
{
	static struct body b;
	struct batch batch = {0};

	(void)state;
	fill(&b, 1);
	b.headers.count--;
	assert_int_equal(decode(&b, &batch), BATCH_DISAGREES);
	fill(&b, 1);
	b.headers.count++;
	assert_int_equal(decode(&b, &batch), BATCH_DISAGREES);
	fill(&b, 1);
	b.records[2].seq++;
	assert_int_equal(decode(&b, &batch), BATCH_DISAGREES);
	fill(&b, 1);
	b.resource.host_id = span_str(FIXTURE_STREAM);
	assert_int_equal(decode(&b, &batch), BATCH_DISAGREES);
	fill(&b, 1);
	b.resource.stream = span_str(FIXTURE_HOST);
	assert_int_equal(decode(&b, &batch), BATCH_DISAGREES);
	fill(&b, 1);
	b.headers.count = LIMIT_BATCH_EVENTS + 1;
	assert_int_equal(decode(&b, &batch), BATCH_TOO_LARGE);
	fill(&b, 1);
	b.records[0].wall_ns = UINT64_MAX;
	assert_int_equal(decode(&b, &batch), BATCH_MALFORMED);
	assert_null(batch.events);
}

static void every_hashed_field_breaks_the_chain(void **state)
{
	static struct body b;
	struct batch batch = {0};

	(void)state;
	for (int field = 0; field < 6; field++) {
		fill(&b, 1);
		b.records[1].flags ^= field == 0;
		b.records[1].wall_ns += field == 1;
		b.records[1].boot_ns += field == 2;
		b.json[1][8] = field == 3 ? '9' : b.json[1][8];
		b.headers.prev_hash[31] ^= field == 4;
		b.headers.tip_hash[0] ^= field == 5;
		assert_int_equal(decode(&b, &batch), BATCH_BROKEN_CHAIN);
	}
	fill(&b, 1);
	assert_int_equal(decode(&b, &batch), 0);
	batch_fini(&batch);
}

static void every_cut_and_flip_of_a_body_is_survived(void **state)
{
	static struct body b;
	struct batch batch = {0};

	(void)state;
	fill(&b, 1);
	assert_int_equal(decode(&b, &batch), 0);
	batch_fini(&batch);
	for (size_t cut = 0; cut < b.out.size; cut++)
		assert_true(batch_decode(b.out.data, cut, &b.headers,
					 FIXTURE_HOST, &batch) > 0);
	for (size_t i = 0; i < b.out.size; i++) {
		int r;

		b.out.data[i] ^= 0x10;
		r = batch_decode(b.out.data, b.out.size, &b.headers,
				 FIXTURE_HOST, &batch);
		if (r == 0)
			batch_fini(&batch);
		assert_true(r >= 0);
		b.out.data[i] ^= 0x10;
	}
}

static void an_unreadable_event_is_set_aside(void **state)
{
	static struct body b;
	struct batch batch = {0};
	uint8_t chain[FRAME_HASH_SIZE];

	(void)state;
	fill(&b, 1);
	b.records[1].body = SPAN("nonsense");
	b.records[3].body = b.records[2].body; /* another's sequence */
	memcpy(chain, b.headers.prev_hash, sizeof(chain));
	for (unsigned int i = 0; i < COUNT; i++) {
		struct frame frame = {
			.flags = 3,
			.seq = 1 + i,
			.wall_ns = 1000 + i,
			.boot_ns = 2000 + i,
			.payload = (const uint8_t *)b.records[i].body.ptr,
			.payload_size = b.records[i].body.len};

		memcpy(frame.prev, chain, sizeof(chain));
		assert_int_equal(frame_hash(&frame, chain), 0);
	}
	memcpy(b.headers.tip_hash, chain, sizeof(chain));
	assert_int_equal(decode(&b, &batch), 0);
	assert_int_equal(batch.events[0].quarantine, 0);
	assert_int_equal(batch.events[1].quarantine, EVENT_CHECK_MALFORMED);
	assert_int_equal(batch.events[3].quarantine, EVENT_CHECK_TYPE);
	assert_memory_equal(batch.events[1].code.at, "unreadable", 10);
	assert_int_equal(batch.events[1].severity, 2);
	batch_fini(&batch);
}

static int load(const char *text, struct config *config, char *error)
{
	char *folder = fixture_folder(), path[128];
	FILE *f;
	int r;

	snprintf(path, sizeof(path), "%s/c.conf", folder);
	f = fopen(path, "we");
	assert_true(f && fputs(text, f) >= 0);
	fclose(f);
	error[0] = '\0';
	r = config_load(path, config, error);
	fixture_remove(folder);
	return r;
}

static void a_configuration_is_read_over_the_defaults(void **state)
{
	char error[CONF_ERROR_MAX];
	struct config config;

	(void)state;
	config_init(&config);
	assert_int_equal(
		load("listen = [::1]:1\nthreads = 4\n", &config, error), 0);
	assert_string_equal(config.listen, "[::1]:1");
	assert_string_equal(config.console_listen, "127.0.0.1:8444");
	assert_string_equal(config.dir, CONFIG_DIR_DEFAULT);
	assert_int_equal(config.threads, 4);
	assert_int_equal(config_load("/nonexistent", &config, error), -ENOENT);
}

static void a_wrong_configuration_changes_nothing(void **state)
{
	static const char *const rows[][2] = {
		{"lisen = x\n", "unknown key 'lisen'"},
		{"listen = a:1\nthreads = 0\n", ":2:"},
		{"threads = 65\n", "number from 1 to 64"},
		{"max_connections = many\n", "max_connections"},
		{"dir = relative\n", "absolute"},
		{"listen\n", ":1:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char error[CONF_ERROR_MAX];
		struct config config;

		config_init(&config);
		assert_int_equal(load(rows[i][0], &config, error), -EINVAL);
		assert_non_null(strstr(error, rows[i][1]));
		assert_string_equal(config.listen, "0.0.0.0:8443");
		assert_int_equal(config.threads, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_becomes_chained_events),
		cmocka_unit_test(a_body_that_disagrees_is_refused),
		cmocka_unit_test(every_hashed_field_breaks_the_chain),
		cmocka_unit_test(every_cut_and_flip_of_a_body_is_survived),
		cmocka_unit_test(an_unreadable_event_is_set_aside),
		cmocka_unit_test(a_configuration_is_read_over_the_defaults),
		cmocka_unit_test(a_wrong_configuration_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
