/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_in: a cursor that can skip any value, and a walk along a path that
 * skips all but the one asked for. Must not recurse deeper than its limit.
 */
#include "policy/json_in.h"

#include <errno.h>
#include <string.h>

#include "policy/utf8.h"

struct cursor {
	const char *at;
	const char *end;
};

static int skip_value(struct cursor *c, unsigned int depth);

static bool is_one_of(char byte, const char *set)
{
	return byte != '\0' && strchr(set, byte);
}

static void skip_space(struct cursor *c)
{
	while (c->at < c->end && is_one_of(*c->at, " \t\r\n"))
		c->at++;
}

static bool take(struct cursor *c, char want)
{
	skip_space(c);
	if (c->at == c->end || *c->at != want)
		return false;
	c->at++;
	return true;
}

/* A string, both quotes; escapes are looked at when it is decoded. */
static int skip_string(struct cursor *c)
{
	if (!take(c, '"'))
		return -EINVAL;
	while (c->at < c->end) {
		char byte = *c->at++;
		if (byte == '"')
			return 0;
		if ((unsigned char)byte < 0x20)
			return -EINVAL;
		if (byte == '\\' && c->at < c->end)
			c->at++;
	}
	return -EINVAL;
}

/* A number, true, false or null: everything up to what ends a value. */
static int skip_word(struct cursor *c)
{
	const char *start = c->at;

	while (c->at < c->end && !is_one_of(*c->at, " \t\r\n,:]}[{\""))
		c->at++;
	struct span word = span_of(start, (size_t)(c->at - start));
	if (word.len == 0)
		return -EINVAL;
	if (*start == '-' || (*start >= '0' && *start <= '9'))
		return 0;
	if (span_equals_str(word, "true") || span_equals_str(word, "false") ||
	    span_equals_str(word, "null"))
		return 0;
	return -EINVAL;
}

/* The members or elements after the opening bracket, the closing one too. */
static int skip_container(struct cursor *c, unsigned int depth, char closer)
{
	if (take(c, closer))
		return 0;
	do {
		if (closer == '}') {
			int r = skip_string(c);
			if (r < 0)
				return r;
			if (!take(c, ':'))
				return -EINVAL;
		}
		int r = skip_value(c, depth + 1);
		if (r < 0)
			return r;
	} while (take(c, ','));
	return take(c, closer) ? 0 : -EINVAL;
}

static int skip_value(struct cursor *c, unsigned int depth)
{
	if (depth > JSON_IN_DEPTH_MAX)
		return -EINVAL;

	skip_space(c);
	if (c->at == c->end)
		return -EINVAL;
	if (*c->at == '"')
		return skip_string(c);
	if (take(c, '{'))
		return skip_container(c, depth, '}');
	if (take(c, '['))
		return skip_container(c, depth, ']');
	return skip_word(c);
}

/* Leaves the cursor at the value of member `key` of the object it is at. */
static int enter_member(struct cursor *c, struct span key)
{
	if (!take(c, '{') || take(c, '}'))
		return -ENOENT;
	do {
		skip_space(c);
		const char *start = c->at + 1;
		int r = skip_string(c);
		if (r < 0)
			return r;
		struct span name = span_of(start, (size_t)(c->at - 1 - start));
		if (!take(c, ':'))
			return -EINVAL;
		if (span_equals(name, key))
			return 0;
		r = skip_value(c, 1);
		if (r < 0)
			return r;
	} while (take(c, ','));
	return take(c, '}') ? -ENOENT : -EINVAL;
}

static int enter_element(struct cursor *c, size_t index)
{
	if (!take(c, '[') || take(c, ']'))
		return -ENOENT;
	do {
		if (index-- == 0)
			return 0;
		int r = skip_value(c, 1);
		if (r < 0)
			return r;
	} while (take(c, ','));
	return take(c, ']') ? -ENOENT : -EINVAL;
}

/* An element's number has at most four digits here. */
static int enter(struct cursor *c, struct span step)
{
	size_t index = 0;

	skip_space(c);
	if (c->at == c->end)
		return -EINVAL;
	if (*c->at != '[')
		return enter_member(c, step);
	if (step.len == 0 || step.len > 4)
		return -ENOENT;
	for (size_t i = 0; i < step.len; i++) {
		if (step.ptr[i] < '0' || step.ptr[i] > '9')
			return -ENOENT;
		index = index * 10 + (size_t)(step.ptr[i] - '0');
	}
	return enter_element(c, index);
}

int json_in_find(struct span json, const char *path, struct span *ret_value)
{
	struct cursor c = {json.ptr, json.ptr + json.len};

	while (*path) {
		size_t len = strcspn(path, ".");
		int r = enter(&c, span_of(path, len));
		if (r < 0)
			return r;
		path += len + (path[len] == '.');
	}

	skip_space(&c);
	const char *start = c.at;
	int r = skip_value(&c, 1);
	if (r < 0)
		return r;
	*ret_value = span_of(start, (size_t)(c.at - start));
	return 0;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(struct cursor *c)
{
	int32_t value = 0;

	if (c->end - c->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char d = *c->at++;
		if (d >= '0' && d <= '9')
			value = value << 4 | (d - '0');
		else if (d >= 'a' && d <= 'f')
			value = value << 4 | (d - 'a' + 10);
		else if (d >= 'A' && d <= 'F')
			value = value << 4 | (d - 'A' + 10);
		else
			return -1;
	}
	return value;
}

/* After "\u": one code point, of two escapes when it is a surrogate pair. */
static uint32_t unescape_u(struct cursor *c)
{
	int32_t high = hex4(c);
	if (high <= 0 || (high >= 0xdc00 && high <= 0xdfff))
		return UTF8_REPLACEMENT;
	if (high < 0xd800 || high > 0xdbff)
		return (uint32_t)high;

	struct cursor ahead = *c;
	if (ahead.end - ahead.at < 6 || ahead.at[0] != '\\' ||
	    ahead.at[1] != 'u')
		return UTF8_REPLACEMENT;
	ahead.at += 2;
	int32_t low = hex4(&ahead);
	if (low < 0xdc00 || low > 0xdfff)
		return UTF8_REPLACEMENT;
	*c = ahead;
	return 0x10000u + ((uint32_t)(high - 0xd800) << 10) +
	       (uint32_t)(low - 0xdc00);
}

/* After a backslash. */
static uint32_t unescape(struct cursor *c)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";

	if (c->at == c->end)
		return UTF8_REPLACEMENT;
	char letter = *c->at++;
	if (letter == 'u')
		return unescape_u(c);
	const char *found = memchr(from, letter, sizeof(from) - 1);
	return found ? (uint32_t)to[found - from] : UTF8_REPLACEMENT;
}

int json_in_str(struct span value, char *buf, size_t cap)
{
	if (value.len < 2 || value.ptr[0] != '"' || cap == 0)
		return -EINVAL;

	struct cursor c = {value.ptr + 1, value.ptr + value.len - 1};
	size_t used = 0;
	while (c.at < c.end) {
		char bytes[UTF8_BYTES_MAX];
		uint32_t cp;

		if (*c.at == '\\') {
			c.at++;
			cp = unescape(&c);
		} else {
			c.at += utf8_next(c.at, (size_t)(c.end - c.at), &cp);
		}
		size_t len = utf8_put(cp ? cp : UTF8_REPLACEMENT, bytes);
		if (len >= cap - used)
			break;
		memcpy(buf + used, bytes, len);
		used += len;
	}
	buf[used] = '\0';
	return 0;
}

int json_in_i64(struct span value, int64_t *ret_value)
{
	bool is_negative = value.len > 0 && value.ptr[0] == '-';
	struct span digits = span_skip(value, is_negative);
	uint64_t limit = (uint64_t)INT64_MAX + is_negative;
	uint64_t number = 0;

	if (digits.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return -EINVAL;
		uint64_t digit = (uint64_t)(digits.ptr[i] - '0');
		if (number > (limit - digit) / 10)
			return -ERANGE;
		number = number * 10 + digit;
	}
	*ret_value = (int64_t)(is_negative ? 0 - number : number);
	return 0;
}
