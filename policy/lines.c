/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing lines, see lines.h. */
#include "policy/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool lines_fail(struct lines *lines, const char *why)
{
	if (!lines->why)
		lines->why = why;
	return false;
}

/* Where the next line begins with `word` and a blank, the rest of the line. */
bool lines_take(struct lines *lines, const char *word, struct span *ret_value)
{
	struct span rest = lines->rest;
	const char *end = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
	size_t n = strlen(word);

	if (!end || !span_starts_with(rest, span_of(word, n)))
		return false;
	struct span line = span_take(rest, (size_t)(end - rest.ptr));
	if (line.len <= n || line.ptr[n] != ' ')
		return false;
	*ret_value = span_skip(line, n + 1);
	lines->rest = span_skip(rest, line.len + 1);
	return true;
}

/* Decimal, no sign, no leading zero: one spelling. */
bool lines_number(struct span text, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 19 ||
	    (text.len > 1 && text.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	if (value > LINES_NUMBER_MAX)
		return false;
	*ret_value = value;
	return true;
}

bool lines_is_word(struct span text, size_t max)
{
	if (text.len == 0 || text.len > max || text.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		      c == '-'))
			return false;
	}
	return true;
}

bool lines_is_text(struct span text, size_t max)
{
	if (text.len == 0 || text.len > max)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if ((uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return false;
	return true;
}

/* An optional time; 0 may not be written, it means none. */
bool lines_take_time(struct lines *lines, const char *word, uint64_t *ret_time)
{
	struct span value;

	if (!lines_take(lines, word, &value))
		return true;
	if (!lines_number(value, ret_time) || *ret_time == 0)
		return lines_fail(lines, "a time is not a number of seconds");
	return true;
}

void lines_put(struct lines_out *out, struct span bytes)
{
	if (out->is_full || bytes.len > out->cap - out->len) {
		out->is_full = true;
		return;
	}
	if (bytes.len > 0)
		memcpy(out->buf + out->len, bytes.ptr, bytes.len);
	out->len += bytes.len;
}

/* "WORD TEXT\n", or nothing for the empty text. */
void lines_put_text(struct lines_out *out, const char *word, struct span text)
{
	if (text.len == 0)
		return;
	lines_put(out, span_str(word));
	lines_put(out, SPAN(" "));
	lines_put(out, text);
	lines_put(out, SPAN("\n"));
}

void lines_put_number(struct lines_out *out, const char *word, uint64_t value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, value);

	if (value > 0)
		lines_put_text(out, word, span_of(digits, (size_t)n));
}
