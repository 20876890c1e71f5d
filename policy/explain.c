/* SPDX-License-Identifier: Apache-2.0 */
/* Why, and how near another answer was; see explain.h. */
#include "policy/explain.h"

#include <stdio.h>

#include "policy/match.h"
#include "policy/rule.h"

/* What a rule asks for, how much of it is there, and the first that is not. */
struct near {
	unsigned matched;
	unsigned total;
	char missing[64];
};

static void near_note(struct near *near, bool matched, const char *what)
{
	near->total++;
	if (matched)
		near->matched++;
	else if (!near->missing[0])
		(void)snprintf(near->missing, sizeof(near->missing), "%s",
			       what);
}

static void near_condition(struct near *near, const struct subject *s,
			   uint32_t number, const struct attr *attr,
			   const struct decide_context *context)
{
	bool met = match_conditions(s, number, context);
	char text[64] = "if";

	/* The first condition that is not true names the set. */
	for (uint16_t i = 0; !met && i < attr->count; i++) {
		const struct condition *cond = attr_conditions(s->rs, attr) + i;

		if (match_condition(s, number, cond, context) == TRUTH_TRUE)
			continue;
		(void)snprintf(text, sizeof(text), "if %s%s",
			       cond->is_negated ? "!" : "",
			       condition_to_str(
				       (enum condition_kind)cond->kind));
		break;
	}
	near_note(near, met, text);
}

static struct near near_of(const struct subject *s, uint32_t number,
			   const struct decide_context *context)
{
	const struct rule *rule = rule_at(s->rs, number);
	const struct attr *attrs = rule_attrs(s->rs, rule);
	struct near near = {0};

	for (unsigned i = 0; i < rule->attr_count; i++) {
		enum attr_kind kind = (enum attr_kind)attrs[i].kind;

		if (kind == ATTR_IF)
			near_condition(&near, s, number, &attrs[i], context);
		else if (kind == ATTR_UNTIL)
			near_note(&near,
				  match_until(s->rs, rule, context) ==
					  TRUTH_TRUE,
				  attr_info(kind)->word);
		else if (attr_is_matched(kind))
			near_note(&near, match_attr(s, &attrs[i]),
				  attr_info(kind)->word);
	}
	/* All of it is there and yet it did not speak. */
	if (near.matched == near.total)
		(void)snprintf(near.missing, sizeof(near.missing),
			       "an earlier rule decided");
	return near;
}

/* Fewer things missing first, then more that are there. */
static bool is_nearer(const struct near *a, const struct explanation *b)
{
	unsigned missing = a->total - a->matched;
	unsigned best = b->nearest_total - b->nearest_matched;

	if (!b->has_nearest || missing != best)
		return !b->has_nearest || missing < best;
	return a->matched > b->nearest_matched;
}

static void find_nearest(const struct subject *s, enum rules_family family,
			 const struct decide_context *context,
			 struct explanation *e)
{
	for (uint32_t n = 0; n < s->rs->rules.count; n++) {
		const struct rule *rule = rule_at(s->rs, n);
		struct near near;

		if (rule->family != family || !rule_gives(rule) ||
		    n == e->verdict.rule)
			continue;
		near = near_of(s, n, context);
		if (near.matched == 0 || !is_nearer(&near, e))
			continue;
		e->has_nearest = true;
		e->nearest = n;
		e->nearest_matched = near.matched;
		e->nearest_total = near.total;
		memcpy(e->nearest_missing, near.missing, sizeof(near.missing));
	}
}

void explain_usb(const struct ruleset *ruleset, const struct usb_fact *fact,
		 const struct decide_context *context,
		 struct explanation *ret_explanation)
{
	struct decide_context quiet = *context;
	struct explanation e = {0};
	struct subject subject;

	quiet.history = NULL;
	quiet.history_count = 0;
	decide_usb(ruleset, fact, &quiet, &e.verdict);
	if (ruleset && e.verdict.target != USB_TARGET_ALLOW) {
		subject_of_usb(&subject, ruleset, fact);
		find_nearest(&subject, RULES_FAMILY_USB, &quiet, &e);
	}
	*ret_explanation = e;
}

void explain_media(const struct ruleset *ruleset, const struct media_fact *fact,
		   const struct decide_context *context,
		   struct explanation *ret_explanation)
{
	struct decide_context quiet = *context;
	struct explanation e = {0};
	struct subject subject;

	quiet.history = NULL;
	quiet.history_count = 0;
	decide_media(ruleset, fact, &quiet, &e.verdict);
	if (ruleset && e.verdict.access == MEDIA_DENY) {
		subject_of_media(&subject, ruleset, fact);
		find_nearest(&subject, RULES_FAMILY_MEDIA, &quiet, &e);
	}
	*ret_explanation = e;
}
