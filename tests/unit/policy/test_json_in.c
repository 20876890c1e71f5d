/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_in: finds what is there, and only that; broken text is an error, never
 * a crash. What json_out writes it reads back (tests/fuzz/fuzz_json.c).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/json_in.h"

static const char doc[] = " { \"a\" : 1 , \"o\":{\"a\":{\"b\":\"x\"},\"e\":{}},"
			  "\"l\":[true,[2,3],{\"k\":null}],\"a\":7,"
			  "\"s\":\"{\\\"q\\\":[\", \"n\":-5}";

static void values_are_found_by_path(void **state)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{"a", "1"},	  {"o.a.b", "\"x\""},
		{"o.e", "{}"},	  {"l.0", "true"},
		{"l.1.1", "3"},	  {"l.2.k", "null"},
		{"l.1", "[2,3]"}, {"s", "\"{\\\"q\\\":[\""},
		{"n", "-5"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span value = {0};

		assert_int_equal(
			json_in_find(span_str(doc), rows[i].path, &value), 0);
		assert_true(span_equals_str(value, rows[i].want));
	}
}

static void what_is_not_there_is_not_found(void **state)
{
	static const char *const paths[] = {"b",     "o.b", "a.a",
					    "l.3",   "l.x", "l.1.9",
					    "o.e.x", "s.q", "l.00001"};
	(void)state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct span value = SPAN("kept");

		assert_int_equal(json_in_find(span_str(doc), paths[i], &value),
				 -ENOENT);
		assert_true(span_equals_str(value, "kept"));
	}
}

static void broken_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"{",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":}",
		"{\"b\":1 \"a\":2}",
		"{\"b\":tru,\"a\":1}",
		"{\"b\":\"x,\"a\":1}",
		"{\"b\":[1,\"a\":1}",
		"{\"b\":{\"c\"},\"a\":1}",
		"{a:1}",
		"{\"b\":1,}",
		"{\"a\":\"x",
		"{\"b\":\"\n\",\"a\":1}",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct span value;

		assert_int_equal(json_in_find(span_str(texts[i]), "a", &value),
				 -EINVAL);
	}
}

static void depth_is_limited(void **state)
{
	char text[200];
	struct span value;
	(void)state;

	memset(text, '[', 100);
	memset(text + 100, ']', 100);
	assert_int_equal(json_in_find(span_of(text, 200), "", &value), -EINVAL);
	assert_int_equal(json_in_find(span_of(text + 70, 60), "", &value), 0);
}

static void strings_are_decoded(void **state)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{"\"plain\"", "plain"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
		{"\"\\u3042\\uD83D\\ude00\"", "あ\xf0\x9f\x98\x80"},
		{"\"\\ud83d!\"", "\xef\xbf\xbd!"},
		{"\"\\udc00\"", "\xef\xbf\xbd"},
		{"\"\\u0000\"", "\xef\xbf\xbd"},
		{"\"\\x\"", "\xef\xbf\xbd"},
		{"\"\\u12\"", "\xef\xbf\xbd"
			      "12"},
		{"\"\xff\"", "\xef\xbf\xbd"},
		{"\"\"", ""},
	};
	char buf[64];
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(json_in_str(span_str(rows[i].value), buf,
					     sizeof(buf)),
				 0);
		assert_string_equal(buf, rows[i].want);
	}
	/* Cut between code points, always terminated. */
	assert_int_equal(json_in_str(SPAN("\"日本\""), buf, 6), 0);
	assert_string_equal(buf, "日");
	assert_int_equal(json_in_str(SPAN("12"), buf, sizeof(buf)), -EINVAL);
	assert_string_equal(buf, "日");
}

static void numbers_are_whole_and_fit(void **state)
{
	int64_t value = 42;
	(void)state;

	assert_int_equal(json_in_i64(SPAN("1.5"), &value), -EINVAL);
	assert_int_equal(json_in_i64(SPAN("-"), &value), -EINVAL);
	assert_int_equal(json_in_i64(SPAN("1e3"), &value), -EINVAL);
	assert_int_equal(json_in_i64(SPAN("9223372036854775808"), &value),
			 -ERANGE);
	assert_int_equal(json_in_i64(SPAN("-9223372036854775809"), &value),
			 -ERANGE);
	assert_int_equal(json_in_i64(SPAN("99999999999999999999999"), &value),
			 -ERANGE);
	assert_int_equal(value, 42);
	assert_int_equal(json_in_i64(SPAN("9223372036854775807"), &value), 0);
	assert_true(value == INT64_MAX);
	assert_int_equal(json_in_i64(SPAN("-9223372036854775808"), &value), 0);
	assert_true(value == INT64_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_by_path),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(broken_text_is_refused),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(numbers_are_whole_and_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
