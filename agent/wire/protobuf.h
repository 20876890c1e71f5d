/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf wire format as far as otlp needs it (protobuf.dev, "Encoding"):
 * varint, fixed64, fixed32, length-delimited. Only otlp_*.c include this. A
 * writer fills its buffer from the back to the front; a field reader walks one
 * message's fields and refuses what is cut, too long or a group.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/span.h"

enum protobuf_type {
	PROTOBUF_VARINT = 0,
	PROTOBUF_FIXED64 = 1,
	PROTOBUF_BYTES = 2,
	PROTOBUF_FIXED32 = 5,
};

struct protobuf_field {
	uint32_t number;
	enum protobuf_type type;
	uint64_t value;	   /* of a varint, fixed64, fixed32 */
	struct span bytes; /* of a length-delimited field */
};

enum protobuf_outcome { PROTOBUF_END = 1 };

/*
 * Takes the next field off the front of *rest. Returns 0, PROTOBUF_END at its
 * end, or -EBADMSG with ret_field unchanged.
 */
int protobuf_next(struct span *rest, struct protobuf_field *ret_field)
	__attribute__((nonnull, warn_unused_result));

/* Writes towards the front; `failed` sticks once the room has run out. */
struct protobuf_writer {
	uint8_t *buffer;
	size_t at; /* what is written stands from here on */
	size_t end;
	bool failed;
};

/* A whole field, tag included. */
void protobuf_put_varint(struct protobuf_writer *writer, uint32_t number,
			 uint64_t value) __attribute__((nonnull));
void protobuf_put_fixed64(struct protobuf_writer *writer, uint32_t number,
			  uint64_t value) __attribute__((nonnull));
void protobuf_put_bytes(struct protobuf_writer *writer, uint32_t number,
			struct span bytes) __attribute__((nonnull));

/*
 * Turns everything written since the mark (the writer's `at` of then) into one
 * length-delimited field.
 */
void protobuf_wrap(struct protobuf_writer *writer, uint32_t number, size_t mark)
	__attribute__((nonnull));
