/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First match wins. The index gives, for each value the device has, the rules
 * filed under it; the lists are walked together in order of the rules, so that
 * the answer is that of a scan over all rules without its cost.
 */
#include "policy/decide.h"

#include <assert.h>

#include "policy/hid.h"
#include "policy/match.h"
#include "policy/rule.h"

/* One per value of the device that rules are filed under, and the rest. */
struct cursor {
	const uint32_t *next;
	uint32_t left;
};

/* id and vendor, every attribute, 256 interface classes, channels, rest. */
#define CURSORS_MAX (2 + ATTR_COUNT + 256 + USB_CHANNEL_COUNT + 1)

struct candidates {
	const struct index *index;
	unsigned count;
	struct cursor cursors[CURSORS_MAX];
};

static void add_list(struct candidates *c, const uint32_t *list, uint32_t count)
{
	if (count == 0)
		return;
	assert(c->count < CURSORS_MAX);
	c->cursors[c->count++] = (struct cursor){list, count};
}

static void add_key(struct candidates *c, unsigned kind, uint32_t value)
{
	const uint32_t *list;
	uint32_t count;

	if (!(c->index->kinds & 1u << kind))
		return;
	count = index_find(c->index, INDEX_KEY(kind, value), &list);
	add_list(c, list, count);
}

static void add_classes(struct candidates *c, const struct usb_fact *fact)
{
	uint64_t seen[4] = {0};

	if (!(c->index->kinds & 1u << ATTR_WITH_INTERFACE))
		return;
	for (uint16_t i = 0; i < fact->interface_count; i++) {
		uint8_t code = fact->interfaces[i].class_code;

		if (seen[code / 64] & 1ull << code % 64)
			continue;
		seen[code / 64] |= 1ull << code % 64;
		add_key(c, ATTR_WITH_INTERFACE, code);
	}
}

static void add_strings(struct candidates *c, const struct subject *s)
{
	for (unsigned kind = 0; kind < ATTR_COUNT; kind++) {
		if (!(s->has & c->index->kinds & 1u << kind))
			continue;
		if (attr_info((enum attr_kind)kind)->type == VALUE_STRING &&
		    s->strings[kind] != POOL_NONE)
			add_key(c, kind, s->strings[kind]);
	}
}

static void add_usb(struct candidates *c, const struct subject *s)
{
	const struct usb_fact *fact = s->usb;

	if (s->has & 1u << ATTR_ID) {
		add_key(c, ATTR_ID,
			(uint32_t)fact->vendor_id << 16 | fact->product_id);
		add_key(c, INDEX_VENDOR, fact->vendor_id);
	}
	if (s->has & 1u << ATTR_WITH_INTERFACE)
		add_classes(c, fact);
	if (!(s->has & 1u << ATTR_CHANNEL))
		return;
	for (unsigned i = 0; i < USB_CHANNEL_COUNT; i++)
		if (fact->channels & USB_CHANNEL_BIT(i))
			add_key(c, ATTR_CHANNEL, i);
}

static void gather(struct candidates *c, const struct index *index,
		   const struct subject *s)
{
	c->index = index;
	c->count = 0;
	add_strings(c, s);
	if (s->usb)
		add_usb(c, s);
	if (s->media)
		add_key(c, ATTR_BUS, s->media->bus);
	add_list(c, index->lists + index->rest_first, index->rest_count);
}

/* The lowest rule of all lists, taken off each that has it. */
static bool next_candidate(struct candidates *c, uint32_t *ret_rule)
{
	uint32_t lowest = UINT32_MAX;

	for (unsigned i = 0; i < c->count; i++)
		if (c->cursors[i].left && *c->cursors[i].next < lowest)
			lowest = *c->cursors[i].next;
	if (lowest == UINT32_MAX)
		return false;
	for (unsigned i = 0; i < c->count; i++) {
		struct cursor *cursor = &c->cursors[i];

		while (cursor->left && *cursor->next == lowest) {
			cursor->next++;
			cursor->left--;
		}
	}
	*ret_rule = lowest;
	return true;
}

static struct decide_history_slot *history_slot(
	const struct rule *rule, const struct decide_context *context)
{
	if (!context->history || rule->history >= context->history_count)
		return NULL;
	return &context->history[rule->history];
}

static bool rule_speaks(const struct subject *s, uint32_t number,
			const struct decide_context *context)
{
	const struct rule *rule = rule_at(s->rs, number);
	struct decide_history_slot *slot = history_slot(rule, context);
	bool speaks;

	if (!match_attrs(s, rule))
		return false;
	speaks = match_conditions(s, number, context);
	if (slot)
		slot->evaluated = context->boot_now_s + 1;
	if (slot && speaks)
		slot->applied = context->boot_now_s + 1;
	return speaks;
}

static void verdict_of_rule(const struct ruleset *rs, uint32_t number,
			    struct verdict *ret_verdict)
{
	const struct rule *rule = rule_at(rs, number);
	bool is_usb = rule->family == RULES_FAMILY_USB;

	*ret_verdict = (struct verdict){
		.target = is_usb ? (enum usb_target)rule->target
				 : USB_TARGET_BLOCK,
		.access = is_usb ? MEDIA_DENY : (enum media_access)rule->target,
		.reason = rule->flags & RULE_LOST ? VERDICT_LOST : VERDICT_RULE,
		.rule = number,
		.rule_id = rule_text(rs, rule, ATTR_RULE_ID),
		.label = rule_text(rs, rule, ATTR_LABEL),
		.sticker = rule_text(rs, rule, ATTR_STICKER),
		.owner = rule_text(rs, rule, ATTR_OWNER),
		.is_monitor = rs->header.mode == RULES_MODE_MONITOR ||
			      rule->flags & RULE_MONITOR,
		.is_noexec = !(rule->flags & RULE_EXEC),
		.is_per_interface = rule->flags & RULE_PER_INTERFACE,
		.may_type_fast = rule->flags & RULE_FAST_TYPING,
	};
}

static void verdict_implicit(const struct ruleset *rs,
			     struct verdict *ret_verdict)
{
	*ret_verdict = (struct verdict){
		.target = rs ? rs->header.implicit : USB_TARGET_BLOCK,
		.access = MEDIA_DENY,
		.reason = rs ? VERDICT_IMPLICIT : VERDICT_NO_RULESET,
		.rule = VERDICT_NO_RULE,
		.rule_id = SPAN(""),
		.label = SPAN(""),
		.sticker = SPAN(""),
		.owner = SPAN(""),
		.is_implicit = true,
		.is_monitor = rs && rs->header.mode == RULES_MODE_MONITOR,
		.is_noexec = true,
	};
}

static void decide(const struct index *index, const struct subject *s,
		   const struct decide_context *context,
		   struct verdict *ret_verdict)
{
	struct candidates candidates;
	uint32_t number;

	gather(&candidates, index, s);
	while (next_candidate(&candidates, &number)) {
		if (!rule_speaks(s, number, context))
			continue;
		verdict_of_rule(s->rs, number, ret_verdict);
		return;
	}
	verdict_implicit(s->rs, ret_verdict);
}

void decide_usb(const struct ruleset *ruleset, const struct usb_fact *fact,
		const struct decide_context *context,
		struct verdict *ret_verdict)
{
	struct subject subject;

	if (!ruleset) {
		verdict_implicit(NULL, ret_verdict);
		return;
	}
	subject_of_usb(&subject, ruleset, fact);
	decide(&ruleset->usb, &subject, context, ret_verdict);
}

void decide_media(const struct ruleset *ruleset, const struct media_fact *fact,
		  const struct decide_context *context,
		  struct verdict *ret_verdict)
{
	struct subject subject;

	if (!ruleset) {
		verdict_implicit(NULL, ret_verdict);
		return;
	}
	subject_of_media(&subject, ruleset, fact);
	decide(&ruleset->media, &subject, context, ret_verdict);
	if (!context->is_glass_broken || ret_verdict->access == MEDIA_DENY)
		return;
	ret_verdict->access = MEDIA_DENY;
	ret_verdict->reason = VERDICT_GLASS;
}

bool decide_interface(const struct ruleset *ruleset,
		      const struct verdict *verdict,
		      const struct usb_interface *interface)
{
	const struct attr *attr;
	const uint32_t *patterns;

	if (!verdict->is_per_interface)
		return true;
	if (verdict->is_keyboard_held && hid_is_keyboard(interface))
		return false;
	if (verdict->rule == VERDICT_NO_RULE)
		return true;
	assert(ruleset && verdict->rule < ruleset->rules.count);
	attr = rule_attr(ruleset, rule_at(ruleset, verdict->rule),
			 ATTR_INTERFACES);
	if (!attr)
		return true;
	patterns = attr_values(ruleset, attr);
	for (uint16_t i = 0; i < attr->count; i++)
		if (match_interface(patterns[i], interface))
			return true;
	return false;
}
