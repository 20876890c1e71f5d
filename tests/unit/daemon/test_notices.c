/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told, how many may be, and of what. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/daemon/notices.h"

static int add(struct notices *notices, unsigned number, uint32_t uid)
{
	char name[NOTICES_NAME_SIZE];

	(void)snprintf(name, sizeof(name), ":1.%u", number);
	return notices_add(notices, name, uid);
}

static void the_oldest_of_the_same_user_makes_room(void **state)
{
	struct notices notices = {0};

	(void)state;
	assert_int_equal(add(&notices, 1, 1000), 0);
	for (unsigned i = 10; i < 10 + NOTICES_OF_USER_MAX; i++)
		assert_int_equal(add(&notices, i, 1001), 0);
	assert_int_equal(add(&notices, 11, 1001), 0); /* again: as it was */
	assert_int_equal(notices.count, 1 + NOTICES_OF_USER_MAX);
	assert_int_equal(add(&notices, 99, 1001), 0);
	assert_int_equal(notices.count, 1 + NOTICES_OF_USER_MAX);
	assert_string_equal(notices.rows[0].name, ":1.1");
	assert_string_equal(notices.rows[1].name, ":1.11");
	assert_string_equal(notices.rows[notices.count - 1].name, ":1.99");
}

static void nobody_takes_the_room_of_others(void **state)
{
	struct notices notices = {0};

	(void)state;
	for (unsigned i = 0; i < NOTICES_MAX; i++)
		assert_int_equal(add(&notices, i, 1000 + i), 0);
	assert_int_equal(add(&notices, 50, 2000), -ENOBUFS);
	assert_int_equal(add(&notices, 51, 1003), 0);
	assert_int_equal(notices.count, NOTICES_MAX);
	assert_string_equal(notices.rows[NOTICES_MAX - 1].name, ":1.51");
	assert_int_equal(notices_add(&notices, "", 1003), -EINVAL);
}

static void people_are_told_what_they_can_see(void **state)
{
	static const struct {
		const char *code;
		bool is_wanted;
	} rows[] = {
		{"usb.device.blocked", true}, {"media.ending", true},
		{"grant.granted", true},      {"mfa.session.denied", true},
		{"channel.blocked", true},    {"media.file.written", false},
		{"policy.loaded", false},     {"agent.tamper", false},
		{"spool.reset", false},	      {"usbx", false},
	};
	char json[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(json, sizeof(json),
			       "{\"metadata\":{\"event_code\":\"%s\"}}",
			       rows[i].code);
		assert_int_equal(notices_want(json), rows[i].is_wanted);
	}
	assert_false(notices_want("{"));
	assert_false(notices_want("{\"metadata\":{\"event_code\":3}}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_of_the_same_user_makes_room),
		cmocka_unit_test(nobody_takes_the_room_of_others),
		cmocka_unit_test(people_are_told_what_they_can_see),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
