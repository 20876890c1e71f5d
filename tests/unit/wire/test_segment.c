/* SPDX-License-Identifier: Apache-2.0 */
/* Header and footer of a segment file, and the signature over it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/wire/crc32c.h"
#include "agent/wire/endian.h"
#include "agent/wire/segment.h"

static struct segment_header sample(void)
{
	struct segment_header header = {.first_seq = 1201,
					.wall_ns = 1795172301990000000};

	memset(header.stream, 0x5f, sizeof(header.stream));
	memset(header.host_id, 0xa1, sizeof(header.host_id));
	memset(header.prev, 0x33, sizeof(header.prev));
	memset(header.key_id, 0x77, sizeof(header.key_id));
	return header;
}

static void a_header_round_trips_and_any_change_is_noticed(void **state)
{
	struct segment_header header = sample();
	struct segment_header got;
	uint8_t buffer[SEGMENT_HEADER_SIZE];

	(void)state;
	segment_header_encode(&header, buffer);
	assert_memory_equal(buffer, "SEKIMORI", 8);
	assert_int_equal(get_le32(buffer + 12), crc32c(buffer + 16, 112));
	assert_int_equal(get_le64(buffer + 48), 1201);
	memset(&got, 0, sizeof(got));
	assert_int_equal(segment_header_decode(buffer, sizeof(buffer), &got),
			 0);
	assert_memory_equal(&got, &header, sizeof(got));

	for (size_t at = 0; at < sizeof(buffer); at++) {
		buffer[at] ^= 4;
		assert_true(segment_header_decode(buffer, sizeof(buffer),
						  &got) > 0);
		buffer[at] ^= 4;
	}
	assert_int_equal(segment_header_decode(buffer, 127, &got),
			 SEGMENT_GARBAGE);
	buffer[0] = 'X';
	assert_int_equal(segment_header_decode(buffer, 128, &got),
			 SEGMENT_GARBAGE);
	segment_header_encode(&header, buffer);
	put_le32(buffer + 8, 2);
	assert_int_equal(segment_header_decode(buffer, 128, &got),
			 SEGMENT_BAD_VERSION);
}

static void a_footer_round_trips_and_any_change_is_noticed(void **state)
{
	struct segment_footer footer = {.count = 200};
	struct segment_footer got;
	uint8_t buffer[SEGMENT_FOOTER_SIZE];

	(void)state;
	memset(footer.tip, 0x44, sizeof(footer.tip));
	memset(footer.signature, 0x55, sizeof(footer.signature));
	segment_footer_encode(&footer, buffer);
	assert_int_equal(segment_footer_decode(buffer, sizeof(buffer), &got),
			 0);
	assert_int_equal(got.count, 200);
	assert_memory_equal(got.tip, footer.tip, sizeof(got.tip));
	assert_memory_equal(got.signature, footer.signature, 64);
	for (size_t at = 0; at < sizeof(buffer); at++) {
		buffer[at] ^= 4;
		assert_true(segment_footer_decode(buffer, sizeof(buffer),
						  &got) > 0);
		buffer[at] ^= 4;
	}
}

static void every_signed_field_matters(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	struct segment_header header = sample();
	struct segment_footer footer = {.count = 7};

	(void)state;
	assert_int_equal(segment_footer_verify(&header, &footer, key),
			 SEGMENT_UNSIGNED);
	assert_int_equal(segment_footer_sign(&header, &footer, ec), -EINVAL);
	assert_int_equal(segment_footer_sign(&header, &footer, key), 0);
	assert_int_equal(segment_footer_verify(&header, &footer, key), 0);
	assert_int_equal(segment_footer_verify(&header, &footer, other),
			 SEGMENT_FORGED);
	assert_int_equal(segment_footer_verify(&header, &footer, ec),
			 SEGMENT_FORGED);

	uint8_t *fields[] = {header.stream,
			     header.host_id,
			     (uint8_t *)&header.first_seq,
			     (uint8_t *)&footer.count,
			     header.prev,
			     footer.tip,
			     footer.signature};
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		fields[i][0] ^= 1;
		assert_int_equal(segment_footer_verify(&header, &footer, key),
				 SEGMENT_FORGED);
		fields[i][0] ^= 1;
	}
	assert_int_equal(segment_footer_verify(&header, &footer, key), 0);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(ec);
}

static void the_key_id_is_the_hash_of_the_raw_key(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	uint8_t raw[32];
	uint8_t digest[32];
	uint8_t id[SEGMENT_KEY_ID_SIZE];
	size_t size = sizeof(raw);

	(void)state;
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &size), 1);
	assert_int_equal(EVP_Digest(raw, 32, digest, NULL, EVP_sha256(), NULL),
			 1);
	assert_int_equal(segment_key_id(key, id), 0);
	assert_memory_equal(id, digest, sizeof(id));
	assert_int_equal(segment_key_id(ec, id), -EINVAL);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_header_round_trips_and_any_change_is_noticed),
		cmocka_unit_test(
			a_footer_round_trips_and_any_change_is_noticed),
		cmocka_unit_test(every_signed_field_matters),
		cmocka_unit_test(the_key_id_is_the_hash_of_the_raw_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
