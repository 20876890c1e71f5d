/* SPDX-License-Identifier: Apache-2.0 */
/* The one-pass reader of events: what it takes out, and all it refuses. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/event.h"
#include "policy/record.h"

#define META                                                                   \
	"\"metadata\":{\"version\":\"1.8.0\",\"event_code\":\"a.b\","          \
	"\"sequence\":7}"
#define REST "\"time\":5,\"class_uid\":1010,\"severity_id\":3," META

static int scan(const char *json, struct event_fields *fields)
{
	size_t len = strlen(json);
	char *exact = malloc(len ? len : 1); /* one octet too far is seen */
	int r;

	assert_non_null(exact);
	memcpy(exact, json, len);
	memset(fields, 0x5a, sizeof(*fields));
	r = event_scan(exact, len, fields);
	free(exact);
	return r;
}

static void the_fields_of_a_record_are_found(void **state)
{
	static const char json[] =
		"{ \"a\" : [ 1 , {\"time\":9} , [] , {} , -1.5e+3, true ] ,"
		"\"time\" : 1764572400000 , \"class_uid\":1010,"
		"\"severity_id\":3,\"action_id\":2,"
		"\"metadata\":{\"version\":\"1.8.0\",\"event_code\":\"usb.x_"
		"1\","
		"\"sequence\":41},\"device\":{\"hostname\":\"kz\","
		"\"org\":{\"ou_name\":\"\\u5e02民課\"},\"time\":\"no\"}}";
	struct event_fields f;
	char text[64];

	(void)state;
	assert_int_equal(event_scan(json, strlen(json), &f), 0);
	assert_int_equal(f.wall_time_ms, 1764572400000);
	assert_int_equal(f.class_uid, 1010);
	assert_int_equal(f.severity, 3);
	assert_int_equal(f.action, 2);
	assert_int_equal(f.sequence, 41);
	assert_int_equal(f.code.len, 7);
	assert_memory_equal(f.code.at, "usb.x_1", 7);
	assert_memory_equal(f.hostname.at, "kz", 2);
	assert_int_equal(event_unescape(f.unit, text, sizeof(text)), 9);
	assert_string_equal(text, "市民課");
}

static void what_the_agent_writes_passes(void **state)
{
	static const struct record_terminal terminal = {
		.uid = "00112233445566778899aabbccddeeff",
		.hostname = "kz-shimin-014",
		.unit = "市民課",
		.os_name = "Debian",
		.version = "0.1.0",
		.tenant = "999999"};
	static const struct record_policy policy = {.name = "p", .serial = 3};
	const struct record record = {
		.code = RECORD_AGENT_HEARTBEAT,
		.wall_time_ms = 1764572400000,
		.sequence = 12,
		.stream = "00112233445566778899aabbccddeeff",
		.terminal = &terminal,
		.policy = &policy,
		.u.health = {.tier = "T1"},
	};
	static char buf[RECORD_MAX_BYTES];
	struct event_fields f;
	size_t len = 0;

	(void)state;
	assert_int_equal(record_write(&record, buf, sizeof(buf), &len), 0);
	assert_int_equal(event_scan(buf, len, &f), 0);
	assert_int_equal(f.sequence, 12);
	assert_memory_equal(f.code.at, "agent.heartbeat", f.code.len);
	assert_memory_equal(f.unit.at, "市民課", f.unit.len);
}

static void what_is_not_a_plain_record_is_refused(void **state)
{
	static const struct {
		const char *json;
		int check;
	} rows[] = {
		{"", EVENT_CHECK_MALFORMED},
		{"{", EVENT_CHECK_MALFORMED},
		{"[]", EVENT_CHECK_MALFORMED},
		{"null", EVENT_CHECK_MALFORMED},
		{"{}", EVENT_CHECK_MISSING},
		{"{" REST "}x", EVENT_CHECK_MALFORMED},
		{" {" REST "}", EVENT_CHECK_MALFORMED},
		{"{" REST "}\n", EVENT_CHECK_MALFORMED},
		{"{\n" REST "}", EVENT_CHECK_MALFORMED},
		{"{" REST ",}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":01}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":1.}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":1e}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":+1}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":NaN}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":tru}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":\"\\x\"}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":\"\\u12g4\"}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":\"\x01\"}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":\"\x7f\"}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":\"\xc0\x80\"}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":\"\xed\xa0\x80\"}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":\"\xf4\x90\x80\x80\"}",
		 EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":\"\xe3\x81\"}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\":[1,2}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"a\" 1}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"tim\\u0065\":1}", EVENT_CHECK_MALFORMED},
		{"{" REST ",\"time\":5}", EVENT_CHECK_DUPLICATE},
		{"{" REST "," META "}", EVENT_CHECK_DUPLICATE},
		{"{\"class_uid\":1,\"severity_id\":3," META "}",
		 EVENT_CHECK_MISSING},
		{"{\"class_uid\":1,\"severity_id\":3,\"time\":1}",
		 EVENT_CHECK_MISSING},
		{"{" REST ",\"action_id\":\"1\"}", EVENT_CHECK_TYPE},
		{"{" REST ",\"action_id\":1.5}", EVENT_CHECK_TYPE},
		{"{" REST ",\"action_id\":null}", EVENT_CHECK_TYPE},
		{"{" REST ",\"action_id\":[]}", EVENT_CHECK_TYPE},
		{"{" REST ",\"action_id\":-1}", EVENT_CHECK_TYPE},
		{"{" REST ",\"action_id\":99999999999999999999}",
		 EVENT_CHECK_TYPE},
		{"{" REST ",\"device\":1}", EVENT_CHECK_TYPE},
		{"{" REST ",\"device\":[]}", EVENT_CHECK_TYPE},
		{"{" REST ",\"device\":{\"hostname\":1}}", EVENT_CHECK_TYPE},
		{"{\"time\":5,\"class_uid\":1,\"severity_id\":3,\"metadata\":{"
		 "\"version\":\"1\",\"event_code\":\"A\",\"sequence\":7}}",
		 EVENT_CHECK_TYPE},
		{"{\"time\":5,\"class_uid\":1,\"severity_id\":3,\"metadata\":{"
		 "\"version\":\"1\",\"event_code\":\"a\",\"sequence\":0}}",
		 EVENT_CHECK_TYPE},
	};
	struct event_fields f;

	(void)state;
	assert_int_equal(scan("{" REST "}", &f), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = scan(rows[i].json, &f);

		if (r != rows[i].check)
			print_error("row %zu '%s'\n", i, rows[i].json);
		assert_int_equal(r, rows[i].check);
		assert_int_equal(f.sequence, 0x5a5a5a5a5a5a5a5a);
	}
}

static void depth_and_length_are_limited(void **state)
{
	char json[1024] = "{" REST ",\"a\":";
	struct event_fields f;
	char *large;

	(void)state;
	for (int i = 0; i < LIMIT_EVENT_DEPTH - 1; i++)
		strncat(json, "[", 2);
	for (int i = 0; i < LIMIT_EVENT_DEPTH - 1; i++)
		strncat(json, "]", 2);
	strncat(json, "}", 2);
	assert_int_equal(scan(json, &f), 0);

	snprintf(json, sizeof(json), "{" REST ",\"a\":");
	for (int i = 0; i < LIMIT_EVENT_DEPTH; i++)
		strncat(json, i % 2 ? "[" : "[", 2);
	assert_int_equal(scan(json, &f), EVENT_CHECK_TOO_DEEP);

	large = malloc(LIMIT_EVENT_BYTES + 1);
	assert_non_null(large);
	memset(large, ' ', LIMIT_EVENT_BYTES + 1);
	assert_int_equal(event_scan(large, LIMIT_EVENT_BYTES + 1, &f),
			 EVENT_CHECK_TOO_LARGE);
	free(large);
}

static void escapes_become_text_and_cuts_keep_characters(void **state)
{
	static const struct {
		const char *raw;
		size_t cap;
		const char *text;
	} rows[] = {
		{"plain", 32, "plain"},
		{"a\\\"b\\\\c\\/d\\n\\t\\b\\f\\r", 32, "a\"b\\c/d\n\t\b\f\r"},
		{"\\u0041\\u3042", 32, "Aあ"},
		{"\\ud83d\\ude00", 32, "😀"},
		{"\\ud83dx", 32, "\xef\xbf\xbdx"},
		{"\\ud83d\\u0041", 32,
		 "\xef\xbf\xbd"
		 "A"},
		{"\\udc00", 32, "\xef\xbf\xbd"},
		{"\\u0000", 32, "\xef\xbf\xbd"},
		{"市民課", 9, "市民"},
		{"市民課", 10, "市民課"},
		{"\\u5e02\\u6c11", 6, "市"},
		{"x", 1, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event_text text = {rows[i].raw, strlen(rows[i].raw)};
		char out[32];

		assert_int_equal(event_unescape(text, out, rows[i].cap),
				 strlen(rows[i].text));
		assert_string_equal(out, rows[i].text);
	}
	assert_int_equal(
		event_unescape((struct event_text){0}, (char[4]){0}, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fields_of_a_record_are_found),
		cmocka_unit_test(what_the_agent_writes_passes),
		cmocka_unit_test(what_is_not_a_plain_record_is_refused),
		cmocka_unit_test(depth_and_length_are_limited),
		cmocka_unit_test(escapes_become_text_and_cuts_keep_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
