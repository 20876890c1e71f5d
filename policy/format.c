/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical form: one rule a line, attributes in one order, one spelling for
 * what has several. Under RULES_FORMAT_ASCII it is what USBGuard prints; else
 * valid UTF-8 stays readable and only what cannot be shown is escaped. Reading
 * it back and printing it again gives the same text.
 */
#include "policy/ruleset.h"

#include <assert.h>
#include <stdio.h>

#include "policy/builtin.h"
#include "policy/fact.h"
#include "policy/login_words.h"
#include "policy/rule.h"
#include "policy/utf8.h"

struct writer {
	const struct ruleset *rs;
	unsigned flags;
	char *text;
	size_t capacity;
	size_t len; /* of the whole, also beyond the capacity */
};

static void put(struct writer *w, struct span s)
{
	for (size_t i = 0; i < s.len; i++, w->len++)
		if (w->len + 1 < w->capacity)
			w->text[w->len] = s.ptr[i];
}

static void put_str(struct writer *w, const char *text)
{
	put(w, span_str(text));
}

static void put_number(struct writer *w, uint64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	put_str(w, text);
}

static void put_hex(struct writer *w, uint32_t number, unsigned digits)
{
	static const char hex[] = "0123456789abcdef";

	while (digits-- > 0)
		put(w, span_of(&hex[number >> 4 * digits & 15], 1));
}

static size_t finish(struct writer *w)
{
	if (w->capacity > 0)
		w->text[w->len < w->capacity ? w->len : w->capacity - 1] = '\0';
	return w->len;
}

/*
 * The length of the readable character at the start of s, or 0: bytes that are
 * no UTF-8, controls and characters that hide or reorder others are none.
 */
static size_t readable_length(struct span s)
{
	static const char replacement[] = "\xef\xbf\xbd";
	uint32_t code = 0;
	size_t n = utf8_next(s.ptr, s.len, &code);

	if (code == UTF8_REPLACEMENT &&
	    !span_starts_with(s, span_str(replacement)))
		return 0;
	/* Ideographic variants (U+E0100…) belong to names of places. */
	if (code >= 0xe0100 && code <= 0xe01ef)
		return n;
	return utf8_is_invisible(code) ? 0 : n;
}

static void put_string(struct writer *w, struct span s)
{
	put_str(w, "\"");
	while (s.len > 0) {
		size_t n = readable_length(s);

		if (*s.ptr == '"' || *s.ptr == '\\') {
			put_str(w, "\\");
		} else if (n == 0 ||
			   (n > 1 && (w->flags & RULES_FORMAT_ASCII))) {
			put_str(w, "\\x");
			put_hex(w, (unsigned char)*s.ptr, 2);
			s = span_skip(s, 1);
			continue;
		}
		put(w, span_take(s, n));
		s = span_skip(s, n);
	}
	put_str(w, "\"");
}

static void put_pooled(struct writer *w, uint32_t number)
{
	put_string(w, pool_get(&w->rs->pool, number));
}

static void put_id_half(struct writer *w, uint32_t half)
{
	if (half == VALUE_ANY) {
		put_str(w, "*");
		return;
	}
	for (unsigned n = 4; n-- > 0;) {
		bool is_capital = (w->flags & RULES_FORMAT_ASCII) &&
				  ID_IS_CAPITAL(half, n);
		uint32_t digit = half >> 4 * n & 15;

		put(w, span_of(&(is_capital ? "0123456789ABCDEF"
					    : "0123456789abcdef")[digit],
			       1));
	}
}

static void put_interface(struct writer *w, uint32_t value)
{
	put_hex(w, value >> 16 & 0xff, 2);
	put_str(w, ":");
	if (value & INTERFACE_ANY_SUBCLASS)
		put_str(w, "*");
	else
		put_hex(w, value >> 8 & 0xff, 2);
	put_str(w, ":");
	if (value & INTERFACE_ANY_PROTOCOL)
		put_str(w, "*");
	else
		put_hex(w, value & 0xff, 2);
}

/* The largest unit that loses nothing. */
static void put_bytes(struct writer *w, uint64_t bytes)
{
	static const char *const units[] = {"", "K", "M", "G", "T"};
	unsigned unit = 0;

	while (unit < 4 && bytes > 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	put_number(w, bytes);
	put_str(w, units[unit]);
}

static void put_size(struct writer *w, const uint32_t *v)
{
	uint64_t min = v[0] | (uint64_t)v[1] << 32;
	uint64_t max = v[2] | (uint64_t)v[3] << 32;

	if (min > 0 || min == max || max == UINT64_MAX)
		put_bytes(w, min);
	if (min == max)
		return;
	put_str(w, "-");
	if (max != UINT64_MAX)
		put_bytes(w, max);
}

static void put_date(struct writer *w, uint32_t date)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%04u-%02u-%02u", date / 10000,
		       date / 100 % 100, date % 100);
	put_str(w, text);
}

static void put_condition(struct writer *w, const struct condition *cond)
{
	if (cond->is_negated)
		put_str(w, "!");
	put_str(w, condition_to_str((enum condition_kind)cond->kind));
	if (cond->argument == POOL_NONE)
		return;
	put_str(w, "(");
	put(w, pool_get(&w->rs->pool, cond->argument));
	put_str(w, ")");
}

static void put_value(struct writer *w, const struct attr *attr, size_t n)
{
	const uint32_t *values = attr_values(w->rs, attr);

	switch (attr_info((enum attr_kind)attr->kind)->type) {
	case VALUE_STRING:
	case VALUE_TEXT:
		put_pooled(w, values[n]);
		return;
	case VALUE_ID:
		put_id_half(w, values[2 * n]);
		put_str(w, ":");
		put_id_half(w, values[2 * n + 1]);
		return;
	case VALUE_INTERFACE:
		put_interface(w, values[n]);
		return;
	case VALUE_CHANNEL:
		put_str(w, usb_channel_to_str((enum usb_channel)values[n]));
		return;
	case VALUE_BUS:
		put_str(w, media_bus_to_str((enum media_bus)values[n]));
		return;
	case VALUE_SIZE:
		put_size(w, values);
		return;
	case VALUE_DATE:
		put_date(w, values[n]);
		return;
	case VALUE_CONDITION:
		put_condition(w, attr_conditions(w->rs, attr) + n);
		return;
	case VALUE_FLAG:
		return;
	}
}

/* One value needs braces only where an operator is written. */
static void put_attr(struct writer *w, const struct attr *attr)
{
	bool is_set = attr->count > 1 || attr->op != SET_EQUALS;

	put_str(w, " ");
	put_str(w, attr_info((enum attr_kind)attr->kind)->word);
	if (attr->op != SET_EQUALS) {
		put_str(w, " ");
		put_str(w, set_op_to_str((enum set_op)attr->op));
	}
	if (is_set)
		put_str(w, " {");
	for (uint16_t i = 0; i < attr->count; i++) {
		put_str(w, " ");
		put_value(w, attr, i);
	}
	if (is_set)
		put_str(w, " }");
}

static void put_login_value(struct writer *w, enum login_key key,
			    uint32_t value)
{
	const struct login_info *info = login_info(key);
	const char *plus = "";

	switch (info->type) {
	case LOGIN_VALUE_STRING:
		put_pooled(w, value);
		return;
	case LOGIN_VALUE_NUMBER:
		put_number(w, value);
		return;
	case LOGIN_VALUE_DURATION:
		put_number(w, value);
		put_str(w, "s");
		return;
	case LOGIN_VALUE_WORD:
		put_str(w, info->words[value]);
		return;
	case LOGIN_VALUE_COMBINATION:
		break;
	}
	for (unsigned i = 0; login_factor_words[i]; i++) {
		if (!(value & 1u << i))
			continue;
		put_str(w, plus);
		put_str(w, login_factor_words[i]);
		plus = "+";
	}
}

static void put_login(struct writer *w, const struct rule *rule)
{
	const struct login_attr *attrs =
		(const struct login_attr *)w->rs->login.data + rule->attr_first;
	const uint32_t *values = w->rs->values.data;

	put_str(w, "login ");
	put_str(w, login_kind_to_str((enum login_kind)rule->target));
	if (rule->target == LOGIN_REQUIRE) {
		put_str(w, " ");
		put_number(w, rule->flags);
	}
	for (unsigned i = 0; i < rule->attr_count; i++) {
		enum login_key key = (enum login_key)attrs[i].key;

		put_str(w, " ");
		put_str(w, login_info(key)->word);
		put_str(w, attrs[i].count > 1 ? " {" : "");
		for (uint16_t n = 0; n < attrs[i].count; n++) {
			put_str(w, " ");
			put_login_value(w, key, values[attrs[i].first + n]);
		}
		put_str(w, attrs[i].count > 1 ? " }" : "");
	}
}

static void put_head(struct writer *w, const struct rule *rule)
{
	if (rule->family == RULES_FAMILY_USB) {
		put_str(w, usb_target_to_str((enum usb_target)rule->target));
		return;
	}
	put_str(w, "media ");
	put_str(w, media_access_to_str((enum media_access)rule->target));
}

size_t ruleset_format(const struct ruleset *ruleset, uint32_t index,
		      unsigned flags, char *ret_text, size_t capacity)
{
	struct writer w = {
		.rs = ruleset,
		.flags = flags,
		.text = ret_text,
		.capacity = capacity,
	};
	const struct rule *rule;

	assert(index < ruleset->rules.count);
	rule = rule_at(ruleset, index);
	if (rule->family == RULES_FAMILY_LOGIN) {
		put_login(&w, rule);
		return finish(&w);
	}
	put_head(&w, rule);
	for (unsigned i = 0; i < rule->attr_count; i++)
		put_attr(&w, rule_attrs(ruleset, rule) + i);
	return finish(&w);
}

static void put_policy(struct writer *w)
{
	const struct ruleset_header *header = &w->rs->header;

	put_str(w, "policy ");
	put_pooled(w, header->name);
	put_str(w, " serial ");
	put_number(w, header->serial);
	put_str(w, " mode ");
	put_str(w, rules_mode_to_str(header->mode));
	if (header->floor) {
		put_str(w, " floor T");
		put_number(w, header->floor);
	}
	if (header->zone != POOL_NONE) {
		put_str(w, " zone ");
		put_pooled(w, header->zone);
	}
	if (header->implicit != USB_TARGET_BLOCK) {
		put_str(w, " implicit ");
		put_str(w, usb_target_to_str(header->implicit));
	}
	if (header->forbids_new_keyboard)
		put_str(w, " new-keyboard deny");
	if (header->unnamed_keyboard != UNNAMED_KEYBOARD_DEFAULT)
		put_str(w, header->unnamed_keyboard == UNNAMED_KEYBOARD_ALLOW
				   ? " unnamed-keyboard allow"
				   : " unnamed-keyboard hold");
	if (header->wants_tamper)
		put_str(w, " tamper on");
	if (header->wants_ledger)
		put_str(w, " grant-media ledger");
	if (header->has_mynumber_max) {
		put_str(w, " mynumber-max ");
		put_number(w, header->mynumber_max);
	}
	put_str(w, "\n");
}

static void put_key(struct writer *w, const struct rules_key *key)
{
	put_str(w, "key ");
	put_pooled(w, key->key_id);
	put_str(w, " role ");
	put_pooled(w, key->role);
	put_str(w, " public ");
	put_pooled(w, key->public_key);
	put_str(w, " access ");
	put_str(w, media_access_to_str((enum media_access)key->access));
	if (key->max_minutes) {
		put_str(w, " max-minutes ");
		put_number(w, key->max_minutes);
	}
	put_str(w, " approvals ");
	put_number(w, key->approvals);
	put_str(w, "\n");
}

static void put_channels(struct writer *w, bool is_allowed)
{
	unsigned allowed = w->rs->header.channels_allowed;
	unsigned bits = w->rs->header.channels_named &
			(is_allowed ? allowed : ~allowed);

	if (bits == 0)
		return;
	put_str(w, is_allowed ? "channel allow" : "channel deny");
	for (unsigned i = 0; i < BUILTIN_CHANNEL_COUNT; i++) {
		if (!(bits & 1u << i))
			continue;
		put_str(w, " ");
		put_str(w, builtin_channel_to_str((enum builtin_channel)i));
	}
	put_str(w, "\n");
}

size_t ruleset_format_header(const struct ruleset *ruleset, char *ret_text,
			     size_t capacity)
{
	struct writer w = {
		.rs = ruleset,
		.text = ret_text,
		.capacity = capacity,
	};
	const struct rules_key *keys = ruleset->keys.data;

	if (ruleset->header.is_present)
		put_policy(&w);
	if (ruleset->header.contact != POOL_NONE) {
		put_str(&w, "contact ");
		put_pooled(&w, ruleset->header.contact);
		put_str(&w, "\n");
	}
	for (size_t i = 0; i < ruleset->keys.count; i++)
		put_key(&w, &keys[i]);
	put_channels(&w, true);
	put_channels(&w, false);
	return finish(&w);
}
