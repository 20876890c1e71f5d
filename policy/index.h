/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rules can match a device at all. Each rule is filed under the rarest
 * value it cannot do without (an id, a string, an interface class, a channel,
 * a bus); what demands nothing that can be looked up is in the rest. Private
 * to policy/.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ruleset;

/* One key and its rules: lists[first .. first + count), ascending. */
struct index_slot {
	uint64_t key;
	uint32_t first;
	uint32_t count; /* 0: the slot is empty */
};

struct index {
	struct index_slot *slots; /* open addressing */
	uint32_t slot_count;	  /* a power of two, or 0 */
	uint32_t *lists;
	size_t list_count;
	uint32_t kinds;	     /* 1 << kind of the keys that occur */
	uint32_t rest_first; /* the rules filed under nothing */
	uint32_t rest_count;
};

/* The kinds of key; a string's kind is its attribute. */
#define INDEX_KEY(kind, value) ((uint64_t)(kind) << 32 | (value))
#define INDEX_VENDOR	       31u /* vendor id alone: vid:* */

/*
 * Index the rules of one family (enum rules_family). Returns 0 or -ENOMEM;
 * *index is then empty.
 */
int index_build(struct index *index, const struct ruleset *ruleset,
		unsigned family) __attribute__((nonnull, warn_unused_result));

void index_fini(struct index *index) __attribute__((nonnull));

/* The rules under a key: their count, and the first of them in *ret_list. */
uint32_t index_find(const struct index *index, uint64_t key,
		    const uint32_t **ret_list) __attribute__((nonnull));

size_t index_size_bytes(const struct index *index) __attribute__((nonnull));
