/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are pulled out, put back, and were never asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/fakes/logins.h"

static void pulling_the_key_locks_after_a_moment(void **state)
{
	struct people *w = *state;

	(void)people_add_key(w, 0, "Key");
	(void)people_attested(w);
	people_pull_key(w, 0);
	people_pass(w, 2);
	assert_int_equal(dry_run_count(w->hand), 0);
	people_pass(w, 1);
	assert_int_equal(people_asked(w, "lock 3"), 1);
	assert_int_equal(people_told(w, RECORD_MFA_TOKEN_REMOVED), 1);
	assert_int_equal(
		people_last(w, RECORD_MFA_SESSION_LOCKED)->decision.reason,
		RECORD_REASON_LOGIN_TOKEN);
	people_pass(w, 10);
	assert_int_equal(people_asked(w, "terminate 3"), 1);
}

static void a_key_back_in_time_is_no_removal(void **state)
{
	struct people *w = *state;

	(void)people_add_key(w, 0, "Key");
	(void)people_attested(w);
	people_pull_key(w, 0);
	people_pass(w, 2);
	people_plug_key(w, 1, "Key"); /* another number, the same key */
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
	people_pull_key(w, 1);
	people_pass(w, 3);
	assert_int_equal(people_asked(w, "lock 3"), 1);
}

static void another_key_does_not_stand_in(void **state)
{
	struct people *w = *state;

	(void)people_add_key(w, 0, "Key");
	(void)people_attested(w);
	people_pull_key(w, 0);
	people_plug_key(w, 1, "Other");
	people_pass(w, 3);
	assert_int_equal(people_asked(w, "lock 3"), 1);
}

static void putting_the_key_back_unlocks_nothing(void **state)
{
	struct people *w = *state;
	struct login_session s;

	(void)people_add_key(w, 0, "Key");
	s = people_attested(w);
	people_pull_key(w, 0);
	people_pass(w, 3);
	s.is_hint_locked = true;
	people_see(w, &s);
	people_plug_key(w, 1, "Key");
	people_pass(w, 60);
	assert_int_equal(people_state(w, "3"), MFA_STATE_LOCKED);
	/* Proof does, and the key as it is now counts from then on */
	people_process(w, 900, WORLD_START,
		       "0::/user.slice/user-1001.slice/session-3.scope\n");
	people_evidence(w, 900, 'a');
	assert_int_equal(people_state(w, "3"), MFA_STATE_ATTESTED);
	people_pull_key(w, 1);
	people_pass(w, 3);
	assert_int_equal(people_asked(w, "lock 3"), 2);
}

static void a_key_that_proved_nothing_may_go(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);
	struct login_record record = people_record(WORLD_LEADER, w->now);

	(void)people_add_key(w, 0, "Key");
	snprintf(record.proofs[1].module, sizeof(record.proofs[1].module),
		 "pam_oath");
	people_write(w, &record, "700-100000");
	people_see(w, &s);
	people_pull_key(w, 0);
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
}

static void a_key_pulled_while_nobody_looked_is_missed(void **state)
{
	struct people *w = *state;
	struct login_session s;

	(void)people_add_key(w, 0, "Key");
	s = people_attested(w);
	assert_int_equal(logins_save(w->logins), 0);
	fake_remove(&w->tree, "sys/class/hidraw/hidraw0");
	people_restart(w);
	people_see(w, &s);
	logins_listed(w->logins, w->now);
	people_pass(w, 3);
	assert_int_equal(people_asked(w, "lock 3"), 1);
}

static void its_twin_beside_it_stands_in_for_nothing(void **state)
{
	struct people *w = *state;

	(void)people_add_key(w, 0, "Key");
	(void)people_attested(w);
	people_plug_key(w, 1, "Key"); /* same make, no serial number */
	people_pull_key(w, 0);
	people_pass(w, 3);
	assert_int_equal(people_asked(w, "lock 3"), 1);
}

static void of_two_keys_each_must_come_back(void **state)
{
	struct people *w = *state;

	(void)people_add_key(w, 0, "Key");
	(void)people_add_key(w, 1, "Other");
	(void)people_attested(w);
	people_pull_key(w, 0);
	people_pull_key(w, 1);
	people_plug_key(w, 1, "Other");
	people_pass(w, 3);
	assert_int_equal(people_asked(w, "lock 3"), 1);
}

static void a_key_back_in_its_own_place_is_back(void **state)
{
	struct people *w = *state;

	(void)people_add_key(w, 0, "Key");
	(void)people_attested(w);
	people_pull_key(w, 0);
	people_pass(w, 2);
	people_plug_key(w, 0, "Key");
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
}

/* --- cards ----------------------------------------------------------------- */

static const struct token card = {TOKEN_CARD, "pcsc:Reader", "Reader 3b80"};

static struct login_session attested_by_card(struct people *w)
{
	struct login_session s = people_session("3", WORLD_LEADER);
	struct login_record record = people_record(WORLD_LEADER, w->now);

	snprintf(record.proofs[1].module, sizeof(record.proofs[1].module),
		 "pam_pkcs11");
	people_write(w, &record, "700-100000");
	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_ATTESTED);
	return s;
}

static void pulling_the_card_alone_locks_after_a_moment(void **state)
{
	struct people *w = *state;

	(void)attested_by_card(w);
	assert_true(logins_wants_cards(w->logins));
	logins_cards(w->logins, &card, 1, w->now);
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
	logins_cards(w->logins, &card, 0, w->now);
	people_pass(w, 2);
	assert_int_equal(dry_run_count(w->hand), 0);
	people_pass(w, 1);
	assert_int_equal(people_asked(w, "lock 3"), 1);
	/* Putting it back is no proof */
	logins_cards(w->logins, &card, 1, w->now);
	people_pass(w, 10);
	assert_int_equal(people_asked(w, "terminate 3"), 1);
}

static void a_card_back_in_time_is_no_removal(void **state)
{
	struct token other = card;
	struct people *w = *state;

	(void)attested_by_card(w);
	logins_cards(w->logins, &card, 1, w->now);
	logins_cards(w->logins, &card, 0, w->now);
	people_pass(w, 2);
	logins_cards(w->logins, &card, 1, w->now);
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
	/* … but not another kind of card */
	snprintf(other.identity, sizeof(other.identity), "Reader 3bff");
	logins_cards(w->logins, &other, 1, w->now);
	people_pass(w, 3);
	assert_int_equal(people_asked(w, "lock 3"), 1);
}

static void a_reader_may_take_a_moment_to_show_its_card(void **state)
{
	struct people *w = *state;

	(void)attested_by_card(w);
	logins_cards(w->logins, &card, 0, w->now); /* pcscd has just begun */
	people_pass(w, 5);
	logins_cards(w->logins, &card, 1, w->now);
	logins_cards(w->logins, &card, 0, w->now);
	people_pass(w, 3);
	assert_int_equal(people_asked(w, "lock 3"), 1);
}

static void a_card_put_in_later_is_somebody_elses(void **state)
{
	struct people *w = *state;

	(void)attested_by_card(w);
	logins_cards(w->logins, &card, 0, w->now);
	people_pass(w, 60);
	logins_cards(w->logins, &card, 1, w->now);
	logins_cards(w->logins, &card, 0, w->now);
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
}

static void a_card_that_proved_nothing_may_go(void **state)
{
	struct people *w = *state;

	(void)people_attested(w); /* by a key */
	assert_false(logins_wants_cards(w->logins));
	logins_cards(w->logins, &card, 1, w->now);
	logins_cards(w->logins, &card, 0, w->now);
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
}

static void a_pcscd_that_is_gone_removes_nothing(void **state)
{
	struct people *w = *state;

	(void)attested_by_card(w);
	logins_cards(w->logins, &card, 1, w->now);
	logins_cards(w->logins, NULL, 0, w->now);
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
	/* … and whoever is pulled meanwhile is missed when it is back */
	logins_cards(w->logins, &card, 0, w->now);
	people_pass(w, 3);
	assert_int_equal(people_asked(w, "lock 3"), 1);
}

static void a_card_pulled_while_nobody_looked_is_missed(void **state)
{
	struct people *w = *state;
	struct login_session s = attested_by_card(w);

	logins_cards(w->logins, &card, 1, w->now);
	assert_int_equal(logins_save(w->logins), 0);
	people_restart(w);
	people_see(w, &s);
	logins_listed(w->logins, w->now);
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
	logins_cards(w->logins, &card, 0, w->now);
	people_pass(w, 3);
	assert_int_equal(people_asked(w, "lock 3"), 1);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, people_setup, people_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pulling_the_key_locks_after_a_moment),
		TEST(a_key_back_in_time_is_no_removal),
		TEST(another_key_does_not_stand_in),
		TEST(putting_the_key_back_unlocks_nothing),
		TEST(a_key_that_proved_nothing_may_go),
		TEST(a_key_pulled_while_nobody_looked_is_missed),
		TEST(its_twin_beside_it_stands_in_for_nothing),
		TEST(of_two_keys_each_must_come_back),
		TEST(a_key_back_in_its_own_place_is_back),
		TEST(pulling_the_card_alone_locks_after_a_moment),
		TEST(a_card_back_in_time_is_no_removal),
		TEST(a_reader_may_take_a_moment_to_show_its_card),
		TEST(a_card_put_in_later_is_somebody_elses),
		TEST(a_card_that_proved_nothing_may_go),
		TEST(a_pcscd_that_is_gone_removes_nothing),
		TEST(a_card_pulled_while_nobody_looked_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
