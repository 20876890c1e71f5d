/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A borrowed run of bytes: pointer and length, never NUL-terminated by
 * promise, never owned. Helpers are pure and total.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const char *ptr;
	size_t len;
};

/* A string literal as a span. */
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline struct span span_of(const char *ptr, size_t len)
{
	return (struct span){ptr, len};
}

/* NULL gives the empty span. */
static inline struct span span_str(const char *text)
{
	return (struct span){text ? text : "", text ? strlen(text) : 0};
}

static inline bool span_is_empty(struct span s)
{
	return s.len == 0;
}

static inline bool span_equals(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool span_equals_str(struct span a, const char *text)
{
	return span_equals(a, span_str(text));
}

static inline bool span_starts_with(struct span s, struct span prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* The rest after the first n bytes; n beyond the end gives the empty rest. */
static inline struct span span_skip(struct span s, size_t n)
{
	if (n > s.len)
		n = s.len;
	return (struct span){s.ptr + n, s.len - n};
}

/* The first n bytes, or all where there are fewer. */
static inline struct span span_take(struct span s, size_t n)
{
	return (struct span){s.ptr, n < s.len ? n : s.len};
}
