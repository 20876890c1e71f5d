/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions and expiry against a context. What depends on a clock that is
 * not known is unknown, and unknown counts against access: it keeps a rule
 * that gives from matching and lets one that denies match.
 */
#include "policy/match.h"

#include <assert.h>

static enum truth truth_of(bool value)
{
	return value ? TRUTH_TRUE : TRUTH_FALSE;
}

static bool clock_is_known(const struct decide_context *context)
{
	return context->now.month != 0;
}

static uint32_t today(const struct decide_context *context)
{
	return date_number((uint32_t)context->now.year, context->now.month,
			   context->now.day);
}

static enum truth check_localtime(const struct condition *cond,
				  const struct decide_context *context)
{
	uint32_t now = context->now.second;

	if (!clock_is_known(context))
		return TRUTH_UNKNOWN;
	/* FROM later than TO: over midnight. */
	if (cond->a > cond->b)
		return truth_of(now >= cond->a || now <= cond->b);
	return truth_of(now >= cond->a && now <= cond->b);
}

static enum truth check_date(const struct condition *cond,
			     const struct decide_context *context)
{
	if (!clock_is_known(context))
		return TRUTH_UNKNOWN;
	return truth_of(today(context) >= cond->a && today(context) <= cond->b);
}

static enum truth check_weekday(const struct condition *cond,
				const struct decide_context *context)
{
	if (!clock_is_known(context))
		return TRUTH_UNKNOWN;
	return truth_of(cond->a & 1u << context->now.weekday % 7);
}

/* One of the authorised devices is what the query describes. */
static enum truth check_allowed(const struct subject *s,
				const struct condition *cond,
				const struct decide_context *context)
{
	const struct rule *query = (const struct rule *)s->rs->queries.data +
				   cond->a;

	for (size_t i = 0; i < context->authorized_count; i++) {
		struct subject other;

		subject_of_usb(&other, s->rs, context->authorized[i]);
		if (match_attrs(&other, query))
			return TRUTH_TRUE;
	}
	return TRUTH_FALSE;
}

static enum truth check_history(const struct rule *rule,
				const struct condition *cond,
				const struct decide_context *context)
{
	uint64_t within = cond->a | (uint64_t)cond->b << 32;
	const struct decide_history_slot *slot;
	uint64_t last;

	if (!context->history || rule->history >= context->history_count)
		return TRUTH_FALSE;
	slot = &context->history[rule->history];
	last = cond->kind == CONDITION_RULE_APPLIED ? slot->applied
						    : slot->evaluated;
	if (last == 0)
		return TRUTH_FALSE;
	/* Slots hold the second plus 1, so that 0 is never. */
	return truth_of(within == 0 || context->boot_now_s + 1 <= last ||
			context->boot_now_s + 1 - last <= within);
}

static enum truth check_random(uint32_t number, const struct condition *cond,
			       const struct decide_context *context)
{
	uint64_t x = context->random + number * 0x9e3779b97f4a7c15u;

	if (cond->b)
		return TRUTH_TRUE;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return truth_of((uint32_t)(x >> 32) < cond->a);
}

static bool is_named(const struct ruleset *rs, const struct condition *cond,
		     const char *name)
{
	const uint32_t *values = (const uint32_t *)rs->values.data + cond->a;

	for (uint32_t i = 0; name && i < cond->b; i++)
		if (span_equals_str(pool_get(&rs->pool, values[i]), name))
			return true;
	return false;
}

static enum truth check_group(const struct ruleset *rs,
			      const struct condition *cond,
			      const struct decide_context *context)
{
	for (size_t i = 0; context->has_session && i < context->group_count;
	     i++)
		if (is_named(rs, cond, context->groups[i]))
			return TRUTH_TRUE;
	return TRUTH_FALSE;
}

static enum truth check(const struct subject *s, uint32_t number,
			const struct condition *cond,
			const struct decide_context *context)
{
	switch ((enum condition_kind)cond->kind) {
	case CONDITION_TRUE:
		return TRUTH_TRUE;
	case CONDITION_FALSE:
		return TRUTH_FALSE;
	case CONDITION_RANDOM:
		return check_random(number, cond, context);
	case CONDITION_LOCALTIME:
		return check_localtime(cond, context);
	case CONDITION_ALLOWED_MATCHES:
		return check_allowed(s, cond, context);
	case CONDITION_RULE_APPLIED:
	case CONDITION_RULE_EVALUATED:
		return check_history(rule_at(s->rs, number), cond, context);
	case CONDITION_MFA:
		return truth_of(context->has_session && context->is_mfa);
	case CONDITION_LOCKED:
		return truth_of(context->is_locked);
	case CONDITION_USER:
		return truth_of(context->has_session &&
				is_named(s->rs, cond, context->user));
	case CONDITION_GROUP:
		return check_group(s->rs, cond, context);
	case CONDITION_WEEKDAY:
		return check_weekday(cond, context);
	case CONDITION_DATE:
		return check_date(cond, context);
	case CONDITION_COUNT:
		break;
	}
	return TRUTH_UNKNOWN;
}

enum truth match_condition(const struct subject *subject, uint32_t number,
			   const struct condition *condition,
			   const struct decide_context *context)
{
	enum truth truth = check(subject, number, condition, context);

	if (!condition->is_negated || truth == TRUTH_UNKNOWN)
		return truth;
	return truth_of(truth == TRUTH_FALSE);
}

/* one-of: any · none-of: none · every other operator: all. */
static enum truth combine(enum set_op op, const unsigned *counts)
{
	bool is_any = op == SET_ONE_OF || op == SET_NONE_OF;
	enum truth decisive = is_any ? TRUTH_TRUE : TRUTH_FALSE;
	enum truth truth;

	if (counts[decisive] > 0)
		truth = decisive;
	else if (counts[TRUTH_UNKNOWN] > 0)
		return TRUTH_UNKNOWN;
	else
		truth = is_any ? TRUTH_FALSE : TRUTH_TRUE;
	if (op == SET_NONE_OF)
		return truth_of(truth == TRUTH_FALSE);
	return truth;
}

enum truth match_until(const struct ruleset *rs, const struct rule *rule,
		       const struct decide_context *context)
{
	const struct attr *attr = rule_attr(rs, rule, ATTR_UNTIL);

	if (!attr)
		return TRUTH_TRUE;
	if (!clock_is_known(context))
		return TRUTH_UNKNOWN;
	return truth_of(today(context) <= attr_values(rs, attr)[0]);
}

bool match_conditions(const struct subject *subject, uint32_t number,
		      const struct decide_context *context)
{
	const struct ruleset *rs = subject->rs;
	const struct rule *rule = rule_at(rs, number);
	const struct attr *attr = rule_attr(rs, rule, ATTR_IF);
	enum truth until = match_until(rs, rule, context);
	unsigned counts[3] = {0};
	enum truth truth = TRUTH_TRUE;

	for (uint16_t i = 0; attr && i < attr->count; i++)
		counts[match_condition(subject, number,
				       attr_conditions(rs, attr) + i,
				       context)]++;
	if (attr)
		truth = combine((enum set_op)attr->op, counts);

	if (truth == TRUTH_FALSE || until == TRUTH_FALSE)
		return false;
	if (truth == TRUTH_UNKNOWN || until == TRUTH_UNKNOWN)
		return !rule_gives(rule);
	return true;
}
