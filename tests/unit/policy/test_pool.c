/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings: one number a string, whatever their number and bytes. */
#include "tests/unit/policy/rules_fixture.h"

#include "policy/pool.h"

static void equal_strings_share_a_number(void **state)
{
	struct pool pool;
	uint32_t a = 7, b = 7, c = 7, empty = 7;
	(void)state;

	pool_init(&pool);
	assert_int_equal(pool_find(&pool, SPAN("a")), POOL_NONE);
	assert_int_equal(pool_add(&pool, SPAN(""), &empty), 0);
	assert_int_equal(pool_get(&pool, empty).len, 0);
	assert_int_equal(pool_add(&pool, SPAN("a"), &a), 0);
	assert_int_equal(pool_add(&pool, SPAN("a\0"), &b), 0);
	assert_int_equal(pool_add(&pool, SPAN("a"), &c), 0);
	assert_int_equal(a, c);
	assert_int_not_equal(a, b);
	assert_int_equal(pool_get(&pool, b).len, 2);
	assert_int_equal(pool_find(&pool, SPAN("a")), a);
	assert_int_equal(pool_find(&pool, SPAN("")), empty);
	assert_int_equal(pool_find(&pool, SPAN("aa")), POOL_NONE);
	assert_int_equal(pool_get(&pool, POOL_NONE).len, 0);
	pool_fini(&pool);
}

static void many_strings_keep_apart(void **state)
{
	struct pool pool;
	char text[32];
	(void)state;

	pool_init(&pool);
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t number = UINT32_MAX;
		int len = snprintf(text, sizeof(text), "%u and more", i);

		assert_int_equal(pool_add(&pool, span_of(text, (size_t)len),
					  &number),
				 0);
		assert_int_equal(number, i);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		(void)snprintf(text, sizeof(text), "%u and more", i);
		assert_int_equal(pool_find(&pool, span_str(text)), i);
		assert_true(span_is(pool_get(&pool, i), text));
	}
	pool_trim(&pool);
	assert_int_equal(pool_find(&pool, SPAN("42 and more")), 42);
	pool_fini(&pool);
	pool_fini(&pool); /* a second time does nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_strings_share_a_number),
		cmocka_unit_test(many_strings_keep_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
