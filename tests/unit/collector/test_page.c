/* SPDX-License-Identifier: Apache-2.0 */
/* Texts on their way out: HTML and JSON escaping, words, summaries, login. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "collector/api/json.h"
#include "collector/login.h"
#include "collector/status.h"
#include "collector/web/html.h"
#include "collector/web/posture.h"
#include "collector/web/summary.h"
#include "collector/web/words.h"
#include "policy/record.h"

static void html_leaves_nothing_but_text(void **state)
{
	static const struct {
		const char *text, *html;
	} rows[] = {
		{"", ""},
		{"市民課 014", "市民課 014"},
		{"<script>&\"'", "&lt;script&gt;&amp;&quot;&#39;"},
		{"a\nb\x1b[2J\x7f", "a\xef\xbf\xbd"
				    "b\xef\xbf\xbd[2J\xef\xbf\xbd"},
		{"x\xe2\x80\xaey", "x\xef\xbf\xbdy"}, /* U+202E */
		{"\xe2\x81\xa6", "\xef\xbf\xbd"},     /* U+2066 */
		{"\xe2\x80\x8f", "\xef\xbf\xbd"},     /* U+200F */
		{"\xe2\x80\x94", "\xe2\x80\x94"},     /* a dash stays */
		{"\xe2", "\xe2"},
		{"\xe2\x80", "\xe2\x80"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = BUF_INIT(1024);

		assert_int_equal(html_add(&out, rows[i].text), 0);
		assert_string_equal(buf_text(&out), rows[i].html);
		buf_fini(&out);
	}
}

static void lines_stay_where_they_may(void **state)
{
	struct buf out = BUF_INIT(1024);

	(void)state;
	assert_int_equal(html_add_lines(&out, "a<\nb\r"), 0);
	assert_string_equal(buf_text(&out), "a&lt;\nb\xef\xbf\xbd");
	buf_fini(&out);
}

static void a_terminal_is_looked_at_for_a_reason(void **state)
{
	static const int64_t now = INT64_C(1795200000000);
	static const struct {
		const char *tier, *mode;
		int64_t ago_ms, skew_ms;
		uint64_t lag, incidents;
		unsigned int reasons;
		bool is_protecting;
	} rows[] = {
		{"T1", "enforce", 0, 0, 0, 0, 0, true},
		{"T2", "enforce", 899999, 300000, 1000, 0, 0, true},
		{"T1", "enforce", 900001, 0, 0, 0, POSTURE_BIT(POSTURE_SILENT),
		 false},
		{"T1", "monitor", 0, 0, 0, 0, POSTURE_BIT(POSTURE_MONITOR),
		 false},
		{"T3", "enforce", 0, 0, 0, 0, POSTURE_BIT(POSTURE_TIER), false},
		{"", "", 0, 0, 0, 0, POSTURE_BIT(POSTURE_UNKNOWN), false},
		{"T1", "enforce", 0, -300001, 0, 0, POSTURE_BIT(POSTURE_CLOCK),
		 true},
		{"T1", "enforce", 0, 0, 1001, 1,
		 POSTURE_BIT(POSTURE_LAG) | POSTURE_BIT(POSTURE_INCIDENT),
		 true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct store_terminal terminal = {
			.tier = rows[i].tier,
			.mode = rows[i].mode,
			.last_ms = now - rows[i].ago_ms,
			.skew_ms = rows[i].skew_ms,
			.tail = rows[i].lag,
			.incidents = rows[i].incidents,
		};

		assert_int_equal(posture_read(&terminal, now), rows[i].reasons);
		assert_int_equal(posture_protects(rows[i].reasons),
				 rows[i].is_protecting);
	}
	for (int i = 0; i < POSTURE_REASON_COUNT_; i++)
		for (int l = 0; l < LANGUAGE_COUNT_; l++)
			assert_true(posture_name(i, l)[0] &&
				    posture_advice(i, l)[0]);
}

static void html_keeps_to_the_limit(void **state)
{
	struct buf out = BUF_INIT(5);

	(void)state;
	assert_int_equal(html_add(&out, "ab<"), -ENOBUFS);
	assert_true(out.size <= 5);
	buf_fini(&out);
}

static void a_row_is_json_whatever_its_texts_hold(void **state)
{
	static const uint8_t hash[32] = {1};
	struct store_row row = {
		.id = 3,
		.host = "h",
		.stream = "s",
		.seq = 4,
		.code = "a.b",
		.unit = "x\"\\\n\x01\x7f市",
		.hash = hash,
		.body = "{\"a\":1}",
		.body_len = 7,
	};
	struct buf out = BUF_INIT(4096);
	json_t *json;

	(void)state;
	assert_int_equal(json_add_row(&out, &row), 0);
	assert_int_equal(json_close(&out, "\n"), 0);
	json = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "unit")),
			    row.unit);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(json, "event"), "a")),
			 1);
	json_decref(json);

	buf_clear(&out);
	row.quarantine = EVENT_CHECK_MALFORMED;
	row.body = "\0\xff{";
	row.body_len = 3;
	assert_int_equal(json_add_row(&out, &row), 0);
	assert_int_equal(json_close(&out, ""), 0);
	json = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "raw")),
			    "AP97");
	assert_null(json_object_get(json, "event"));
	json_decref(json);
	buf_fini(&out);
}

static void every_event_code_has_words(void **state)
{
	(void)state;
	for (int code = RECORD_NONE + 1; code < RECORD_CODE_COUNT_; code++) {
		const char *name = record_code_to_str(code);

		for (int l = 0; l < LANGUAGE_COUNT_; l++)
			if (strcmp(words_event(name, l), name) == 0)
				fail_msg("no words for '%s'", name);
	}
	assert_string_equal(words_event("who.knows", LANGUAGE_JA), "who.knows");
	assert_string_equal(words_severity(-1, LANGUAGE_JA), "");
	assert_string_equal(words_severity(7, LANGUAGE_EN), "");
	assert_string_equal(words_severity(5, LANGUAGE_EN), "critical");
}

static void a_summary_picks_what_a_person_reads(void **state)
{
	static const char json[] =
		"{\"message\":\"遮断\",\"status_code\":\"SKM-D-0102\","
		"\"status_detail\":\"no rule\",\"actor\":{\"user\":{\"name\":"
		"\"s012\"}},\"peripheral_device\":{\"name\":\"Ultra\","
		"\"vendor_id_list\":[\"0781\"],\"model\":\"5581\","
		"\"serial_number\":\"4C53\"},\"sekimori\":{\"decision\":"
		"{\"rule\":\"default-deny\"}}}";
	struct summary s;

	(void)state;
	summary_read(json, strlen(json), &s);
	assert_string_equal(s.message, "遮断");
	assert_string_equal(s.reason, "SKM-D-0102 no rule");
	assert_string_equal(s.device, "Ultra 0781:5581 4C53");
	assert_string_equal(s.user, "s012");
	assert_string_equal(s.rule, "default-deny");
	summary_read("{\"message\":[]}", 14, &s);
	assert_string_equal(s.message, "");
	summary_read("nonsense", 8, &s);
	assert_string_equal(s.device, "");
}

static void a_long_text_is_cut_between_characters(void **state)
{
	char json[2048] = "{\"message\":\"";
	struct summary s;

	(void)state;
	for (int i = 0; i < 400; i++)
		strncat(json, "市", 4);
	strncat(json, "\"}", 3);
	summary_read(json, strlen(json), &s);
	assert_int_equal(strlen(s.message), 510);
	assert_string_equal(s.message + 507, "市");
}

static void a_terminals_state_is_read_in_turn(void **state)
{
	static const char first[] =
		"{\"sekimori\":{\"policy_serial\":17,\"health\":{\"tier\":"
		"\"T2\",\"mode\":\"enforce\"}}}";
	static const char second[] =
		"{\"sekimori\":{\"policy_serial\":18,\"decision\":{\"mode\":"
		"\"monitor\"}},\"metadata\":{\"product\":{\"version\":\"1\"}}}";
	struct store_status status = {0};

	(void)state;
	assert_true(status_is_told_by((struct event_text){"agent.start", 11}));
	assert_false(status_is_told_by((struct event_text){"agent.star", 10}));
	status_read(first, strlen(first), &status);
	assert_string_equal(status.tier, "T2");
	assert_string_equal(status.policy, "17");
	status_read(second, strlen(second), &status);
	assert_string_equal(status.tier, "T2");
	assert_string_equal(status.mode, "monitor");
	assert_string_equal(status.policy, "18");
	assert_string_equal(status.version, "1");

	status = (struct store_status){0};
	status_read("{\"a\":1,\"a\":2}", 13, &status);
	assert_false(status.is_set);
}

static int find_admin(const char *name, struct person *ret_person, void *ctx)
{
	(void)ctx;
	if (strcmp(name, "broken") == 0)
		return -EIO;
	if (strcmp(name, "admin") != 0)
		return -ENOENT;
	*ret_person = (struct person){.name = "admin",
				      .role = PEOPLE_ADMINISTRATOR};
	return secret_hash("right", 5, ret_person->token_hash);
}

#define RIGHT  "Basic YWRtaW46cmlnaHQ=" /* admin:right */
#define WRONG  "Basic YWRtaW46d3Jvbmc=" /* admin:wrong */
#define OTHER  "Basic cm9vdDpyaWdodA==" /* root:right */
#define BROKEN "Basic YnJva2VuOnJpZ2h0" /* broken:right */

static void failed_logins_wait_and_are_forgotten(void **state)
{
	static const uint8_t here[16] = {1}, there[16] = {2};
	struct login login = {.find = find_admin};
	struct login_answer answer = {0};

	(void)state;
	assert_int_equal(login_check(&login, NULL, here, 0, &answer),
			 LOGIN_NEEDED);
	assert_int_equal(login_check(&login, RIGHT, here, 0, &answer), 0);
	assert_string_equal(answer.person.name, "admin");
	assert_int_equal(answer.person.role, PEOPLE_ADMINISTRATOR);
	/* No failure of the one who asks */
	assert_int_equal(login_check(&login, BROKEN, here, 0, &answer), -EIO);
	assert_int_equal(login_check(&login, OTHER, here, 0, &answer),
			 LOGIN_NEEDED);
	assert_int_equal(login_check(&login, WRONG, here, 0, &answer),
			 LOGIN_NEEDED);
	assert_int_equal(login_check(&login, "x", here, 0, &answer),
			 LOGIN_NEEDED);
	/* Now even the right one waits a second; elsewhere it does not. */
	assert_int_equal(login_check(&login, RIGHT, here, 999, &answer),
			 LOGIN_LATER);
	assert_int_equal(answer.wait_s, 1);
	assert_int_equal(login_check(&login, RIGHT, there, 999, &answer), 0);
	assert_int_equal(login_check(&login, WRONG, here, 1000, &answer),
			 LOGIN_NEEDED);
	assert_int_equal(login_check(&login, RIGHT, here, 1000, &answer),
			 LOGIN_LATER);
	assert_int_equal(answer.wait_s, 2);
	assert_int_equal(login_check(&login, RIGHT, here, 3000, &answer), 0);
	assert_int_equal(login_check(&login, WRONG, here, 3000, &answer),
			 LOGIN_NEEDED);
	assert_int_equal(login_check(&login, RIGHT, here, 3000, &answer), 0);
}

static void the_wait_grows_to_a_minute_and_the_table_stays_small(void **state)
{
	struct login login = {.find = find_admin};
	struct login_answer answer = {0};
	uint64_t now_ms = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		uint8_t address[16] = {3};

		assert_int_equal(login_check(&login, WRONG, address, now_ms,
					     &answer),
				 LOGIN_NEEDED);
		now_ms += 60000;
	}
	for (unsigned int i = 0; i < 1000; i++) {
		uint8_t address[16] = {9, (uint8_t)i, (uint8_t)(i >> 8)};

		assert_int_equal(login_check(&login, WRONG, address, now_ms++,
					     &answer),
				 LOGIN_NEEDED);
	}
	assert_int_equal(login.used, LIMIT_LOGIN_ADDRESSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(html_leaves_nothing_but_text),
		cmocka_unit_test(lines_stay_where_they_may),
		cmocka_unit_test(a_terminal_is_looked_at_for_a_reason),
		cmocka_unit_test(html_keeps_to_the_limit),
		cmocka_unit_test(a_row_is_json_whatever_its_texts_hold),
		cmocka_unit_test(every_event_code_has_words),
		cmocka_unit_test(a_summary_picks_what_a_person_reads),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test(a_terminals_state_is_read_in_turn),
		cmocka_unit_test(failed_logins_wait_and_are_forgotten),
		cmocka_unit_test(
			the_wait_grows_to_a_minute_and_the_table_stays_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
