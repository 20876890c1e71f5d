/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that wait in memory for the spool, in order and bounded. Owns copies;
 * knows neither spool nor numbers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/record.h"

struct waiting {
	struct waiting *next;
	struct record *record;
	uint64_t boot_ns;
	bool is_urgent;
};

/* All zeros: empty. */
struct waiting_list {
	struct waiting *first;
	struct waiting *last;
	size_t count;
};

/* Copies a record to the end. 0 or -ENOMEM. */
int waiting_add(struct waiting_list *list, const struct record *record,
		uint64_t boot_ns, bool is_urgent)
	__attribute__((nonnull, warn_unused_result));

/* Puts a list before what waits; `before` is empty then. */
void waiting_prepend(struct waiting_list *list, struct waiting_list *before)
	__attribute__((nonnull));

/* Frees the first one, of a list that is not empty. */
void waiting_drop_first(struct waiting_list *list) __attribute__((nonnull));

/* Takes the oldest that is not urgent out: the caller frees it with
 * waiting_free(). NULL when there is none. */
struct waiting *waiting_take_lesser(struct waiting_list *list)
	__attribute__((nonnull, warn_unused_result));

/* Accepts NULL; returns NULL. */
struct waiting *waiting_free(struct waiting *waiting);
