/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser's inside, shared by its files: lines and rules in parse.c, values
 * in parse_value.c, conditions in parse_condition.c, header and keys in
 * parse_header.c, login in parse_login.c. Every function returns 0, -ENOMEM,
 * or RULESET_INVALID once it has reported what was expected. Private to
 * policy/.
 */
#pragma once

#include "policy/fact.h"
#include "policy/lex.h"
#include "policy/limits.h"
#include "policy/rule.h"
#include "policy/ruleset.h"

struct parser {
	struct ruleset *rs;
	struct rules_report *report; /* may be NULL */
	unsigned flags;
	uint16_t text; /* index of the text being read */
	uint32_t line; /* 1-based */
	struct lex lex;
	struct vec scratch; /* char: strings with escapes undone */
};

/*
 * Report at a position of the current line. Both return RULESET_INVALID for
 * an error and 0 for a warning, so that a caller may return them.
 */
int parse_error(struct parser *p, size_t pos, const char *format, ...)
	__attribute__((nonnull(1, 3), format(printf, 3, 4)));
int parse_warning(struct parser *p, size_t pos, const char *format, ...)
	__attribute__((nonnull(1, 3), format(printf, 3, 4)));

/* Into the report, at any place; `what` is copied. */
void report_add(struct rules_report *report,
		const struct rules_message *message)
	__attribute__((nonnull(2)));

/* One line: a rule, a header line, a comment or nothing. */
int parse_line(struct parser *p, struct span line)
	__attribute__((nonnull, warn_unused_result));

/*
 * Attributes up to the end of the rule or the comment, and the bare id before
 * them; appended to the set. rule->attr_first and attr_count are set.
 */
int parse_attributes(struct parser *p, struct rule *rule)
	__attribute__((nonnull, warn_unused_result));

/* Blanks are due here, or the end; RULESET_INVALID where neither is. */
int parse_separator(struct parser *p)
	__attribute__((nonnull, warn_unused_result));

/* A quoted string, as its number in the pool. */
int parse_string(struct parser *p, uint32_t *ret_number)
	__attribute__((nonnull, warn_unused_result));

/* One value, appended to the set's values (or conditions). */
int parse_value(struct parser *p, enum attr_kind kind)
	__attribute__((nonnull, warn_unused_result));

/*
 * `{ value … }` or one value: calls `one` until the set ends. ret_count is
 * how many there were.
 */
typedef int (*parse_one_fn)(struct parser *p, int kind);
int parse_braced(struct parser *p, parse_one_fn one, int kind,
		 uint16_t *ret_count)
	__attribute__((nonnull, warn_unused_result));

/* A condition with its '!' and argument, appended to the set's conditions. */
int parse_condition(struct parser *p)
	__attribute__((nonnull, warn_unused_result));

/* `policy`, `contact`, `key`, `channel` and `login` lines; the word has been taken. */
int parse_policy_line(struct parser *p)
	__attribute__((nonnull, warn_unused_result));
int parse_contact_line(struct parser *p)
	__attribute__((nonnull, warn_unused_result));
int parse_key_line(struct parser *p)
	__attribute__((nonnull, warn_unused_result));
int parse_channel_line(struct parser *p)
	__attribute__((nonnull, warn_unused_result));
int parse_login_line(struct parser *p)
	__attribute__((nonnull, warn_unused_result));

/* 90, 90s, 15m, 10h, 7d in seconds. */
int parse_duration(struct parser *p, uint32_t *ret_seconds)
	__attribute__((nonnull, warn_unused_result));

/* A word of a NULL-ended list; what it was, by index. */
int parse_choice(struct parser *p, const char *const *words,
		 uint32_t *ret_index)
	__attribute__((nonnull, warn_unused_result));

/*
 * What a rule set means other than USBGuard made of it, and rules that cannot
 * speak; warnings only.
 */
void lint_ruleset(const struct ruleset *ruleset, struct rules_report *report)
	__attribute__((nonnull));
