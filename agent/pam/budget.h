/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget: how long the module's own work may hold one login: no step over 300
 * ms, one second in all. The module waits for no process, so what can be slow is
 * only the machine itself; after a slow step the breaker opens, and what is not
 * needed for the decision is skipped for the rest of the transaction. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_STEP_NS	UINT64_C(300000000)
#define BUDGET_TOTAL_NS UINT64_C(1000000000)

struct budget {
	uint64_t spent_ns;
	bool is_broken; /* the breaker; stays open for this transaction */
};

/* Whether a step that the decision does not need may still be taken. */
static inline bool budget_allows(const struct budget *budget)
{
	return !budget->is_broken;
}

/* Accounts for a step that took `ns`. */
static inline void budget_charge(struct budget *budget, uint64_t ns)
{
	budget->spent_ns = budget->spent_ns > UINT64_MAX - ns
				   ? UINT64_MAX
				   : budget->spent_ns + ns;
	if (ns > BUDGET_STEP_NS || budget->spent_ns > BUDGET_TOTAL_NS)
		budget->is_broken = true;
}
