/* SPDX-License-Identifier: Apache-2.0 */
/* The frame's bytes, its chain and every way of being no frame. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/wire/crc32c.h"
#include "agent/wire/endian.h"
#include "agent/wire/frame.h"

static const char payload[] = "{\"class_uid\":1010,\"name\":\"情報市\"}";

static struct frame sample(void)
{
	struct frame frame = {
		.flags = FRAME_URGENT | 3,
		.seq = 0x1122334455667788,
		.wall_ns = 1795172301990000000,
		.boot_ns = 123456789,
		.payload = (const uint8_t *)payload,
		.payload_size = sizeof(payload) - 1,
	};

	for (unsigned i = 0; i < FRAME_HASH_SIZE; i++)
		frame.prev[i] = (uint8_t)i;
	return frame;
}

static void crc_gives_the_published_values(void **state)
{
	/* RFC 3720 B.4 */
	uint8_t zeros[32] = {0};
	uint8_t ones[32];
	uint8_t rising[32];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < 32; i++)
		rising[i] = (uint8_t)i;
	assert_int_equal(crc32c("123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c(ones, 32), 0x62a8ab43);
	assert_int_equal(crc32c(rising, 32), 0x46dd794e);
	assert_int_equal(crc32c("", 0), 0);
}

static void both_crcs_agree_at_every_length(void **state)
{
	uint8_t data[300];

	(void)state;
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 11);
	for (size_t start = 0; start < 9; start++)
		for (size_t size = 0; size + start <= sizeof(data); size++)
			assert_int_equal(crc32c(data + start, size),
					 crc32c_portable(data + start, size));
}

static void a_frame_is_laid_out_as_the_manual_says(void **state)
{
	struct frame frame = sample();
	uint8_t buffer[256] = {0};
	uint8_t hash[FRAME_HASH_SIZE];
	size_t size = 0;

	(void)state;
	assert_int_equal(
		frame_encode(&frame, buffer, sizeof(buffer), hash, &size), 0);
	assert_int_equal(size, 72 + sizeof(payload) - 1);
	assert_memory_equal(buffer, "SKF1", 4);
	assert_int_equal(get_le32(buffer + 4), crc32c(buffer + 8, size - 8));
	assert_int_equal(get_le32(buffer + 8), sizeof(payload) - 1);
	assert_int_equal(get_le32(buffer + 12), FRAME_URGENT | 3);
	assert_int_equal(get_le64(buffer + 16), 0x1122334455667788);
	assert_int_equal(get_le64(buffer + 24), 1795172301990000000);
	assert_int_equal(get_le64(buffer + 32), 123456789);
	assert_memory_equal(buffer + 40, frame.prev, 32);
	assert_memory_equal(buffer + 72, payload, sizeof(payload) - 1);

	/* h_n over 0x00 and the frame without magic and crc. */
	uint8_t message[256];
	uint8_t expected[FRAME_HASH_SIZE];
	message[0] = 0;
	memcpy(message + 1, buffer + 8, size - 8);
	assert_int_equal(EVP_Digest(message, size - 7, expected, NULL,
				    EVP_sha256(), NULL),
			 1);
	assert_memory_equal(hash, expected, FRAME_HASH_SIZE);
}

static void the_origin_binds_stream_and_host(void **state)
{
	uint8_t stream[16];
	uint8_t host[16];
	uint8_t message[15 + 32];
	uint8_t expected[FRAME_HASH_SIZE];
	uint8_t origin[FRAME_HASH_SIZE];

	(void)state;
	memset(stream, 0x5f, sizeof(stream));
	memset(host, 0xa1, sizeof(host));
	memcpy(message, "agent-stream-v1", 15);
	memcpy(message + 15, stream, 16);
	memcpy(message + 31, host, 16);
	assert_int_equal(EVP_Digest(message, sizeof(message), expected, NULL,
				    EVP_sha256(), NULL),
			 1);
	assert_int_equal(frame_origin(stream, host, origin), 0);
	assert_memory_equal(origin, expected, FRAME_HASH_SIZE);
}

static void what_was_encoded_is_decoded(void **state)
{
	struct frame frame = sample();
	struct frame got;
	uint8_t *buffer = malloc(FRAME_SIZE_MAX);
	uint8_t *data = calloc(1, FRAME_PAYLOAD_MAX + 1);
	uint8_t hash[FRAME_HASH_SIZE];
	uint8_t again[FRAME_HASH_SIZE];
	const size_t sizes[] = {0, 1, 7, 8, 700, FRAME_PAYLOAD_MAX};

	(void)state;
	frame.payload = data;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t size = 0;
		size_t used = 0;

		frame.payload_size = sizes[i];
		assert_int_equal(frame_encode(&frame, buffer, FRAME_SIZE_MAX,
					      hash, &size),
				 0);
		assert_int_equal(frame_decode(buffer, size, &got, &used), 0);
		assert_int_equal(used, size);
		assert_int_equal(got.seq, frame.seq);
		assert_int_equal(got.flags, frame.flags);
		assert_int_equal(got.wall_ns, frame.wall_ns);
		assert_int_equal(got.boot_ns, frame.boot_ns);
		assert_memory_equal(got.prev, frame.prev, FRAME_HASH_SIZE);
		assert_int_equal(got.payload_size, sizes[i]);
		assert_memory_equal(got.payload, data, sizes[i]);
		/* The collector has only the fields. */
		assert_int_equal(frame_hash(&got, again), 0);
		assert_memory_equal(again, hash, FRAME_HASH_SIZE);
	}

	size_t size = 77;
	frame.payload_size = FRAME_PAYLOAD_MAX + 1;
	assert_int_equal(frame_encode(&frame, buffer, FRAME_SIZE_MAX, hash,
				      &size),
			 -EMSGSIZE);
	assert_int_equal(frame_hash(&frame, again), -EMSGSIZE);
	frame.payload_size = 10;
	assert_int_equal(frame_encode(&frame, buffer, 81, hash, &size),
			 -ENOBUFS);
	assert_int_equal(size, 77);
	free(data);
	free(buffer);
}

static void any_changed_byte_is_noticed(void **state)
{
	struct frame frame = sample();
	struct frame got = {.seq = 99};
	uint8_t buffer[256];
	uint8_t hash[FRAME_HASH_SIZE];
	size_t size = 0;
	size_t used = 99;

	(void)state;
	assert_int_equal(
		frame_encode(&frame, buffer, sizeof(buffer), hash, &size), 0);
	for (size_t at = 0; at < size; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			buffer[at] ^= (uint8_t)(1u << bit);
			assert_true(frame_decode(buffer, size, &got, &used) >
				    0);
			buffer[at] ^= (uint8_t)(1u << bit);
		}
	}
	for (size_t cut = 0; cut < size; cut++)
		assert_true(frame_decode(buffer, cut, &got, &used) > 0);
	/* Untouched on failure. */
	assert_int_equal(got.seq, 99);
	assert_int_equal(used, 99);
}

static void each_kind_of_nothing_has_its_name(void **state)
{
	struct frame frame = sample();
	struct frame got;
	uint8_t buffer[256];
	uint8_t zeros[128] = {0};
	uint8_t hash[FRAME_HASH_SIZE];
	size_t size = 0;
	size_t used = 0;

	(void)state;
	assert_int_equal(
		frame_encode(&frame, buffer, sizeof(buffer), hash, &size), 0);
	assert_int_equal(frame_decode(zeros, sizeof(zeros), &got, &used),
			 FRAME_END);
	assert_int_equal(frame_decode(zeros, 0, &got, &used), FRAME_END);
	assert_int_equal(frame_decode(zeros, 3, &got, &used), FRAME_END);
	zeros[71] = 1;
	assert_int_equal(frame_decode(zeros, sizeof(zeros), &got, &used),
			 FRAME_GARBAGE);
	assert_int_equal(frame_decode(buffer, size - 1, &got, &used),
			 FRAME_CUT);
	assert_int_equal(frame_decode(buffer, 20, &got, &used), FRAME_CUT);
	put_le32(buffer + 8, FRAME_PAYLOAD_MAX + 1);
	assert_int_equal(frame_decode(buffer, size, &got, &used),
			 FRAME_BAD_SIZE);
	put_le32(buffer + 8, 3);
	assert_int_equal(frame_decode(buffer, size, &got, &used),
			 FRAME_BAD_CRC);
	for (int i = 1; i <= FRAME_BAD_CRC; i++)
		assert_string_not_equal(frame_outcome_to_str(i), "frame");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_gives_the_published_values),
		cmocka_unit_test(both_crcs_agree_at_every_length),
		cmocka_unit_test(a_frame_is_laid_out_as_the_manual_says),
		cmocka_unit_test(the_origin_binds_stream_and_host),
		cmocka_unit_test(what_was_encoded_is_decoded),
		cmocka_unit_test(any_changed_byte_is_noticed),
		cmocka_unit_test(each_kind_of_nothing_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
