/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers: the X-Agent-* headers of POST /v1/logs, read strictly. They promise
 * what the body holds; batch.c checks the promise. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/ident.h"

#define HEADERS_HASH_BYTES 32u

/* The values as the client sent them; NULL: the header is missing. */
struct header_text {
	const char *stream;    /* X-Agent-Stream: 32 hex */
	const char *first_seq; /* X-Agent-First-Seq: decimal, >= 1 */
	const char *count;     /* X-Agent-Count: decimal, >= 1 */
	const char *prev_hash; /* X-Agent-Prev-Hash: base64 of 32 octets */
	const char *tip_hash;  /* X-Agent-Tip-Hash: base64 of 32 octets */
	const char *tail_seq;  /* X-Agent-Tail-Seq: decimal, optional */
	const char *time;      /* X-Agent-Time: seconds[.digits], optional */
	const char *lost;      /* X-Agent-Lost: first-last, optional */
};

struct headers {
	char stream[IDENT_HEX_LEN + 1];
	uint64_t first_seq;
	uint64_t last_seq;
	uint32_t count;
	uint8_t prev_hash[HEADERS_HASH_BYTES];
	uint8_t tip_hash[HEADERS_HASH_BYTES];
	uint64_t tail_seq;    /* 0: not said */
	int64_t wall_time_ms; /* the terminal's clock; 0: not said */
	/*
	 * From here to first_seq - 1 the terminal's spool has nothing any more,
	 * so that waiting for it would be for ever; 0: not said.
	 */
	uint64_t lost_seq;
};

/*
 * Reads the headers. Returns 0 and *ret_headers; -EINVAL with *ret_name the
 * header that is missing or malformed (static; *ret_headers unchanged).
 * Sequences above INT64_MAX are malformed: the store keeps them signed.
 */
int headers_parse(const struct header_text *text, struct headers *ret_headers,
		  const char **ret_name)
	__attribute__((nonnull, warn_unused_result));

/* A coding of Content-Encoding that we read. */
enum headers_coding {
	HEADERS_CODING_UNKNOWN = 0, /* 415 */
	HEADERS_CODING_IDENTITY,
	HEADERS_CODING_GZIP,
	HEADERS_CODING_ZSTD,
};

/* NULL is identity. Names compare without case (RFC 9110 §8.4.1). */
enum headers_coding headers_parse_coding(const char *text);

/* Is the media type `type`, whatever parameters follow it? */
bool headers_has_type(const char *text, const char *type)
	__attribute__((nonnull(2)));

/*
 * Reads `Basic base64(user:password)` (RFC 7617) into `ret_user` and
 * `ret_password`, each of HEADERS_BASIC_SIZE octets. Returns 0, or -EINVAL
 * (outputs undefined): missing, malformed, too long, or with a NUL in it.
 */
#define HEADERS_BASIC_SIZE 96u
int headers_parse_basic(const char *text,
			char ret_user[static HEADERS_BASIC_SIZE],
			char ret_password[static HEADERS_BASIC_SIZE])
	__attribute__((nonnull(2, 3), warn_unused_result));

/* Decimal digits only, no sign, at most INT64_MAX. 0 or -EINVAL (unchanged). */
int headers_parse_count(const char *text, uint64_t *ret_value)
	__attribute__((nonnull, warn_unused_result));
