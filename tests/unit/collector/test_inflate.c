/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies out of their coding: limits hold while they grow; corruption is seen. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "collector/inflate.h"

#define PLAIN_SIZE 200000u

static size_t gzip(const void *plain, size_t size, uint8_t *out, size_t cap)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)plain,
		      .avail_in = (uInt)size,
		      .next_out = out,
		      .avail_out = (uInt)cap};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8,
				      Z_DEFAULT_STRATEGY),
			 Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static size_t pack(enum headers_coding coding, const uint8_t *plain,
		   size_t size, uint8_t *out, size_t cap)
{
	size_t n;

	if (coding == HEADERS_CODING_GZIP)
		return gzip(plain, size, out, cap);
	if (coding == HEADERS_CODING_ZSTD) {
		n = ZSTD_compress(out, cap, plain, size, 3);
		assert_false(ZSTD_isError(n));
		return n;
	}
	memcpy(out, plain, size);
	return size;
}

static const enum headers_coding CODINGS[] = {HEADERS_CODING_IDENTITY,
					      HEADERS_CODING_GZIP,
					      HEADERS_CODING_ZSTD};

static void each_coding_gives_back_what_went_in(void **state)
{
	uint8_t *plain = malloc(PLAIN_SIZE), *packed = malloc(2 * PLAIN_SIZE);

	(void)state;
	assert_true(plain && packed);
	for (size_t i = 0; i < PLAIN_SIZE; i++)
		plain[i] = (uint8_t)(i % 251 ^ i / 977);
	for (size_t c = 0; c < 3; c++) {
		for (size_t size = 0; size <= PLAIN_SIZE; size = size * 3 + 1) {
			struct buf out = BUF_INIT(PLAIN_SIZE + 1);
			size_t n = pack(CODINGS[c], plain, size, packed,
					2 * PLAIN_SIZE);

			assert_int_equal(
				inflate_body(CODINGS[c], packed, n, &out), 0);
			assert_int_equal(out.size, size);
			if (size > 0)
				assert_memory_equal(out.data, plain, size);
			buf_fini(&out);
		}
	}
	free(plain);
	free(packed);
}

static void a_bomb_stops_at_the_limit(void **state)
{
	const size_t size = 32u << 20;
	uint8_t *plain = calloc(1, size), *packed = malloc(1u << 20);

	(void)state;
	assert_true(plain && packed);
	for (size_t c = 1; c < 3; c++) {
		struct buf out = BUF_INIT(1u << 20);
		size_t n = pack(CODINGS[c], plain, size, packed, 1u << 20);

		assert_int_equal(inflate_body(CODINGS[c], packed, n, &out),
				 INFLATE_TOO_LARGE);
		assert_true(out.capacity <= 2u << 20);
		buf_fini(&out);
	}
	free(plain);
	free(packed);
}

static void cut_changed_and_trailed_bodies_are_corrupt(void **state)
{
	uint8_t plain[3000], packed[8192], copy[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i * 7919 >> 3);
	for (size_t c = 1; c < 3; c++) {
		size_t n = pack(CODINGS[c], plain, sizeof(plain), packed,
				sizeof(packed));

		for (size_t cut = 0; cut < n; cut++) {
			struct buf out = BUF_INIT(1u << 20);

			assert_int_equal(inflate_body(CODINGS[c], packed, cut,
						      &out),
					 INFLATE_CORRUPT);
			buf_fini(&out);
		}
		memcpy(copy, packed, n);
		copy[n] = 'x';
		struct buf out = BUF_INIT(1u << 20);
		assert_int_equal(inflate_body(CODINGS[c], copy, n + 1, &out),
				 INFLATE_CORRUPT);
		buf_fini(&out);
		copy[0] ^= 0xff;
		assert_int_equal(inflate_body(CODINGS[c], copy, n, &out),
				 INFLATE_CORRUPT);
		buf_fini(&out);
	}
}

static void two_members_are_one_too_many(void **state)
{
	uint8_t packed[256];
	size_t a, b;

	(void)state;
	for (size_t c = 1; c < 3; c++) {
		struct buf out = BUF_INIT(1024);

		a = pack(CODINGS[c], (const uint8_t *)"one", 3, packed, 128);
		b = pack(CODINGS[c], (const uint8_t *)"two", 3, packed + a,
			 128);
		assert_int_equal(inflate_body(CODINGS[c], packed, a + b, &out),
				 INFLATE_CORRUPT);
		buf_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_coding_gives_back_what_went_in),
		cmocka_unit_test(a_bomb_stops_at_the_limit),
		cmocka_unit_test(cut_changed_and_trailed_bodies_are_corrupt),
		cmocka_unit_test(two_members_are_one_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
