/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mynumber: how many 個人番号 stand in a text, as far as their check digit can
 * tell: Ministerial Ordinance of the MIC No. 85 of 2014, article 5. A number is
 * twelve digits, or four, four and four with the same separator between them,
 * as the card has it. It counts; it must not keep, return or show a number.
 * One text in eleven that has the form by chance is counted too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MYNUMBER_DIGITS 12

/* Of one text, in pieces of any size; zeroed before the first. Read .count
 * after mynumber_end() only. What is in the rest is nobody's business. */
struct mynumber {
	uint64_t count;
	uint8_t group[MYNUMBER_DIGITS]; /* digits without a break */
	uint8_t chain[MYNUMBER_DIGITS]; /* of groups of four */
	uint8_t last_four[4];
	uint8_t letter[3]; /* a character of UTF-8 so far */
	uint8_t letter_len;
	uint8_t group_len;	 /* 13: more than twelve */
	uint8_t chain_len;	 /* groups; 4: more than three */
	uint8_t chain_separator; /* between them */
	uint8_t joined;		 /* separator after the last group; 0 none */
	bool is_after_point;	 /* "1." was just read */
	bool is_fraction;	 /* and the group came after it */
	bool is_held;		 /* a twelve that "." may yet make a fraction */
};

/*
 * The next piece. Digits are ASCII or full-width (UTF-8); separators hyphens,
 * dashes, the long-vowel mark, spaces, in either width, one between two
 * groups. NULs are passed over, so UTF-16 in ASCII digits is read too. Constant
 * memory; about as fast as SHA-256.
 */
void mynumber_feed(struct mynumber *counter, const void *data, size_t size)
	__attribute__((nonnull(1)));
/* The text has ended; the digits are wiped. */
void mynumber_end(struct mynumber *counter) __attribute__((nonnull));

/* Whether the last of twelve digits (values 0 to 9) is the check digit of the
 * others. A row of one and the same digit is none. */
bool mynumber_is_valid(const uint8_t digits[MYNUMBER_DIGITS])
	__attribute__((nonnull));
