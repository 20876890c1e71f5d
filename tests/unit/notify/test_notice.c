/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is told, of records as the writer makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/notify/notice.h"
#include "agent/notify/text.h"

#define CONTACT "情報政策課 内線 2345"

static const char blocked[] =
	"{\"metadata\":{\"event_code\":\"usb.device.blocked\"},"
	"\"status_code\":\"SKM-D-0101\",\"action_id\":2,"
	"\"peripheral_device\":{\"name\":\"Ultra\",\"vendor_name\":\"SanDisk\"}"
	","
	"\"sekimori\":{\"decision\":{\"mode\":\"enforce\"},"
	"\"user_ref\":\"EYGB-13JG-B\",\"usb\":{\"busport\":\"1-4.2.1\"}}}";

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static struct notice of(const char *event)
{
	struct notice notice;

	notice_make(span_str(event), CONTACT, &notice);
	return notice;
}

static void a_block_says_what_why_the_number_and_whom_to_call(void **state)
{
	(void)state;
	struct notice notice = of(blocked);

	assert_int_equal(notice.kind, NOTICE_BLOCKED);
	assert_true(notice.can_request);
	assert_string_equal(notice.title, "“Ultra” cannot be used");
	assert_string_equal(notice.body, "Reason: a rule says so (SKM-D-0101)\n"
					 "Receipt number: EYGB-13JG-B\n"
					 "Call: " CONTACT);
	assert_string_equal(notice.ref, "EYGB-13JG-B");
	assert_string_equal(notice.device, "1-4.2.1");
	assert_string_equal(notice.group, "port 1-4");
}

static void without_contact_and_number_these_lines_are_left_out(void **state)
{
	static const char event[] =
		"{\"metadata\":{\"event_code\":\"media.denied\"},"
		"\"sekimori\":{\"media\":{\"node\":\"mmcblk0\"}}}";
	struct notice notice;

	(void)state;
	notice_make(span_str(event), NULL, &notice);
	assert_int_equal(notice.kind, NOTICE_BLOCKED);
	assert_string_equal(notice.title, "“mmcblk0” cannot be used");
	assert_string_equal(notice.body, "");
	assert_string_equal(notice.group, "disk mmcblk0");
}

static void what_concerns_nobody_is_not_told(void **state)
{
	static const char *const events[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"metadata\":{}}",
		"{\"metadata\":{\"event_code\":7}}",
		"{\"metadata\":{\"event_code\":\"usb.device.allowed\"}}",
		"{\"metadata\":{\"event_code\":\"agent.heartbeat\"}}",
		"{\"metadata\":{\"event_code\":\"media.file.written\"}}",
		"{\"metadata\":{\"event_code\":\"usb.device.blocked\"},"
		"\"sekimori\":{\"decision\":{\"mode\":\"monitor\"}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		assert_int_equal(of(events[i]).kind, NOTICE_NONE);
}

static void a_countdown_names_time_and_open_files(void **state)
{
	static const char event[] =
		"{\"metadata\":{\"event_code\":\"media.ending\"},"
		"\"sekimori\":{\"media\":{\"node\":\"sdb\","
		"\"label\":\"窓口データ\"},\"ending\":{\"left_s\":300,"
		"\"processes\":9,\"open\":[{\"name\":\"soffice.bin\","
		"\"path\":\"/media/x/表.ods\"},{\"name\":\"sh\"}]}}}";

	(void)state;
	struct notice notice = of(event);
	assert_int_equal(notice.kind, NOTICE_ENDING);
	assert_true(notice.can_request);
	assert_string_equal(notice.title, "Use of “窓口データ” ends soon");
	assert_string_equal(notice.body, "5 minutes are left.\n"
					 "Please save and close these files:\n"
					 "・表.ods (soffice.bin)\n・? (sh)\n"
					 "and 9 programs in all");
}

static void a_grant_says_its_scope(void **state)
{
	static const char event[] =
		"{\"metadata\":{\"event_code\":\"grant.granted\"},"
		"\"sekimori\":{\"grant\":{\"id\":\"g-0123456789abcdef\","
		"\"access\":\"read-only\",\"minutes\":30,\"uses\":1}}}";

	(void)state;
	struct notice notice = of(event);
	assert_int_equal(notice.kind, NOTICE_GRANTED);
	assert_string_equal(notice.body, "read-only, 30 minutes, 1×");
	assert_string_equal(notice.group, "grant g-0123456789abcdef");
}

static void long_names_are_cut_between_characters(void **state)
{
	char event[4096];
	char name[1201] = "";

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(name); i += 3)
		memcpy(name + i, "情", 3);
	name[1200] = '\0';
	for (size_t skip = 0; skip < 4; skip++) {
		(void)snprintf(
			event, sizeof(event),
			"{\"metadata\":{\"event_code\":\"media.ended\"},"
			"\"sekimori\":{\"media\":{\"label\":\"%.*s%s\"}}}",
			(int)skip, "abc", name);
		struct notice notice = of(event);
		size_t len = strlen(notice.title);
		assert_true(len < NOTICE_TITLE_SIZE);
		/* all whole: the count of bytes after the ASCII is of threes */
		const char *at = strstr(notice.title, "情");
		assert_non_null(at);
		assert_has(notice.title, "” was disconnected");
	}
}

/* Every record that the writer has a sample of: no crash, and every denial in
 * enforce mode is told. */
static void every_event_of_the_writer_can_be_read(void **state)
{
	char self[512];
	char command[640];
	char *line = NULL;
	size_t room = 0;
	unsigned told = 0;

	(void)state;
	/* BUILD/tests/unit/notify/test_notice; the writer's test beside it */
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	(void)snprintf(command, sizeof(command),
		       "'%s/../policy/test_record' --ndjson", self);
	FILE *file = popen(command, "re");
	assert_non_null(file);
	while (getline(&line, &room, file) > 0) {
		struct notice notice = of(line);
		told += notice.kind != NOTICE_NONE;
		bool must = strstr(line,
				   "\"event_code\": \"usb.device.blocked") &&
			    strstr(line, "\"mode\": \"enforce\"");
		if (must || (strstr(line, "\"usb.device.blocked\"") &&
			     strstr(line, "\"mode\":\"enforce\"")))
			assert_int_equal(notice.kind, NOTICE_BLOCKED);
		if (notice.kind != NOTICE_NONE)
			assert_true(notice.title[0] && notice.group[0]);
	}
	free(line);
	assert_int_equal(pclose(file), 0);
	assert_true(told > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_block_says_what_why_the_number_and_whom_to_call),
		cmocka_unit_test(
			without_contact_and_number_these_lines_are_left_out),
		cmocka_unit_test(what_concerns_nobody_is_not_told),
		cmocka_unit_test(a_countdown_names_time_and_open_files),
		cmocka_unit_test(a_grant_says_its_scope),
		cmocka_unit_test(long_names_are_cut_between_characters),
		cmocka_unit_test(every_event_of_the_writer_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
