/* SPDX-License-Identifier: Apache-2.0 */
/* agent.conf: defaults, values, misspelt keys. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/daemon/config.h"
#include "tests/fakes/tree.h"

#define PATH "etc/sekimori/agent.conf"

static int setup(void **state)
{
	static struct fake_tree tree;

	fake_tree_init(&tree);
	*state = &tree;
	return 0;
}

static int teardown(void **state)
{
	fake_tree_fini(*state);
	return 0;
}

static void a_missing_file_is_all_defaults(void **state)
{
	struct fake_tree *tree = *state;
	struct config config = {0};
	char error[CONF_ERROR_MAX];

	fake_dir(tree, "etc/sekimori");
	assert_int_equal(config_load(tree->fd, PATH, &config, error), 0);
	assert_int_equal(config.heartbeat_s, 300);
	assert_true(config.login_reader);
	assert_string_equal(config.contact, "");
}

static void values_are_taken(void **state)
{
	struct fake_tree *tree = *state;
	struct config config;
	char error[CONF_ERROR_MAX];

	fake_text(tree, PATH,
		  "# note\ncollector = https://c:8443\n"
		  "tenant = 999999\nunit = 市民課\n"
		  "contact = 情報政策課 内線 2345\n"
		  "heartbeat_s = 10\nlogin_reader = no\n");
	assert_int_equal(config_load(tree->fd, PATH, &config, error), 0);
	assert_string_equal(config.unit, "市民課");
	assert_string_equal(config.contact, "情報政策課 内線 2345");
	assert_int_equal(config.heartbeat_s, 10);
	assert_false(config.login_reader);
}

static void a_misspelt_key_is_told_and_the_rest_is_taken(void **state)
{
	struct fake_tree *tree = *state;
	struct config config;
	char error[CONF_ERROR_MAX];

	fake_text(tree, PATH, "tenant = 1\nhartbeat_s = 10\n");
	assert_int_equal(config_load(tree->fd, PATH, &config, error),
			 CONFIG_UNKNOWN_KEY);
	assert_non_null(strstr(error, "hartbeat_s"));
	assert_string_equal(config.tenant, "1");
}

static void a_bad_value_leaves_everything_as_it_was(void **state)
{
	static const char *const rows[] = {
		"heartbeat_s = 1\n",	"heartbeat_s = x\n",
		"login_reader = oui\n", "tenant\n",
		"spool_mib = 1\n",	"heartbeat_s = 999999\n",
	};
	struct fake_tree *tree = *state;
	struct config config = {.heartbeat_s = 77};
	char error[CONF_ERROR_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_text(tree, PATH, "%s", rows[i]);
		error[0] = '\0';
		if (config_load(tree->fd, PATH, &config, error) != -EINVAL)
			fail_msg("accepted: %s", rows[i]);
		assert_int_equal(config.heartbeat_s, 77);
		assert_true(error[0] != '\0');
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_missing_file_is_all_defaults),
		CASE(values_are_taken),
		CASE(a_misspelt_key_is_told_and_the_rest_is_taken),
		CASE(a_bad_value_leaves_everything_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
