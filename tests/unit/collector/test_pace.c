/* SPDX-License-Identifier: Apache-2.0 */
/* pace: rows of what waits, and what terminals are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/limits.h"
#include "collector/pace.h"

static void the_fuller_bound_decides(void **state)
{
	const size_t events = LIMIT_WAITING_EVENTS, bytes = LIMIT_HELD_BYTES;
	const struct {
		size_t waiting, held;
		unsigned int rate;
	} rows[] = {
		{0, 0, 0},
		{events / 4 - 1, bytes / 5, 0},
		{events / 4, 0, 20},
		{0, bytes / 4, 20},
		{events / 2, bytes / 4, 6},
		{events / 4, bytes / 2, 6},
		{events * 3 / 4, 0, 2},
		{0, bytes, 2},
		/* One job more than the bound is let in when nothing waits. */
		{events * 2, bytes * 2, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(pace_per_minute(rows[i].waiting, rows[i].held),
				 rows[i].rate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fuller_bound_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
