/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer: the answer to a method on the bus, one key after the other. The first
 * error of a run of appends is kept; once set, the rest does nothing, so that a
 * dictionary reads as a list of its keys. Must not know what is told. For the
 * files that make up the bus interface; from the loop only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "policy/span.h"

#define ANSWER_TEXT_MAX 4096 /* bytes of one string; more is cut */

struct answer {
	sd_bus_message *reply; /* borrowed */
	int error;	       /* 0 or the first -errno */
};

/* Keeps R if it is the first error. */
void answer_note(struct answer *answer, int r) __attribute__((nonnull));

/* FROM as a string that D-Bus takes: what is not UTF-8 is U+FFFD. SIZE bytes of
 * TO with the NUL. */
void answer_clean(const char *from, char *to, size_t size)
	__attribute__((nonnull));

/* One entry of a dictionary a{sv}; strings from anywhere. A text that is NULL
 * or "" is not known: its key is left out. */
void answer_put_text(struct answer *answer, const char *key, const char *value)
	__attribute__((nonnull(1, 2)));
void answer_put_span(struct answer *answer, const char *key, struct span value)
	__attribute__((nonnull));
void answer_put_u64(struct answer *answer, const char *key, uint64_t value)
	__attribute__((nonnull));
void answer_put_u32(struct answer *answer, const char *key, uint32_t value)
	__attribute__((nonnull));
void answer_put_bool(struct answer *answer, const char *key, bool value)
	__attribute__((nonnull));

/* An array of CONTENTS ("{sv}": a dictionary), and its end. */
void answer_open(struct answer *answer, const char *contents)
	__attribute__((nonnull));
void answer_close(struct answer *answer) __attribute__((nonnull));

/* One entry of a dictionary: an array of strings, LIST ending with NULL; an
 * empty one is left out. The strings are the agent's own words. */
void answer_put_strings(struct answer *answer, const char *key, char **list)
	__attribute__((nonnull));

/* One entry of a dictionary: an array of rows (sss), row by row. */
void answer_open_rows(struct answer *answer, const char *key)
	__attribute__((nonnull));
void answer_put_row(struct answer *answer, const char *name, const char *state,
		    const char *detail) __attribute__((nonnull));
void answer_close_rows(struct answer *answer) __attribute__((nonnull));
