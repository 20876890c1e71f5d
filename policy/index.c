/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Construction and look-up of the index; see index.h. How often a value is
 * asked for is only estimated (a counter table with collisions): a bad guess
 * costs time, never a verdict.
 */
#include "policy/index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "policy/rule.h"

#define ESTIMATE_SLOTS (1u << 14)

static_assert(ATTR_COUNT <= INDEX_VENDOR, "key kinds do not collide");

/* How a rule is filed: under one value of an attribute, or under all. */
struct filing {
	uint8_t attr; /* FILING_NONE: in the rest */
	bool is_all;
	uint16_t value;
};

#define FILING_NONE UINT8_MAX

static uint32_t key_hash(uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

/* The key of one value; false where it can match anything. */
static bool value_key(const struct ruleset *rs, const struct attr *attr,
		      size_t n, uint64_t *ret_key)
{
	const uint32_t *values = attr_values(rs, attr);

	switch (attr_info((enum attr_kind)attr->kind)->type) {
	case VALUE_STRING:
	case VALUE_CHANNEL:
	case VALUE_BUS:
		*ret_key = INDEX_KEY(attr->kind, values[n]);
		return true;
	case VALUE_INTERFACE:
		*ret_key = INDEX_KEY(attr->kind, values[n] >> 16 & 0xff);
		return true;
	case VALUE_ID:
		if (values[2 * n] == VALUE_ANY)
			return false;
		if (values[2 * n + 1] == VALUE_ANY)
			*ret_key = INDEX_KEY(INDEX_VENDOR,
					     ID_NUMBER(values[2 * n]));
		else
			*ret_key =
				INDEX_KEY(attr->kind,
					  ID_NUMBER(values[2 * n]) << 16 |
						  ID_NUMBER(values[2 * n + 1]));
		return true;
	case VALUE_FLAG:
	case VALUE_TEXT:
	case VALUE_SIZE:
	case VALUE_DATE:
	case VALUE_CONDITION:
		break;
	}
	return false;
}

/* Whether a device without any of the values cannot match. */
static bool attr_is_demanding(const struct attr *attr)
{
	if (!attr_is_matched((enum attr_kind)attr->kind))
		return false;
	switch ((enum set_op)attr->op) {
	case SET_EQUALS:
	case SET_EQUALS_ORDERED:
	case SET_ALL_OF:
	case SET_ONE_OF:
		return true;
	case SET_NONE_OF:
	case SET_MATCH_ALL:
	case SET_OP_COUNT:
		break;
	}
	return false;
}

static bool rule_is_indexed(const struct rule *rule, unsigned family)
{
	return rule->family == family && !(rule->flags & RULE_QUERY);
}

static void estimate(const struct ruleset *rs, unsigned family,
		     uint32_t *counts)
{
	for (uint32_t n = 0; n < rs->rules.count; n++) {
		const struct rule *rule = rule_at(rs, n);
		const struct attr *attrs;

		if (!rule_is_indexed(rule, family))
			continue;
		attrs = rule_attrs(rs, rule);
		for (unsigned i = 0; i < rule->attr_count; i++) {
			uint64_t key;

			if (!attr_is_demanding(&attrs[i]))
				continue;
			for (uint16_t v = 0; v < attrs[i].count; v++)
				if (value_key(rs, &attrs[i], v, &key))
					counts[key_hash(key) %
					       ESTIMATE_SLOTS]++;
		}
	}
}

/* The expected length of the lists, if the rule is filed under this. */
static uint64_t attr_cost(const struct ruleset *rs, const struct attr *attr,
			  const uint32_t *counts, struct filing *filing)
{
	uint64_t sum = 0;
	uint64_t best = UINT64_MAX;
	uint64_t key;

	filing->is_all = attr->op == SET_ONE_OF;
	for (uint16_t v = 0; v < attr->count; v++) {
		uint32_t count;

		if (!value_key(rs, attr, v, &key)) {
			if (filing->is_all)
				return UINT64_MAX;
			continue;
		}
		count = counts[key_hash(key) % ESTIMATE_SLOTS];
		sum += count;
		if (count < best) {
			best = count;
			filing->value = v;
		}
	}
	return filing->is_all ? sum : best;
}

static struct filing choose(const struct ruleset *rs, const struct rule *rule,
			    const uint32_t *counts)
{
	const struct attr *attrs = rule_attrs(rs, rule);
	struct filing best = {.attr = FILING_NONE};
	uint64_t best_cost = UINT64_MAX;

	for (uint8_t i = 0; i < rule->attr_count; i++) {
		struct filing filing = {.attr = i};
		uint64_t cost;

		if (!attr_is_demanding(&attrs[i]) || attrs[i].count == 0)
			continue;
		cost = attr_cost(rs, &attrs[i], counts, &filing);
		if (cost < best_cost) {
			best_cost = cost;
			best = filing;
		}
	}
	return best;
}

static struct index_slot *index_slot(const struct index *index, uint64_t key)
{
	uint32_t mask = index->slot_count - 1;
	uint32_t i = key_hash(key) & mask;

	while (index->slots[i].count != 0 && index->slots[i].key != key)
		i = (i + 1) & mask;
	return &index->slots[i];
}

/*
 * Walk every (key, rule) pair in order of the rules: to count them, or to fill
 * the lists, `first` of a slot then being where its next rule goes.
 */
static void walk(struct index *index, const struct ruleset *rs, unsigned family,
		 const struct filing *filings, bool is_filling)
{
	for (uint32_t n = 0; n < rs->rules.count; n++) {
		const struct rule *rule = rule_at(rs, n);
		const struct filing *filing = &filings[n];
		const struct attr *attr;
		uint16_t from, to;

		if (!rule_is_indexed(rule, family) ||
		    filing->attr == FILING_NONE)
			continue;
		attr = rule_attrs(rs, rule) + filing->attr;
		from = filing->is_all ? 0 : filing->value;
		to = filing->is_all ? attr->count : (uint16_t)(from + 1);
		for (uint16_t v = from; v < to; v++) {
			struct index_slot *slot;
			uint64_t key = 0;

			(void)value_key(rs, attr, v, &key);
			slot = index_slot(index, key);
			if (is_filling) {
				index->lists[slot->first++] = n;
				continue;
			}
			slot->key = key;
			slot->count++;
			index->kinds |= 1u << (key >> 32);
		}
	}
}

static void fill(struct index *index, const struct ruleset *rs, unsigned family,
		 const struct filing *filings)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < index->slot_count; i++) {
		index->slots[i].first = next;
		next += index->slots[i].count;
	}
	index->rest_first = next;
	walk(index, rs, family, filings, true);
	for (uint32_t i = 0; i < index->slot_count; i++)
		index->slots[i].first -= index->slots[i].count;

	for (uint32_t n = 0; n < rs->rules.count; n++)
		if (rule_is_indexed(rule_at(rs, n), family) &&
		    filings[n].attr == FILING_NONE)
			index->lists[next + index->rest_count++] = n;
}

/* File every rule; how many (key, rule) pairs that makes, the rest counted. */
static size_t file_rules(const struct ruleset *rs, unsigned family,
			 const uint32_t *counts, struct filing *filings)
{
	size_t pairs = 0;

	for (uint32_t n = 0; n < rs->rules.count; n++) {
		const struct rule *rule = rule_at(rs, n);

		if (!rule_is_indexed(rule, family))
			continue;
		filings[n] = choose(rs, rule, counts);
		pairs += filings[n].attr != FILING_NONE && filings[n].is_all
				 ? rule_attrs(rs, rule)[filings[n].attr].count
				 : 1;
	}
	return pairs;
}

static int index_allocate(struct index *index, size_t pairs)
{
	uint32_t slots = 16;

	while (slots < pairs + pairs / 2)
		slots *= 2;
	index->slots = calloc(slots, sizeof(*index->slots));
	index->lists = calloc(pairs ? pairs : 1, sizeof(*index->lists));
	if (!index->slots || !index->lists)
		return -ENOMEM;
	index->slot_count = slots;
	index->list_count = pairs;
	return 0;
}

int index_build(struct index *index, const struct ruleset *ruleset,
		unsigned family)
{
	uint32_t *counts = calloc(ESTIMATE_SLOTS, sizeof(*counts));
	struct filing *filings = calloc(ruleset->rules.count + 1,
					sizeof(*filings));
	int r = -ENOMEM;

	*index = (struct index){0};
	if (counts && filings) {
		estimate(ruleset, family, counts);
		r = index_allocate(index, file_rules(ruleset, family, counts,
						     filings));
	}
	if (r == 0) {
		walk(index, ruleset, family, filings, false);
		fill(index, ruleset, family, filings);
	} else {
		index_fini(index);
	}
	free(counts);
	free(filings);
	return r;
}

void index_fini(struct index *index)
{
	free(index->slots);
	free(index->lists);
	*index = (struct index){0};
}

uint32_t index_find(const struct index *index, uint64_t key,
		    const uint32_t **ret_list)
{
	const struct index_slot *slot = index_slot(index, key);

	*ret_list = index->lists + slot->first;
	return slot->count;
}

size_t index_size_bytes(const struct index *index)
{
	return index->slot_count * sizeof(*index->slots) +
	       index->list_count * sizeof(*index->lists);
}
