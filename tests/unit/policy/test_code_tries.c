/* SPDX-License-Identifier: Apache-2.0 */
/* The wait grows, a reboot never shortens it, a damaged file gives none away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/code_tries.h"

#define MINUTE UINT64_C(60000000000)
#define BOOT_A SPAN("11111111-2222-3333-4444-555555555555")
#define BOOT_B SPAN("99999999-2222-3333-4444-555555555555")

static struct code_tries fresh(void)
{
	struct code_tries tries;

	assert_true(code_tries_load(SPAN(""), BOOT_A, 5, &tries));
	assert_int_equal(code_tries_wait_ns(&tries, 5), 0);
	return tries;
}

static void five_are_free_then_the_wait_doubles_to_an_hour(void **state)
{
	static const uint64_t minutes[] = {0, 0,  0,  0,  1,  2, 4,
					   8, 16, 32, 60, 60, 60};
	struct code_tries tries = fresh();
	uint64_t now = 1000;

	(void)state;
	for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
		code_tries_spend(&tries, now);
		uint64_t wait = code_tries_wait_ns(&tries, now);
		assert_int_equal(wait, minutes[i] * MINUTE);
		if (wait > 0) {
			assert_int_equal(
				code_tries_wait_ns(&tries, now + wait - 1), 1);
			now += wait;
			assert_int_equal(code_tries_wait_ns(&tries, now), 0);
		}
	}
	code_tries_clear(&tries);
	code_tries_spend(&tries, now);
	assert_int_equal(code_tries_wait_ns(&tries, now), 0);
}

static void a_thousand_wrong_tries_take_forty_days(void **state)
{
	struct code_tries tries = fresh();
	uint64_t now = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		now += code_tries_wait_ns(&tries, now);
		code_tries_spend(&tries, now);
	}
	assert_true(now > 40 * 24 * 60 * MINUTE);
	assert_int_equal(tries.wrong_count, 1000);
	assert_true(code_tries_wait_ns(&tries, now) <= CODE_TRIES_LONGEST_NS);
}

static void a_reboot_begins_the_wait_again(void **state)
{
	struct code_tries tries = fresh();
	struct code_tries again;
	char text[CODE_TRIES_TEXT_SIZE];

	(void)state;
	for (unsigned i = 0; i < 7; i++)
		code_tries_spend(&tries, 100 * MINUTE);
	size_t size = code_tries_format(&tries, text);
	assert_string_equal(text, "wrong 7 until 6240000000000 boot "
				  "11111111-2222-3333-4444-555555555555\n");

	/* the daemon alone was restarted */
	assert_true(code_tries_load(span_of(text, size), BOOT_A, 101 * MINUTE,
				    &again));
	assert_int_equal(code_tries_wait_ns(&again, 101 * MINUTE), 3 * MINUTE);
	/* the machine was: its clock begins at nought */
	assert_true(code_tries_load(span_of(text, size), BOOT_B, 10, &again));
	assert_int_equal(code_tries_wait_ns(&again, 10), 4 * MINUTE);
	assert_int_equal(again.wrong_count, 7);
	code_tries_spend(&again, 4 * MINUTE + 10);
	assert_int_equal(code_tries_wait_ns(&again, 4 * MINUTE + 10),
			 8 * MINUTE);
}

static void a_damaged_text_costs_the_longest_wait_and_no_more(void **state)
{
	static const char *const texts[] = {
		"wrong",
		"\n",
		"wrong 7 until 9",
		"wrong -1 until 9 boot a\n",
		"wrong 99999999999 until 9 boot a\n",
		"wrong 7 until 99999999999999999999999 boot a\n",
		"wrong 7 until 9 boot "
		"11111111-2222-3333-4444-5555555555555555555555555\n",
	};
	struct code_tries tries;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(
			code_tries_load(span_str(texts[i]), BOOT_A, 7, &tries));
		assert_int_equal(code_tries_wait_ns(&tries, 7),
				 CODE_TRIES_LONGEST_NS);
	}
	/* readable, but nobody waits longer than the count says */
	assert_true(
		code_tries_load(SPAN("wrong 5 until 18446744073709551615 boot "
				     "11111111-2222-3333-4444-555555555555\n"),
				BOOT_A, 7, &tries));
	assert_int_equal(code_tries_wait_ns(&tries, 7), MINUTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			five_are_free_then_the_wait_doubles_to_an_hour),
		cmocka_unit_test(a_thousand_wrong_tries_take_forty_days),
		cmocka_unit_test(a_reboot_begins_the_wait_again),
		cmocka_unit_test(
			a_damaged_text_costs_the_longest_wait_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
