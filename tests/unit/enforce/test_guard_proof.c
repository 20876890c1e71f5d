/* SPDX-License-Identifier: Apache-2.0 */
/* What the proven layers amount to, and keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <cmocka.h>

#include "agent/enforce/guard_proof.h"

enum {
	CGROUP = BLOCK_GUARD_LAYER_CGROUP,
	LSM = BLOCK_GUARD_LAYER_LSM,
	FMOD = BLOCK_GUARD_LAYER_FMOD,
	DEVICES = BLOCK_GUARD_LAYER_DEVICES,
	SYSCTL = BLOCK_GUARD_LAYER_SYSCTL
};

static void a_tier_needs_all_its_layers(void **state)
{
	static const struct {
		uint32_t layers;
		enum block_guard_tier tier;
	} rows[] = {
		{CGROUP | LSM | DEVICES | SYSCTL, BLOCK_GUARD_T1},
		{CGROUP | FMOD | DEVICES | SYSCTL, BLOCK_GUARD_T2},
		{CGROUP | DEVICES | SYSCTL, BLOCK_GUARD_T3},
		{CGROUP | LSM | SYSCTL, BLOCK_GUARD_T3},
		{CGROUP | LSM | DEVICES, BLOCK_GUARD_T3},
		{CGROUP | FMOD | DEVICES, BLOCK_GUARD_T3},
		{CGROUP, BLOCK_GUARD_T3},
		{LSM | DEVICES | SYSCTL, BLOCK_GUARD_T4},
		{SYSCTL, BLOCK_GUARD_T4},
		{0, BLOCK_GUARD_T4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(guard_proof_tier(rows[i].layers),
				 rows[i].tier);
}

static void every_tier_but_the_first_has_a_reason(void **state)
{
	struct block_guard_status status = {.lsm_listed = true};

	(void)state;
	for (uint32_t layers = 0; layers < 32; layers++) {
		status.layers = layers;
		status.tier = guard_proof_tier(layers);
		assert_int_equal(*guard_proof_reason(&status) == '\0',
				 status.tier == BLOCK_GUARD_T1);
	}
}

static void the_reason_tells_a_missing_list_from_a_silent_lsm(void **state)
{
	struct block_guard_status status = {.layers = CGROUP | FMOD | DEVICES |
						      SYSCTL,
					    .tier = BLOCK_GUARD_T2};

	(void)state;
	assert_non_null(strstr(guard_proof_reason(&status), "not among"));
	status.lsm_listed = true;
	assert_non_null(strstr(guard_proof_reason(&status), "does not run"));
}

static void a_key_is_the_kernels_number_and_one_bit(void **state)
{
	uint64_t key = block_guard_key(false, makedev(259, 300));

	(void)state;
	assert_int_equal(key, (259u << 20) | 300);
	assert_int_equal(GUARD_KEY_MAJOR(key), 259);
	assert_int_equal(GUARD_KEY_MINOR(key), 300);
	assert_false(GUARD_KEY_IS_CHAR(key));

	key = block_guard_key(true, makedev(189, 1));
	assert_true(GUARD_KEY_IS_CHAR(key));
	assert_int_equal(GUARD_KEY_MAJOR(key), 189);
	assert_int_not_equal(key, block_guard_key(false, makedev(189, 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tier_needs_all_its_layers),
		cmocka_unit_test(every_tier_but_the_first_has_a_reason),
		cmocka_unit_test(
			the_reason_tells_a_missing_list_from_a_silent_lsm),
		cmocka_unit_test(a_key_is_the_kernels_number_and_one_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
