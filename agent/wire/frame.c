/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frame codec. One function lays the header out (put_header) and one reads it,
 * so what is hashed, checked and stored cannot drift apart.
 */
#include "agent/wire/frame.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/wire/crc32c.h"
#include "agent/wire/endian.h"

#define AT_MAGIC 0
#define AT_CRC	 4
#define AT_LEN	 8 /* from here on bytes are under the CRC and the hash */
#define AT_FLAGS 12
#define AT_SEQ	 16
#define AT_WALL	 24
#define AT_BOOT	 32
#define AT_PREV	 40

static const char origin_tag[] = "agent-stream-v1";

const char *frame_outcome_to_str(int outcome)
{
	switch (outcome) {
	case FRAME_END:
		return "end";
	case FRAME_CUT:
		return "cut";
	case FRAME_GARBAGE:
		return "garbage";
	case FRAME_BAD_SIZE:
		return "bad size";
	case FRAME_BAD_CRC:
		return "bad crc";
	default:
		return "frame";
	}
}

struct part {
	const void *data;
	size_t size;
};

static int sha256_parts(const struct part *parts, size_t count,
			uint8_t ret_hash[FRAME_HASH_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);

	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(context, parts[i].data, parts[i].size);
	ok = ok && EVP_DigestFinal_ex(context, ret_hash, NULL);
	EVP_MD_CTX_free(context);
	return ok ? 0 : -ENOMEM;
}

int frame_origin(const uint8_t stream[FRAME_ID_SIZE],
		 const uint8_t host_id[FRAME_ID_SIZE],
		 uint8_t ret_hash[FRAME_HASH_SIZE])
{
	const struct part parts[] = {
		{origin_tag, sizeof(origin_tag) - 1},
		{stream, FRAME_ID_SIZE},
		{host_id, FRAME_ID_SIZE},
	};

	return sha256_parts(parts, 3, ret_hash);
}

/* All of the header but magic and crc. */
static void put_header(const struct frame *frame,
		       uint8_t header[FRAME_HEADER_SIZE])
{
	put_le32(header + AT_LEN, (uint32_t)frame->payload_size);
	put_le32(header + AT_FLAGS, frame->flags);
	put_le64(header + AT_SEQ, frame->seq);
	put_le64(header + AT_WALL, frame->wall_ns);
	put_le64(header + AT_BOOT, frame->boot_ns);
	memcpy(header + AT_PREV, frame->prev, FRAME_HASH_SIZE);
}

static int hash_parts(const uint8_t header[FRAME_HEADER_SIZE],
		      const struct frame *frame,
		      uint8_t ret_hash[FRAME_HASH_SIZE])
{
	static const uint8_t leaf_prefix = 0x00; /* as RFC 6962 section 2.1 */
	const struct part parts[] = {
		{&leaf_prefix, 1},
		{header + AT_LEN, FRAME_HEADER_SIZE - AT_LEN},
		{frame->payload, frame->payload_size},
	};

	return sha256_parts(parts, 3, ret_hash);
}

int frame_hash(const struct frame *frame, uint8_t ret_hash[FRAME_HASH_SIZE])
{
	uint8_t header[FRAME_HEADER_SIZE];

	if (frame->payload_size > FRAME_PAYLOAD_MAX)
		return -EMSGSIZE;

	put_header(frame, header);
	return hash_parts(header, frame, ret_hash);
}

int frame_encode(const struct frame *frame, uint8_t *buffer, size_t capacity,
		 uint8_t ret_hash[FRAME_HASH_SIZE], size_t *ret_size)
{
	if (frame->payload_size > FRAME_PAYLOAD_MAX)
		return -EMSGSIZE;

	size_t size = frame_size(frame->payload_size);
	if (size > capacity)
		return -ENOBUFS;

	put_le32(buffer + AT_MAGIC, FRAME_MAGIC);
	put_header(frame, buffer);
	if (frame->payload_size > 0)
		memcpy(buffer + FRAME_HEADER_SIZE, frame->payload,
		       frame->payload_size);
	put_le32(buffer + AT_CRC, crc32c(buffer + AT_LEN, size - AT_LEN));

	int r = hash_parts(buffer, frame, ret_hash);
	if (r < 0)
		return r;
	*ret_size = size;
	return 0;
}

static bool is_zero(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != 0)
			return false;
	return true;
}

/*
 * A zeroed header is the unused rest; zeros that the buffer ends within may
 * still be one.
 */
static int classify_no_magic(const uint8_t *data, size_t size)
{
	if (size > FRAME_HEADER_SIZE)
		size = FRAME_HEADER_SIZE;
	return is_zero(data, size) ? FRAME_END : FRAME_GARBAGE;
}

int frame_decode(const uint8_t *data, size_t size, struct frame *ret_frame,
		 size_t *ret_size)
{
	if (size < 4 || get_le32(data + AT_MAGIC) != FRAME_MAGIC)
		return classify_no_magic(data, size);
	if (size < FRAME_HEADER_SIZE)
		return FRAME_CUT;

	size_t payload_size = get_le32(data + AT_LEN);
	if (payload_size > FRAME_PAYLOAD_MAX)
		return FRAME_BAD_SIZE;

	size_t whole = frame_size(payload_size);
	if (whole > size)
		return FRAME_CUT;
	if (crc32c(data + AT_LEN, whole - AT_LEN) != get_le32(data + AT_CRC))
		return FRAME_BAD_CRC;

	*ret_frame = (struct frame){
		.flags = get_le32(data + AT_FLAGS),
		.seq = get_le64(data + AT_SEQ),
		.wall_ns = get_le64(data + AT_WALL),
		.boot_ns = get_le64(data + AT_BOOT),
		.payload = data + FRAME_HEADER_SIZE,
		.payload_size = payload_size,
	};
	memcpy(ret_frame->prev, data + AT_PREV, FRAME_HASH_SIZE);
	*ret_size = whole;
	return 0;
}
