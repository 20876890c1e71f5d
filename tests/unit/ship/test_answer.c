/* SPDX-License-Identifier: Apache-2.0 */
/* The status table, row by row, and the small pure parts around it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "agent/ship/answer.h"
#include "agent/ship/backoff.h"
#include "agent/ship/coding.h"
#include "agent/ship/cursor.h"
#include "agent/ship/label.h"
#include "agent/ship/limits.h"
#include "agent/ship/settings.h"

#define STREAM "5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f"
#define OTHER  "00000000000000000000000000000000"

struct row {
	const char *what;
	struct answer_reply reply;
	bool is_foreign;
	enum answer_action action;
	uint64_t seq;
	uint64_t wait_s;
};

#define NONE	     "", "", "", "", ""
#define ACK(text)    text, "", "", "", ""
#define EXPECT(text) "", text, "", "", ""
#define RETRY(text)  "", "", "", text, ""

/* Sent: 101 to 200 of 500. */
static const struct row rows[] = {
	{"ack of all", {200, ACK(STREAM ":200"), {0}}, 0, ANSWER_ACK, 200, 0},
	{"ack of more, an answer was lost",
	 {200, ACK(STREAM ":500"), {0}},
	 0,
	 ANSWER_ACK,
	 500,
	 0},
	{"ack beyond what exists",
	 {200, ACK(STREAM ":501"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"ack of less than was sent",
	 {200, ACK(STREAM ":199"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"ack of another stream",
	 {200, ACK(OTHER ":200"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"ack with more behind",
	 {200, ACK(STREAM ":200x"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"ack without a number",
	 {200, ACK(STREAM ":"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"ack that overflows",
	 {200, ACK(STREAM ":18446744073709551616"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"ack with a body that is not OTLP",
	 {200, ACK(STREAM ":200"), SPAN("<html>")},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"ack under a status that is no success",
	 {500, ACK(STREAM ":200"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"success without ack", {200, NONE, {0}}, 0, ANSWER_RETRY, 0, 0},
	{"foreign 200", {200, NONE, {0}}, 1, ANSWER_ACK, 200, 0},
	{"foreign 201", {201, NONE, {0}}, 1, ANSWER_ACK, 200, 0},
	{"foreign 204", {204, NONE, {0}}, 1, ANSWER_ACK, 200, 0},
	{"foreign page", {200, NONE, SPAN("<html>")}, 1, ANSWER_RETRY, 0, 0},
	{"foreign with a bad ack",
	 {200, ACK("ok"), {0}},
	 1,
	 ANSWER_RETRY,
	 0,
	 0},
	{"gap", {409, EXPECT(STREAM ":50"), {0}}, 0, ANSWER_REWIND, 50, 0},
	{"gap, nothing there",
	 {409, EXPECT(STREAM ":0"), {0}},
	 0,
	 ANSWER_REWIND,
	 0,
	 0},
	{"gap beyond what exists",
	 {409, EXPECT(STREAM ":501"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	/* What was never sent would count as stored, and go from the spool */
	{"gap behind what was sent",
	 {409, EXPECT(STREAM ":200"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"gap inside what was sent",
	 {409, EXPECT(STREAM ":101"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"gap of another stream",
	 {409, EXPECT(OTHER ":50"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"conflict without a word", {409, NONE, {0}}, 0, ANSWER_RETRY, 0, 0},
	{"mismatch",
	 {409, "", "", "mismatch", "", "", {0}},
	 0,
	 ANSWER_MISMATCH,
	 0,
	 0},
	{"mismatch wins over expect",
	 {409, "", STREAM ":50", "mismatch", "", "", {0}},
	 0,
	 ANSWER_MISMATCH,
	 0,
	 0},
	{"too large", {413, NONE, {0}}, 0, ANSWER_HALVE, 0, 0},
	{"coding", {415, NONE, {0}}, 0, ANSWER_RECODE, 0, 0},
	{"refused", {400, NONE, {0}}, 0, ANSWER_REFUSED, 0, 0},
	{"unprocessable", {422, NONE, {0}}, 0, ANSWER_REFUSED, 0, 0},
	{"unauthorised", {401, NONE, {0}}, 0, ANSWER_DENIED, 0, 0},
	{"forbidden", {403, NONE, {0}}, 0, ANSWER_DENIED, 0, 0},
	{"busy", {429, RETRY("30"), {0}}, 0, ANSWER_RETRY, 0, 30},
	{"unavailable", {503, RETRY("7"), {0}}, 0, ANSWER_RETRY, 0, 7},
	{"busy for ever",
	 {503, RETRY("99999999999"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 86400},
	{"busy until a date",
	 {503, RETRY("Fri, 20 Nov 2026 12:00:00 GMT"), {0}},
	 0,
	 ANSWER_RETRY,
	 0,
	 0},
	{"busy, negative", {429, RETRY("-5"), {0}}, 0, ANSWER_RETRY, 0, 0},
	{"no answer", {0, NONE, {0}}, 0, ANSWER_RETRY, 0, 0},
	{"redirect", {302, NONE, {0}}, 0, ANSWER_RETRY, 0, 0},
	{"not found", {404, NONE, {0}}, 0, ANSWER_RETRY, 0, 0},
	{"bad gateway", {502, NONE, {0}}, 0, ANSWER_RETRY, 0, 0},
	{"beyond HTTP", {999, NONE, {0}}, 0, ANSWER_RETRY, 0, 0},
};

static void each_row_of_the_table_has_its_action(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		const struct answer_question question = {
			.stream = STREAM,
			.first_seq = 101,
			.last_seq = 200,
			.tail_seq = 500,
			.is_foreign = row->is_foreign,
		};
		struct answer answer = answer_judge(&question, &row->reply);

		if (answer.action != row->action || answer.seq != row->seq ||
		    answer.wait_s != row->wait_s)
			fail_msg("%s: action %d seq %llu wait %llu", row->what,
				 answer.action, (unsigned long long)answer.seq,
				 (unsigned long long)answer.wait_s);
		assert_non_null(answer.reason);
		assert_int_equal(answer.action == ANSWER_ACK,
				 answer.reason[0] == '\0');
	}
}

static void what_the_server_set_aside_is_counted(void **state)
{
	const struct answer_question question = {STREAM, 101, 200, 500, 0};
	const struct answer_reply reply = {
		.status = 200,
		.ack = STREAM ":200",
		.expect = "",
		.chain = "",
		.retry_after = "",
		.rate = "",
		.body = span_of("\x0a\x04\x08\x02\x12\x00", 6),
	};

	(void)state;
	struct answer answer = answer_judge(&question, &reply);
	assert_int_equal(answer.action, ANSWER_ACK);
	assert_int_equal(answer.rejected, 2);
}

static void the_rate_spaces_what_is_left(void **state)
{
	const struct {
		const char *rate;
		uint64_t tail_seq, spacing_ms;
	} rates[] = {
		{"20", 500, 3000}, {"2", 201, 30000},
		{"6000", 500, 10}, {"20", 200, 0}, /* nothing is left */
		{"", 500, 0},	   {"0", 500, 0},
		{"6001", 500, 0},  {"-1", 500, 0},
		{"soon", 500, 0},  {"18446744073709551616", 500, 0},
		{"20, 6", 500, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		const struct answer_question question = {STREAM, 101, 200,
							 rates[i].tail_seq, 0};
		const struct answer_reply reply = {
			.status = 200,
			.ack = STREAM ":200",
			.expect = "",
			.chain = "",
			.retry_after = "",
			.rate = rates[i].rate,
		};
		struct answer answer = answer_judge(&question, &reply);

		assert_int_equal(answer.action, ANSWER_ACK);
		assert_int_equal(answer.spacing_ms, rates[i].spacing_ms);
	}
}

static void backoff_grows_is_capped_and_never_zero(void **state)
{
	struct backoff backoff = {.max_ms = 900000};
	uint64_t cap = BACKOFF_FIRST_MS;

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct backoff low = backoff;
		uint64_t most = cap < 900000 ? cap : 900000;

		assert_int_equal(backoff_next_ms(&low, 0), most / 10);
		uint64_t got = backoff_next_ms(&backoff, UINT64_MAX);
		assert_true(got >= most / 10 && got <= most);
		if (cap < 900000)
			cap *= 2;
	}
	assert_int_equal(backoff.failures, 100);
	backoff_reset(&backoff);
	assert_true(backoff_next_ms(&backoff, 12345) <= BACKOFF_FIRST_MS);
	/* Different draws, different times. */
	assert_int_not_equal(backoff_next_ms(&(struct backoff){9, 900000}, 1),
			     backoff_next_ms(&(struct backoff){9, 900000},
					     77777));
}

static void the_event_code_is_found_and_only_that(void **state)
{
	char longest[LABEL_MAX + 64];
	const struct {
		const char *json;
		const char *label;
	} labels[] = {
		{"{\"metadata\":{\"event_code\":\"usb.device.blocked\"}}",
		 "usb.device.blocked"},
		{"{\"a\":\"\\\"event_code\\\":\\\"x\\\"\",\"event_code\":"
		 "\"agent.start\"}",
		 "agent.start"},
		{"{\"event_code\":\"\"}", ""},
		{"{\"event_code\":\"Bad Code\"}", ""},
		{"{\"event_code\":\"cut", ""},
		{"{\"event_code\":7}", ""},
		{"{}", ""},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++)
		assert_true(span_equals_str(label_of(span_str(labels[i].json)),
					    labels[i].label));

	(void)snprintf(longest, sizeof(longest), "\"event_code\":\"%0*d\"",
		       LABEL_MAX, 1);
	assert_int_equal(label_of(span_str(longest)).len, LABEL_MAX);
	(void)snprintf(longest, sizeof(longest), "\"event_code\":\"%0*d\"",
		       LABEL_MAX + 1, 1);
	assert_int_equal(label_of(span_str(longest)).len, 0);
}

static void cursors_are_read_back_and_bad_ones_refused(void **state)
{
	struct cursor cursor = {.contact_s = 9};
	const char *const good = STREAM " 42 1795172301 no answer: Timeout\n";
	const char *const bad[] = {"",
				   "x",
				   STREAM,
				   STREAM " x 0 ok\n",
				   STREAM " 1 x ok\n",
				   STREAM " 1 5x ok\n",
				   OTHER "0 1 5 ok\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(cursor_parse(bad[i], strlen(bad[i]), &cursor),
				 -EBADMSG);
	assert_int_equal(cursor.contact_s, 9);
	assert_int_equal(cursor_parse(good, strlen(good), &cursor), 0);
	assert_int_equal(cursor.acked.seq, 42);
	assert_int_equal(cursor.contact_s, 1795172301);
	assert_string_equal(cursor.state, "no answer: Timeout");
	/* As short as the daemon allows. */
	assert_int_equal(cursor_parse(STREAM " 7\n", 35, &cursor), 0);
	assert_int_equal(cursor.acked.seq, 7);
	assert_string_equal(cursor.state, "");
}

static void settings_have_defaults_and_refuse_nonsense(void **state)
{
	struct settings settings = {.backoff_max_s = 77};
	char error[CONF_ERROR_MAX];
	const char *const bad[] = {
		"collector = http://a\n",
		"collector = https://\n",
		"collector = https://a/path\n",
		"collector = https://user@a\n",
		"collector = https://a b\n",
		"collector = https://市役所\n",
		"tenant = 情報市\n",
		"tenant = 0123456789012345678901234567890123\n",
		"receiver = splunk\n",
		"backoff_max_s = 0\n",
		"splay_max_s = many\n",
		"request_timeout_s = 601\n",
		"no equals\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(settings_parse(bad[i], strlen(bad[i]),
						&settings, error),
				 -EINVAL);
		assert_int_equal(
			strncmp(error, "/etc/sekimori/agent.conf:", 25), 0);
	}
	assert_int_equal(settings.backoff_max_s, 77);

	assert_int_equal(settings_parse("", 0, &settings, error), 0);
	assert_string_equal(settings.collector, "");
	assert_string_equal(settings.tenant, TENANT_DEFAULT);
	assert_int_equal(settings.backoff_max_s, 900);
	assert_false(settings.is_foreign);

	const char *good = "collector = https://gate.example.lg.jp:8443/\n"
			   "tenant = 999999\nunit = 市民課\n"
			   "receiver = otlp\nbackoff_max_s = 2\n";
	assert_int_equal(settings_parse(good, strlen(good), &settings, error),
			 0);
	assert_string_equal(settings.collector,
			    "https://gate.example.lg.jp:8443");
	assert_true(settings.is_foreign);
	assert_int_equal(settings.backoff_max_s, 2);
}

static void codings_shrink_and_have_a_way_down(void **state)
{
	static char data[50000];
	struct span span = span_of(data, sizeof(data));
	_cleanup_buf_ struct buf gzip = BUF_INIT(100000);
	_cleanup_buf_ struct buf zstd = BUF_INIT(100000);
	_cleanup_buf_ struct buf plain = BUF_INIT(100000);
	_cleanup_buf_ struct buf small = BUF_INIT(100);

	(void)state;
	memset(data, 'a', sizeof(data));
	assert_int_equal(coding_apply(CODING_GZIP, span, &gzip), 0);
	assert_int_equal(coding_apply(CODING_ZSTD, span, &zstd), 0);
	assert_int_equal(coding_apply(CODING_IDENTITY, span, &plain), 0);
	assert_true(gzip.size < 1000 && zstd.size < 1000);
	assert_int_equal(plain.size, sizeof(data));
	assert_memory_equal(gzip.data, "\x1f\x8b", 2);
	assert_memory_equal(zstd.data, "\x28\xb5\x2f\xfd", 4);
	assert_int_equal(coding_apply(CODING_GZIP, span, &small), -ENOBUFS);
	assert_int_equal(coding_simpler(CODING_ZSTD), CODING_GZIP);
	assert_int_equal(coding_simpler(CODING_GZIP), CODING_IDENTITY);
	assert_int_equal(coding_simpler(CODING_IDENTITY), CODING_IDENTITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_of_the_table_has_its_action),
		cmocka_unit_test(what_the_server_set_aside_is_counted),
		cmocka_unit_test(the_rate_spaces_what_is_left),
		cmocka_unit_test(backoff_grows_is_capped_and_never_zero),
		cmocka_unit_test(the_event_code_is_found_and_only_that),
		cmocka_unit_test(cursors_are_read_back_and_bad_ones_refused),
		cmocka_unit_test(settings_have_defaults_and_refuse_nonsense),
		cmocka_unit_test(codings_shrink_and_have_a_way_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
