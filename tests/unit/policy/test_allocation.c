/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation that building a rule set makes fails once: the answer is
 * -ENOMEM, nothing leaks (the sanitizers watch), and the caller's pointer is
 * untouched. The allocating files are compiled in here a second time.
 */
#include <stdlib.h>

static size_t allocations_left;

static int refuse(void)
{
	if (allocations_left == 0)
		return 1;
	allocations_left--;
	return 0;
}

static void *failing_realloc(void *old, size_t size)
{
	return refuse() ? NULL : realloc(old, size);
}

static void *failing_calloc(size_t count, size_t size)
{
	return refuse() ? NULL : calloc(count, size);
}

#define realloc failing_realloc
#define calloc	failing_calloc
#include "policy/vec.c"
#include "policy/pool.c"
#include "policy/index.c"
#include "policy/ruleset.c"
#undef realloc
#undef calloc

#include "tests/unit/policy/rules_fixture.h"

static const char everything[] =
	"policy \"p\" serial 1 zone \"z\" contact \"c\"\n"
	"key \"k\" role \"r\" public \"p\"\n"
	"allow id one-of { 0411:01e8 0411:* } serial \"\\x41\" name \"b\" "
	"with-interface one-of { 08:*:* 03:01:01 } channel one-of { hid } "
	"label \"l\" rule-id \"r\" if { mfa user(a,b) "
	"allowed-matches(id 0411:* if true) rule-applied }\n"
	"media deny bus one-of { sd usb } fs-type \"vfat\" size 1-2 until "
	"2027-01-01 sticker \"s\" owner \"o\" rule-id \"m\"\n"
	"login require 2 service { \"a\" \"b\" } combination "
	"knowledge+possession\n"
	"allow\n";

static void every_allocation_may_fail(void **state)
{
	struct ruleset *untouched = (struct ruleset *)&allocations_left;
	size_t failures = 0;
	(void)state;

	for (;; failures++) {
		struct ruleset *ruleset = untouched;
		struct rules_text texts = {.name = "t",
					   .text = span_str(everything)};
		int r;

		allocations_left = failures;
		r = ruleset_parse(&texts, 1, 0, NULL, &ruleset);
		if (r == 0) {
			assert_ptr_not_equal(ruleset, untouched);
			ruleset_unref(ruleset);
			break;
		}
		assert_int_equal(r, -ENOMEM);
		assert_ptr_equal(ruleset, untouched);
	}
	/* 12 arrays at least, two indexes, the set itself. */
	assert_true(failures > 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
