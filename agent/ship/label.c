/* SPDX-License-Identifier: Apache-2.0 */
/* A search, not a parser: what it finds only routes, the body is the record. */
#include "agent/ship/label.h"

#include <string.h>

#include "agent/base/banned.h"

static const char key[] = "\"event_code\":\"";

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '_' || c == '-';
}

struct span label_of(struct span json)
{
	const char *at = json.len ? memmem(json.ptr, json.len, key,
					   sizeof(key) - 1)
				  : NULL;
	if (!at)
		return SPAN("");

	struct span rest = span_skip(json,
				     (size_t)(at - json.ptr) + sizeof(key) - 1);
	size_t length = 0;
	while (length < rest.len && length <= LABEL_MAX &&
	       is_label_char(rest.ptr[length]))
		length++;
	if (length > LABEL_MAX || length == rest.len || rest.ptr[length] != '"')
		return SPAN("");
	return span_take(rest, length);
}
