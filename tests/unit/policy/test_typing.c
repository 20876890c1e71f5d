/* SPDX-License-Identifier: Apache-2.0 */
/* A person is never taken for a machine, a machine always within 20 keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/typing.h"

#define MS 1000u

/* The answer to COUNT presses INTERVAL_US apart, the first that is one. */
static enum typing_answer steady(unsigned int count, uint64_t interval_us)
{
	struct typing typing = {0};

	for (unsigned int i = 0; i < count; i++) {
		enum typing_answer answer =
			typing_press(&typing, 5 * MS + i * interval_us);
		if (answer != TYPING_OPEN)
			return answer;
	}
	return TYPING_OPEN;
}

static void speed_alone_tells(void **state)
{
	static const struct {
		uint64_t interval_us;
		enum typing_answer answer;
	} rows[] = {
		{0, TYPING_MACHINE},	   /* six keys in one report */
		{1 * MS, TYPING_MACHINE},  /* full speed */
		{12 * MS, TYPING_MACHINE}, /* 1000 words a minute */
		{20 * MS, TYPING_MACHINE}, /* low speed, press and release */
		{24999, TYPING_MACHINE},
		{25 * MS, TYPING_PERSON},
		{40 * MS, TYPING_PERSON}, /* the fastest burst of a person */
		{240 * MS, TYPING_PERSON},
		{3600000 * (uint64_t)MS, TYPING_PERSON},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(steady(TYPING_TRUST_KEYS, rows[i].interval_us),
				 rows[i].answer);
}

static void a_machine_is_known_by_its_twentieth_key(void **state)
{
	(void)state;
	assert_int_equal(steady(TYPING_KEYS - 1, 1), TYPING_OPEN);
	assert_int_equal(steady(TYPING_KEYS, 1), TYPING_MACHINE);
	assert_int_equal(steady(TYPING_TRUST_KEYS - 1, 100 * MS), TYPING_OPEN);
}

/* 19 keys at once, then a rest of half a second, again and again: a hand on
 * the keys. Faster over 20 keys than 25 ms it is not. */
static void a_hand_laid_on_the_keys_is_a_persons(void **state)
{
	struct typing typing = {0};
	enum typing_answer answer = TYPING_OPEN;
	uint64_t mono_us = 0;

	(void)state;
	for (unsigned int i = 0; i < TYPING_TRUST_KEYS; i++) {
		mono_us += i % (TYPING_KEYS - 1) == 0 ? 500 * MS : 1;
		answer = typing_press(&typing, mono_us);
		assert_int_not_equal(answer, TYPING_MACHINE);
	}
	assert_int_equal(answer, TYPING_PERSON);
}

static void slow_keys_before_do_not_hide_fast_ones(void **state)
{
	struct typing typing = {0};
	enum typing_answer answer = TYPING_OPEN;
	uint64_t mono_us = 0;

	(void)state;
	for (unsigned int i = 0; i < 150; i++)
		answer = typing_press(&typing, mono_us += 200 * MS);
	assert_int_equal(answer, TYPING_OPEN);
	for (unsigned int i = 0; i < 2 * TYPING_KEYS; i++) {
		answer = typing_press(&typing, mono_us += 2 * MS);
		if (answer != TYPING_OPEN)
			break;
	}
	assert_int_equal(answer, TYPING_MACHINE);
}

static void a_clock_that_goes_back_proves_nothing(void **state)
{
	struct typing typing = {0};

	(void)state;
	for (unsigned int i = 0; i < TYPING_KEYS; i++)
		assert_int_equal(typing_press(&typing, 1000 * MS - i),
				 TYPING_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(speed_alone_tells),
		cmocka_unit_test(a_machine_is_known_by_its_twentieth_key),
		cmocka_unit_test(a_hand_laid_on_the_keys_is_a_persons),
		cmocka_unit_test(slow_keys_before_do_not_hide_fast_ones),
		cmocka_unit_test(a_clock_that_goes_back_proves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
