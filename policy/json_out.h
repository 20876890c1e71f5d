/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_out: writes JSON (RFC 8259) straight into a buffer, in the order of the
 * calls: no tree, no allocation, no floats. The caller brings the keys as
 * literals; every value string is treated as hostile. Must not know what it
 * writes.
 *
 * There is no return code per call: the buffer being too small is remembered
 * and told once by json_out_finish().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_OUT_DEPTH_MAX 16u

struct json_out {
	char *buf;
	size_t cap;
	size_t len;
	uint32_t truncated; /* strings cut at their limit */
	uint32_t altered;   /* strings with something dropped or replaced */
	uint8_t depth;
	char closers[JSON_OUT_DEPTH_MAX];
	bool needs_comma;
	bool is_full;
};

/* `buf` is borrowed until json_out_finish(). Opens nothing. */
void json_out_init(struct json_out *out, char *buf, size_t cap)
	__attribute__((nonnull));

/*
 * Opens an object or array, as member `key`, or as an element when `key` is
 * NULL (the same in all calls below); json_out_end() closes the innermost.
 * Keys are literals of printable ASCII without quote and backslash.
 */
void json_out_object(struct json_out *out, const char *key)
	__attribute__((nonnull(1)));
void json_out_array(struct json_out *out, const char *key)
	__attribute__((nonnull(1)));
void json_out_end(struct json_out *out) __attribute__((nonnull));

void json_out_u64(struct json_out *out, const char *key, uint64_t value)
	__attribute__((nonnull(1)));
void json_out_i64(struct json_out *out, const char *key, int64_t value)
	__attribute__((nonnull(1)));
void json_out_bool(struct json_out *out, const char *key, bool value)
	__attribute__((nonnull(1)));

/*
 * A string, cleaned: not UTF-8 becomes U+FFFD, tab and line ends a space, other
 * invisible code points (utf8_is_invisible()) vanish, at most `max_points` code
 * points stay. NULL and "" write nothing at all, key included.
 */
void json_out_str(struct json_out *out, const char *key, const char *str,
		  size_t max_points) __attribute__((nonnull(1)));

/*
 * A string put together from pieces: begin, any number of pieces (each cleaned
 * and limited as above, NULL is empty), end.
 */
void json_out_begin_str(struct json_out *out, const char *key)
	__attribute__((nonnull(1)));
void json_out_piece(struct json_out *out, const char *str, size_t max_points)
	__attribute__((nonnull(1)));
/* Like json_out_piece() of the first `len` bytes of `str`. */
void json_out_piece_span(struct json_out *out, const char *str, size_t len,
			 size_t max_points) __attribute__((nonnull(1)));
void json_out_piece_u64(struct json_out *out, uint64_t value)
	__attribute__((nonnull));
/* `digits` lower-case hexadecimal digits of `value`, leading zeros kept. */
void json_out_piece_hex(struct json_out *out, uint64_t value,
			unsigned int digits) __attribute__((nonnull));
void json_out_end_str(struct json_out *out) __attribute__((nonnull));

/*
 * 0 and the length, or -ENOBUFS (*ret_len unchanged) when it did not fit.
 * Every object and array must have been ended (asserted).
 */
int json_out_finish(const struct json_out *out, size_t *ret_len)
	__attribute__((nonnull, warn_unused_result));
