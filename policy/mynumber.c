/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A character at a time, and a run over what holds no digit. Three states of
 * interest: the digits of the group being read, the chain of groups of four
 * behind it, and a full group that waits to see whether it is the whole part
 * of a decimal fraction.
 */
#include "policy/mynumber.h"

#include <string.h>

#define CHECKED	      (MYNUMBER_DIGITS - 1)
#define GROUP_TOO_BIG (MYNUMBER_DIGITS + 1)
#define CHAIN_FULL    3
#define CHAIN_TOO_BIG 4

/* What a character is; 0 to 9 are the digits. */
enum {
	CHARACTER_HYPHEN = 10,
	CHARACTER_SPACE,
	CHARACTER_POINT,
	CHARACTER_OTHER,
	CHARACTER_MORE, /* bytes are needed */
};

/*
 * Article 5: P_n is the n-th digit from the end, the check digit not counted,
 * Q_n = n + 1 for n to 6, n - 5 from 7; 11 - (sum of P_n Q_n mod 11), and 0
 * where the remainder is 0 or 1.
 */
bool mynumber_is_valid(const uint8_t digits[MYNUMBER_DIGITS])
{
	unsigned sum = 0;
	bool is_row = true;

	for (unsigned n = 1; n <= CHECKED; n++) {
		unsigned weight = n <= 6 ? n + 1 : n - 5;
		sum += digits[CHECKED - n] * weight;
		is_row = is_row && digits[n] == digits[0];
	}
	unsigned rest = sum % 11;
	return !is_row && digits[CHECKED] == (rest <= 1 ? 0 : 11 - rest);
}

static void end_chain(struct mynumber *m)
{
	if (m->chain_len == CHAIN_FULL && mynumber_is_valid(m->chain))
		m->count++;
	m->chain_len = 0;
}

static void add_four(struct mynumber *m, const uint8_t *four)
{
	if (m->chain_len < CHAIN_FULL)
		memcpy(m->chain + 4 * (size_t)m->chain_len, four, 4);
	if (m->chain_len < CHAIN_TOO_BIG)
		m->chain_len++;
}

/* Four digits, `joined` to the group before or not. */
static void end_four(struct mynumber *m)
{
	bool is_joined = m->chain_len > 0 && m->joined != 0;
	bool is_same = is_joined &&
		       (m->chain_len == 1 || m->joined == m->chain_separator);

	if (!is_same) {
		end_chain(m);
		/* A year before it, and then a number with hyphens */
		if (is_joined)
			add_four(m, m->last_four);
	}
	m->chain_separator = m->joined;
	add_four(m, m->group);
	memcpy(m->last_four, m->group, 4);
}

static void end_group(struct mynumber *m)
{
	uint8_t len = m->group_len;

	m->group_len = 0;
	if (len == 4 && !m->is_fraction) {
		end_four(m);
		return;
	}
	end_chain(m);
	m->is_held = len == MYNUMBER_DIGITS && !m->is_fraction &&
		     mynumber_is_valid(m->group);
}

static void begin_group(struct mynumber *m)
{
	m->is_fraction = m->is_after_point;
	m->is_after_point = false;
	m->is_held = false; /* what it was the whole part of */
}

static void on_digit(struct mynumber *m, unsigned digit)
{
	if (m->group_len == 0)
		begin_group(m);
	if (m->group_len < MYNUMBER_DIGITS)
		m->group[m->group_len] = (uint8_t)digit;
	if (m->group_len < GROUP_TOO_BIG)
		m->group_len++;
}

/* A run of ASCII digits, as on_digit() each; where it ends. */
static const uint8_t *on_digits(struct mynumber *m, const uint8_t *at,
				const uint8_t *end)
{
	size_t len = m->group_len;

	if (len == 0)
		begin_group(m);
	for (; at < end && (uint8_t)(*at - '0') <= 9; at++) {
		if (len < MYNUMBER_DIGITS)
			m->group[len] = (uint8_t)(*at - '0');
		len += len < GROUP_TOO_BIG;
	}
	m->group_len = (uint8_t)len;
	return at;
}

static void on_other(struct mynumber *m, unsigned character)
{
	bool was_group = m->group_len > 0;
	bool is_separator = character == CHARACTER_HYPHEN ||
			    character == CHARACTER_SPACE;

	m->count += m->is_held; /* the point was the end of a sentence */
	m->is_held = false;
	if (was_group)
		end_group(m);
	if (m->is_held && character != CHARACTER_POINT) {
		m->count++;
		m->is_held = false;
	}
	m->is_after_point = was_group && character == CHARACTER_POINT;
	m->joined = was_group && is_separator ? (uint8_t)character : 0;
	if (m->joined == 0)
		end_chain(m);
}

static void on_character(struct mynumber *m, unsigned character)
{
	if (character <= 9)
		on_digit(m, character);
	else
		on_other(m, character);
}

static unsigned of_ascii(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	switch (byte) {
	case '-':
		return CHARACTER_HYPHEN;
	case ' ':
		return CHARACTER_SPACE;
	case '.':
		return CHARACTER_POINT;
	default:
		return CHARACTER_OTHER;
	}
}

static unsigned of_two(const uint8_t *letter)
{
	return letter[0] == 0xc2 && letter[1] == 0xa0 ? CHARACTER_SPACE
						      : CHARACTER_OTHER;
}

static unsigned of_three(const uint8_t *letter)
{
	uint32_t c = (letter[0] & 0xfu) << 12 | (letter[1] & 0x3fu) << 6 |
		     (letter[2] & 0x3fu);

	if (c >= 0xff10 && c <= 0xff19)
		return c - 0xff10;
	switch (c) {
	case 0x2010: /* hyphens and dashes */
	case 0x2011:
	case 0x2012:
	case 0x2013:
	case 0x2014:
	case 0x2015:
	case 0x2212: /* minus */
	case 0x30fc: /* the long-vowel mark, in both widths */
	case 0xff70:
	case 0xff0d: /* full-width hyphen */
		return CHARACTER_HYPHEN;
	case 0x3000:
		return CHARACTER_SPACE;
	case 0xff0e:
		return CHARACTER_POINT;
	default:
		return CHARACTER_OTHER;
	}
}

/* The character that `byte` begins, goes on with or ends. What is not UTF-8 is
 * nothing of interest. */
static unsigned next_character(struct mynumber *m, uint8_t byte)
{
	bool is_rest = (byte & 0xc0) == 0x80;

	if (!is_rest)
		m->letter_len = 0;
	if (byte < 0x80)
		return of_ascii(byte);
	if (!is_rest) {
		if (byte < 0xc2 || byte > 0xef)
			return CHARACTER_OTHER;
		m->letter[m->letter_len++] = byte;
		return CHARACTER_MORE;
	}
	if (m->letter_len == 0)
		return CHARACTER_OTHER;
	m->letter[m->letter_len++] = byte;
	if (m->letter[0] < 0xe0) {
		m->letter_len = 0;
		return of_two(m->letter);
	}
	if (m->letter_len < 3)
		return CHARACTER_MORE;
	m->letter_len = 0;
	return of_three(m->letter);
}

static bool is_idle(const struct mynumber *m)
{
	return m->group_len == 0 && m->chain_len == 0 && !m->is_held &&
	       !m->is_after_point && m->letter_len == 0;
}

/* Where the next digit may begin: '0' to '9', or 0xef of a full-width one. */
static const uint8_t *skip(const uint8_t *at, const uint8_t *end)
{
	while (at < end && (uint8_t)(*at - '0') > 9 && *at != 0xef)
		at++;
	return at;
}

void mynumber_feed(struct mynumber *counter, const void *data, size_t size)
{
	const uint8_t *at = data;
	const uint8_t *end = at + size;

	while (at < end) {
		if (is_idle(counter)) {
			at = skip(at, end);
			if (at == end)
				return;
		}
		if (*at == 0) {
			at++;
			continue;
		}
		if ((uint8_t)(*at - '0') <= 9 && counter->letter_len == 0) {
			at = on_digits(counter, at, end);
			continue;
		}
		bool was_broken = counter->letter_len > 0 &&
				  (*at & 0xc0) != 0x80;
		if (was_broken)
			on_character(counter, CHARACTER_OTHER);
		unsigned character = next_character(counter, *at++);
		if (character != CHARACTER_MORE)
			on_character(counter, character);
	}
}

void mynumber_end(struct mynumber *counter)
{
	on_character(counter, CHARACTER_OTHER);
	on_character(counter, CHARACTER_OTHER);
	uint64_t count = counter->count;
	*counter = (struct mynumber){.count = count};
}
