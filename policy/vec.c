/* SPDX-License-Identifier: Apache-2.0 */
/* Growing array; see vec.h. It knows nothing of what it holds. */
#include "policy/vec.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VEC_FIRST_ITEMS 16

static int vec_reserve(struct vec *vec, size_t needed)
{
	size_t capacity = vec->capacity ? vec->capacity : VEC_FIRST_ITEMS;
	void *data;

	if (needed <= vec->capacity)
		return 0;

	while (capacity < needed) {
		if (capacity > SIZE_MAX / 2)
			return -ENOMEM;
		capacity += capacity / 2;
	}
	if (capacity > SIZE_MAX / vec->item_bytes)
		return -ENOMEM;

	data = realloc(vec->data, capacity * vec->item_bytes);
	if (!data)
		return -ENOMEM;
	vec->data = data;
	vec->capacity = capacity;
	return 0;
}

int vec_append(struct vec *vec, const void *items, size_t count)
{
	char *end;
	int r;

	if (count > SIZE_MAX - vec->count)
		return -ENOMEM;
	r = vec_reserve(vec, vec->count + count);
	if (r < 0)
		return r;
	if (count == 0)
		return 0;

	end = (char *)vec->data + vec->count * vec->item_bytes;
	if (items)
		memcpy(end, items, count * vec->item_bytes);
	else
		memset(end, 0, count * vec->item_bytes);
	vec->count += count;
	return 0;
}

void vec_trim(struct vec *vec)
{
	void *data;

	if (vec->count == 0 || vec->count == vec->capacity)
		return;
	data = realloc(vec->data, vec->count * vec->item_bytes);
	/* A shrinking realloc that fails leaves the old block: harmless. */
	if (!data)
		return;
	vec->data = data;
	vec->capacity = vec->count;
}

void vec_fini(struct vec *vec)
{
	free(vec->data);
	vec->data = NULL;
	vec->count = 0;
	vec->capacity = 0;
}
