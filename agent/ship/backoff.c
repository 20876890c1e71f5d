/* SPDX-License-Identifier: Apache-2.0 */
/* Exponential with full jitter; saturates instead of overflowing. */
#include "agent/ship/backoff.h"

#include "agent/ship/limits.h"

#include "agent/base/banned.h"

#define DOUBLINGS_MAX 20u
#define LEAST_PART    10u

uint64_t backoff_next_ms(struct backoff *backoff, uint64_t random)
{
	unsigned doublings = backoff->failures < DOUBLINGS_MAX
				     ? backoff->failures
				     : DOUBLINGS_MAX;
	uint64_t cap = (uint64_t)BACKOFF_FIRST_MS << doublings;

	if (cap > backoff->max_ms)
		cap = backoff->max_ms;
	backoff->failures++;

	uint64_t least = cap / LEAST_PART;
	return least + random % (cap - least + 1);
}

void backoff_reset(struct backoff *backoff)
{
	backoff->failures = 0;
}
