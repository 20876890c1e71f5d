/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The letters of the rule language: one line, a position in it, and readers
 * that move the position only where they succeed. They allocate nothing and
 * report nothing; the parser knows what was expected.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/span.h"

struct lex {
	struct span line;
	size_t pos;
};

/* The byte at the position, '\0' at the end of the line. */
static inline char lex_peek(const struct lex *lex)
{
	return lex->pos < lex->line.len ? lex->line.ptr[lex->pos] : '\0';
}

static inline bool lex_at_end(const struct lex *lex)
{
	return lex->pos >= lex->line.len;
}

/* At the end of what counts: of the line, or before a comment. */
bool lex_at_rule_end(const struct lex *lex) __attribute__((nonnull));

/* Skip spaces and tabs; how many there were. */
size_t lex_blanks(struct lex *lex) __attribute__((nonnull));

/* Take that byte. */
bool lex_char(struct lex *lex, char c) __attribute__((nonnull));

/* The run of letters, digits and '-' here; may be empty. Does not move. */
struct span lex_word(const struct lex *lex) __attribute__((nonnull));

/*
 * vid:pid, four hex digits or '*' each, as VALUE_ID has them; no meaning is
 * checked.
 */
bool lex_id(struct lex *lex, uint32_t *ret_vendor, uint32_t *ret_product)
	__attribute__((nonnull, warn_unused_result));

/* cc:ss:pp with '*' for ss and pp, as the value of VALUE_INTERFACE. */
bool lex_interface(struct lex *lex, uint32_t *ret_interface)
	__attribute__((nonnull, warn_unused_result));

enum lex_string_outcome {
	LEX_STRING_OK = 0,
	LEX_STRING_NONE,   /* no '"' here */
	LEX_STRING_OPEN,   /* no closing '"' on this line */
	LEX_STRING_ESCAPE, /* not one of \" \\ \xHH; position is at it */
	LEX_STRING_CR,	   /* a carriage return inside */
};

/*
 * A string in double quotes. ret_raw is what stands between them, escapes
 * still in; ret_has_escapes whether lex_unescape() has anything to do. On an
 * error the position is where it was found.
 */
enum lex_string_outcome lex_string(struct lex *lex, struct span *ret_raw,
				   bool *ret_has_escapes)
	__attribute__((nonnull, warn_unused_result));

/* Undo the escapes; ret_text has room for raw.len. The length is returned. */
size_t lex_unescape(struct span raw, char *ret_text) __attribute__((nonnull));

/*
 * A condition's argument in parentheses, as written; the same grammar as
 * USBGuard's, whose escapes are checked and kept.
 */
enum lex_string_outcome lex_argument(struct lex *lex, struct span *ret_raw)
	__attribute__((nonnull, warn_unused_result));

/* A decimal number that fits; at least one digit. */
bool lex_number(struct lex *lex, uint64_t *ret_number)
	__attribute__((nonnull, warn_unused_result));

/* YYYY-MM-DD, a day that exists, as date_number(). */
bool lex_date(struct lex *lex, uint32_t *ret_date)
	__attribute__((nonnull, warn_unused_result));
