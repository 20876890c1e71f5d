/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded protobuf primitives; every length is checked against what is left. */
#include "agent/wire/protobuf.h"

#include <errno.h>
#include <string.h>

#include "agent/wire/endian.h"

#define VARINT_MAX 10u /* bytes of a 64-bit varint */

static int take_varint(struct span *rest, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (size_t i = 0; i < VARINT_MAX && i < rest->len; i++) {
		uint8_t byte = (uint8_t)rest->ptr[i];

		if (i == VARINT_MAX - 1 && byte > 1)
			return -EBADMSG; /* beyond 64 bits */
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*rest = span_skip(*rest, i + 1);
			*ret_value = value;
			return 0;
		}
	}
	return -EBADMSG;
}

static int take_fixed(struct span *rest, size_t size, uint64_t *ret_value)
{
	if (rest->len < size)
		return -EBADMSG;

	const uint8_t *at = (const uint8_t *)rest->ptr;
	*ret_value = size == 8 ? get_le64(at) : get_le32(at);
	*rest = span_skip(*rest, size);
	return 0;
}

static int take_bytes(struct span *rest, struct span *ret_bytes)
{
	uint64_t size = 0;

	if (take_varint(rest, &size) < 0 || size > rest->len)
		return -EBADMSG;

	*ret_bytes = span_take(*rest, (size_t)size);
	*rest = span_skip(*rest, (size_t)size);
	return 0;
}

static int take_value(struct span *rest, struct protobuf_field *field)
{
	switch (field->type) {
	case PROTOBUF_VARINT:
		return take_varint(rest, &field->value);
	case PROTOBUF_FIXED64:
		return take_fixed(rest, 8, &field->value);
	case PROTOBUF_FIXED32:
		return take_fixed(rest, 4, &field->value);
	case PROTOBUF_BYTES:
		return take_bytes(rest, &field->bytes);
	default:
		return -EBADMSG; /* groups (3, 4): no sender of OTLP has them */
	}
}

int protobuf_next(struct span *rest, struct protobuf_field *ret_field)
{
	uint64_t tag = 0;

	if (span_is_empty(*rest))
		return PROTOBUF_END;
	if (take_varint(rest, &tag) < 0 || tag > UINT32_MAX || tag >> 3 == 0)
		return -EBADMSG;

	struct protobuf_field field = {
		.number = (uint32_t)tag >> 3,
		.type = (enum protobuf_type)(tag & 7),
	};
	if (take_value(rest, &field) < 0)
		return -EBADMSG;
	*ret_field = field;
	return 0;
}

static void put_raw(struct protobuf_writer *writer, const void *data,
		    size_t size)
{
	if (writer->failed || size > writer->at) {
		writer->failed = true;
		return;
	}
	writer->at -= size;
	if (size > 0)
		memcpy(writer->buffer + writer->at, data, size);
}

static void put_raw_varint(struct protobuf_writer *writer, uint64_t value)
{
	uint8_t bytes[VARINT_MAX];
	size_t size = 0;

	do {
		bytes[size] = (uint8_t)(value & 0x7f);
		value >>= 7;
		if (value)
			bytes[size] |= 0x80;
		size++;
	} while (value);
	put_raw(writer, bytes, size);
}

static void put_tag(struct protobuf_writer *writer, uint32_t number,
		    enum protobuf_type type)
{
	put_raw_varint(writer, (uint64_t)number << 3 | (uint64_t)type);
}

void protobuf_put_varint(struct protobuf_writer *writer, uint32_t number,
			 uint64_t value)
{
	put_raw_varint(writer, value);
	put_tag(writer, number, PROTOBUF_VARINT);
}

void protobuf_put_fixed64(struct protobuf_writer *writer, uint32_t number,
			  uint64_t value)
{
	uint8_t bytes[8];

	put_le64(bytes, value);
	put_raw(writer, bytes, sizeof(bytes));
	put_tag(writer, number, PROTOBUF_FIXED64);
}

void protobuf_put_bytes(struct protobuf_writer *writer, uint32_t number,
			struct span bytes)
{
	put_raw(writer, bytes.ptr, bytes.len);
	put_raw_varint(writer, bytes.len);
	put_tag(writer, number, PROTOBUF_BYTES);
}

void protobuf_wrap(struct protobuf_writer *writer, uint32_t number, size_t mark)
{
	put_raw_varint(writer, mark - writer->at);
	put_tag(writer, number, PROTOBUF_BYTES);
}
