/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event: a small validating JSON scanner. It knows the place of a dozen fields
 * and nothing else; it must not interpret what it does not return. The depth
 * is bounded, each octet is looked at once, and a key we read may not be spelt
 * with escapes, so no other reader can see a different value than we did.
 */
#include "collector/event.h"

#include <stdbool.h>
#include <string.h>

/* Objects whose members we look at. */
enum node { NODE_OTHER = 0, NODE_ROOT, NODE_METADATA, NODE_DEVICE, NODE_ORG };

enum kind { KIND_OBJECT, KIND_NUMBER, KIND_TEXT };

enum member {
	MEMBER_METADATA,
	MEMBER_DEVICE,
	MEMBER_ORG,
	MEMBER_TIME,
	MEMBER_CLASS,
	MEMBER_SEVERITY,
	MEMBER_ACTION,
	MEMBER_SEQUENCE,
	MEMBER_CODE,
	MEMBER_VERSION,
	MEMBER_UNIT,
	MEMBER_HOSTNAME,
	MEMBER_COUNT_
};

struct wanted {
	enum node parent;
	enum kind kind;
	const char *key;
	enum node node; /* of a KIND_OBJECT */
	size_t offset;	/* in struct event_fields, of the others */
};

#define FIELD(name) NODE_OTHER, offsetof(struct event_fields, name)
static const struct wanted WANTED[MEMBER_COUNT_] = {
	[MEMBER_METADATA] = {NODE_ROOT, KIND_OBJECT, "metadata", NODE_METADATA,
			     0},
	[MEMBER_DEVICE] = {NODE_ROOT, KIND_OBJECT, "device", NODE_DEVICE, 0},
	[MEMBER_ORG] = {NODE_DEVICE, KIND_OBJECT, "org", NODE_ORG, 0},
	[MEMBER_TIME] = {NODE_ROOT, KIND_NUMBER, "time", FIELD(wall_time_ms)},
	[MEMBER_CLASS] = {NODE_ROOT, KIND_NUMBER, "class_uid",
			  FIELD(class_uid)},
	[MEMBER_SEVERITY] = {NODE_ROOT, KIND_NUMBER, "severity_id",
			     FIELD(severity)},
	[MEMBER_ACTION] = {NODE_ROOT, KIND_NUMBER, "action_id", FIELD(action)},
	[MEMBER_SEQUENCE] = {NODE_METADATA, KIND_NUMBER, "sequence",
			     FIELD(sequence)},
	[MEMBER_CODE] = {NODE_METADATA, KIND_TEXT, "event_code", FIELD(code)},
	[MEMBER_VERSION] = {NODE_METADATA, KIND_TEXT, "version",
			    FIELD(version)},
	[MEMBER_UNIT] = {NODE_ORG, KIND_TEXT, "ou_name", FIELD(unit)},
	[MEMBER_HOSTNAME] = {NODE_DEVICE, KIND_TEXT, "hostname",
			     FIELD(hostname)},
};
static const uint32_t REQUIRED = 1u << MEMBER_METADATA | 1u << MEMBER_TIME |
				 1u << MEMBER_CLASS | 1u << MEMBER_SEVERITY |
				 1u << MEMBER_SEQUENCE | 1u << MEMBER_CODE |
				 1u << MEMBER_VERSION;

struct scan {
	const uint8_t *at;
	const uint8_t *end;
	struct event_fields *fields;
	uint32_t seen;
	int depth;
};

static int scan_value(struct scan *s, const struct wanted *want);

static void skip_space(struct scan *s)
{
	while (s->at < s->end && *s->at == ' ')
		s->at++;
}

static bool take(struct scan *s, uint8_t c)
{
	if (s->at >= s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* Octets of one well-formed UTF-8 character (RFC 3629 §4), 0: malformed. */
static size_t utf8_len(const uint8_t *at, const uint8_t *end)
{
	size_t n = *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
	uint8_t low = 0x80, high = 0xbf;

	if (n == 0 || *at > 0xf4 || (size_t)(end - at) < n)
		return 0;
	if (*at == 0xe0)
		low = 0xa0;
	else if (*at == 0xed)
		high = 0x9f;
	else if (*at == 0xf0)
		low = 0x90;
	else if (*at == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static bool is_hex4(const uint8_t *at)
{
	for (int i = 0; i < 4; i++)
		if (!((at[i] >= '0' && at[i] <= '9') ||
		      ((at[i] | 0x20) >= 'a' && (at[i] | 0x20) <= 'f')))
			return false;
	return true;
}

/* Behind the backslash. Returns octets taken, 0: not an escape. */
static size_t escape_len(const uint8_t *at, const uint8_t *end)
{
	if (at >= end)
		return 0;
	if (*at == 'u')
		return end - at >= 5 && is_hex4(at + 1) ? 5 : 0;
	return *at != '\0' && strchr("\"\\/bfnrt", *at) ? 1 : 0;
}

static int scan_text(struct scan *s, struct event_text *ret_text)
{
	const uint8_t *from;

	if (!take(s, '"'))
		return EVENT_CHECK_MALFORMED;
	from = s->at;
	while (s->at < s->end) {
		uint8_t c = *s->at;
		size_t n = 1;

		if (c == '"') {
			ret_text->at = (const char *)from;
			ret_text->len = (size_t)(s->at - from);
			s->at++;
			return 0;
		}
		if (c == '\\') {
			n = escape_len(s->at + 1, s->end);
			n = n ? n + 1 : 0;
		} else if (c >= 0x80) {
			n = utf8_len(s->at, s->end);
		} else if (c < 0x20 || c == 0x7f) {
			n = 0;
		}
		if (n == 0)
			return EVENT_CHECK_MALFORMED;
		s->at += n;
	}
	return EVENT_CHECK_MALFORMED;
}

static bool scan_digits(struct scan *s)
{
	const uint8_t *from = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > from;
}

/* RFC 8259 §6. *ret_whole says whether the number is an integer we can hold. */
static int scan_number(struct scan *s, int64_t *ret_value, bool *ret_whole)
{
	bool is_negative = take(s, '-'), is_whole = true;
	const uint8_t *from = s->at;
	int64_t value = 0;

	if (!scan_digits(s) || (*from == '0' && s->at - from > 1))
		return EVENT_CHECK_MALFORMED;
	is_whole = s->at - from <= 18;
	for (const uint8_t *d = from; is_whole && d < s->at; d++)
		value = value * 10 + (*d - '0');
	if (take(s, '.')) {
		is_whole = false;
		if (!scan_digits(s))
			return EVENT_CHECK_MALFORMED;
	}
	if (take(s, 'e') || take(s, 'E')) {
		is_whole = false;
		if (!take(s, '+'))
			(void)take(s, '-'); /* the sign may be absent */
		if (!scan_digits(s))
			return EVENT_CHECK_MALFORMED;
	}
	*ret_value = is_negative ? -value : value;
	*ret_whole = is_whole;
	return 0;
}

static int scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
		return EVENT_CHECK_MALFORMED;
	s->at += n;
	return 0;
}

static const struct wanted *find_wanted(enum node node, struct event_text key)
{
	for (size_t i = 0; i < MEMBER_COUNT_; i++)
		if (WANTED[i].parent == node &&
		    strlen(WANTED[i].key) == key.len &&
		    memcmp(WANTED[i].key, key.at, key.len) == 0)
			return &WANTED[i];
	return NULL;
}

static int scan_member(struct scan *s, enum node node)
{
	const struct wanted *want = NULL;
	struct event_text key = {0};
	int r;

	skip_space(s);
	r = scan_text(s, &key);
	if (r)
		return r;
	if (node != NODE_OTHER) {
		if (memchr(key.at, '\\', key.len))
			return EVENT_CHECK_MALFORMED;
		want = find_wanted(node, key);
	}
	if (want) {
		uint32_t bit = 1u << (want - WANTED);

		if (s->seen & bit)
			return EVENT_CHECK_DUPLICATE;
		s->seen |= bit;
	}
	skip_space(s);
	if (!take(s, ':'))
		return EVENT_CHECK_MALFORMED;
	return scan_value(s, want);
}

static int scan_object(struct scan *s, enum node node)
{
	if (!take(s, '{'))
		return EVENT_CHECK_MALFORMED;
	skip_space(s);
	if (take(s, '}'))
		return 0;
	do {
		int r = scan_member(s, node);

		if (r)
			return r;
		skip_space(s);
	} while (take(s, ','));
	return take(s, '}') ? 0 : EVENT_CHECK_MALFORMED;
}

static int scan_array(struct scan *s)
{
	if (!take(s, '['))
		return EVENT_CHECK_MALFORMED;
	skip_space(s);
	if (take(s, ']'))
		return 0;
	do {
		int r = scan_value(s, NULL);

		if (r)
			return r;
		skip_space(s);
	} while (take(s, ','));
	return take(s, ']') ? 0 : EVENT_CHECK_MALFORMED;
}

static int scan_scalar(struct scan *s, const struct wanted *want)
{
	uint8_t *field = want ? (uint8_t *)s->fields + want->offset : NULL;
	struct event_text text;
	int64_t value;
	bool is_whole;
	int r;

	if (*s->at == '"') {
		r = scan_text(s, &text);
		if (r == 0 && want && want->kind != KIND_TEXT)
			return EVENT_CHECK_TYPE;
		if (r == 0 && want)
			memcpy(field, &text, sizeof(text));
		return r;
	}
	if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9')) {
		r = scan_number(s, &value, &is_whole);
		if (r == 0 && want && (want->kind != KIND_NUMBER || !is_whole))
			return EVENT_CHECK_TYPE;
		if (r == 0 && want)
			memcpy(field, &value, sizeof(value));
		return r;
	}
	r = scan_word(s, *s->at == 't'	 ? "true"
			 : *s->at == 'f' ? "false"
					 : "null");
	return r == 0 && want ? EVENT_CHECK_TYPE : r;
}

static int scan_value(struct scan *s, const struct wanted *want)
{
	int r;

	skip_space(s);
	if (s->at >= s->end)
		return EVENT_CHECK_MALFORMED;
	if (*s->at != '{' && *s->at != '[')
		return scan_scalar(s, want);

	if (want && (want->kind != KIND_OBJECT || *s->at != '{'))
		return EVENT_CHECK_TYPE;
	if (++s->depth > LIMIT_EVENT_DEPTH)
		return EVENT_CHECK_TOO_DEEP;
	if (*s->at == '[')
		r = scan_array(s);
	else
		r = scan_object(s, want ? want->node : NODE_OTHER);
	s->depth--;
	return r;
}

/* A code is a name of ours: lower case, digits, dots. */
static bool is_code(struct event_text text)
{
	if (text.len == 0 || text.len > LIMIT_CODE_BYTES)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!((text.at[i] >= 'a' && text.at[i] <= 'z') ||
		      (text.at[i] >= '0' && text.at[i] <= '9') ||
		      text.at[i] == '.' || text.at[i] == '_'))
			return false;
	return true;
}

int event_scan(const char *json, size_t len, struct event_fields *ret_fields)
{
	struct event_fields fields = {0};
	struct scan s = {
		.at = (const uint8_t *)json,
		.end = (const uint8_t *)json + len,
		.fields = &fields,
		.depth = 1,
	};
	int r;

	if (len > LIMIT_EVENT_BYTES)
		return EVENT_CHECK_TOO_LARGE;
	r = scan_object(&s, NODE_ROOT);
	if (r)
		return r;
	if (s.at != s.end)
		return EVENT_CHECK_MALFORMED;
	if ((s.seen & REQUIRED) != REQUIRED)
		return EVENT_CHECK_MISSING;
	if (!is_code(fields.code) || fields.sequence < 1 ||
	    fields.severity < 0 || fields.severity > 99 || fields.action < 0 ||
	    fields.action > 99 || fields.wall_time_ms < 0)
		return EVENT_CHECK_TYPE;

	*ret_fields = fields;
	return 0;
}

const char *event_check_to_str(int check)
{
	switch (check) {
	case EVENT_CHECK_MALFORMED:
		return "malformed";
	case EVENT_CHECK_TOO_DEEP:
		return "too-deep";
	case EVENT_CHECK_TOO_LARGE:
		return "too-large";
	case EVENT_CHECK_DUPLICATE:
		return "duplicate";
	case EVENT_CHECK_MISSING:
		return "missing";
	case EVENT_CHECK_TYPE:
		return "type";
	default:
		return "ok";
	}
}

static uint32_t hex4(const char *at)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		char c = at[i];

		value = value << 4 |
			(uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

/* One escape behind its backslash; returns octets read. */
static size_t unescape_one(const char *at, size_t len, uint32_t *ret_char)
{
	static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
	const char *found;
	uint32_t high, low;

	if (*at != 'u') {
		found = strchr(names, *at);
		*ret_char = (uint8_t)(found ? values[found - names] : *at);
		return 1;
	}
	high = hex4(at + 1);
	*ret_char = high;
	if (high >= 0xd800 && high < 0xdc00 && len >= 11 && at[5] == '\\' &&
	    at[6] == 'u') {
		low = hex4(at + 7);
		if (low >= 0xdc00 && low < 0xe000) {
			*ret_char = 0x10000 + ((high - 0xd800) << 10) +
				    (low - 0xdc00);
			return 11;
		}
	}
	if (high == 0 || (high >= 0xd800 && high < 0xe000))
		*ret_char = 0xfffd;
	return 5;
}

static size_t encode_utf8(uint32_t c, char out[static 4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

size_t event_unescape(struct event_text text, char *buf, size_t cap)
{
	const uint8_t *end = (const uint8_t *)text.at + text.len;
	size_t out = 0;

	for (size_t i = 0; text.at && i < text.len;) {
		const char *from = text.at + i;
		char piece[4];
		size_t n, read;

		if (*from == '\\') {
			uint32_t c;

			read = 1 + unescape_one(from + 1, text.len - i - 1, &c);
			n = encode_utf8(c, piece);
		} else {
			n = (uint8_t)*from < 0x80
				    ? 1
				    : utf8_len((const uint8_t *)from, end);
			read = n;
			memcpy(piece, from, n);
		}
		if (out + n + 1 > cap)
			break;
		memcpy(buf + out, piece, n);
		out += n;
		i += read;
	}
	buf[out] = '\0';
	return out;
}
