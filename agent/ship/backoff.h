/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Full-jitter backoff (pipeline: rand(0, min(max, 1 s * 2^n))), so that many
 * terminals whose collector comes back do not arrive together. Pure: the caller
 * brings the random number.
 */
#pragma once

#include <stdint.h>

struct backoff {
	unsigned failures; /* in a row */
	uint64_t max_ms;
};

/* One more failure: how long to wait now, in ms. At least a tenth of the cap,
 * so that an unlucky draw is no busy loop. */
uint64_t backoff_next_ms(struct backoff *backoff, uint64_t random)
	__attribute__((nonnull));

/* A success. */
void backoff_reset(struct backoff *backoff) __attribute__((nonnull));
