/* SPDX-License-Identifier: Apache-2.0 */
/* Grants on a made machine: what counts, for whom, how long, and what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/daemon/grants_fixture.h"

/* --- the whole way --------------------------------------------------------- */

static void from_block_to_end_with_one_correlation(void **state)
{
	static const enum record_code codes[] = {
		RECORD_GRANT_REQUESTED, RECORD_GRANT_GRANTED,
		RECORD_MEDIA_READONLY,	RECORD_GRANT_USED,
		RECORD_GRANT_ENDED,	RECORD_MEDIA_DENIED,
	};
	struct world *w = *state;

	machine_forget(&w->machine);
	request(w);
	sign(w, 0);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_READ_ONLY);
	/* It lies there still: nothing happens a second time */
	offer(w);
	w->now.boot_ns += 30 * MINUTE;
	tick(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
	size_t at = 0;
	for (size_t i = 0; i < w->machine.record_count; i++) {
		const struct record *record = w->machine.records[i];
		assert_string_equal(record->correlation, w->plug);
		/* Without a guard the USB device goes and comes with it */
		if (record->code == RECORD_USB_DEVICE_ALLOWED ||
		    record->code == RECORD_USB_DEVICE_BLOCKED)
			continue;
		assert_true(at < sizeof(codes) / sizeof(codes[0]));
		assert_string_equal(record_code_to_str(record->code),
				    record_code_to_str(codes[at++]));
	}
	assert_int_equal(at, sizeof(codes) / sizeof(codes[0]));
	const struct record *used = machine_last(&w->machine,
						 RECORD_GRANT_USED);
	assert_int_equal(used->u.grant.use_count, 1);
	assert_string_equal(used->u.grant.approvers, "h1");
	assert_non_null(used->media);
	assert_int_equal(
		machine_last(&w->machine, RECORD_GRANT_ENDED)->decision.reason,
		RECORD_REASON_GRANT_TIME);
}

static void a_denial_ends_the_request(void **state)
{
	struct world *w = *state;
	const char *id = request(w);

	w->grant = (struct grant){
		.action = GRANT_DENY,
		.id = span_str(id),
		.wall_issued_s = w->now.wall_s,
		.terminal = SPAN(HERE),
		.note = SPAN("公用の媒体を使ってください"),
	};
	sign(w, 0);
	offer(w);
	refused(w, RECORD_REASON_GRANT_DENIED);
	assert_string_equal(machine_last(&w->machine, RECORD_GRANT_REFUSED)
				    ->decision.detail,
			    "公用の媒体を使ってください");
	assert_null(grants_find(w->grants, id));
}

static void a_revocation_wins_whichever_comes_first(void **state)
{
	struct world *w = *state;
	const struct grant grant = w->grant;
	const struct grant revoke = {
		.action = GRANT_REVOKE,
		.id = grant.id,
		.wall_issued_s = w->now.wall_s,
		.terminal = SPAN(HERE),
		.note = SPAN("終了"),
	};

	sign(w, 0);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_READ_ONLY);
	w->grant = revoke;
	sign(w, 0);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_REVOKED), 1);

	/* And the other way round */
	w->inbox[0] = '\0';
	w->grant.id = SPAN(OTHER);
	sign(w, 0);
	offer(w);
	w->grant = grant;
	w->grant.id = SPAN(OTHER);
	sign(w, 0);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
	assert_int_equal(machine_last(&w->machine, RECORD_GRANT_REFUSED)
				 ->decision.reason,
			 RECORD_REASON_GRANT_REPLAYED);
}

/* --- bad input ------------------------------------------------------------- */

static void what_is_not_for_here_changes_nothing(void **state)
{
	struct world *w = *state;

	w->grant.terminal = SPAN("ff112233445566778899aabbccddeeff");
	sign(w, 0);
	offer(w);
	refused(w, RECORD_REASON_GRANT_TERMINAL);
	w->grant.terminal = SPAN(HERE);

	w->grant.wall_issued_s = w->now.wall_s - 60;
	w->grant.wall_not_after_s = w->now.wall_s;
	sign(w, 0);
	offer(w);
	refused(w, RECORD_REASON_GRANT_EXPIRED);
	w->grant.wall_not_after_s = w->now.wall_s + 40ull * 86400;
	sign(w, 0);
	offer(w);
	refused(w, RECORD_REASON_GRANT_EXPIRED);
	w->grant.wall_not_after_s = w->now.wall_s + 86400;

	request(w);
	w->grant.user = SPAN("s099999");
	sign(w, 0);
	offer(w);
	refused(w, RECORD_REASON_GRANT_USER);
	w->grant.user = SPAN("s012345");
	w->grant.device = SPAN("channel:storage");
	sign(w, 0);
	offer(w);
	refused(w, RECORD_REASON_GRANT_DEVICE);
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_REFUSED), 5);
	/* Each is told once, however often it is found there */
	offer(w);
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_REFUSED), 5);
}

static void limits_hold_whatever_is_signed(void **state)
{
	struct world *w = *state;

	w->grant.access = GRANT_READ_WRITE;
	sign(w, 0);
	offer(w);
	refused(w, RECORD_REASON_GRANT_LIMIT);
	w->grant.access = GRANT_READ_ONLY;
	w->grant.minutes = 61;
	sign(w, 0);
	offer(w);
	refused(w, RECORD_REASON_GRANT_LIMIT);
	w->grant.minutes = 30;
	sign(w, STRANGE);
	offer(w);
	refused(w, RECORD_REASON_GRANT_FORGED);
	/* An approver may */
	w->grant.access = GRANT_READ_WRITE;
	w->inbox[0] = '\0';
	sign(w, 1);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_READ_WRITE);
}

static void what_is_no_grant_is_named(void **state)
{
	struct world *w = *state;
	struct jws_out out = {.text = w->inbox, .cap = sizeof(w->inbox) - 1};

	assert_int_equal(jws_sign(w->keys[0], GRANT_TYP,
				  SPAN("sekimori-grant 1\nextra\n"), &out),
			 0);
	w->inbox[out.len] = '\0';
	offer(w);
	refused(w, RECORD_REASON_GRANT_MALFORMED);
	/* A grant signed as something else is none of ours */
	char payload[GRANT_MAX_BYTES];
	size_t len = 0;
	assert_int_equal(grant_write(&w->grant, payload, sizeof(payload), &len),
			 0);
	out = (struct jws_out){.text = w->inbox, .cap = sizeof(w->inbox) - 1};
	assert_int_equal(jws_sign(w->keys[0], "sekimori-order",
				  span_of(payload, len), &out),
			 0);
	w->inbox[out.len] = '\0';
	offer(w);
	refused(w, RECORD_REASON_GRANT_FORGED);
	memset(w->inbox, 'a', 8000);
	w->inbox[8000] = '\0';
	offer(w);
	refused(w, RECORD_REASON_GRANT_FORGED);
	assert_string_equal(machine_last(&w->machine, RECORD_GRANT_REFUSED)
				    ->decision.detail,
			    "it is too long");
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_REFUSED), 3);
}

static void two_people_sign_one_grant(void **state)
{
	struct world *w = *state;

	load_rules(w, "2");
	w->grant.access = GRANT_READ_WRITE;
	sign(w, 1);
	offer(w);
	refused(w, RECORD_REASON_GRANT_APPROVALS);
	/* The same person twice is one person */
	sign(w, 1);
	offer(w);
	refused(w, RECORD_REASON_GRANT_APPROVALS);
	sign(w, 2);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_READ_WRITE);
	assert_string_equal(machine_last(&w->machine, RECORD_GRANT_GRANTED)
				    ->u.grant.approvers,
			    "a1,a2");
}

/* --- how long -------------------------------------------------------------- */

static void a_used_up_grant_does_not_come_back(void **state)
{
	struct world *w = *state;

	w->grant.uses = 1;
	sign(w, 0);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_READ_ONLY);
	machine_uevent(&w->machine, UEVENT_REMOVE, "block", "sdb");
	machine_unplug(&w->machine, "1-1");
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_ENDED), 1);
	assert_int_equal(
		machine_last(&w->machine, RECORD_GRANT_ENDED)->decision.reason,
		RECORD_REASON_GRANT_USES);
	/* Signed once more: the signature is another, the grant is not */
	w->inbox[0] = '\0';
	sign(w, 0);
	offer(w);
	assert_int_equal(machine_last(&w->machine, RECORD_GRANT_REFUSED)
				 ->decision.reason,
			 RECORD_REASON_GRANT_REPLAYED);
	assert_null(grants_first(w->grants));
}

static void the_clock_set_back_lengthens_nothing(void **state)
{
	struct world *w = *state;

	sign(w, 0);
	offer(w);
	w->now.wall_s -= 86400;
	w->now.boot_ns += 29 * MINUTE;
	tick(w);
	assert_int_equal(access_of(w), MEDIA_READ_ONLY);
	w->now.boot_ns += MINUTE;
	tick(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
	/* Nor does it let the same one in again */
	w->inbox[0] = '\0';
	sign(w, 0);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
}

static void the_end_by_the_wall_clock_comes_first_if_it_is_first(void **state)
{
	struct world *w = *state;

	w->grant.wall_not_after_s = w->now.wall_s + 600;
	sign(w, 0);
	offer(w);
	assert_int_equal(grants_left_s(grants_first(w->grants), w->now.boot_ns),
			 600);
	w->now.wall_s += 600; /* set forward */
	tick(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
}

static void a_restart_and_a_reboot_keep_the_rest(void **state)
{
	struct world *w = *state;

	w->grant.uses = 2;
	sign(w, 0);
	offer(w);
	w->now.boot_ns += 10 * MINUTE;
	assert_int_equal(grants_save(w->grants, w->now), 0);

	/* Restart: the budget has run on; the id of the terminal comes later */
	w->now.boot_ns += MINUTE;
	w->is_nameless = true;
	open_grants(w, BOOT);
	const struct grants_row *row = grants_find(w->grants, ID);
	assert_non_null(row);
	assert_int_equal(grants_left_s(row, w->now.boot_ns), 19 * 60);
	assert_int_equal(row->use_count, 1);
	assert_false(row->is_suspended);
	assert_true(row->is_unproven);
	assert_true(grants_recheck(w->grants,
				   w->machine.pipeline.bundle.ruleset, w->now));
	assert_false(row->is_unproven);
	w->is_nameless = false;
	assert_int_equal(grants_save(w->grants, w->now), 0);

	/* Reboot: what was left then is left now, once the person is back */
	w->now.boot_ns = 7 * NS_PER_S;
	w->now.wall_s += 3600;
	open_grants(w, "another-boot");
	row = grants_find(w->grants, ID);
	assert_non_null(row);
	assert_int_equal(grants_left_s(row, w->now.boot_ns), 19 * 60);
	assert_true(row->is_suspended);
	/* It is no news that lies in the inbox */
	assert_false(grants_offer(w->grants, span_str(w->inbox),
				  w->machine.pipeline.bundle.ruleset, w->now));
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_GRANTED), 1);
}

static void a_changed_state_file_makes_no_grant(void **state)
{
	struct world *w = *state;
	char text[65536], *at;

	sign(w, 0);
	offer(w);
	assert_int_equal(grants_save(w->grants, w->now), 0);
	(void)snprintf(text, sizeof(text), "%s",
		       fake_read(&w->machine.tree, STATE "/" GRANTS_FILE));
	/* Writing instead of reading, in the object that nobody signed so */
	at = strstr(text, "access read-only\n");
	assert_non_null(at);
	memmove(at + 18, at + 17, strlen(at + 17) + 1);
	memcpy(at, "access read-write\n", 18);
	fake_text(&w->machine.tree, STATE "/" GRANTS_FILE, "%s", text);
	open_grants(w, BOOT);
	(void)!grants_recheck(w->grants, w->machine.pipeline.bundle.ruleset,
			      w->now);
	pipeline_judge_all(&w->machine.pipeline);
	assert_int_equal(access_of(w), MEDIA_DENY);
	assert_null(grants_find(w->grants, ID));

	/* Half a file counts for nothing, and what was issued may have ended */
	fake_text(&w->machine.tree, STATE "/" GRANTS_FILE, "%.*s", 80, text);
	const struct grants_options options = {
		.root_fd = w->machine.tree.fd,
		.sink = w->machine.pipeline.options.sink,
		.terminal = terminal,
		.boot_id = BOOT,
		.userdata = w,
	};
	grants_free(w->grants);
	assert_int_equal(grants_new(&options, &w->grants), 0);
	w->machine.pipeline.options.grants = w->grants;
	assert_int_equal(grants_load(w->grants, w->now), -EBADMSG);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
}

/* --- for whom -------------------------------------------------------------- */

static void it_gives_only_while_its_person_is_at_work(void **state)
{
	struct world *w = *state;

	sign(w, 0);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_READ_ONLY);
	w->context.is_locked = true;
	tick(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_SUSPENDED), 1);
	w->context.is_locked = false;
	w->context.is_proven = false; /* unlocked, and not proven */
	tick(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
	w->context.is_proven = true;
	tick(w);
	assert_int_equal(access_of(w), MEDIA_READ_ONLY);
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_RESUMED), 1);
	w->context.user = "s099999";
	tick(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
	w->context = (struct decide_context){0};
	tick(w);
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_SUSPENDED), 2);
	/* One plug is one use, however often it was suspended */
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_USED), 1);
}

static void either_side_ends_it(void **state)
{
	struct world *w = *state;

	sign(w, 0);
	offer(w);
	assert_int_equal(grants_end(w->grants, ID, "s099999", w->now),
			 GRANTS_UNKNOWN);
	assert_int_equal(grants_end(w->grants, OTHER, "", w->now),
			 GRANTS_UNKNOWN);
	assert_int_equal(grants_end(w->grants, ID, "s012345", w->now), 0);
	pipeline_judge_all(&w->machine.pipeline);
	assert_int_equal(access_of(w), MEDIA_DENY);
	assert_int_equal(
		machine_last(&w->machine, RECORD_GRANT_ENDED)->decision.reason,
		RECORD_REASON_GRANT_BY_USER);
}

static void what_was_written_can_end_it(void **state)
{
	struct world *w = *state;

	sign(w, 0);
	offer(w);
	assert_int_equal(grants_stop(w->grants, OTHER,
				     RECORD_REASON_GRANT_MYNUMBERS, w->now),
			 GRANTS_UNKNOWN);
	assert_int_equal(grants_stop(w->grants, ID,
				     RECORD_REASON_GRANT_MYNUMBERS, w->now),
			 0);
	pipeline_judge_all(&w->machine.pipeline);
	assert_int_equal(access_of(w), MEDIA_DENY);
	assert_int_equal(
		machine_last(&w->machine, RECORD_GRANT_ENDED)->decision.reason,
		RECORD_REASON_GRANT_MYNUMBERS);
}

static void a_key_that_policy_drops_ends_what_it_gave(void **state)
{
	struct world *w = *state;

	sign(w, 0);
	offer(w);
	machine_rules(&w->machine, "policy \"t\" serial 2 mode enforce\n"
				   "allow with-interface 08:06:50\n");
	assert_int_equal(machine_load(&w->machine), 0);
	assert_true(grants_recheck(w->grants,
				   w->machine.pipeline.bundle.ruleset, w->now));
	pipeline_judge_all(&w->machine.pipeline);
	assert_int_equal(access_of(w), MEDIA_DENY);
	assert_int_equal(
		machine_last(&w->machine, RECORD_GRANT_ENDED)->decision.reason,
		RECORD_REASON_GRANT_KEY);
}

static void several_give_as_much_as_the_most_of_them(void **state)
{
	struct world *w = *state;

	sign(w, 0);
	offer(w);
	w->grant.id = SPAN(OTHER);
	w->grant.access = GRANT_READ_WRITE;
	w->grant.minutes = 10;
	sign(w, 1);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_READ_WRITE);
	w->now.boot_ns += 10 * MINUTE;
	tick(w);
	assert_int_equal(access_of(w), MEDIA_READ_ONLY);
	w->now.boot_ns += 20 * MINUTE;
	tick(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
}

/* The entry for the year first, then the grant for each use. */
static void where_policy_wants_the_ledger_it_is_asked_first(void **state)
{
	static const struct {
		const char *rule;
		enum media_access access;
	} rows[] = {
		{"media deny serial \"S1\" sticker \"USB-0142\"",
		 MEDIA_READ_ONLY},
		{"media deny serial \"S1\"", MEDIA_DENY},
		{"media deny serial \"S1\" sticker \"USB-0142\" lost",
		 MEDIA_DENY},
		{"media read-only serial \"S1\" sticker \"USB-0142\" "
		 "until 2020-03-31",
		 MEDIA_DENY},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[2048] = "policy \"t\" serial 1 mode enforce "
				  "grant-media ledger\n"
				  "allow with-interface 08:06:50\n";
		put_key(text, sizeof(text), w->keys[0],
			"\"h1\" role \"helpdesk\"", "access read-only");
		size_t at = strlen(text);
		(void)snprintf(text + at, sizeof(text) - at, "%s\n",
			       rows[i].rule);
		machine_rules(&w->machine, text);
		assert_int_equal(machine_load(&w->machine), 0);
		if (i == 0) {
			sign(w, 0);
			offer(w);
		}
		if (access_of(w) != rows[i].access)
			fail_msg("%s: %d", rows[i].rule, (int)access_of(w));
	}
}

static void one_person_cannot_fill_the_queue(void **state)
{
	const struct grants_wish wish = {
		.user = "s012345",
		.device = "channel:printer",
		.access = GRANT_AUTHORISE,
		.minutes = 5,
		.reason = "print",
		.ticket = "",
		.note = "",
		.correlation = "",
	};
	struct world *w = *state;
	const char *id;

	for (unsigned int i = 0; i < GRANTS_OF_USER_MAX; i++)
		assert_int_equal(grants_request(w->grants, &wish, w->now, &id),
				 0);
	assert_int_equal(grants_request(w->grants, &wish, w->now, &id),
			 GRANTS_FULL);
	struct grants_wish bad = wish;
	bad.user = "s2";
	bad.reason = "two words";
	assert_int_equal(grants_request(w->grants, &bad, w->now, &id),
			 GRANTS_INVALID);
	/* Unanswered, they go by themselves */
	w->now.wall_s += GRANTS_REQUEST_S;
	tick(w);
	assert_null(grants_first(w->grants));
}

static void what_is_forgotten_does_not_come_back_either(void **state)
{
	struct world *w = *state;
	char id[GRANT_ID_CHARS + 1];

	sign(w, 0);
	offer(w);
	assert_int_equal(grants_end(w->grants, ID, "", w->now), 0);
	pipeline_judge_all(&w->machine.pipeline);
	for (unsigned int i = 0; i < GRANTS_GONE_MAX; i++) {
		w->inbox[0] = '\0';
		(void)snprintf(id, sizeof(id), "g-%016x", i);
		w->grant = (struct grant){
			.action = GRANT_REVOKE,
			.id = span_str(id),
			.wall_issued_s = w->now.wall_s + 1,
			.terminal = SPAN(HERE),
			.note = SPAN("x"),
		};
		sign(w, 0);
		offer(w);
	}
	w->inbox[0] = '\0';
	w->grant = (struct grant){
		.action = GRANT_GRANT,
		.id = SPAN(ID),
		.wall_issued_s = w->now.wall_s,
		.terminal = SPAN(HERE),
		.user = SPAN("s012345"),
		.device = span_str(w->device),
		.access = GRANT_READ_ONLY,
		.wall_not_after_s = w->now.wall_s + 86400,
		.minutes = 30,
		.reason = SPAN("data-return"),
	};
	sign(w, 0);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_DENY);
	assert_int_equal(machine_last(&w->machine, RECORD_GRANT_REFUSED)
				 ->decision.reason,
			 RECORD_REASON_GRANT_REPLAYED);
}

static void a_desk_with_a_wrong_clock_shuts_nobody_out(void **state)
{
	struct world *w = *state;
	const struct grant good = w->grant;
	char id[GRANT_ID_CHARS + 1];

	for (unsigned int i = 0; i <= GRANTS_GONE_MAX; i++) {
		w->inbox[0] = '\0';
		(void)snprintf(id, sizeof(id), "g-%016x", i);
		w->grant = (struct grant){
			.action = GRANT_REVOKE,
			.id = span_str(id),
			.wall_issued_s = INT64_MAX - i,
			.terminal = SPAN(HERE),
			.note = SPAN("x"),
		};
		sign(w, 0);
		offer(w);
	}
	w->inbox[0] = '\0';
	w->grant = good;
	w->now.wall_s += GRANT_TERM_MAX_S + 1;
	w->grant.wall_issued_s = w->now.wall_s;
	w->grant.wall_not_after_s = w->now.wall_s + 86400;
	sign(w, 0);
	offer(w);
	assert_int_equal(access_of(w), MEDIA_READ_ONLY);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(from_block_to_end_with_one_correlation),
		ROW(a_denial_ends_the_request),
		ROW(a_revocation_wins_whichever_comes_first),
		ROW(what_is_not_for_here_changes_nothing),
		ROW(limits_hold_whatever_is_signed),
		ROW(what_is_no_grant_is_named),
		ROW(two_people_sign_one_grant),
		ROW(a_used_up_grant_does_not_come_back),
		ROW(the_clock_set_back_lengthens_nothing),
		ROW(the_end_by_the_wall_clock_comes_first_if_it_is_first),
		ROW(a_restart_and_a_reboot_keep_the_rest),
		ROW(a_changed_state_file_makes_no_grant),
		ROW(it_gives_only_while_its_person_is_at_work),
		ROW(either_side_ends_it),
		ROW(what_was_written_can_end_it),
		ROW(a_key_that_policy_drops_ends_what_it_gave),
		ROW(several_give_as_much_as_the_most_of_them),
		ROW(where_policy_wants_the_ledger_it_is_asked_first),
		ROW(one_person_cannot_fill_the_queue),
		ROW(what_is_forgotten_does_not_come_back_either),
		ROW(a_desk_with_a_wrong_clock_shuts_nobody_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
