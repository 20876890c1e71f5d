/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is worth a warning although it loads: rules that mean something else
 * than USBGuard made of them, and rules that can never speak or speak for
 * more than their author is likely to have meant.
 */
#include "policy/builtin.h"
#include "policy/parse.h"

#include <stdarg.h>
#include <stdio.h>

#include "policy/hid.h"

#define CLASS_HID     0x03
#define PROTOCOL_KEYS 0x01
/* Sets up to this size are compared rule by rule. */
#define PAIRS_RULES_MAX 3000u

struct linter {
	const struct ruleset *rs;
	struct rules_report *report;
};

__attribute__((format(printf, 3, 4))) static void warn(struct linter *l,
						       const struct rule *rule,
						       const char *format, ...)
{
	struct rules_message message = {
		.text = rule->text,
		.line = rule->line,
		.column = 1,
		.severity = RULES_WARNING,
	};
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message.what, sizeof(message.what), format, args);
	va_end(args);
	report_add(l->report, &message);
}

/* Two patterns of which one device interface could serve both. */
static bool patterns_overlap(uint32_t a, uint32_t b)
{
	if ((a >> 16 & 0xff) != (b >> 16 & 0xff))
		return false;
	if ((a | b) & INTERFACE_ANY_SUBCLASS)
		return true;
	if ((a >> 8 & 0xff) != (b >> 8 & 0xff))
		return false;
	return (a | b) & INTERFACE_ANY_PROTOCOL || (a & 0xff) == (b & 0xff);
}

static bool has_overlap(const struct ruleset *rs, const struct attr *attr)
{
	const uint32_t *values = attr_values(rs, attr);

	/* More than a device can have: it matches nothing at all. */
	if (attr->count > USB_INTERFACES_MAX)
		return false;
	for (uint16_t i = 0; i < attr->count; i++)
		for (uint16_t j = 0; j < i; j++)
			if (patterns_overlap(values[i], values[j]))
				return true;
	return false;
}

static void lint_meaning(struct linter *l, const struct rule *rule)
{
	const struct attr *attrs = rule_attrs(l->rs, rule);

	for (unsigned i = 0; i < rule->attr_count; i++) {
		const struct attr *attr = &attrs[i];
		const struct attr_info *info =
			attr_info((enum attr_kind)attr->kind);

		if (attr->op == SET_MATCH_ALL && attr->kind != ATTR_IF &&
		    (info->type == VALUE_STRING || info->type == VALUE_ID))
			warn(l, rule,
			     "'%s match-all' is not what USBGuard did: it let "
			     "every string pass and no wildcard id",
			     info->word);
		if (attr->kind == ATTR_WITH_INTERFACE &&
		    attr->op == SET_EQUALS && attr->count > 1 &&
		    has_overlap(l->rs, attr))
			warn(l, rule,
			     "'equals' pairs one to one here; USBGuard would "
			     "also take a device with another interface in "
			     "place of a repeated one");
		if (attr->kind == ATTR_IF && attr->count >= 64)
			warn(l, rule,
			     "USBGuard cannot evaluate 64 conditions or more; "
			     "here they count");
	}
}

/* `block channel storage` blocks a pure stick and lets a composite by. */
static void lint_exact_denial(struct linter *l, const struct rule *rule)
{
	static const enum attr_kind kinds[] = {ATTR_WITH_INTERFACE,
					       ATTR_CHANNEL};

	if (rule_gives(rule) || (rule->flags & RULE_QUERY))
		return;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct attr *attr = rule_attr(l->rs, rule, kinds[i]);

		if (attr && attr->op == SET_EQUALS && attr->count == 1)
			warn(l, rule,
			     "denies only a device that is nothing else: "
			     "'%s one-of { … }' would also catch composites",
			     attr_info(kinds[i])->word);
	}
}

/* Nothing that could keep it from matching. */
static bool is_catch_all(const struct ruleset *rs, const struct rule *rule)
{
	const struct attr *attrs = rule_attrs(rs, rule);

	for (unsigned i = 0; i < rule->attr_count; i++)
		if (attr_is_matched((enum attr_kind)attrs[i].kind) ||
		    attrs[i].kind == ATTR_IF || attrs[i].kind == ATTR_UNTIL)
			return false;
	return true;
}

static bool asks_for(const struct ruleset *rs, const struct rule *rule,
		     uint32_t kinds)
{
	const struct attr *attrs = rule_attrs(rs, rule);

	for (unsigned i = 0; i < rule->attr_count; i++)
		if (kinds & 1u << attrs[i].kind)
			return true;
	return false;
}

/* An id says which product, not which stick. */
static void lint_broad(struct linter *l, const struct rule *rule)
{
	uint32_t identifying = 1u << ATTR_SERIAL | 1u << ATTR_HASH |
			       1u << ATTR_IDENTITY | 1u << ATTR_FS_UUID;

	if (!rule_gives(rule))
		return;
	if (is_catch_all(l->rs, rule))
		warn(l, rule, "gives access to everything");
	else if (rule->family == RULES_FAMILY_MEDIA &&
		 !asks_for(l->rs, rule, identifying))
		warn(l, rule,
		     "gives access to every medium of that kind: add a serial, "
		     "hash or fs-uuid");
}

static bool attrs_equal(const struct ruleset *rs, const struct attr *a,
			const struct attr *b)
{
	const struct attr_info *info = attr_info((enum attr_kind)a->kind);
	size_t width = info->type == VALUE_ID	  ? 2
		       : info->type == VALUE_SIZE ? 4
						  : 1;

	if (a->kind != b->kind || a->op != b->op || a->count != b->count)
		return false;
	if (info->type == VALUE_CONDITION)
		return false; /* may differ in time: not a duplicate */
	return memcmp(attr_values(rs, a), attr_values(rs, b),
		      a->count * width * sizeof(uint32_t)) == 0;
}

/* Whatever the later rule could match, the earlier one takes. */
static bool takes_all_of(const struct ruleset *rs, const struct rule *earlier,
			 const struct rule *later)
{
	const struct attr *attrs = rule_attrs(rs, earlier);

	if (earlier->family != later->family || (earlier->flags & RULE_QUERY))
		return false;
	for (unsigned i = 0; i < earlier->attr_count; i++) {
		enum attr_kind kind = (enum attr_kind)attrs[i].kind;
		const struct attr *same;

		if (!attr_is_matched(kind) && kind != ATTR_IF &&
		    kind != ATTR_UNTIL)
			continue;
		same = rule_attr(rs, later, kind);
		if (!same || !attrs_equal(rs, &attrs[i], same))
			return false;
	}
	return true;
}

/*
 * Which earlier rule keeps this one from ever speaking. Every pair is looked
 * at in sets that people write; in larger ones, that programs write, a rule is
 * compared with its neighbour and with rules that take everything.
 */
static void lint_reach(struct linter *l, uint32_t number,
		       const struct rule **catch_all)
{
	const struct rule *rule = rule_at(l->rs, number);
	const struct rule *by = catch_all[rule->family];
	uint32_t first = l->rs->rules.count > PAIRS_RULES_MAX && number > 0
				 ? number - 1
				 : 0;

	if (by) {
		warn(l, rule,
		     "never speaks: the rule of line %u takes everything",
		     by->line);
		return;
	}
	uint32_t n = first;
	while (n < number && !takes_all_of(l->rs, rule_at(l->rs, n), rule))
		n++;
	if (n < number) {
		struct rules_rule named = ruleset_rule(l->rs, n);
		by = rule_at(l->rs, n);
		bool is_here = by->text == rule->text;
		warn(l, rule,
		     "never speaks: the rule of line %u%s%.*s takes all that "
		     "it asks for",
		     by->line, is_here ? "" : " of ",
		     is_here ? 0 : (int)named.file.len, named.file.ptr);
		return;
	}
	if (is_catch_all(l->rs, rule))
		catch_all[rule->family] = rule;
}

/* Whether an attribute leaves room for a device with a HID interface. */
static bool leaves_room_for_hid(const struct ruleset *rs,
				const struct attr *attr)
{
	const uint32_t *values = attr_values(rs, attr);

	if (attr->op == SET_NONE_OF)
		return true;
	for (uint16_t i = 0; i < attr->count; i++)
		if (attr->kind == ATTR_CHANNEL
			    ? values[i] == USB_CHANNEL_HID
			    : (values[i] >> 16 & 0xff) == CLASS_HID)
			return true;
	return false;
}

/* An id may be that of a keyboard; a channel or an interface tells. */
static bool can_allow_input(const struct ruleset *rs, const struct rule *rule)
{
	static const enum attr_kind kinds[] = {ATTR_WITH_INTERFACE,
					       ATTR_CHANNEL};

	if (rule->family != RULES_FAMILY_USB || !rule_gives(rule))
		return false;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct attr *attr = rule_attr(rs, rule, kinds[i]);

		if (attr && !leaves_room_for_hid(rs, attr))
			return false;
	}
	return true;
}

/*
 * The lifeline keeps the last keyboard that is there, and no new one. Asked of
 * whole policies, those with a header: a file of a set says nothing about it.
 */
static void lint_lifeline(struct linter *l)
{
	const struct rule *last = NULL;

	if (ruleset_name(l->rs).len == 0 ||
	    ruleset_implicit_target(l->rs) == USB_TARGET_ALLOW)
		return;
	for (uint32_t n = 0; n < l->rs->rules.count; n++) {
		const struct rule *rule = rule_at(l->rs, n);

		if ((rule->flags & RULE_QUERY) || can_allow_input(l->rs, rule))
			return;
		if (rule->family == RULES_FAMILY_USB)
			last = rule;
	}
	if (last)
		warn(l, last,
		     "lifeline: no rule can allow a keyboard or a pointer: the "
		     "last ones present are kept, others are not let in");
}

/* A radio that is let in where no other network may be reached. */
static void lint_channels(struct linter *l)
{
	static const enum builtin_channel radios[] = {BUILTIN_WIFI,
						      BUILTIN_BLUETOOTH,
						      BUILTIN_WWAN};

	if (ruleset_zone(l->rs).len == 0)
		return;
	for (size_t i = 0; i < sizeof(radios) / sizeof(radios[0]); i++) {
		if (!(l->rs->header.channels_allowed & 1u << radios[i]))
			continue;
		const struct rules_message message = {
			.line = 1,
			.column = 1,
			.severity = RULES_WARNING,
			.what = "a radio is allowed (channel allow) although "
				"the policy is for a zone: it reaches others",
		};
		report_add(l->report, &message);
		return;
	}
}

/* Whether an attribute asks for devices that may be keyboards. */
static bool asks_for_keyboard(const struct ruleset *rs, const struct rule *rule)
{
	const struct attr *attr = rule_attr(rs, rule, ATTR_WITH_INTERFACE);
	const struct attr *channel = rule_attr(rs, rule, ATTR_CHANNEL);

	if (channel && channel->op != SET_NONE_OF)
		for (uint16_t i = 0; i < channel->count; i++)
			if (attr_values(rs, channel)[i] == USB_CHANNEL_HID)
				return true;
	if (!attr || attr->op == SET_NONE_OF)
		return false;
	for (uint16_t i = 0; i < attr->count; i++) {
		uint32_t value = attr_values(rs, attr)[i];
		if ((value >> 16 & 0xff) == CLASS_HID &&
		    ((value & INTERFACE_ANY_PROTOCOL) ||
		     (value & 0xff) == PROTOCOL_KEYS))
			return true;
	}
	return false;
}

/*
 * USBGuard would let such a keyboard type at once. Said once of whole
 * policies, and not where the author has chosen.
 */
static void lint_keyboards(struct linter *l)
{
	if (ruleset_name(l->rs).len == 0 ||
	    l->rs->header.unnamed_keyboard != UNNAMED_KEYBOARD_DEFAULT)
		return;
	for (uint32_t n = 0; n < l->rs->rules.count; n++) {
		const struct rule *rule = rule_at(l->rs, n);

		if (rule->family != RULES_FAMILY_USB || !rule_gives(rule) ||
		    (rule->flags & RULE_QUERY) || hid_rule_names(l->rs, n) ||
		    !asks_for_keyboard(l->rs, rule))
			continue;
		warn(l, rule,
		     "keyboards that this rule allows wait until a person "
		     "confirms them: name them by id, or say "
		     "'unnamed-keyboard hold' or 'allow' in the policy line");
		return;
	}
}

void lint_ruleset(const struct ruleset *ruleset, struct rules_report *report)
{
	struct linter l = {.rs = ruleset, .report = report};
	const struct rule *catch_all[RULES_FAMILY_COUNT] = {NULL};

	for (uint32_t n = 0; n < ruleset->rules.count; n++) {
		const struct rule *rule = rule_at(ruleset, n);

		if (rule->family == RULES_FAMILY_LOGIN ||
		    (rule->flags & RULE_QUERY))
			continue;
		lint_meaning(&l, rule);
		lint_exact_denial(&l, rule);
		lint_broad(&l, rule);
		lint_reach(&l, n, catch_all);
	}
	lint_lifeline(&l);
	lint_channels(&l);
	lint_keyboards(&l);
}
