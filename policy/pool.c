/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings; see pool.h. */
#include "policy/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define POOL_FIRST_SLOTS 64

void pool_init(struct pool *pool)
{
	*pool = (struct pool){
		.bytes = VEC_OF(char),
		.ends = VEC_OF(uint32_t),
	};
}

void pool_fini(struct pool *pool)
{
	vec_fini(&pool->bytes);
	vec_fini(&pool->ends);
	free(pool->table);
	pool->table = NULL;
	pool->table_size = 0;
}

void pool_trim(struct pool *pool)
{
	vec_trim(&pool->bytes);
	vec_trim(&pool->ends);
}

struct span pool_get(const struct pool *pool, uint32_t number)
{
	const uint32_t *ends = pool->ends.data;
	const char *bytes = pool->bytes.data;
	uint32_t start;

	if (number == POOL_NONE)
		return SPAN("");
	assert(number < pool->ends.count);
	start = number ? ends[number - 1] : 0;
	/* All strings empty so far: there are no bytes at all. */
	if (!bytes)
		return SPAN("");
	return span_of(bytes + start, ends[number] - start);
}

/*
 * Eight bytes a step. Whoever makes a device chooses the string, but the table
 * holds only what the administrator wrote and is at most half full: the worst
 * string costs a walk over one cluster of it.
 */
static uint32_t pool_hash(struct span text)
{
	const uint64_t k = 0x9e3779b97f4a7c15u;
	uint64_t h = text.len * k;
	uint64_t chunk;
	size_t i = 0;

	for (; i + sizeof(chunk) <= text.len; i += sizeof(chunk)) {
		memcpy(&chunk, text.ptr + i, sizeof(chunk));
		h = (h ^ chunk) * k;
		h ^= h >> 29;
	}
	chunk = 0;
	if (i < text.len)
		memcpy(&chunk, text.ptr + i, text.len - i);
	h = (h ^ chunk) * k;
	return (uint32_t)(h >> 32);
}

/* The slot of that string, or the empty slot where it would go. */
static uint32_t *pool_slot(const struct pool *pool, struct span text)
{
	uint32_t mask = pool->table_size - 1;
	uint32_t i = pool_hash(text) & mask;

	while (pool->table[i] != 0 &&
	       !span_equals(pool_get(pool, pool->table[i] - 1), text))
		i = (i + 1) & mask;
	return &pool->table[i];
}

static int pool_grow(struct pool *pool)
{
	uint32_t size = pool->table_size ? pool->table_size * 2
					 : POOL_FIRST_SLOTS;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return -ENOMEM;
	free(pool->table);
	pool->table = table;
	pool->table_size = size;
	for (uint32_t n = 0; n < pool->ends.count; n++)
		*pool_slot(pool, pool_get(pool, n)) = n + 1;
	return 0;
}

int pool_add(struct pool *pool, struct span text, uint32_t *ret_number)
{
	uint32_t number = (uint32_t)pool->ends.count;
	uint32_t *slot;
	uint32_t end;
	int r;

	if (number * 2 >= pool->table_size) {
		r = pool_grow(pool);
		if (r < 0)
			return r;
	}
	slot = pool_slot(pool, text);
	if (*slot != 0) {
		*ret_number = *slot - 1;
		return 0;
	}

	if (pool->bytes.count + text.len >= UINT32_MAX)
		return -ENOMEM;
	end = (uint32_t)(pool->bytes.count + text.len);
	r = vec_append(&pool->ends, &end, 1);
	if (r < 0)
		return r;
	r = vec_append(&pool->bytes, text.ptr, text.len);
	if (r < 0) {
		pool->ends.count--;
		return r;
	}
	*slot = number + 1;
	*ret_number = number;
	return 0;
}

uint32_t pool_find(const struct pool *pool, struct span text)
{
	uint32_t slot;

	if (pool->table_size == 0)
		return POOL_NONE;
	slot = *pool_slot(pool, text);
	return slot ? slot - 1 : POOL_NONE;
}

size_t pool_size_bytes(const struct pool *pool)
{
	return pool->bytes.capacity + pool->ends.capacity * sizeof(uint32_t) +
	       pool->table_size * sizeof(uint32_t);
}
