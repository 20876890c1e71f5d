/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes and conditions against a fact. Shared by decide and explain;
 * allocates nothing. Private to policy/.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/decide.h"
#include "policy/fact.h"
#include "policy/rule.h"

/*
 * A fact as a rule set sees it: its strings looked up once, so that rules
 * compare numbers.
 */
struct subject {
	const struct ruleset *rs;
	const struct usb_fact *usb;	/* NULL: a medium without USB parent */
	const struct media_fact *media; /* NULL: a USB device */
	uint32_t has;			/* 1 << attr_kind: not the empty set */
	uint32_t strings[ATTR_COUNT];	/* POOL_NONE: in no rule */
};

void subject_of_usb(struct subject *subject, const struct ruleset *rs,
		    const struct usb_fact *fact) __attribute__((nonnull));
void subject_of_media(struct subject *subject, const struct ruleset *rs,
		      const struct media_fact *fact) __attribute__((nonnull));

/* One attribute; true for those that are data and match everything. */
bool match_attr(const struct subject *subject, const struct attr *attr)
	__attribute__((nonnull));

/* All attributes of a rule or query. */
bool match_attrs(const struct subject *subject, const struct rule *rule)
	__attribute__((nonnull));

/* cc:ss:pp pattern (VALUE_INTERFACE) against an interface. */
bool match_interface(uint32_t pattern, const struct usb_interface *interface)
	__attribute__((nonnull));

enum truth {
	TRUTH_FALSE = 0,
	TRUTH_TRUE,
	TRUTH_UNKNOWN, /* the clock is not known */
};

/* One condition, its '!' included. `number` is the rule's. */
enum truth match_condition(const struct subject *subject, uint32_t number,
			   const struct condition *condition,
			   const struct decide_context *context)
	__attribute__((nonnull));

/* `until` and `if` of a rule; unknown counts against access. */
bool match_conditions(const struct subject *subject, uint32_t number,
		      const struct decide_context *context)
	__attribute__((nonnull));

/* `until` alone. */
enum truth match_until(const struct ruleset *rs, const struct rule *rule,
		       const struct decide_context *context)
	__attribute__((nonnull));
