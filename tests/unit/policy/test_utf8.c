/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8: what is not UTF-8 never gets through, what is never gets lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/utf8.h"

static void every_scalar_value_survives_a_round_trip(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		char bytes[UTF8_BYTES_MAX];
		uint32_t back = 0;

		if (cp >= 0xd800 && cp <= 0xdfff)
			continue;
		size_t len = utf8_put(cp, bytes);
		assert_int_equal(utf8_next(bytes, len, &back), len);
		assert_int_equal(back, cp);
	}
}

static void malformed_bytes_become_the_replacement_character(void **state)
{
	/* Rows of Unicode 15 table 3-8 .. 3-11 and RFC 3629 section 10. */
	static const struct {
		const char *bytes;
		size_t len;
		size_t taken;
	} rows[] = {
		{"\x80", 1, 1},		    /* a lone continuation */
		{"\xc0\xaf", 2, 1},	    /* overlong '/' */
		{"\xc1\xbf", 2, 1},	    /* overlong */
		{"\xe0\x80\xaf", 3, 1},	    /* overlong '/' in three */
		{"\xed\xa0\x80", 3, 1},	    /* surrogate */
		{"\xf0\x80\x80\xaf", 4, 1}, /* overlong in four */
		{"\xf4\x90\x80\x80", 4, 1}, /* above U+10FFFF */
		{"\xf5\x80\x80\x80", 4, 1}, /* never a lead byte */
		{"\xff", 1, 1},
		{"\xe3\x81", 2, 2},	/* cut short at the end */
		{"\xe3\x81\x41", 3, 2}, /* cut short by a letter */
		{"\xf0\x9f\x98", 3, 3},
		{"\xf0\x9f\x41", 3, 2},
		{"\xc3", 1, 1},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t cp = 0;

		assert_int_equal(utf8_next(rows[i].bytes, rows[i].len, &cp),
				 rows[i].taken);
		assert_int_equal(cp, UTF8_REPLACEMENT);
	}
}

static void what_cannot_be_seen_is_known(void **state)
{
	static const uint32_t unseen[] = {0x00,	  0x1b,	  0x7f,	   0x9b,
					  0xad,	  0x200b, 0x200e,  0x202e,
					  0x2028, 0x2066, 0xfeff,  0xe0041,
					  0xfdd0, 0xffff, 0x1fffe, 0x10ffff};
	static const uint32_t seen[] = {' ',	'A',	0xa0,	0x3042, 0x3000,
					0x9ad8, 0x2010, 0xff71, 0x1f600};
	(void)state;

	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		assert_true(utf8_is_invisible(unseen[i]));
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		assert_false(utf8_is_invisible(seen[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scalar_value_survives_a_round_trip),
		cmocka_unit_test(
			malformed_bytes_become_the_replacement_character),
		cmocka_unit_test(what_cannot_be_seen_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
