/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing array for the construction of rule sets. The only place, with
 * pool.c, ruleset.c and index.c, where policy allocates.
 */
#pragma once

#include <stddef.h>

struct vec {
	void *data;
	size_t count;
	size_t capacity;
	size_t item_bytes;
};

/* An empty array of items of that size; nothing is allocated. */
#define VEC_OF(type) ((struct vec){.item_bytes = sizeof(type)})

/*
 * Append `count` items (NULL: zeroed ones). Returns 0 or -ENOMEM, the array
 * unchanged.
 */
int vec_append(struct vec *vec, const void *items, size_t count)
	__attribute__((nonnull(1), warn_unused_result));

/* Give back what was reserved and not used. Never fails. */
void vec_trim(struct vec *vec) __attribute__((nonnull));

void vec_fini(struct vec *vec) __attribute__((nonnull));
