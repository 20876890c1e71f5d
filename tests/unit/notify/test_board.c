/* SPDX-License-Identifier: Apache-2.0 */
/* Many notices, few bubbles, and no denial that is never seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/notify/board.h"

static struct notice block(const char *group, const char *name)
{
	struct notice notice = {.kind = NOTICE_BLOCKED, .can_request = true};

	(void)snprintf(notice.group, sizeof(notice.group), "%s", group);
	(void)snprintf(notice.name, sizeof(notice.name), "%s", name);
	(void)snprintf(notice.title, sizeof(notice.title), "“%s” blocked",
		       name);
	(void)snprintf(notice.body, sizeof(notice.body), "Call: 2345");
	return notice;
}

static struct board_slot *add(struct board *board, const struct notice *notice,
			      uint64_t now)
{
	void *old = NULL;
	struct board_slot *slot = board_add(board, notice, now, &old);

	assert_null(old);
	return slot;
}

static void the_first_notice_is_shown_at_once(void **state)
{
	struct board board = {0};
	struct notice notice = block("port 1-4", "Ultra");
	uint64_t wait = 77;
	char title[NOTICE_TITLE_SIZE];
	char body[NOTICE_BODY_SIZE];

	(void)state;
	struct board_slot *slot = add(&board, &notice, 1000);
	assert_ptr_equal(board_next(&board, 1000, &wait), slot);
	board_texts(slot, title, body);
	assert_string_equal(title, "“Ultra” blocked");
	assert_string_equal(body, "Call: 2345");
	assert_null(board_next(&board, 1000, &wait));
	assert_int_equal(wait, 0);
}

static void devices_of_a_dock_are_one_bubble(void **state)
{
	struct board board = {0};
	const char *const names[] = {"Hub", "Stick", "Camera",
				     "NIC", "Modem", "Stick"};
	uint64_t wait = 0;
	char title[NOTICE_TITLE_SIZE];
	char body[NOTICE_BODY_SIZE];
	struct board_slot *slot = NULL;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct notice notice = block("port 1-4", names[i]);
		struct board_slot *one = add(&board, &notice, 1000 + i);
		assert_true(!slot || slot == one);
		slot = one;
	}
	assert_ptr_equal(board_next(&board, 1010, &wait), slot);
	board_texts(slot, title, body);
	assert_string_equal(title, "5 devices cannot be used");
	assert_string_equal(body, "Hub, Stick, Camera, NIC and others\n"
				  "Call: 2345\n6 times");
	assert_null(board_next(&board, 1010, &wait));
}

static void a_flood_moves_a_bubble_rarely_and_loses_nothing(void **state)
{
	struct board board = {0};
	struct notice notice = block("port 1-4", "Ultra");
	unsigned shown = 0;
	uint64_t wait = 0;
	struct board_slot *slot = NULL;
	uint64_t now;

	(void)state;
	for (now = 0; now < 20000; now += 10) {
		slot = add(&board, &notice, now);
		while (board_next(&board, now, &wait))
			shown++;
	}
	assert_true(shown >= 9 && shown <= 11);
	/* what came after the last showing is shown when its time has come */
	assert_true(slot->is_due);
	now -= 10;
	assert_null(board_next(&board, now, &wait));
	assert_true(wait > 0 && wait <= BOARD_QUIET_MS);
	assert_ptr_equal(board_next(&board, now + wait, &wait), slot);
	assert_int_equal(slot->count, 2000);
}

static void another_device_is_not_held_up(void **state)
{
	struct board board = {0};
	struct notice first = block("port 1-4", "Ultra");
	struct notice second = block("port 1-5", "Other");
	uint64_t wait = 0;

	(void)state;
	(void)add(&board, &first, 0);
	assert_non_null(board_next(&board, 0, &wait));
	(void)add(&board, &first, 1);
	struct board_slot *slot = add(&board, &second, 2);
	assert_ptr_equal(board_next(&board, 2, &wait), slot);
}

static void a_grant_does_not_hide_behind_a_denial(void **state)
{
	struct board board = {0};
	struct notice denial = block("port 1-4", "Ultra");
	struct notice grant = denial;
	uint64_t wait = 0;

	(void)state;
	grant.kind = NOTICE_GRANTED;
	struct board_slot *a = add(&board, &denial, 0);
	struct board_slot *b = add(&board, &grant, 1);
	assert_ptr_not_equal(a, b);
	assert_non_null(board_next(&board, 1, &wait));
	assert_non_null(board_next(&board, 1, &wait));
	/* counting down replaces what was said of the grant */
	grant.kind = NOTICE_ENDING;
	assert_ptr_equal(add(&board, &grant, 5000), b);
}

static void after_a_minute_a_bubble_begins_anew(void **state)
{
	struct board board = {0};
	struct notice notice = block("port 1-4", "Ultra");
	uint64_t wait = 0;

	(void)state;
	(void)add(&board, &notice, 0);
	(void)add(&board, &notice, 0);
	assert_non_null(board_next(&board, 0, &wait));
	struct board_slot *slot = add(&board, &notice, BOARD_FORGET_MS + 1);
	assert_int_equal(slot->count, 1);
	assert_ptr_equal(board_next(&board, BOARD_FORGET_MS + 1, &wait), slot);
}

static void a_full_board_gives_up_what_was_seen_longest_ago(void **state)
{
	struct board board = {0};
	void *old = NULL;
	uint64_t wait = 0;
	char group[32];

	(void)state;
	for (uintptr_t i = 0; i < BOARD_SLOTS; i++) {
		(void)snprintf(group, sizeof(group), "port %u", (unsigned)i);
		struct notice notice = block(group, "x");
		struct board_slot *slot = add(&board, &notice, 100 + i);
		slot->bubble = (void *)(i + 1);
		if (i != 0) /* the oldest has not been shown */
			assert_non_null(board_next(&board, 5000, &wait));
		else
			slot->is_new = false, slot->mono_shown_ms = 4999;
	}
	struct notice more = block("port more", "y");
	struct board_slot *slot = board_add(&board, &more, 6000, &old);
	assert_ptr_equal(old, (void *)2);
	assert_null(slot->bubble);
	assert_true(board.slots[0].is_due);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_notice_is_shown_at_once),
		cmocka_unit_test(devices_of_a_dock_are_one_bubble),
		cmocka_unit_test(
			a_flood_moves_a_bubble_rarely_and_loses_nothing),
		cmocka_unit_test(another_device_is_not_held_up),
		cmocka_unit_test(a_grant_does_not_hide_behind_a_denial),
		cmocka_unit_test(after_a_minute_a_bubble_begins_anew),
		cmocka_unit_test(
			a_full_board_gives_up_what_was_seen_longest_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
