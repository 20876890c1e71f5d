/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_batch: the events of one batch as a sink has framed them, and which of
 * them are still to be delivered. Only memory: knows neither the network nor
 * events.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/base/buf.h"
#include "collector/limits.h"

/* One batch: this many events, or the one that passes this many octets. */
#define OUTPUT_BATCH_ROWS  1000u
#define OUTPUT_BATCH_BYTES (1u << 20)
/* Room for one event as framed by a sink; what the mappers make of an event is
 * bounded by some copies of its texts. */
#define OUTPUT_TEXT_MAX (4u * LIMIT_EVENT_BYTES)

struct output_batch {
	struct buf text;		 /* the items, one behind the other */
	size_t ends[OUTPUT_BATCH_ROWS];	 /* of each in text */
	bool is_done[OUTPUT_BATCH_ROWS]; /* taken, or refused for good */
	size_t count;
	size_t left; /* not done */
	size_t part; /* how many go into one request */
};

void output_batch_init(struct output_batch *batch) __attribute__((nonnull));
void output_batch_fini(struct output_batch *batch) __attribute__((nonnull));
void output_batch_clear(struct output_batch *batch) __attribute__((nonnull));

/* What was appended to `text` since the last call is one item. */
void output_batch_end(struct output_batch *batch) __attribute__((nonnull));
bool output_batch_is_full(const struct output_batch *batch)
	__attribute__((nonnull));

/* Item `index`; borrowed until the batch changes. */
const char *output_batch_item(const struct output_batch *batch, size_t index,
			      size_t *ret_size) __attribute__((nonnull));

void output_batch_done(struct output_batch *batch, size_t index)
	__attribute__((nonnull));

/*
 * The next at most `part` items that are not done, appended to `out`, and their
 * numbers in `ret_indices` (OUTPUT_BATCH_ROWS). 0 and *ret_count (0: nothing is
 * left), or as buf_append().
 */
int output_batch_take(const struct output_batch *batch, struct buf *out,
		      size_t *ret_indices, size_t *ret_count)
	__attribute__((nonnull, warn_unused_result));

/* Half of `count` items in the next request. false: it was one already. */
bool output_batch_halve(struct output_batch *batch, size_t count)
	__attribute__((nonnull, warn_unused_result));
