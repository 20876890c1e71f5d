/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: the next events of the spool, copied, and their OTLP request. Allocated
 * once; knows nothing of the network.
 */
#pragma once

#include <stdbool.h>

#include "agent/ship/limits.h"
#include "agent/spool/reader.h"
#include "agent/wire/otlp.h"

struct batch;

/* What a batch is about, for headers and answers. */
struct batch_info {
	uint64_t first_seq;
	uint64_t last_seq;
	size_t count;
	bool is_urgent; /* a denial or worse is among them */
	uint8_t prev[FRAME_HASH_SIZE];
	uint8_t tip[FRAME_HASH_SIZE];
};

/* 0 or -ENOMEM. */
int batch_new(struct batch **ret_batch)
	__attribute__((nonnull, warn_unused_result));

/* Accepts NULL; returns NULL. */
struct batch *batch_free(struct batch *batch);

/*
 * Fills the batch with up to `events_max` frames from where the reader stands,
 * none beyond max_seq. Returns 0 with at least one, or what spool_reader_next
 * said of the first. What ends a batch later is met again by the next fill.
 */
int batch_fill(struct batch *batch, struct spool_reader *reader,
	       uint64_t max_seq, size_t events_max)
	__attribute__((nonnull, warn_unused_result));

const struct batch_info *batch_info(const struct batch *batch)
	__attribute__((nonnull, returns_nonnull));

/* The body of event `index`; valid until the next fill. */
struct span batch_body(const struct batch *batch, size_t index)
	__attribute__((nonnull));

/*
 * Encodes the request. *ret_data points into the batch, valid until the next
 * call. Returns 0 or -ENOBUFS (cannot happen with a resource of sane length).
 */
int batch_encode(struct batch *batch, const struct otlp_resource *resource,
		 struct span *ret_data)
	__attribute__((nonnull, warn_unused_result));
