/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_out: one comma flag, a stack of closing brackets, and a cleaner for
 * strings. Must not allocate, and must not write past the buffer: put() is the
 * only place that writes.
 */
#include "policy/json_out.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "policy/utf8.h"

static void put(struct json_out *out, const char *bytes, size_t len)
{
	if (out->is_full || len > out->cap - out->len) {
		out->is_full = true;
		return;
	}
	memcpy(out->buf + out->len, bytes, len);
	out->len += len;
}

static void put_char(struct json_out *out, char c)
{
	put(out, &c, 1);
}

static void begin_value(struct json_out *out, const char *key)
{
	if (out->needs_comma)
		put_char(out, ',');
	out->needs_comma = true;
	if (!key)
		return;

	put_char(out, '"');
	put(out, key, strlen(key));
	put(out, "\":", 2);
}

static void open_value(struct json_out *out, const char *key, char opener,
		       char closer)
{
	assert(out->depth < JSON_OUT_DEPTH_MAX);

	begin_value(out, key);
	put_char(out, opener);
	out->closers[out->depth++] = closer;
	out->needs_comma = false;
}

static void put_u64(struct json_out *out, uint64_t value)
{
	char digits[20]; /* 2^64 has 20 */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(out, digits + at, sizeof(digits) - at);
}

/* A code point that stays, quoted as RFC 8259 section 7 wants it. */
static void put_point(struct json_out *out, uint32_t cp)
{
	char bytes[UTF8_BYTES_MAX];

	if (cp == '"' || cp == '\\')
		put_char(out, '\\');
	size_t len = utf8_put(cp, bytes);
	put(out, bytes, len);
}

void json_out_init(struct json_out *out, char *buf, size_t cap)
{
	*out = (struct json_out){.buf = buf, .cap = cap};
}

void json_out_object(struct json_out *out, const char *key)
{
	open_value(out, key, '{', '}');
}

void json_out_array(struct json_out *out, const char *key)
{
	open_value(out, key, '[', ']');
}

void json_out_end(struct json_out *out)
{
	assert(out->depth > 0);

	put_char(out, out->closers[--out->depth]);
	out->needs_comma = true;
}

void json_out_u64(struct json_out *out, const char *key, uint64_t value)
{
	begin_value(out, key);
	put_u64(out, value);
}

void json_out_i64(struct json_out *out, const char *key, int64_t value)
{
	begin_value(out, key);
	if (value < 0)
		put_char(out, '-');
	put_u64(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_out_bool(struct json_out *out, const char *key, bool value)
{
	begin_value(out, key);
	if (value)
		put(out, "true", 4);
	else
		put(out, "false", 5);
}

void json_out_begin_str(struct json_out *out, const char *key)
{
	begin_value(out, key);
	put_char(out, '"');
}

void json_out_end_str(struct json_out *out)
{
	put_char(out, '"');
}

void json_out_piece_span(struct json_out *out, const char *str, size_t len,
			 size_t max_points)
{
	size_t kept = 0;
	bool is_altered = false;

	for (size_t at = 0; at < len;) {
		uint32_t cp;
		size_t step = utf8_next(str + at, len - at, &cp);

		/* A U+FFFD that was sent as such has three bytes. */
		if (cp == UTF8_REPLACEMENT &&
		    (step != 3 || memcmp(str + at, "\xef\xbf\xbd", 3) != 0))
			is_altered = true;
		at += step;

		if (cp == '\t' || cp == '\n' || cp == '\r') {
			cp = ' ';
		} else if (utf8_is_invisible(cp)) {
			is_altered = true;
			continue;
		}
		if (kept == max_points) {
			out->truncated++;
			break;
		}
		put_point(out, cp);
		kept++;
	}
	out->altered += is_altered;
}

void json_out_piece(struct json_out *out, const char *str, size_t max_points)
{
	if (str)
		json_out_piece_span(out, str, strlen(str), max_points);
}

void json_out_piece_u64(struct json_out *out, uint64_t value)
{
	put_u64(out, value);
}

void json_out_piece_hex(struct json_out *out, uint64_t value,
			unsigned int digits)
{
	assert(digits <= 16);

	while (digits-- > 0)
		put_char(out, "0123456789abcdef"[value >> (digits * 4) & 0xf]);
}

void json_out_str(struct json_out *out, const char *key, const char *str,
		  size_t max_points)
{
	if (!str || !str[0])
		return;
	json_out_begin_str(out, key);
	json_out_piece(out, str, max_points);
	json_out_end_str(out);
}

int json_out_finish(const struct json_out *out, size_t *ret_len)
{
	assert(out->depth == 0);

	if (out->is_full)
		return -ENOBUFS;
	*ret_len = out->len;
	return 0;
}
