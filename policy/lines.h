/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines: texts of "WORD VALUE" lines in a fixed order, which is how what we
 * sign is spelt: one content, one spelling, and a person can read it. PURE; for
 * the codecs of such texts (agent/wire/parcel.h, order.h, policy/grant.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/span.h"

#define LINES_NUMBER_MAX INT64_MAX

struct lines {
	struct span rest;
	const char *why; /* the first thing that is wrong; NULL */
};

/* Keeps WHY unless there is one already; false. */
bool lines_fail(struct lines *lines, const char *why) __attribute__((nonnull));

/* Where the next line begins with WORD and a blank: the rest of the line. */
bool lines_take(struct lines *lines, const char *word, struct span *ret_value)
	__attribute__((nonnull, warn_unused_result));

/* An optional time; 0 may not be written, it means none. False: told. */
bool lines_take_time(struct lines *lines, const char *word, uint64_t *ret_time)
	__attribute__((nonnull, warn_unused_result));

/* Decimal, no sign, no leading zero, at most LINES_NUMBER_MAX. */
bool lines_number(struct span text, uint64_t *ret_value)
	__attribute__((nonnull, warn_unused_result));
/* [A-Za-z0-9._-]+, no dot in front, at most MAX bytes. */
bool lines_is_word(struct span text, size_t max);
/* No controls, not empty, at most MAX bytes. */
bool lines_is_text(struct span text, size_t max);

/* Writing: nothing more is written once it is full. */
struct lines_out {
	char *buf;
	size_t cap;
	size_t len;
	bool is_full;
};

void lines_put(struct lines_out *out, struct span bytes)
	__attribute__((nonnull));
/* "WORD TEXT\n", or nothing for the empty text; nothing for 0. */
void lines_put_text(struct lines_out *out, const char *word, struct span text)
	__attribute__((nonnull));
void lines_put_number(struct lines_out *out, const char *word, uint64_t value)
	__attribute__((nonnull));
