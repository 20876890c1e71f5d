/* SPDX-License-Identifier: Apache-2.0 */
/* key = value files: what is read, what is refused and where, and editing. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/conf.h"

static int parse(const char *text, struct conf *conf, char *error)
{
	return conf_parse("agent.conf", text, strlen(text), conf, error);
}

static void pairs_are_read_and_trimmed(void **state)
{
	_cleanup_conf_ struct conf conf = {0};
	char error[CONF_ERROR_MAX];

	(void)state;
	assert_int_equal(parse("# 端末\n\n  collector =  https://a:8443  \n"
			       "unit=市民課\nempty =\nlast = x = y",
			       &conf, error),
			 0);
	assert_int_equal(conf.count, 4);
	assert_string_equal(conf_get(&conf, "collector"), "https://a:8443");
	assert_string_equal(conf_get(&conf, "unit"), "市民課");
	assert_string_equal(conf_get(&conf, "empty"), "");
	assert_string_equal(conf_get(&conf, "last"), "x = y");
	assert_null(conf_get(&conf, "absent"));
	assert_int_equal(conf.pairs[0].line, 3);
}

static void an_error_names_file_line_and_reason(void **state)
{
	char long_value[CONF_VALUE_MAX + 32];
	const struct {
		const char *text;
		const char *error;
	} rows[] = {
		{"a = 1\nb\n", "agent.conf:2: expected 'key = value'"},
		{"A = 1\n",
		 "agent.conf:1: a key is 1 to 32 of a-z, 0-9 and '_'"},
		{"= 1\n", "agent.conf:1: a key is 1 to 32 of a-z, 0-9 and '_'"},
		{"a b = 1\n",
		 "agent.conf:1: a key is 1 to 32 of a-z, 0-9 and '_'"},
		{"a = 1\n\na = 2\n", "agent.conf:3: key given twice"},
		{"a = x\x1b[2J\n", "agent.conf:1: control character in value"},
		{long_value, "agent.conf:1: value longer than 512 bytes"},
	};

	(void)state;
	memset(long_value, 'v', sizeof(long_value));
	memcpy(long_value, "a = ", 4);
	long_value[sizeof(long_value) - 1] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct conf conf = {.count = 77};
		char error[CONF_ERROR_MAX] = "";

		assert_int_equal(parse(rows[i].text, &conf, error), -EINVAL);
		assert_string_equal(error, rows[i].error);
		assert_int_equal(conf.count, 77);
	}
}

static void limits_are_held(void **state)
{
	_cleanup_conf_ struct conf conf = {0};
	struct buf text = BUF_INIT(2 * CONF_FILE_MAX);
	char error[CONF_ERROR_MAX];

	(void)state;
	for (int i = 0; i < CONF_PAIRS_MAX; i++)
		assert_int_equal(buf_printf(&text, "k%d = 1\n", i), 0);
	assert_int_equal(parse(buf_text(&text), &conf, error), 0);
	conf_fini(&conf);
	assert_int_equal(buf_append_text(&text, "more = 1\n"), 0);
	assert_int_equal(parse(buf_text(&text), &conf, error), -EINVAL);
	assert_non_null(strstr(error, "more than 128 keys"));

	buf_clear(&text);
	while (text.size <= CONF_FILE_MAX)
		assert_int_equal(buf_append_text(&text, "# comment\n"), 0);
	assert_int_equal(parse(buf_text(&text), &conf, error), -EINVAL);
	assert_int_equal(conf_parse("f", "a = \0b", 6, &conf, error), -EINVAL);
	buf_fini(&text);
}

static void numbers_are_checked(void **state)
{
	static const uint64_t bounds[2] = {1, 900};
	_cleanup_conf_ struct conf conf = {0};
	char error[CONF_ERROR_MAX] = "";
	uint64_t value = 5;
	const char *const bad[] = {"zero", "big",  "sign", "text",
				   "none", "tail", "huge"};

	(void)state;
	assert_int_equal(parse("ok = 900\nzero = 0\nbig = 901\nsign = -1\n"
			       "text = x\nnone =\ntail = 5s\n"
			       "huge = 99999999999999999999999\n",
			       &conf, error),
			 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(conf_get_u64(&conf, bad[i], bounds, &value,
					      error),
				 -EINVAL);
		assert_int_equal(value, 5);
		assert_non_null(strstr(error, "wants a number from 1 to 900"));
	}
	assert_int_equal(conf_get_u64(&conf, "absent", bounds, &value, error),
			 0);
	assert_int_equal(value, 5);
	assert_int_equal(conf_get_u64(&conf, "ok", bounds, &value, error), 0);
	assert_int_equal(value, 900);
}

static void unknown_keys_are_found(void **state)
{
	static const char *const known[] = {"a", "b", NULL};
	_cleanup_conf_ struct conf conf = {0};
	char error[CONF_ERROR_MAX];

	(void)state;
	assert_int_equal(parse("a = 1\ntypo = 2\nb = 3\n", &conf, error), 0);
	const struct conf_pair *pair = conf_find_unknown(&conf, known);
	assert_non_null(pair);
	assert_string_equal(pair->key, "typo");
	assert_int_equal(pair->line, 2);
}

static void editing_keeps_everything_else(void **state)
{
	const struct {
		const char *before;
		const char *after;
	} rows[] = {
		{"", "collector = https://b\n"},
		{"# c\nunit = x", "# c\nunit = x\ncollector = https://b\n"},
		{"a = 1\n collector=old\n#collector = no\nz = 2\n",
		 "a = 1\ncollector = https://b\n#collector = no\nz = 2\n"},
		{"collector_x = 1\n",
		 "collector_x = 1\ncollector = https://b\n"},
	};
	struct buf out = BUF_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_clear(&out);
		assert_int_equal(conf_edit(rows[i].before, "collector",
					   "https://b", &out),
				 0);
		assert_string_equal(buf_text(&out), rows[i].after);
	}
	assert_int_equal(conf_edit("", "Bad", "x", &out), -EINVAL);
	assert_int_equal(conf_edit("", "a", "x\ny", &out), -EINVAL);
	assert_int_equal(conf_edit("", "a", " x", &out), -EINVAL);
	buf_fini(&out);
}

static void a_missing_file_is_told_apart(void **state)
{
	struct conf conf = {0};
	char error[CONF_ERROR_MAX] = "";

	(void)state;
	assert_int_equal(conf_load(AT_FDCWD, "/nonexistent/agent.conf", &conf,
				   error),
			 -ENOENT);
	assert_non_null(strstr(error, "/nonexistent/agent.conf: No such file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_are_read_and_trimmed),
		cmocka_unit_test(an_error_names_file_line_and_reason),
		cmocka_unit_test(limits_are_held),
		cmocka_unit_test(numbers_are_checked),
		cmocka_unit_test(unknown_keys_are_found),
		cmocka_unit_test(editing_keeps_everything_else),
		cmocka_unit_test(a_missing_file_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
