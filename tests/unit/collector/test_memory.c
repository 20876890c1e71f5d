/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without memory: each allocation in turn fails, and the work ends in an error
 * that the caller can tell, or in success; nothing crashes and a store stays
 * whole. Not under a sanitizer, which has an allocator of its own.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "agent/wire/otlp.h"
#include "collector/api/json.h"
#include "collector/batch.h"
#include "collector/ca.h"
#include "collector/inflate.h"
#include "collector/secret.h"
#include "collector/web/html.h"
#include "tests/unit/collector/fixture.h"

#ifndef __SANITIZE_ADDRESS__
#define TRIES 20000

/* Allocations until one fails; < 0: none does. */
static long countdown = -1;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool is_failing(void)
{
	if (countdown < 0)
		return false;
	return countdown-- == 0;
}

void *malloc(size_t size)
{
	return is_failing() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return is_failing() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return is_failing() ? NULL : __libc_realloc(old, size);
}

/* Runs `work` until it has not met the failing allocation any more. */
static void fail_each(int (*work)(void *ctx), void *ctx)
{
	for (long n = 0; n < TRIES; n++) {
		bool was_met;
		int r;

		countdown = n;
		r = work(ctx);
		was_met = countdown < 0;
		countdown = -1;
		if (!was_met) {
			assert_int_equal(r, 0);
			return;
		}
		if (r != 0 && r != -ENOMEM && r != -EIO)
			fail_msg("allocation %ld: %d", n, r);
	}
	fail_msg("more than %d allocations", TRIES);
}

static struct {
	uint8_t buffer[8192];
	struct otlp_output out;
	struct headers headers;
} body;

static void make_body(void)
{
	static const char json[] =
		"{\"time\":1,\"class_uid\":1,\"severity_id\":2,\"metadata\":"
		"{\"version\":\"1\",\"event_code\":\"agent.start\","
		"\"sequence\":1},\"sekimori\":{\"health\":{\"tier\":\"T1\"}}}";
	const struct otlp_resource resource = {
		.host_id = span_str(FIXTURE_HOST)};
	const struct otlp_record record = {.seq = 1,
					   .has_seq = true,
					   .body = span_str(json)};
	const struct frame frame = {.seq = 1,
				    .payload = (const uint8_t *)json,
				    .payload_size = strlen(json)};

	body.out = (struct otlp_output){.buffer = body.buffer,
					.capacity = sizeof(body.buffer)};
	assert_int_equal(otlp_encode_request(&resource, &record, 1, &body.out),
			 0);
	memcpy(body.headers.stream, FIXTURE_STREAM, IDENT_HEX_LEN);
	body.headers.first_seq = body.headers.last_seq = 1;
	body.headers.count = 1;
	assert_int_equal(frame_hash(&frame, body.headers.tip_hash), 0);
}

static int decode(void *ctx)
{
	struct batch batch = {0};
	int r = batch_decode(body.out.data, body.out.size, &body.headers,
			     FIXTURE_HOST, &batch);

	(void)ctx;
	if (r == 0)
		batch_fini(&batch);
	return r;
}

static void a_batch_is_decoded_or_not(void **state)
{
	(void)state;
	make_body();
	fail_each(decode, NULL);
}

static const uint8_t GZIP[] = {0x1f, 0x8b, 8,	 0,    0,    0, 0, 0,
			       0,    3,	   0x4b, 0x4c, 0x4a, 6, 0, 0xc2,
			       0x41, 0x24, 0x35, 3,    0,    0, 0};
static const uint8_t ZSTD[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 3,
			       0x19, 0,	   0,	 'a',  'b',  'c'};

static int inflate_both(void *ctx)
{
	struct buf out = BUF_INIT(1024);
	int r = inflate_body(HEADERS_CODING_GZIP, GZIP, sizeof(GZIP), &out);

	(void)ctx;
	if (r == 0)
		r = inflate_body(HEADERS_CODING_ZSTD, ZSTD, sizeof(ZSTD), &out);
	if (r == 0)
		assert_string_equal(buf_text(&out), "abcabc");
	buf_fini(&out);
	return r;
}

static void a_body_is_inflated_or_not(void **state)
{
	(void)state;
	fail_each(inflate_both, NULL);
}

static int write_out(void *ctx)
{
	static const uint8_t hash[32];
	const struct store_row row = {.host = "h",
				      .stream = "s",
				      .code = "c",
				      .unit = "\"",
				      .hash = hash,
				      .body = "x",
				      .body_len = 1,
				      .quarantine = 1};
	struct buf out = BUF_INIT(4096);
	int r = json_add_row(&out, &row);

	(void)ctx;
	if (r == 0)
		r = html_add(&out, "<b>");
	buf_fini(&out);
	return r;
}

static void texts_are_written_or_not(void **state)
{
	(void)state;
	fail_each(write_out, NULL);
}

struct put {
	struct store_batch batch;
	struct store_ack ack;
};

static int put(struct store *store, void *ctx)
{
	struct put *p = ctx;

	return store->ops->put_batch(store, &p->batch, &p->ack);
}

static int store_once(void *ctx)
{
	static struct fixture f;
	struct store *store = NULL;
	char *folder = ctx;
	struct put p;
	long kept = countdown;
	int r;

	countdown = -1; /* the fixture is not what is tested */
	fixture_init(&f, FIXTURE_STREAM, 0);
	p.batch = fixture_batch(&f, 1, 5);
	countdown = kept;
	r = store_sqlite_open(folder, STORE_CREATE, &store);
	if (r == 0)
		r = store_transact(store, put, &p);
	store_close(store);
	return r;
}

static void a_store_keeps_all_of_a_batch_or_nothing(void **state)
{
	char *folder = fixture_folder();
	struct store *store = NULL;
	struct put p = {0};
	static struct fixture f;

	(void)state;
	fail_each(store_once, folder);
	fixture_init(&f, FIXTURE_STREAM, 0);
	assert_int_equal(store_sqlite_open(folder, STORE_WRITE, &store), 0);
	p.batch = fixture_batch(&f, 1, 5);
	assert_int_equal(store_transact(store, put, &p), 0);
	assert_int_equal(p.ack.seq, 5);
	assert_int_equal(p.ack.duplicates, 5);
	store_close(store);
	fixture_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_decoded_or_not),
		cmocka_unit_test(a_body_is_inflated_or_not),
		cmocka_unit_test(texts_are_written_or_not),
		cmocka_unit_test(a_store_keeps_all_of_a_batch_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
static void the_allocator_belongs_to_the_sanitizer(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_allocator_belongs_to_the_sanitizer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
