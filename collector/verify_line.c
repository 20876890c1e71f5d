/* SPDX-License-Identifier: Apache-2.0 */
/* verify_line: a walk over the members of one object. */
#include "collector/verify_line.h"

#include <errno.h>
#include <string.h>

#include "agent/base/hex.h"

#include "agent/base/banned.h"

struct member {
	const char *name;
	size_t offset;
};

#define MEMBER(field)                                                          \
	{                                                                      \
#field, offsetof(struct verify_line, field)                    \
	}
static const struct member MEMBERS[] = {
	MEMBER(proof),	 MEMBER(scope),	    MEMBER(checkpoint),
	MEMBER(leaf),	 MEMBER(leaf_hash), MEMBER(terminal),
	MEMBER(stream),	 MEMBER(seq),	    MEMBER(hash),
	MEMBER(prev),	 MEMBER(flags),	    MEMBER(wall_ns),
	MEMBER(boot_ns), MEMBER(lost),	    MEMBER(raw),
	MEMBER(tree),	 MEMBER(level),	    MEMBER(end),
	MEMBER(retired),
};

/* The text behind an opening quote, up to its closing one, which is cut. */
static int take_text(struct span *rest, struct span *ret_text)
{
	size_t len = 0;

	while (len < rest->len && rest->ptr[len] != '"')
		len += rest->ptr[len] == '\\' ? 2 : 1;
	if (len >= rest->len)
		return -EINVAL;
	*ret_text = span_take(*rest, len);
	*rest = span_skip(*rest, len + 1);
	return 0;
}

static int take_value(struct span *rest, struct span *ret_value)
{
	size_t len = 0;

	if (rest->len > 0 && rest->ptr[0] == '"') {
		*rest = span_skip(*rest, 1);
		return take_text(rest, ret_value);
	}
	while (len < rest->len && rest->ptr[len] != ',' &&
	       rest->ptr[len] != '}')
		len++;
	if (len == 0)
		return -EINVAL;
	*ret_value = span_take(*rest, len);
	*rest = span_skip(*rest, len);
	return span_equals_str(*ret_value, "null") ? 1 : 0;
}

static void keep(struct verify_line *line, struct span name, struct span value)
{
	for (size_t i = 0; i < sizeof(MEMBERS) / sizeof(MEMBERS[0]); i++)
		if (span_equals_str(name, MEMBERS[i].name))
			memcpy((char *)line + MEMBERS[i].offset, &value,
			       sizeof(value));
}

/* One `"name":value`; 1: it was the record, and the object's end. */
static int take_member(struct span *rest, struct verify_line *line)
{
	struct span name, value;
	int r;

	if (rest->len == 0 || rest->ptr[0] != '"')
		return -EINVAL;
	*rest = span_skip(*rest, 1);
	r = take_text(rest, &name);
	if (r < 0 || rest->len == 0 || rest->ptr[0] != ':')
		return -EINVAL;
	*rest = span_skip(*rest, 1);
	if (span_equals_str(name, "event")) {
		if (rest->len < 3 || rest->ptr[rest->len - 1] != '}')
			return -EINVAL;
		line->event = span_take(*rest, rest->len - 1);
		return 1;
	}
	r = take_value(rest, &value);
	if (r == 0)
		keep(line, name, value);
	return r < 0 ? r : 0;
}

int verify_line_parse(struct span text, struct verify_line *ret_line)
{
	struct verify_line line = {0};
	int r;

	if (text.len < 2 || text.ptr[0] != '{' || text.len > VERIFY_LINE_MAX)
		return -EINVAL;
	do {
		text = span_skip(text, 1); /* the brace, then each comma */
		r = take_member(&text, &line);
	} while (r == 0 && text.len > 0 && text.ptr[0] == ',');
	/* cppcheck-suppress uninitvar ; the loop runs at least once */
	if (r < 0 || (r == 0 && !span_equals_str(text, "}")))
		return -EINVAL;
	*ret_line = line;
	return 0;
}

int verify_line_unescape(struct span text, struct buf *out)
{
	int r = 0;

	while (r == 0 && text.len > 0) {
		const char *slash = memchr(text.ptr, '\\', text.len);
		size_t plain = slash ? (size_t)(slash - text.ptr) : text.len;
		uint8_t code[2];

		r = buf_append(out, text.ptr, plain);
		text = span_skip(text, plain);
		if (r < 0 || text.len == 0)
			break;
		if (text.len < 6 || text.ptr[1] != 'u' ||
		    hex_decode(text.ptr + 2, 4, code, 2) < 0 || code[0] != 0 ||
		    code[1] >= 0x80 || code[1] == 0)
			return -EINVAL;
		r = buf_append(out, &code[1], 1);
		text = span_skip(text, 6);
	}
	return r;
}
