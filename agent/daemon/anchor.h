/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose signatures count, tied to the kernel while tamper protection is on:
 * the guard's map keeps a hash of the trusted keys, so that root cannot put
 * keys of their own in their place and sign the protection away. Reads and
 * compares; tells nobody.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/bpf/guard.h"
#include "agent/daemon/bundle_store.h"
#include "agent/enforce/block_guard.h"

/* SHA-256 over the ids of the keys in their order; all 0 when there is none.
 * 0 or -ENOMEM. */
int anchor_hash(const struct trust *trust, uint8_t ret_hash[GUARD_ANCHOR_BYTES])
	__attribute__((nonnull, warn_unused_result));

/* Whether the keys of STORE are others than those TAMPER was switched on
 * under, and it counts at BOOT_NOW_NS. False where it was switched on without
 * any. */
bool anchor_is_foreign(const struct block_guard_tamper *tamper,
		       const struct bundle_store *store, uint64_t boot_now_ns)
	__attribute__((nonnull));

/* Takes the keys out of STORE when they are foreign to what GUARD (may be
 * NULL) was switched on under. */
void anchor_check(const struct block_guard *guard, struct bundle_store *store)
	__attribute__((nonnull(2)));
