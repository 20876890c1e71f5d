/* SPDX-License-Identifier: Apache-2.0 */
/* The text, how often, and to what it is never written. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/base/clock.h"
#include "agent/daemon/console.h"
#include "tests/fakes/tree.h"

static void a_block_is_said_in_two_languages(void **state)
{
	char text[CONSOLE_TEXT_SIZE];

	(void)state;
	assert_true(console_text(
		"{\"metadata\":{\"event_code\":\"usb.device.blocked\"},"
		"\"message\":\"USB記憶装置「Ultra」を遮断しました\","
		"\"peripheral_device\":{\"name\":\"Ultra\"},"
		"\"sekimori\":{\"user_ref\":\"EYGB-13JG-B\"}}",
		text));
	assert_string_equal(text, "\r\n[Sekimori] A USB device was blocked: "
				  "Ultra. Receipt number: EYGB-13JG-B\r\n"
				  "USB記憶装置「Ultra」を遮断しました\r\n");
}

static void nothing_in_a_name_drives_the_terminal(void **state)
{
	char text[CONSOLE_TEXT_SIZE];

	(void)state;
	assert_true(console_text(
		"{\"metadata\":{\"event_code\":\"media.denied\"},"
		"\"message\":\"a\\u001b[2Jb\\u009bc\\u202ed\\r\\n\","
		"\"peripheral_device\":{\"name\":\"\\u001bc\\u0007\"}}",
		text));
	assert_string_equal(text, "\r\n[Sekimori] A medium was blocked: ?c?\r\n"
				  "a?[2Jb?c?d??\r\n");
}

static void a_long_message_is_cut_between_characters(void **state)
{
	static char json[20000];
	char text[CONSOLE_TEXT_SIZE];
	size_t n = (size_t)snprintf(
		json, sizeof(json),
		"{\"metadata\":{\"event_code\":\"media.denied\"},"
		"\"peripheral_device\":{\"name\":\"");

	(void)state;
	for (unsigned i = 0; i < 400; i++, n += 3)
		memcpy(json + n, "情", 3);
	n += (size_t)snprintf(json + n, sizeof(json) - n, "\"},\"message\":\"");
	for (unsigned i = 0; i < 400; i++, n += 3)
		memcpy(json + n, "報", 3);
	(void)snprintf(json + n, sizeof(json) - n, "\"}");
	assert_true(console_text(json, text));
	assert_true(strlen(text) < sizeof(text));
	assert_string_equal(text + strlen(text) - 2, "\r\n");
	assert_null(strchr(text, '\xff'));
}

static void what_concerns_nobody_is_not_said(void **state)
{
	char text[CONSOLE_TEXT_SIZE];

	(void)state;
	assert_false(console_text("{", text));
	assert_false(console_text("{\"metadata\":{\"event_code\":"
				  "\"agent.heartbeat\"}}",
				  text));
	assert_false(console_text(
		"{\"metadata\":{\"event_code\":\"usb.device.blocked\"},"
		"\"sekimori\":{\"decision\":{\"mode\":\"monitor\"}}}",
		text));
}

static void a_flood_is_counted_and_told_with_the_next(void **state)
{
	struct console console = {0};
	unsigned untold = 0, told = 0;
	uint64_t now = 77 * NS_PER_S;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		told += console_may(&console, now, &untold);
	assert_int_equal(told, CONSOLE_BURST);
	assert_int_equal(untold, 0);
	assert_true(console_may(&console, now + NS_PER_S, &untold));
	assert_int_equal(untold, 100 - CONSOLE_BURST);
	assert_false(console_may(&console, now + NS_PER_S, &untold));
	now += 1000 * NS_PER_S;
	for (told = 0; console_may(&console, now, &untold); told++)
		assert_int_equal(untold, told == 0 ? 1 : 0);
	assert_int_equal(told, CONSOLE_BURST);
}

static void only_a_console_is_written_to(void **state)
{
	static const char *const names[] = {"pts/0",   "../tty1", "console",
					    "null",    "ttyfifo", "ttylink",
					    "ttynull", ""};
	struct fake_tree tree;

	(void)state;
	fake_tree_init(&tree);
	fake_text(&tree, "tty1", "a file");
	assert_int_equal(mkfifoat(tree.fd, "ttyfifo", 0600), 0);
	assert_int_equal(symlinkat("/dev/null", tree.fd, "ttylink"), 0);
	assert_int_equal(console_write(tree.fd, "tty1", "x"), -EINVAL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(console_write(tree.fd, names[i], "x") < 0);
	assert_string_equal(fake_read(&tree, "tty1"), "a file");
	fake_tree_fini(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_is_said_in_two_languages),
		cmocka_unit_test(nothing_in_a_name_drives_the_terminal),
		cmocka_unit_test(a_long_message_is_cut_between_characters),
		cmocka_unit_test(what_concerns_nobody_is_not_said),
		cmocka_unit_test(a_flood_is_counted_and_told_with_the_next),
		cmocka_unit_test(only_a_console_is_written_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
