/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned strings of a rule set: each distinct string once, named by a small
 * number, so that rules compare numbers and a device's string is hashed once
 * for all of them. Finding never allocates.
 */
#pragma once

#include <stdint.h>

#include "policy/span.h"
#include "policy/vec.h"

#define POOL_NONE UINT32_MAX

struct pool {
	struct vec bytes;    /* char */
	struct vec ends;     /* uint32_t: where string n ends in bytes */
	uint32_t *table;     /* open addressing; 0 is empty, else number + 1 */
	uint32_t table_size; /* a power of two, or 0 */
};

void pool_init(struct pool *pool) __attribute__((nonnull));
void pool_fini(struct pool *pool) __attribute__((nonnull));
void pool_trim(struct pool *pool) __attribute__((nonnull));

/* Returns 0 or -ENOMEM; the pool keeps its own copy of the bytes. */
int pool_add(struct pool *pool, struct span text, uint32_t *ret_number)
	__attribute__((nonnull, warn_unused_result));

/* The number of a string, or POOL_NONE. */
uint32_t pool_find(const struct pool *pool, struct span text)
	__attribute__((nonnull));

/* POOL_NONE gives the empty span. */
struct span pool_get(const struct pool *pool, uint32_t number)
	__attribute__((nonnull));

size_t pool_size_bytes(const struct pool *pool) __attribute__((nonnull));
