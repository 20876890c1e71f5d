/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that found no room, counted by what they were: the log.gap that tells
 * of them later says how many of each kind, and when. Counts only; writes
 * nothing.
 */
#pragma once

#include <stdint.h>

#include "policy/record.h"

struct fold {
	uint64_t counts[RECORD_CODE_COUNT_];
	uint64_t total; /* of counts: not told yet */
	int64_t first_ms;
	int64_t last_ms;
	/* While there is still no room, told when so many are untold. Doubled
	 * each time: the reserve sees a few summaries, and a power cut can
	 * forget a part of the number, never that there was a gap. */
	uint64_t step;
};

/* One more event of this kind, of this time, was not kept. */
void fold_add(struct fold *fold, enum record_code code, int64_t wall_ms)
	__attribute__((nonnull));

/* Whether it is time for a summary although there is no room. */
bool fold_is_due(const struct fold *fold) __attribute__((nonnull));

/* What is to be told: the most frequent kinds by name, the others in the sum. */
void fold_describe(const struct fold *fold, struct record_gap *ret_gap)
	__attribute__((nonnull));

/* It was told; while there was no room (the next summary after twice as many),
 * or because there is room again. */
void fold_told(struct fold *fold, bool is_full) __attribute__((nonnull));
