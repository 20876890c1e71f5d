/* SPDX-License-Identifier: Apache-2.0 */
/* What an administrator signs for one terminal: one spelling, nothing else. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "agent/wire/order.h"

#define ID     "00112233445566778899aabbccddeeff"
#define FIRST  "sekimori-order 1\n"
#define SERIAL "serial 12\n"
#define ACTION "action tamper-off\n"
#define PLACE  "terminal " ID "\n"
#define UNTIL  "not-after 1795140000\n"
#define HEAD   FIRST SERIAL ACTION PLACE
#define FULL   HEAD "issuer 情報政策課\nnot-before 1795132800\n" UNTIL "end\n"

static void an_order_is_read_and_written_back(void **state)
{
	struct order order;
	const char *why = NULL;
	char again[ORDER_MAX_BYTES];
	size_t len = 0;

	(void)state;
	assert_int_equal(order_read(SPAN(FULL), &order, &why), 0);
	assert_int_equal(order.action, ORDER_TAMPER_OFF);
	assert_int_equal(order.serial, 12);
	assert_true(span_equals_str(order.terminal, ID));
	assert_true(span_equals_str(order.issuer, "情報政策課"));
	assert_int_equal(order.wall_not_before_s, 1795132800);
	assert_int_equal(order.wall_not_after_s, 1795140000);
	assert_int_equal(order_write(&order, again, strlen(FULL) - 1, &len),
			 -ENOBUFS);
	assert_int_equal(order_write(&order, again, sizeof(again), &len), 0);
	assert_int_equal(len, strlen(FULL));
	assert_memory_equal(again, FULL, len);
}

static void anything_else_is_refused_with_a_reason(void **state)
{
	static const char *const texts[] = {
		"",
		"sekimori-policy 1\n",
		"sekimori-order 2\n" SERIAL ACTION PLACE UNTIL "end\n",
		FIRST ACTION PLACE UNTIL "end\n",
		FIRST "serial 0\n" ACTION PLACE UNTIL "end\n",
		FIRST "serial 01\n" ACTION PLACE UNTIL "end\n",
		FIRST SERIAL PLACE UNTIL "end\n",
		FIRST SERIAL "action none\n" PLACE UNTIL "end\n",
		FIRST SERIAL "action release\n" PLACE UNTIL "end\n",
		FIRST SERIAL ACTION UNTIL "end\n",
		FIRST SERIAL ACTION "terminal 0011\n" UNTIL "end\n",
		FIRST SERIAL ACTION "terminal *\n" UNTIL "end\n",
		FIRST SERIAL ACTION
		"terminal 00112233445566778899AABBCCDDEEFF\n" UNTIL "end\n",
		HEAD "end\n",
		HEAD "not-after 0\nend\n",
		HEAD "not-before 1795140000\n" UNTIL "end\n",
		HEAD "issuer \n" UNTIL "end\n",
		HEAD UNTIL "issuer x\nend\n",
		HEAD UNTIL,
		HEAD UNTIL "end",
		HEAD UNTIL "end\n\n",
		HEAD UNTIL "extra 1\nend\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct order order;
		const char *why = NULL;
		if (order_read(span_str(texts[i]), &order, &why) !=
		    ORDER_MALFORMED)
			fail_msg("taken: '%s'", texts[i]);
		assert_non_null(why);
	}
}

static void what_could_not_be_read_back_is_not_written(void **state)
{
	struct order good = {
		.action = ORDER_TAMPER_ON,
		.serial = 1,
		.terminal = SPAN(ID),
		.wall_not_after_s = 10,
	};
	char buf[ORDER_MAX_BYTES];
	size_t len = 0;

	(void)state;
	assert_int_equal(order_write(&good, buf, sizeof(buf), &len), 0);

	struct order order = good;
	order.issuer = SPAN("a\nnot-before 1");
	assert_int_equal(order_write(&order, buf, sizeof(buf), &len),
			 ORDER_MALFORMED);
	order = good;
	order.terminal = SPAN("all");
	assert_int_equal(order_write(&order, buf, sizeof(buf), &len),
			 ORDER_MALFORMED);
	order = good;
	order.wall_not_after_s = 0;
	assert_int_equal(order_write(&order, buf, sizeof(buf), &len),
			 ORDER_MALFORMED);
	order = good;
	order.action = ORDER_NONE;
	assert_int_equal(order_write(&order, buf, sizeof(buf), &len),
			 ORDER_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_is_read_and_written_back),
		cmocka_unit_test(anything_else_is_refused_with_a_reason),
		cmocka_unit_test(what_could_not_be_read_back_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
