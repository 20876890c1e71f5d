/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines, rules and attributes of the rule language. The grammar is that of
 * USBGuard's rules (usbguard-rules.conf(5)), ours beside it; sekimori.rules(5)
 * is the reference. A rule that is wrong is reported and the next one read, so
 * that one run shows every error.
 */
#include "policy/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void report_add(struct rules_report *report,
		const struct rules_message *message)
{
	if (!report)
		return;
	if (message->severity == RULES_ERROR)
		report->error_count++;
	if (report->count == report->capacity) {
		report->dropped++;
		return;
	}
	report->messages[report->count++] = *message;
}

static void report_at(struct parser *p, size_t pos,
		      enum rules_severity severity, const char *format,
		      va_list args)
{
	struct rules_message message = {
		.text = p->text,
		.line = p->line,
		.column = (uint32_t)pos + 1,
		.severity = severity,
	};

	(void)vsnprintf(message.what, sizeof(message.what), format, args);
	report_add(p->report, &message);
}

int parse_error(struct parser *p, size_t pos, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_at(p, pos, RULES_ERROR, format, args);
	va_end(args);
	return RULESET_INVALID;
}

int parse_warning(struct parser *p, size_t pos, const char *format, ...)
{
	va_list args;

	if (!(p->flags & RULESET_WARN))
		return 0;
	va_start(args, format);
	report_at(p, pos, RULES_WARNING, format, args);
	va_end(args);
	return 0;
}

int parse_separator(struct parser *p)
{
	size_t pos = p->lex.pos;

	if (lex_blanks(&p->lex) > 0 || lex_at_rule_end(&p->lex))
		return 0;
	return parse_error(p, pos, "expected a blank here");
}

int parse_braced(struct parser *p, parse_one_fn one, int kind,
		 uint16_t *ret_count)
{
	uint16_t count = 0;
	int r;

	if (!lex_char(&p->lex, '{')) {
		r = one(p, kind);
		if (r != 0)
			return r;
		*ret_count = 1;
		return 0;
	}

	lex_blanks(&p->lex);
	for (;;) {
		size_t blanks;

		if (count == RULES_SET_MAX)
			return parse_error(p, p->lex.pos,
					   "a set of more than %d values",
					   RULES_SET_MAX);
		r = one(p, kind);
		if (r != 0)
			return r;
		count++;

		blanks = lex_blanks(&p->lex);
		if (lex_char(&p->lex, '}'))
			break;
		if (blanks == 0)
			return parse_error(p, p->lex.pos,
					   "expected a blank or '}'");
	}
	*ret_count = count;
	return 0;
}

/* The operator, if braces follow it; without them the word is a value. */
static int parse_operator(struct parser *p, enum set_op *ret_op)
{
	struct lex try = p->lex;
	struct span word = lex_word(&try);
	enum set_op op;

	*ret_op = SET_EQUALS;
	if (!set_op_from_str(word, &op))
		return 0;
	try.pos += word.len;
	if (lex_blanks(&try) == 0 || lex_peek(&try) != '{')
		return parse_error(p, try.pos,
				   "expected '{' after a blank: '%s' takes a "
				   "set",
				   set_op_to_str(op));
	p->lex = try;
	*ret_op = op;
	return 0;
}

static int parse_one_value(struct parser *p, int kind)
{
	return parse_value(p, (enum attr_kind)kind);
}

/* What follows the attribute's word, into *attr. */
static int parse_attribute_value(struct parser *p, enum attr_kind kind,
				 struct attr *attr)
{
	const struct attr_info *info = attr_info(kind);
	enum set_op op = SET_EQUALS;
	int r;

	attr->kind = (uint8_t)kind;
	attr->first = (uint32_t)(kind == ATTR_IF ? p->rs->conditions.count
						 : p->rs->values.count);
	if (info->type == VALUE_FLAG)
		return 0;

	if (lex_blanks(&p->lex) == 0)
		return parse_error(p, p->lex.pos,
				   "expected a blank and a value after '%s'",
				   info->word);
	switch (info->type) {
	case VALUE_TEXT:
	case VALUE_DATE:
	case VALUE_SIZE:
		attr->count = 1;
		return parse_value(p, kind);
	case VALUE_STRING:
	case VALUE_ID:
	case VALUE_INTERFACE:
	case VALUE_CHANNEL:
	case VALUE_BUS:
	case VALUE_CONDITION:
	case VALUE_FLAG:
		break;
	}
	if (kind != ATTR_INTERFACES) {
		r = parse_operator(p, &op);
		if (r != 0)
			return r;
	}
	attr->op = (uint8_t)op;
	return parse_braced(p, parse_one_value, kind, &attr->count);
}

static int parse_attribute_word(struct parser *p, const struct rule *rule,
				enum attr_kind *ret_kind)
{
	struct span word = lex_word(&p->lex);
	enum attr_kind kind;

	if (!attr_kind_from_str(word, &kind) ||
	    ((p->flags & RULESET_USBGUARD) && attr_info(kind)->is_extension))
		return parse_error(p, p->lex.pos,
				   "expected an attribute (id, serial, name, "
				   "hash, via-port, with-interface, if, "
				   "label…), not '%.*s'",
				   (int)span_take(word, 40).len, word.ptr);
	if (rule->family == RULES_FAMILY_USB && !attr_info(kind)->is_usb)
		return parse_error(p, p->lex.pos, "'%s' belongs to media rules",
				   attr_info(kind)->word);
	if (rule->family == RULES_FAMILY_MEDIA && !attr_info(kind)->is_media)
		return parse_error(p, p->lex.pos, "'%s' belongs to USB rules",
				   attr_info(kind)->word);
	p->lex.pos += word.len;
	*ret_kind = kind;
	return 0;
}

/* `allow 1234:5678 …` is `allow id 1234:5678 …`. */
static int parse_bare_id(struct parser *p, struct attr *slots,
			 uint32_t *present)
{
	struct lex try = p->lex;
	uint32_t vendor, product;
	int r;

	if (!lex_id(&try, &vendor, &product))
		return 0;
	slots[ATTR_ID] = (struct attr){
		.kind = ATTR_ID,
		.count = 1,
		.first = (uint32_t)p->rs->values.count,
	};
	r = parse_value(p, ATTR_ID);
	if (r != 0)
		return r;
	*present |= 1u << ATTR_ID;
	return parse_separator(p);
}

static int parse_slots(struct parser *p, const struct rule *rule,
		       struct attr *slots, uint32_t *present)
{
	int r;

	r = parse_bare_id(p, slots, present);
	if (r != 0)
		return r;

	while (!lex_at_rule_end(&p->lex)) {
		size_t pos = p->lex.pos;
		enum attr_kind kind = ATTR_ID;

		r = parse_attribute_word(p, rule, &kind);
		if (r != 0)
			return r;
		if (*present & 1u << kind)
			return parse_error(p, pos, "'%s' is given twice",
					   attr_info(kind)->word);
		*present |= 1u << kind;
		r = parse_attribute_value(p, kind, &slots[kind]);
		if (r != 0)
			return r;
		r = parse_separator(p);
		if (r != 0)
			return r;
	}
	return 0;
}

int parse_attributes(struct parser *p, struct rule *rule)
{
	struct attr slots[ATTR_COUNT] = {0};
	uint32_t present = 0;
	int r;

	r = parse_slots(p, rule, slots, &present);
	if (r != 0)
		return r;

	rule->attr_first = (uint32_t)p->rs->attrs.count;
	rule->attr_count = 0;
	for (unsigned kind = 0; kind < ATTR_COUNT; kind++) {
		if (!(present & 1u << kind))
			continue;
		r = vec_append(&p->rs->attrs, &slots[kind], 1);
		if (r < 0)
			return r;
		rule->attr_count++;
	}
	p->rs->kinds |= present;
	return 0;
}

static bool condition_has_history(const struct condition *condition)
{
	return condition->kind == CONDITION_RULE_APPLIED ||
	       condition->kind == CONDITION_RULE_EVALUATED;
}

/* What the attributes say about the rule as a whole. */
static int rule_settle(struct parser *p, struct rule *rule)
{
	const struct attr *attrs = rule_attrs(p->rs, rule);
	const struct attr *cond = rule_attr(p->rs, rule, ATTR_IF);

	for (unsigned i = 0; i < rule->attr_count; i++) {
		if (attrs[i].kind == ATTR_MONITOR)
			rule->flags |= RULE_MONITOR;
		else if (attrs[i].kind == ATTR_LOST)
			rule->flags |= RULE_LOST;
		else if (attrs[i].kind == ATTR_EXEC)
			rule->flags |= RULE_EXEC;
		else if (attrs[i].kind == ATTR_INTERFACES)
			rule->flags |= RULE_PER_INTERFACE;
		else if (attrs[i].kind == ATTR_FAST_TYPING)
			rule->flags |= RULE_FAST_TYPING;
		else if (attrs[i].kind == ATTR_UNTIL)
			p->rs->uses |= RULES_USES_TIME;
	}
	if ((rule->flags & RULE_EXEC) && rule_attr(p->rs, rule, ATTR_NOEXEC))
		return parse_error(p, 0, "'exec' and 'noexec' in one rule");
	if ((rule->flags & RULE_LOST) && rule->target != MEDIA_DENY)
		return parse_error(p, 0, "'lost' needs 'media deny'");
	if ((rule->flags & RULE_PER_INTERFACE) &&
	    rule->target != USB_TARGET_ALLOW)
		return parse_error(p, 0, "'interfaces' needs 'allow'");
	if ((rule->flags & RULE_FAST_TYPING) &&
	    rule->target != USB_TARGET_ALLOW)
		return parse_error(p, 0, "'fast-typing' needs 'allow'");

	rule->history = RULE_NO_HISTORY;
	for (unsigned i = 0; cond && i < cond->count; i++) {
		if (!condition_has_history(attr_conditions(p->rs, cond) + i))
			continue;
		rule->history = (uint32_t)p->rs->history_count++;
		break;
	}
	return 0;
}

static int rule_parse(struct parser *p, enum rules_family family,
		      uint8_t target)
{
	struct rule rule = {
		.line = p->line,
		.text = p->text,
		.family = (uint8_t)family,
		.target = target,
	};
	int r;

	if (family == RULES_FAMILY_USB &&
	    (target == USB_TARGET_MATCH || target == USB_TARGET_DEVICE))
		rule.flags |= RULE_QUERY;
	if (p->rs->rules.count == RULES_MAX)
		return parse_error(p, 0, "more than %d rules", RULES_MAX);
	r = parse_separator(p);
	if (r != 0)
		return r;
	r = parse_attributes(p, &rule);
	if (r != 0)
		return r;
	r = rule_settle(p, &rule);
	if (r != 0)
		return r;
	return vec_append(&p->rs->rules, &rule, 1);
}

/*
 * `match` and `device` belong to queries. USBGuard loads them from a rules
 * file and fails at the first device; here they load and never decide.
 */
static int parse_usb_line(struct parser *p, enum usb_target target)
{
	if (target == USB_TARGET_MATCH || target == USB_TARGET_DEVICE)
		(void)parse_warning(p, 0,
				    "'%s' is a query, not a rule: it never "
				    "decides (USBGuard fails when it is met)",
				    usb_target_to_str(target));
	return rule_parse(p, RULES_FAMILY_USB, (uint8_t)target);
}

static int parse_media_line(struct parser *p)
{
	enum media_access access;
	struct span word;

	lex_blanks(&p->lex);
	word = lex_word(&p->lex);
	if (!media_access_from_str(word, &access))
		return parse_error(p, p->lex.pos,
				   "expected deny, read-only or read-write "
				   "after 'media'");
	p->lex.pos += word.len;
	return rule_parse(p, RULES_FAMILY_MEDIA, (uint8_t)access);
}

static int parse_our_line(struct parser *p, struct span word)
{
	size_t pos = p->lex.pos;
	bool is_ours = !(p->flags & RULESET_USBGUARD);

	p->lex.pos += word.len;
	if (is_ours && span_equals_str(word, "media"))
		return parse_media_line(p);
	if (is_ours && span_equals_str(word, "login"))
		return parse_login_line(p);
	if (is_ours && span_equals_str(word, "policy"))
		return parse_policy_line(p);
	if (is_ours && span_equals_str(word, "contact"))
		return parse_contact_line(p);
	if (is_ours && span_equals_str(word, "key"))
		return parse_key_line(p);
	if (is_ours && span_equals_str(word, "channel"))
		return parse_channel_line(p);
	return parse_error(p, pos,
			   is_ours ? "expected allow, block, reject, media, "
				     "channel, login, policy, contact or key"
				   : "expected allow, block, reject, match or "
				     "device");
}

int parse_line(struct parser *p, struct span line)
{
	enum usb_target target;
	struct span word;

	p->lex = (struct lex){.line = line};
	if (line.len > RULES_LINE_MAX_BYTES)
		return parse_error(p, RULES_LINE_MAX_BYTES,
				   "a line of more than %u bytes",
				   RULES_LINE_MAX_BYTES);

	lex_blanks(&p->lex);
	if (lex_at_rule_end(&p->lex))
		return 0;
	word = lex_word(&p->lex);
	if (!usb_target_from_str(word, &target))
		return parse_our_line(p, word);
	p->lex.pos += word.len;
	return parse_usb_line(p, target);
}
