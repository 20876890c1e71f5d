/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_out: commas, escapes and limits; hostile strings come out clean.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/json_out.h"

static void assert_json(const struct json_out *out, const char *want)
{
	char text[1024];
	size_t len = 0;

	assert_int_equal(json_out_finish(out, &len), 0);
	assert_true(len < sizeof(text));
	memcpy(text, out->buf, len);
	text[len] = '\0';
	assert_string_equal(text, want);
}

static void members_and_elements_are_separated(void **state)
{
	char buf[256];
	struct json_out out;
	(void)state;

	json_out_init(&out, buf, sizeof(buf));
	json_out_object(&out, NULL);
	json_out_u64(&out, "max", UINT64_MAX);
	json_out_i64(&out, "min", INT64_MIN);
	json_out_array(&out, "list");
	json_out_bool(&out, NULL, true);
	json_out_bool(&out, NULL, false);
	json_out_object(&out, NULL);
	json_out_end(&out);
	json_out_array(&out, NULL);
	json_out_end(&out);
	json_out_end(&out);
	json_out_str(&out, "s", "x", 9);
	json_out_end(&out);
	assert_json(&out, "{\"max\":18446744073709551615,"
			  "\"min\":-9223372036854775808,"
			  "\"list\":[true,false,{},[]],\"s\":\"x\"}");
}

static void an_unknown_string_leaves_no_trace(void **state)
{
	char buf[64];
	struct json_out out;
	(void)state;

	json_out_init(&out, buf, sizeof(buf));
	json_out_object(&out, NULL);
	json_out_str(&out, "a", NULL, 9);
	json_out_str(&out, "b", "", 9);
	json_out_u64(&out, "c", 0);
	json_out_end(&out);
	assert_json(&out, "{\"c\":0}");
}

static void hostile_strings_come_out_clean(void **state)
{
	static const struct {
		const char *in;
		size_t max;
		const char *want; /* between the quotes */
		uint32_t truncated, altered;
	} rows[] = {
		{"plain", 9, "plain", 0, 0},
		{"日本語の名前", 9, "日本語の名前", 0, 0},
		{"say \"hi\" \\o/", 20, "say \\\"hi\\\" \\\\o/", 0, 0},
		{"\x1b[31mred", 20, "[31mred", 0, 1},
		{"a\x01\x02"
		 "b\x7f",
		 20, "ab", 0, 1},
		{"line\nbreak\ttab", 20, "line break tab", 0, 0},
		{"\xff\xfe!", 20, "\xef\xbf\xbd\xef\xbf\xbd!", 0, 1},
		{"\xef\xbf\xbd", 20, "\xef\xbf\xbd", 0, 0},
		/* right-to-left override: "gpj.exe" shown as "exe.jpg" */
		{"a\xe2\x80\xaegpj", 20, "agpj", 0, 1},
		/* C1 CSI in UTF-8 drives some terminals */
		{"\xc2\x9b"
		 "2J",
		 20, "2J", 0, 1},
		{"abcdef", 3, "abc", 1, 0},
		{"日本語", 2, "日本", 1, 0},
		/* exactly at the limit nothing is cut */
		{"日本語", 3, "日本語", 0, 0},
		/* invisible ones do not use it up, nor count as cut */
		{"ab\x01", 2, "ab", 0, 1},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[128], want[128] = "\"";
		struct json_out out;

		json_out_init(&out, buf, sizeof(buf));
		json_out_str(&out, NULL, rows[i].in, rows[i].max);
		strncat(want, rows[i].want, sizeof(want) - 3);
		strncat(want, "\"", 2);
		assert_json(&out, want);
		assert_int_equal(out.truncated, rows[i].truncated);
		assert_int_equal(out.altered, rows[i].altered);
	}
}

static void pieces_make_one_string(void **state)
{
	char buf[64];
	struct json_out out;
	(void)state;

	json_out_init(&out, buf, sizeof(buf));
	json_out_begin_str(&out, NULL);
	json_out_piece(&out, "usb:", 9);
	json_out_piece_hex(&out, 0x81, 4);
	json_out_piece(&out, NULL, 9);
	json_out_piece_span(&out, "::rest", 1, 9);
	json_out_piece_u64(&out, 70);
	json_out_end_str(&out);
	assert_json(&out, "\"usb:0081:70\"");
}

/* Every smaller buffer fails, keeps its length, and nothing past it changes. */
static void a_buffer_too_small_is_told_and_never_overrun(void **state)
{
	static const char want[] = "{\"k\":\"v\xe6\x97\xa5\\\"\",\"n\":[12]}";
	size_t full = sizeof(want) - 1;
	(void)state;

	for (size_t cap = 0; cap <= full; cap++) {
		char buf[64];
		struct json_out out;
		size_t len = 777;

		memset(buf, '#', sizeof(buf));
		json_out_init(&out, buf, cap);
		json_out_object(&out, NULL);
		json_out_str(&out, "k", "v日\"", 9);
		json_out_array(&out, "n");
		json_out_u64(&out, NULL, 12);
		json_out_end(&out);
		json_out_end(&out);
		for (size_t i = cap; i < sizeof(buf); i++)
			assert_int_equal(buf[i], '#');
		if (cap < full) {
			assert_int_equal(json_out_finish(&out, &len), -ENOBUFS);
			assert_int_equal(len, 777);
		} else {
			assert_json(&out, want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_and_elements_are_separated),
		cmocka_unit_test(an_unknown_string_leaves_no_trace),
		cmocka_unit_test(hostile_strings_come_out_clean),
		cmocka_unit_test(pieces_make_one_string),
		cmocka_unit_test(a_buffer_too_small_is_told_and_never_overrun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
