/* SPDX-License-Identifier: Apache-2.0 */
/* The letters of the rule language; see lex.h. */
#include "policy/lex.h"

#include "policy/rule.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-';
}

/* 0..15, or -1. */
static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool lex_at_rule_end(const struct lex *lex)
{
	return lex_at_end(lex) || lex_peek(lex) == '#';
}

size_t lex_blanks(struct lex *lex)
{
	size_t start = lex->pos;

	while (!lex_at_end(lex) && is_blank(lex->line.ptr[lex->pos]))
		lex->pos++;
	return lex->pos - start;
}

bool lex_char(struct lex *lex, char c)
{
	if (lex_at_end(lex) || lex_peek(lex) != c)
		return false;
	lex->pos++;
	return true;
}

struct span lex_word(const struct lex *lex)
{
	struct span rest = span_skip(lex->line, lex->pos);
	size_t n = 0;

	while (n < rest.len && is_word(rest.ptr[n]))
		n++;
	return span_take(rest, n);
}

/* Exactly `digits` hex digits. */
static bool lex_hex(struct lex *lex, unsigned digits, uint32_t *ret_number)
{
	uint32_t number = 0;

	if (lex->line.len - lex->pos < digits)
		return false;
	for (unsigned i = 0; i < digits; i++) {
		int d = hex_digit(lex->line.ptr[lex->pos + i]);

		if (d < 0)
			return false;
		number = number * 16 + (uint32_t)d;
	}
	lex->pos += digits;
	*ret_number = number;
	return true;
}

static bool lex_hex_or_any(struct lex *lex, unsigned digits,
			   uint32_t *ret_number)
{
	if (lex_char(lex, '*')) {
		*ret_number = VALUE_ANY;
		return true;
	}
	return lex_hex(lex, digits, ret_number);
}

/* Half an id, with the digits that are capitals noted beside the number. */
static bool lex_id_half(struct lex *lex, uint32_t *ret_half)
{
	const char *digits = lex->line.ptr + lex->pos;
	uint32_t half;

	if (!lex_hex_or_any(lex, 4, &half))
		return false;
	for (unsigned n = 0; half != VALUE_ANY && n < 4; n++)
		if (digits[n] >= 'A' && digits[n] <= 'F')
			half |= 1u << (16 + 3 - n);
	*ret_half = half;
	return true;
}

bool lex_id(struct lex *lex, uint32_t *ret_vendor, uint32_t *ret_product)
{
	struct lex try = *lex;
	uint32_t vendor, product;

	if (!lex_id_half(&try, &vendor) || !lex_char(&try, ':') ||
	    !lex_id_half(&try, &product))
		return false;
	*lex = try;
	*ret_vendor = vendor;
	*ret_product = product;
	return true;
}

bool lex_interface(struct lex *lex, uint32_t *ret_interface)
{
	struct lex try = *lex;
	uint32_t class_code, subclass, protocol;

	if (!lex_hex(&try, 2, &class_code) || !lex_char(&try, ':') ||
	    !lex_hex_or_any(&try, 2, &subclass) || !lex_char(&try, ':') ||
	    !lex_hex_or_any(&try, 2, &protocol))
		return false;
	/* cc:*:pp names no set anyone means; USBGuard refuses it too. */
	if (subclass == VALUE_ANY && protocol != VALUE_ANY)
		return false;

	*ret_interface = class_code << 16 |
			 (subclass == VALUE_ANY ? INTERFACE_ANY_SUBCLASS
						: subclass << 8) |
			 (protocol == VALUE_ANY ? INTERFACE_ANY_PROTOCOL
						: protocol);
	*lex = try;
	return true;
}

/* The escapes that mean something: \" \\ \xHH. Length, or 0. */
static size_t escape_length(struct span rest)
{
	if (rest.len >= 2 && (rest.ptr[1] == '"' || rest.ptr[1] == '\\'))
		return 2;
	if (rest.len >= 4 && rest.ptr[1] == 'x' &&
	    hex_digit(rest.ptr[2]) >= 0 && hex_digit(rest.ptr[3]) >= 0)
		return 4;
	return 0;
}

enum lex_string_outcome lex_string(struct lex *lex, struct span *ret_raw,
				   bool *ret_has_escapes)
{
	struct span line = lex->line;
	size_t i = lex->pos + 1;
	bool has_escapes = false;

	if (lex_peek(lex) != '"')
		return LEX_STRING_NONE;

	while (i < line.len && line.ptr[i] != '"') {
		size_t n = 1;

		if (line.ptr[i] == '\r') {
			lex->pos = i;
			return LEX_STRING_CR;
		}
		if (line.ptr[i] == '\\') {
			n = escape_length(span_skip(line, i));
			if (n == 0) {
				lex->pos = i;
				return LEX_STRING_ESCAPE;
			}
			has_escapes = true;
		}
		i += n;
	}
	if (i >= line.len)
		return LEX_STRING_OPEN;

	*ret_raw = span_of(line.ptr + lex->pos + 1, i - lex->pos - 1);
	*ret_has_escapes = has_escapes;
	lex->pos = i + 1;
	return LEX_STRING_OK;
}

size_t lex_unescape(struct span raw, char *ret_text)
{
	size_t out = 0;

	for (size_t i = 0; i < raw.len; i++) {
		if (raw.ptr[i] != '\\') {
			ret_text[out++] = raw.ptr[i];
		} else if (raw.ptr[i + 1] == 'x') {
			ret_text[out++] =
				(char)(hex_digit(raw.ptr[i + 2]) * 16 +
				       hex_digit(raw.ptr[i + 3]));
			i += 3;
		} else {
			ret_text[out++] = raw.ptr[++i];
		}
	}
	return out;
}

/* USBGuard's grammar takes more escapes in an argument than it undoes. */
static size_t argument_escape_length(struct span rest)
{
	static const char singles[] = "abfnrtv\\')";
	size_t n = 1;

	if (rest.len < 2)
		return 0;
	if (rest.ptr[1] == 'x')
		return escape_length(rest);
	if (is_digit(rest.ptr[1])) {
		while (n < 4 && n < rest.len && is_digit(rest.ptr[n]))
			n++;
		return n;
	}
	return memchr(singles, rest.ptr[1], sizeof(singles) - 1) ? 2 : 0;
}

enum lex_string_outcome lex_argument(struct lex *lex, struct span *ret_raw)
{
	struct span line = lex->line;
	size_t i = lex->pos + 1;

	if (lex_peek(lex) != '(')
		return LEX_STRING_NONE;

	while (i < line.len && line.ptr[i] != ')') {
		size_t n = 1;

		if (line.ptr[i] == '\r') {
			lex->pos = i;
			return LEX_STRING_CR;
		}
		if (line.ptr[i] == '\\') {
			n = argument_escape_length(span_skip(line, i));
			if (n == 0) {
				lex->pos = i;
				return LEX_STRING_ESCAPE;
			}
		}
		i += n;
	}
	if (i >= line.len)
		return LEX_STRING_OPEN;

	*ret_raw = span_of(line.ptr + lex->pos + 1, i - lex->pos - 1);
	lex->pos = i + 1;
	return LEX_STRING_OK;
}

bool lex_number(struct lex *lex, uint64_t *ret_number)
{
	struct lex try = *lex;
	uint64_t number = 0;

	while (is_digit(lex_peek(&try))) {
		if (__builtin_mul_overflow(number, 10u, &number) ||
		    __builtin_add_overflow(number, lex_peek(&try) - '0',
					   &number))
			return false;
		try.pos++;
	}
	if (try.pos == lex->pos)
		return false;
	*lex = try;
	*ret_number = number;
	return true;
}

static bool is_day(uint64_t year, uint64_t month, uint64_t day)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30,
				       31, 31, 30, 31, 30, 31};
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1)
		return false;
	return day <= (uint64_t)days[month - 1] + (month == 2 && is_leap);
}

bool lex_date(struct lex *lex, uint32_t *ret_date)
{
	struct lex try = *lex;
	uint64_t year, month, day;

	if (!lex_number(&try, &year) || !lex_char(&try, '-') ||
	    !lex_number(&try, &month) || !lex_char(&try, '-') ||
	    !lex_number(&try, &day))
		return false;
	/* Written in full, so that text and number sort alike. */
	if (try.pos - lex->pos != sizeof("YYYY-MM-DD") - 1 ||
	    !is_day(year, month, day))
		return false;
	*ret_date = date_number((uint32_t)year, (uint32_t)month, (uint32_t)day);
	*lex = try;
	return true;
}
