/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header and footer of a spool file. The signed message is built here and
 * nowhere else, for signing and verifying alike.
 */
#include "agent/wire/segment.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/wire/crc32c.h"
#include "agent/wire/endian.h"

#define SEGMENT_PLAIN  1u
#define SEGMENT_PACKED 2u

#define HEADER_AT_VERSION 8
#define HEADER_AT_CRC	  12
#define HEADER_AT_STREAM  16
#define HEADER_AT_HOST	  32
#define HEADER_AT_FIRST	  48
#define HEADER_AT_WALL	  56
#define HEADER_AT_PREV	  64
#define HEADER_AT_KEY	  96
#define HEADER_AT_FRAMES  112

#define FOOTER_AT_CRC	    4
#define FOOTER_AT_COUNT	    8
#define FOOTER_AT_TIP	    16
#define FOOTER_AT_SIGNATURE 48

static const uint8_t header_magic[8] = {'S', 'E', 'K', 'I', 'M', 'O', 'R', 'I'};
/* With its NUL, which ends the tag in the signed message. */
static const char signature_tag[] = "sekimori-segment-v1";

#define MESSAGE_SIZE                                                           \
	(sizeof(signature_tag) + (size_t)2 * FRAME_ID_SIZE + 16 +              \
	 (size_t)2 * FRAME_HASH_SIZE)

static uint32_t header_crc(const uint8_t *buffer)
{
	return crc32c(buffer + HEADER_AT_STREAM,
		      SEGMENT_HEADER_SIZE - HEADER_AT_STREAM);
}

static uint32_t footer_crc(const uint8_t *buffer)
{
	return crc32c(buffer + FOOTER_AT_COUNT,
		      SEGMENT_FOOTER_SIZE - FOOTER_AT_COUNT);
}

void segment_header_encode(const struct segment_header *header,
			   uint8_t buffer[SEGMENT_HEADER_SIZE])
{
	memset(buffer, 0, SEGMENT_HEADER_SIZE);
	memcpy(buffer, header_magic, sizeof(header_magic));
	put_le32(buffer + HEADER_AT_VERSION,
		 header->frames_bytes ? SEGMENT_PACKED : SEGMENT_PLAIN);
	memcpy(buffer + HEADER_AT_STREAM, header->stream, FRAME_ID_SIZE);
	memcpy(buffer + HEADER_AT_HOST, header->host_id, FRAME_ID_SIZE);
	put_le64(buffer + HEADER_AT_FIRST, header->first_seq);
	put_le64(buffer + HEADER_AT_WALL, header->wall_ns);
	memcpy(buffer + HEADER_AT_PREV, header->prev, FRAME_HASH_SIZE);
	memcpy(buffer + HEADER_AT_KEY, header->key_id, SEGMENT_KEY_ID_SIZE);
	put_le64(buffer + HEADER_AT_FRAMES, header->frames_bytes);
	put_le32(buffer + HEADER_AT_CRC, header_crc(buffer));
}

int segment_header_decode(const uint8_t *data, size_t size,
			  struct segment_header *ret_header)
{
	if (size < SEGMENT_HEADER_SIZE ||
	    memcmp(data, header_magic, sizeof(header_magic)) != 0)
		return SEGMENT_GARBAGE;
	if (get_le32(data + HEADER_AT_CRC) != header_crc(data))
		return SEGMENT_BAD_CRC;
	uint32_t version = get_le32(data + HEADER_AT_VERSION);
	uint64_t frames_bytes = get_le64(data + HEADER_AT_FRAMES);
	if (version != (frames_bytes ? SEGMENT_PACKED : SEGMENT_PLAIN))
		return SEGMENT_BAD_VERSION;

	ret_header->frames_bytes = frames_bytes;
	ret_header->first_seq = get_le64(data + HEADER_AT_FIRST);
	ret_header->wall_ns = get_le64(data + HEADER_AT_WALL);
	memcpy(ret_header->stream, data + HEADER_AT_STREAM, FRAME_ID_SIZE);
	memcpy(ret_header->host_id, data + HEADER_AT_HOST, FRAME_ID_SIZE);
	memcpy(ret_header->prev, data + HEADER_AT_PREV, FRAME_HASH_SIZE);
	memcpy(ret_header->key_id, data + HEADER_AT_KEY, SEGMENT_KEY_ID_SIZE);
	return 0;
}

void segment_footer_encode(const struct segment_footer *footer,
			   uint8_t buffer[SEGMENT_FOOTER_SIZE])
{
	memset(buffer, 0, SEGMENT_FOOTER_SIZE);
	put_le32(buffer, SEGMENT_FOOTER_MAGIC);
	put_le64(buffer + FOOTER_AT_COUNT, footer->count);
	memcpy(buffer + FOOTER_AT_TIP, footer->tip, FRAME_HASH_SIZE);
	memcpy(buffer + FOOTER_AT_SIGNATURE, footer->signature,
	       SEGMENT_SIGNATURE_SIZE);
	put_le32(buffer + FOOTER_AT_CRC, footer_crc(buffer));
}

int segment_footer_decode(const uint8_t *data, size_t size,
			  struct segment_footer *ret_footer)
{
	if (size < SEGMENT_FOOTER_SIZE ||
	    get_le32(data) != SEGMENT_FOOTER_MAGIC)
		return SEGMENT_GARBAGE;
	if (get_le32(data + FOOTER_AT_CRC) != footer_crc(data))
		return SEGMENT_BAD_CRC;

	ret_footer->count = get_le64(data + FOOTER_AT_COUNT);
	memcpy(ret_footer->tip, data + FOOTER_AT_TIP, FRAME_HASH_SIZE);
	memcpy(ret_footer->signature, data + FOOTER_AT_SIGNATURE,
	       SEGMENT_SIGNATURE_SIZE);
	return 0;
}

static void put_message(const struct segment_header *header,
			const struct segment_footer *footer,
			uint8_t message[MESSAGE_SIZE])
{
	uint8_t *at = message;

	memcpy(at, signature_tag, sizeof(signature_tag));
	at += sizeof(signature_tag);
	memcpy(at, header->stream, FRAME_ID_SIZE);
	at += FRAME_ID_SIZE;
	memcpy(at, header->host_id, FRAME_ID_SIZE);
	at += FRAME_ID_SIZE;
	put_le64(at, header->first_seq);
	put_le64(at + 8, footer->count);
	at += 16;
	memcpy(at, header->prev, FRAME_HASH_SIZE);
	memcpy(at + FRAME_HASH_SIZE, footer->tip, FRAME_HASH_SIZE);
}

int segment_footer_sign(const struct segment_header *header,
			struct segment_footer *footer, EVP_PKEY *key)
{
	uint8_t message[MESSAGE_SIZE];
	size_t length = SEGMENT_SIGNATURE_SIZE;

	if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519)
		return -EINVAL;

	put_message(header, footer, message);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context &&
		  EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestSign(context, footer->signature, &length, message,
				 sizeof(message)) == 1;
	EVP_MD_CTX_free(context);
	return ok ? 0 : -ENOMEM;
}

static bool is_unsigned(const struct segment_footer *footer)
{
	static const uint8_t zero[SEGMENT_SIGNATURE_SIZE];

	return memcmp(footer->signature, zero, sizeof(zero)) == 0;
}

int segment_footer_verify(const struct segment_header *header,
			  const struct segment_footer *footer, EVP_PKEY *key)
{
	uint8_t message[MESSAGE_SIZE];

	if (is_unsigned(footer))
		return SEGMENT_UNSIGNED;
	if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519)
		return SEGMENT_FORGED;

	put_message(header, footer, message);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context ||
	    EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) != 1) {
		EVP_MD_CTX_free(context);
		return -ENOMEM;
	}
	int verified = EVP_DigestVerify(context, footer->signature,
					SEGMENT_SIGNATURE_SIZE, message,
					sizeof(message));
	EVP_MD_CTX_free(context);
	return verified == 1 ? 0 : SEGMENT_FORGED;
}

int segment_key_id(const EVP_PKEY *key, uint8_t ret_id[SEGMENT_KEY_ID_SIZE])
{
	uint8_t public_key[32];
	uint8_t digest[FRAME_HASH_SIZE];
	size_t size = sizeof(public_key);

	if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(key, public_key, &size) != 1)
		return -EINVAL;
	if (EVP_Digest(public_key, size, digest, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;

	memcpy(ret_id, digest, SEGMENT_KEY_ID_SIZE);
	return 0;
}
