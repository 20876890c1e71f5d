/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parser of the probe's answer.
 */
#include "agent/sense/probe.h"

#include <errno.h>
#include <string.h>

#include "policy/span.h"

struct answer {
	struct medium_probe probe;
	bool has_result;
	bool is_ambivalent;
	bool has_end;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* \xHH as blkid_encode_string() writes it, back to bytes. What is not UTF-8
 * then is the record writer's to replace. */
static bool decode(struct span value, char *ret, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if (c < 0x20 || c == 0x7f)
			return false;
		if (c == '\\') {
			if (i + 3 >= value.len || value.ptr[i + 1] != 'x')
				return false;
			int high = hex_digit(value.ptr[i + 2]);
			int low = hex_digit(value.ptr[i + 3]);
			if (high < 0 || low < 0 || (high == 0 && low == 0))
				return false;
			c = (unsigned char)(high * 16 + low);
			i += 3;
		}
		if (used + 1 < size)
			ret[used++] = (char)c;
	}
	ret[used] = '\0';
	return true;
}

static bool take_line(struct answer *answer, struct span line)
{
	struct medium_probe *probe = &answer->probe;

	if (answer->has_end)
		return false;
	if (span_equals(line, SPAN("end"))) {
		answer->has_end = true;
		return answer->has_result;
	}
	const char *equals = memchr(line.ptr, '=', line.len);
	if (!equals)
		return false;
	struct span key = span_take(line, (size_t)(equals - line.ptr));
	struct span value = span_skip(line, key.len + 1);

	if (span_equals(key, SPAN("type")))
		return decode(value, probe->fs_type, sizeof(probe->fs_type));
	if (span_equals(key, SPAN("label")))
		return decode(value, probe->label, sizeof(probe->label));
	if (span_equals(key, SPAN("uuid")))
		return decode(value, probe->fs_uuid, sizeof(probe->fs_uuid));
	if (span_equals(key, SPAN("usage"))) {
		probe->is_encrypted = span_equals(value, SPAN("crypto"));
		return true;
	}
	if (span_equals(key, SPAN("result"))) {
		answer->has_result = true;
		answer->is_ambivalent = span_equals(value, SPAN("ambivalent"));
		return answer->is_ambivalent ||
		       span_equals(value, SPAN("found")) ||
		       span_equals(value, SPAN("none"));
	}
	return span_equals(key, SPAN("version")) ||
	       span_equals(key, SPAN("table"));
}

int probe_parse(const char *text, size_t size, struct medium_probe *ret_probe)
{
	struct answer answer = {0};
	struct span rest = span_of(text, size);

	if (size > PROBE_TEXT_MAX)
		return -EBADMSG;
	while (!span_is_empty(rest)) {
		const char *newline = memchr(rest.ptr, '\n', rest.len);
		if (!newline)
			return -EBADMSG;
		struct span line = span_take(rest,
					     (size_t)(newline - rest.ptr));
		if (!take_line(&answer, line))
			return -EBADMSG;
		rest = span_skip(rest, line.len + 1);
	}
	if (!answer.has_end)
		return -EBADMSG;
	if (answer.is_ambivalent)
		memset(&answer.probe, 0, sizeof(answer.probe));
	*ret_probe = answer.probe;
	return 0;
}
