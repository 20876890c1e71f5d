/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions (`if …`). All of them are checked here, when the rules are read:
 * none can fail when a device is judged. Where USBGuard reads a number and
 * drops what stands behind it (random(0.5x), localtime(08:30Z)), this refuses.
 */
#include "policy/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>

/* A reader over the argument; offset is where it stands in the line. */
struct argument {
	struct lex lex;
	size_t pos;
	bool is_present;
	struct span text;
};

static void skip_spaces(struct lex *lex)
{
	while (lex_char(lex, ' '))
		;
}

/*
 * H:M or H:M:S as strptime() reads them: one or two digits, spaces before
 * each. `limit` is the largest hour.
 */
static bool read_clock(struct lex *lex, uint64_t limit, uint64_t *ret_seconds)
{
	uint64_t h, m, s = 0;

	skip_spaces(lex);
	if (!lex_number(lex, &h) || h > limit || !lex_char(lex, ':'))
		return false;
	skip_spaces(lex);
	if (!lex_number(lex, &m) || m > 59)
		return false;
	if (lex_char(lex, ':')) {
		skip_spaces(lex);
		if (!lex_number(lex, &s) || s > 59)
			return false;
	}
	*ret_seconds = h * 3600 + m * 60 + s;
	return true;
}

static int parse_localtime(struct parser *p, struct argument *arg,
			   struct condition *cond)
{
	struct lex *lex = &arg->lex;
	uint64_t from, to;

	if (!read_clock(lex, 23, &from))
		goto invalid;
	to = from;
	if (lex_char(lex, '-') && !lex_at_end(lex)) {
		if (!read_clock(lex, 23, &to))
			goto invalid;
	}
	if (!lex_at_end(lex))
		goto invalid;

	cond->a = (uint32_t)from;
	cond->b = (uint32_t)to;
	p->rs->uses |= RULES_USES_TIME;
	return parse_warning(p, arg->pos,
			     "localtime is local time here; USBGuard compares "
			     "with UTC");
invalid:
	return parse_error(p, arg->pos + lex->pos,
			   "expected localtime(HH:MM[:SS][-HH:MM[:SS]])");
}

/* A plain decimal number, [0, 1] kept as a threshold of 2^32. */
static int parse_random(struct parser *p, struct argument *arg,
			struct condition *cond)
{
	static const char allowed[] = "0123456789.eE+-";
	char text[40];
	char *end = NULL;
	double probability = 0.5;

	if (arg->is_present) {
		struct span number;

		skip_spaces(&arg->lex);
		number = span_skip(arg->lex.line, arg->lex.pos);
		if (number.len == 0 || number.len >= sizeof(text))
			goto invalid;
		memcpy(text, number.ptr, number.len);
		text[number.len] = '\0';
		if (strspn(text, allowed) != number.len)
			goto invalid;
		probability = strtod(text, &end);
		if (end != text + number.len ||
		    !__builtin_isfinite(probability))
			goto invalid;
	}
	if (probability < 0 || probability > 1)
		(void)parse_warning(p, arg->pos,
				    "a probability outside 0 to 1 is taken as "
				    "the nearer of the two");
	p->rs->uses |= RULES_USES_RANDOM;
	cond->b = probability >= 1;
	cond->a = probability <= 0 || probability >= 1
			  ? 0
			  : (uint32_t)(probability * 4294967296.0);
	return 0;
invalid:
	return parse_error(p, arg->pos,
			   "expected random or random(PROBABILITY)");
}

/* Seconds, H:M or H:M:S; none at all is ever. */
static int parse_history(struct parser *p, struct argument *arg,
			 struct condition *cond)
{
	struct lex try = arg->lex;
	uint64_t seconds = 0;

	if (arg->is_present &&
	    !(read_clock(&try, UINT32_MAX, &seconds) && lex_at_end(&try))) {
		try = arg->lex;
		if (!lex_number(&try, &seconds) || !lex_at_end(&try))
			return parse_error(p, arg->pos,
					   "expected seconds, HH:MM or "
					   "HH:MM:SS");
	}
	cond->a = (uint32_t)seconds;
	cond->b = (uint32_t)(seconds >> 32);
	p->rs->uses |= RULES_USES_HISTORY;
	return parse_warning(p, arg->pos,
			     "this condition is never true in USBGuard; here "
			     "it works");
}

/*
 * The query is a rule without its target. Conditions in it are checked and
 * ignored, as USBGuard does; what they added is taken away again.
 */
static int parse_query(struct parser *p, struct argument *arg,
		       struct condition *cond)
{
	struct rule query = {.family = RULES_FAMILY_USB};
	struct lex outer = p->lex;
	size_t conditions = p->rs->conditions.count;
	unsigned uses = p->rs->uses;
	int r;

	/* The outer line up to the ')', so that columns stay true. */
	p->lex.line = span_take(outer.line, arg->pos + arg->text.len);
	p->lex.pos = arg->pos;
	lex_blanks(&p->lex);
	r = parse_attributes(p, &query);
	p->lex = outer;
	if (r != 0)
		return r;

	p->rs->conditions.count = conditions;
	p->rs->uses = uses | RULES_USES_AUTHORIZED;
	cond->a = (uint32_t)p->rs->queries.count;
	return vec_append(&p->rs->queries, &query, 1);
}

/* Comma-separated words, kept as strings: user(sato,suzuki). */
static int parse_names(struct parser *p, struct argument *arg,
		       struct condition *cond)
{
	struct span rest = arg->text;

	cond->a = (uint32_t)p->rs->values.count;
	while (arg->is_present) {
		const char *comma = memchr(rest.ptr, ',', rest.len);
		size_t n = comma ? (size_t)(comma - rest.ptr) : rest.len;
		uint32_t number;
		int r;

		if (n == 0)
			break;
		r = pool_add(&p->rs->pool, span_take(rest, n), &number);
		if (r < 0)
			return r;
		r = vec_append(&p->rs->values, &number, 1);
		if (r < 0)
			return r;
		cond->b++;
		p->rs->uses |= RULES_USES_SESSION;
		if (!comma)
			return 0;
		rest = span_skip(rest, n + 1);
	}
	return parse_error(p, arg->pos, "expected %s(NAME[,NAME…])",
			   condition_to_str(cond->kind));
}

static bool read_weekday(struct lex *lex, unsigned *ret_day)
{
	static const char *const names[] = {"sun", "mon", "tue", "wed",
					    "thu", "fri", "sat"};
	struct span three = span_take(span_skip(lex->line, lex->pos), 3);

	for (unsigned i = 0; i < 7; i++) {
		if (!span_equals_str(three, names[i]))
			continue;
		lex->pos += 3;
		*ret_day = i;
		return true;
	}
	return false;
}

/* mon,wed or mon-fri; a range may go over Saturday. */
static int parse_weekday(struct parser *p, struct argument *arg,
			 struct condition *cond)
{
	struct lex *lex = &arg->lex;
	unsigned from, to;

	do {
		if (!read_weekday(lex, &from))
			goto invalid;
		to = from;
		if (lex_char(lex, '-') && !read_weekday(lex, &to))
			goto invalid;
		cond->a |= 1u << to;
		for (unsigned day = from; day != to; day = (day + 1) % 7)
			cond->a |= 1u << day;
	} while (lex_char(lex, ','));
	if (!lex_at_end(lex))
		goto invalid;
	p->rs->uses |= RULES_USES_TIME;
	return 0;
invalid:
	return parse_error(p, arg->pos + lex->pos,
			   "expected weekday(mon-fri) or weekday(mon,wed,…)");
}

/* YYYY-MM-DD, or FROM..TO with either end left open. */
static int parse_date_range(struct parser *p, struct argument *arg,
			    struct condition *cond)
{
	struct lex *lex = &arg->lex;
	bool has_from = lex_date(lex, &cond->a);

	cond->b = cond->a;
	if (lex_char(lex, '.')) {
		if (!lex_char(lex, '.'))
			goto invalid;
		if (!lex_date(lex, &cond->b)) {
			cond->b = UINT32_MAX;
			if (!has_from)
				goto invalid;
		}
	} else if (!has_from) {
		goto invalid;
	}
	if (!lex_at_end(lex) || cond->a > cond->b)
		goto invalid;
	p->rs->uses |= RULES_USES_TIME;
	return 0;
invalid:
	return parse_error(p, arg->pos + lex->pos,
			   "expected date(YYYY-MM-DD) or date(FROM..TO)");
}

static int parse_plain(struct parser *p, struct argument *arg,
		       struct condition *cond)
{
	if (arg->is_present)
		return parse_error(p, arg->pos, "'%s' takes no argument",
				   condition_to_str(cond->kind));
	if (cond->kind == CONDITION_MFA || cond->kind == CONDITION_LOCKED)
		p->rs->uses |= RULES_USES_SESSION;
	return 0;
}

static int parse_by_kind(struct parser *p, struct argument *arg,
			 struct condition *cond)
{
	switch ((enum condition_kind)cond->kind) {
	case CONDITION_TRUE:
	case CONDITION_FALSE:
	case CONDITION_MFA:
	case CONDITION_LOCKED:
		return parse_plain(p, arg, cond);
	case CONDITION_RANDOM:
		return parse_random(p, arg, cond);
	case CONDITION_LOCALTIME:
		return parse_localtime(p, arg, cond);
	case CONDITION_ALLOWED_MATCHES:
		return parse_query(p, arg, cond);
	case CONDITION_RULE_APPLIED:
	case CONDITION_RULE_EVALUATED:
		return parse_history(p, arg, cond);
	case CONDITION_USER:
	case CONDITION_GROUP:
		return parse_names(p, arg, cond);
	case CONDITION_WEEKDAY:
		return parse_weekday(p, arg, cond);
	case CONDITION_DATE:
		return parse_date_range(p, arg, cond);
	case CONDITION_COUNT:
		break;
	}
	return parse_error(p, arg->pos, "unknown condition");
}

static int parse_argument(struct parser *p, struct argument *arg)
{
	size_t start = p->lex.pos;

	arg->pos = start;
	switch (lex_argument(&p->lex, &arg->text)) {
	case LEX_STRING_OK:
		break;
	case LEX_STRING_NONE:
		return 0;
	case LEX_STRING_OPEN:
		return parse_error(p, start, "this '(' has no ')'");
	case LEX_STRING_ESCAPE:
		return parse_error(p, p->lex.pos, "an unknown escape");
	case LEX_STRING_CR:
		return parse_error(p, p->lex.pos, "a carriage return");
	}
	if (arg->text.len == 0)
		return parse_error(p, start, "an argument may not be empty");
	arg->pos = start + 1;
	arg->is_present = true;
	arg->lex = (struct lex){.line = arg->text};
	/* Spaces at the end mean nothing to any of them. */
	while (arg->lex.line.len > 0 &&
	       arg->lex.line.ptr[arg->lex.line.len - 1] == ' ')
		arg->lex.line.len--;
	return 0;
}

int parse_condition(struct parser *p)
{
	struct condition cond = {.argument = POOL_NONE};
	struct argument arg = {.lex = {.line = SPAN("")}};
	enum condition_kind kind;
	struct span word;
	size_t pos = p->lex.pos;
	int r;

	if (p->rs->conditions.count > UINT32_MAX / 2)
		return -ENOMEM;
	cond.is_negated = lex_char(&p->lex, '!');
	word = lex_word(&p->lex);
	if (!condition_from_str(word, &kind) ||
	    ((p->flags & RULESET_USBGUARD) && kind >= CONDITION_MFA))
		return parse_error(p, pos,
				   "expected a condition (true, false, random, "
				   "localtime, allowed-matches, rule-applied, "
				   "rule-evaluated…)");
	p->lex.pos += word.len;
	cond.kind = (uint8_t)kind;

	r = parse_argument(p, &arg);
	if (r != 0)
		return r;
	r = parse_by_kind(p, &arg, &cond);
	if (r != 0)
		return r;
	if (arg.is_present) {
		r = pool_add(&p->rs->pool, arg.text, &cond.argument);
		if (r < 0)
			return r;
	}
	return vec_append(&p->rs->conditions, &cond, 1);
}
