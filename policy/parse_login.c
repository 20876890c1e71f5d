/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login require N … · login exempt … · login break-glass …: parsed, checked
 * for shape and kept. A rule that nobody could ever meet, or that opens the
 * door to everybody, is an error here and not a surprise at the door.
 */
#include "policy/parse.h"

#include <errno.h>

#include "policy/login_words.h"

#define LOGIN_CATEGORIES 3

/* knowledge+possession */
static int parse_combination(struct parser *p)
{
	uint32_t bits = 0;
	size_t pos = p->lex.pos;

	do {
		uint32_t factor;
		int r = parse_choice(p, login_factor_words, &factor);

		if (r != 0)
			return r;
		if (bits & 1u << factor)
			return parse_error(p, pos,
					   "a category counts once in a "
					   "combination");
		bits |= 1u << factor;
	} while (lex_char(&p->lex, '+'));
	return vec_append(&p->rs->values, &bits, 1);
}

static int parse_login_number(struct parser *p)
{
	size_t pos = p->lex.pos;
	uint64_t number;
	uint32_t value;

	if (!lex_number(&p->lex, &number) || number >= UINT32_MAX)
		return parse_error(p, pos, "expected a number");
	value = (uint32_t)number;
	return vec_append(&p->rs->values, &value, 1);
}

static int parse_login_value(struct parser *p, int key)
{
	const struct login_info *info = login_info((enum login_key)key);
	uint32_t value = 0;
	int r = 0;

	switch (info->type) {
	case LOGIN_VALUE_COMBINATION:
		return parse_combination(p);
	case LOGIN_VALUE_NUMBER:
		return parse_login_number(p);
	case LOGIN_VALUE_STRING:
		r = parse_string(p, &value);
		break;
	case LOGIN_VALUE_DURATION:
		r = parse_duration(p, &value);
		break;
	case LOGIN_VALUE_WORD:
		r = parse_choice(p, info->words, &value);
		break;
	}
	if (r != 0)
		return r;
	return vec_append(&p->rs->values, &value, 1);
}

static int parse_login_attr(struct parser *p, struct login_attr *slots)
{
	struct span word = lex_word(&p->lex);
	size_t pos = p->lex.pos;
	unsigned key = 0;

	while (key < LOGIN_KEY_COUNT &&
	       !span_equals_str(word, login_info((enum login_key)key)->word))
		key++;
	if (key == LOGIN_KEY_COUNT)
		return parse_error(p, pos,
				   "expected a login attribute (combination, "
				   "service, user, group, max-age…)");
	if (slots[key].count != 0)
		return parse_error(p, pos, "'%s' is given twice",
				   login_info((enum login_key)key)->word);
	p->lex.pos += word.len;
	if (lex_blanks(&p->lex) == 0)
		return parse_error(p, p->lex.pos,
				   "expected a blank and a "
				   "value");

	slots[key].key = (uint8_t)key;
	slots[key].first = (uint32_t)p->rs->values.count;
	if (!login_info((enum login_key)key)->is_set) {
		slots[key].count = 1;
		return parse_login_value(p, (int)key);
	}
	return parse_braced(p, parse_login_value, (int)key, &slots[key].count);
}

static int parse_minimum(struct parser *p, struct rule *rule)
{
	bool has_blank = lex_blanks(&p->lex) > 0;
	size_t pos = p->lex.pos;
	uint64_t number;

	if (!has_blank || !lex_number(&p->lex, &number) || number < 1 ||
	    number > LOGIN_CATEGORIES)
		return parse_error(p, pos,
				   "expected how many of the %d categories",
				   LOGIN_CATEGORIES);
	rule->flags = (uint8_t)number;
	return 0;
}

/* Every combination must reach the minimum; an exemption must name somebody. */
static int check_login(struct parser *p, const struct rule *rule,
		       const struct login_attr *slots)
{
	const struct login_attr *combos = &slots[LOGIN_COMBINATION];
	const uint32_t *values = (const uint32_t *)p->rs->values.data;

	if (rule->target == LOGIN_REQUIRE) {
		for (unsigned i = 0; i < combos->count; i++)
			if (bit_count(values[combos->first + i]) < rule->flags)
				return parse_error(p, 0,
						   "a combination of fewer "
						   "than %u categories",
						   rule->flags);
		return 0;
	}
	if (slots[LOGIN_USER].count == 0 && slots[LOGIN_GROUP].count == 0 &&
	    slots[LOGIN_UID].count == 0 &&
	    (rule->target == LOGIN_BREAK_GLASS ||
	     slots[LOGIN_SERVICE].count == 0))
		return parse_error(p, 0, "'login %s' must say for whom",
				   login_kind_to_str(rule->target));
	return 0;
}

static int parse_login_attrs(struct parser *p, struct rule *rule)
{
	struct login_attr slots[LOGIN_KEY_COUNT] = {0};
	int r;

	for (;;) {
		r = parse_separator(p);
		if (r != 0)
			return r;
		if (lex_at_rule_end(&p->lex))
			break;
		r = parse_login_attr(p, slots);
		if (r != 0)
			return r;
	}
	r = check_login(p, rule, slots);
	if (r != 0)
		return r;

	rule->attr_first = (uint32_t)p->rs->login.count;
	for (unsigned key = 0; key < LOGIN_KEY_COUNT; key++) {
		if (slots[key].count == 0)
			continue;
		r = vec_append(&p->rs->login, &slots[key], 1);
		if (r < 0)
			return r;
		rule->attr_count++;
	}
	return 0;
}

int parse_login_line(struct parser *p)
{
	struct rule rule = {
		.line = p->line,
		.text = p->text,
		.family = RULES_FAMILY_LOGIN,
		.history = RULE_NO_HISTORY,
	};
	uint32_t kind;
	int r;

	lex_blanks(&p->lex);
	r = parse_choice(p, login_kind_words, &kind);
	if (r != 0)
		return r;
	rule.target = (uint8_t)kind;
	if (kind == LOGIN_REQUIRE) {
		r = parse_minimum(p, &rule);
		if (r != 0)
			return r;
	}
	r = parse_login_attrs(p, &rule);
	if (r != 0)
		return r;
	return vec_append(&p->rs->rules, &rule, 1);
}
