/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers are made here, by the article's formula over counted-up digits, and
 * belong to nobody we know of; none stands in this file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/mynumber.h"

/*
 * The check digit, written out from the article in another way than the
 * product's: weights from the left.
 */
static char check_digit(const char *eleven)
{
	static const int weights[] = {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
	int sum = 0;

	for (size_t i = 0; i < 11; i++)
		sum += (eleven[i] - '0') * weights[i];
	int rest = sum % 11;
	return rest <= 1 ? '0' : (char)('0' + 11 - rest);
}

/* The n-th of a row of valid numbers; never all one digit. */
static void make_number(unsigned n, char ret_number[13])
{
	(void)snprintf(ret_number, 13, "%011llu",
		       (unsigned long long)((10000000019ull +
					     (unsigned long long)n * 7919ull *
						     104729ull) %
					    100000000000ull));
	ret_number[11] = check_digit(ret_number);
	ret_number[12] = '\0';
}

static uint64_t count_pieces(const char *text, size_t size, size_t piece)
{
	struct mynumber counter = {0};

	for (size_t at = 0; at < size; at += piece)
		mynumber_feed(&counter, text + at,
			      size - at < piece ? size - at : piece);
	mynumber_end(&counter);
	return counter.count;
}

/* In one piece, in single bytes and in sevens, which must agree. */
static uint64_t count_in(const char *text, size_t size)
{
	uint64_t count = count_pieces(text, size, size ? size : 1);

	assert_int_equal(count_pieces(text, size, 1), count);
	assert_int_equal(count_pieces(text, size, 7), count);
	return count;
}

/* '#' stands for the digits of `number`, one after the other, '@' for them in
 * full width. */
static size_t fill(const char *form, const char *number, char *ret_text)
{
	size_t n = 0;
	size_t used = 0;

	for (; *form; form++) {
		if (*form == '#') {
			ret_text[n++] = number[used++ % 12];
		} else if (*form == '@') {
			ret_text[n++] = (char)0xef;
			ret_text[n++] = (char)0xbc;
			ret_text[n++] =
				(char)(0x90 + number[used++ % 12] - '0');
		} else {
			ret_text[n++] = *form;
		}
	}
	ret_text[n] = '\0';
	return n;
}

static void every_digit_but_the_right_one_fails(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 2000; n++) {
		char number[13];
		make_number(n, number);
		unsigned valid = 0;
		const char right = number[11];
		for (char digit = '0'; digit <= '9'; digit++) {
			number[11] = digit;
			bool is_counted = count_in(number, 12) == 1;
			assert_int_equal(is_counted, digit == right);
			valid += is_counted;
		}
		assert_int_equal(valid, 1);
	}
}

static void numbers_are_found_as_people_write_them(void **state)
{
	static const struct {
		const char *form;
		unsigned count;
	} rows[] = {
		{"############", 1},
		{"####-####-####", 1},
		{"#### #### ####", 1},
		{"@@@@@@@@@@@@", 1},
		{"@@@@－@@@@－@@@@", 1},
		{"@@@@　@@@@　@@@@", 1},
		{"####ー####ー####", 1},
		{"####–####‐####", 1},
		{"##@@##@@##@@", 1},
		{"個人番号############です。", 1},
		{"\"############\",\"############\"\r\n", 2},
		{"############,############\n############\t", 3},
		{"############.", 1},
		{"############。", 1},
		{"No.############", 1},
		{"2026 ####-####-####", 1},
		{"2026 ####-####-#### 2026", 1},
		{"####-####-#### ####-####-####", 2},
		{"5 #### #### #### 70", 1},
		{"x=############;", 1},
		{"############ ############", 2},
		{"############-############", 2},
		/* other things than numbers */
		{"", 0},
		{"###########", 0},
		{"############1", 0},
		{"1############", 0},
		{"0.############", 0},
		{"############.5", 0},
		{"####-#### ####", 0},
		{"####--####-####", 0},
		{"####\t####\t####", 0},
		{"####,####,####", 0},
		{"####\n####\n####", 0},
		{"1111 #### #### ####", 0},
		{"#### #### #### 1111", 0},
		{"######-######", 0},
		{"############0000000000000000000000000000000000000", 0},
	};
	char number[13];
	char text[256];

	(void)state;
	for (unsigned n = 0; n < 50; n++) {
		make_number(n, number);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			size_t size = fill(rows[i].form, number, text);
			uint64_t count = count_in(text, size);
			if (count != rows[i].count)
				fail_msg("%s: %u instead of %u", rows[i].form,
					 (unsigned)count, rows[i].count);
		}
	}
}

static void utf16_is_read_and_broken_utf8_breaks_nothing(void **state)
{
	char number[13];
	char wide[26];
	char text[64];

	(void)state;
	make_number(3, number);
	for (size_t i = 0; i < 12; i++) {
		wide[2 * i] = number[i];
		wide[2 * i + 1] = '\0';
	}
	assert_int_equal(count_in(wide, 24), 1);
	size_t n = (size_t)snprintf(text, sizeof(text),
				    "\xef%s\xe3\x81%s\xff%s\xef\xbc", number,
				    number, number);
	assert_int_equal(count_in(text, n), 3);
	/* half a full-width digit between the digits is not a number */
	n = (size_t)snprintf(text, sizeof(text), "%.6s\xef\xbc%s", number,
			     number + 6);
	assert_int_equal(count_in(text, n), 0);
}

static void a_row_of_one_digit_is_no_number(void **state)
{
	char text[13];

	(void)state;
	for (char digit = '0'; digit <= '9'; digit++) {
		memset(text, digit, 12);
		assert_int_equal(count_in(text, 12), 0);
	}
}

static void nothing_of_a_number_is_left_at_the_end(void **state)
{
	struct mynumber counter = {0};
	char number[13];

	(void)state;
	make_number(9, number);
	mynumber_feed(&counter, number, 12);
	mynumber_feed(&counter, " 1234-5678", 10);
	mynumber_end(&counter);
	assert_int_equal(counter.count, 1);
	struct mynumber want = {.count = 1};
	assert_memory_equal(&counter, &want, sizeof(want));
}

static void a_long_text_is_counted_whole(void **state)
{
	char *text = malloc(10000 * 40);
	char number[13];
	size_t n = 0;

	(void)state;
	assert_non_null(text);
	for (unsigned i = 0; i < 10000; i++) {
		make_number(i, number);
		n += (size_t)snprintf(text + n, 40, "%u,住民,%s\n", i, number);
	}
	assert_int_equal(count_pieces(text, n, 4096), 10000);
	assert_int_equal(count_pieces(text, n, 1), 10000);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_digit_but_the_right_one_fails),
		cmocka_unit_test(numbers_are_found_as_people_write_them),
		cmocka_unit_test(utf16_is_read_and_broken_utf8_breaks_nothing),
		cmocka_unit_test(a_row_of_one_digit_is_no_number),
		cmocka_unit_test(nothing_of_a_number_is_left_at_the_end),
		cmocka_unit_test(a_long_text_is_counted_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
