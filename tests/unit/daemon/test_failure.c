/* SPDX-License-Identifier: Apache-2.0 */
/* The failure table: reactions, counters, and the degraded state. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/daemon/failure.h"

static void every_row_has_a_name_and_a_text(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < FAILURE_KIND_COUNT_; i++) {
		const struct failure_row *row =
			failure_row((enum failure_kind)i);
		assert_non_null(row->name);
		assert_non_null(row->text);
		assert_true(row->reaction < FAILURE_REACTION_COUNT_);
	}
	assert_string_equal(failure_reaction_to_str((enum failure_reaction)99),
			    "deny");
}

static void only_degrading_conditions_degrade(void **state)
{
	struct failures failures = {0};
	const char *why;

	(void)state;
	(void)failure_raise(&failures, FAILURE_BUS, "no bus");
	assert_false(failure_is_degraded(&failures, &why));
	assert_string_equal(why, "");
	assert_int_equal(failure_raise(&failures, FAILURE_GUARD_ABSENT,
				       "no BTF"),
			 FAILURE_DEGRADE);
	assert_true(failure_is_degraded(&failures, &why));
	assert_string_equal(why, "no BTF");
	failure_clear(&failures, FAILURE_GUARD_ABSENT);
	assert_false(failure_is_degraded(&failures, &why));
}

static void a_condition_is_counted_when_it_begins(void **state)
{
	struct failures failures = {0};

	(void)state;
	(void)failure_raise(&failures, FAILURE_SPOOL_WRITE, NULL);
	assert_true(failure_take_change(&failures));
	(void)failure_raise(&failures, FAILURE_SPOOL_WRITE, NULL);
	assert_false(failure_take_change(&failures));
	assert_int_equal(failures.counts[FAILURE_SPOOL_WRITE], 1);
	failure_clear(&failures, FAILURE_SPOOL_WRITE);
	assert_true(failure_take_change(&failures));
	failure_clear(&failures, FAILURE_SPOOL_WRITE);
	assert_false(failure_take_change(&failures));
	(void)failure_raise(&failures, FAILURE_SPOOL_WRITE, "again");
	assert_int_equal(failures.counts[FAILURE_SPOOL_WRITE], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_a_name_and_a_text),
		cmocka_unit_test(only_degrading_conditions_degrade),
		cmocka_unit_test(a_condition_is_counted_when_it_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
