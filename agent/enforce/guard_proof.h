/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proof that the programs of a set run and refuse, and the tier that follows.
 * Internal to agent/enforce.
 */
#pragma once

#include <stdint.h>

#include "agent/enforce/block_guard.h"
#include "agent/enforce/guard_set.h"

/* BLOCK_GUARD_LAYER_* that refused the decoy, or are attached where nothing
 * can be refused. This process must be the set's daemon. */
uint32_t guard_proof_layers(const struct guard_set *set)
	__attribute__((nonnull));

/* Pure: what LAYERS amount to, and why it is not T1 ("" when it is). */
enum block_guard_tier guard_proof_tier(uint32_t layers);
const char *guard_proof_reason(const struct block_guard_status *status)
	__attribute__((nonnull));

/* enum guard_counter WHICH over all CPUs; 0 when it cannot be read. */
uint64_t guard_proof_count(const struct guard_set *set, uint32_t which)
	__attribute__((nonnull));
