/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a medium, step by step: a made clock, made answers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/base/clock.h"
#include "agent/daemon/ending.h"
#include "tests/fakes/machine.h"

#define HEAD                                                                   \
	"policy \"t\" serial 1 mode enforce\n"                                 \
	"allow with-interface 08:06:50 rule-id \"sticks\"\n"
#define GRACE_S 60
#define T0	(1000 * NS_PER_S)

static const uint8_t storage[][3] = {{8, 6, 80}};
static const struct fake_usb stick = {
	.hub = "usb1",
	.name = "1-1",
	.vendor = 0x0411,
	.product = 0x01e8,
	.serial = "S1",
	.interfaces = storage,
	.interface_count = 1,
	.authorized = 1,
};

struct fixture {
	struct machine machine;
	struct endings *endings;
	struct ender_job jobs[32];
	size_t job_count;
	int start_error;
	uint64_t now;
	struct ender_answer answer;
};

static int start(void *userdata, const struct ender_job *job)
{
	struct fixture *f = userdata;

	if (f->start_error)
		return f->start_error;
	assert_true(f->job_count < 32);
	f->jobs[f->job_count++] = *job;
	return 0;
}

static int on_end(void *userdata, const struct medium_entry *medium,
		  enum media_access left)
{
	struct fixture *f = userdata;

	return endings_begin(f->endings, medium, left, f->now);
}

static void on_forget(void *userdata, const struct medium_entry *medium)
{
	struct fixture *f = userdata;

	endings_forget(f->endings, medium);
}

/* What the pipeline looks at of a guard is whether there is one. */
static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	machine_init(&f.machine);
	const struct endings_options options = {
		.pipeline = &f.machine.pipeline,
		.grace_ms = GRACE_S * 1000,
		.start = start,
		.userdata = &f,
	};
	assert_int_equal(endings_new(&options, &f.endings), 0);
	f.machine.pipeline.options.end = on_end;
	f.machine.pipeline.options.forget = on_forget;
	f.machine.pipeline.options.userdata = &f;
	f.now = T0;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	machine_fini(&f->machine);
	endings_free(f->endings);
	return 0;
}

static struct medium_entry *plug(struct fixture *f, const char *rules)
{
	machine_rules(&f->machine, rules);
	assert_int_equal(machine_load(&f->machine), 0);
	machine_plug(&f->machine, &stick);
	fake_disk_add(&f->machine.tree, "1-1", "sdb", 16, 1);
	machine_uevent(&f->machine, UEVENT_ADD, "block", "sdb");
	struct medium_entry *medium =
		devices_medium(&f->machine.pipeline.devices, "sdb");
	assert_non_null(medium);
	return medium;
}

static void reload(struct fixture *f, const char *rules)
{
	machine_rules(&f->machine, rules);
	assert_int_equal(machine_load(&f->machine), 0);
}

static enum ender_kind last_kind(const struct fixture *f)
{
	assert_true(f->job_count > 0);
	return f->jobs[f->job_count - 1].kind;
}

/* COUNT mounts were there, and one process holds it unless it is free. */
static void reply(struct fixture *f, bool is_free, uint32_t mounts,
		  uint32_t lazy)
{
	struct ender_job job = f->jobs[f->job_count - 1];
	struct ender_answer *answer = &f->answer;

	memset(answer, 0, sizeof(*answer));
	answer->is_free = is_free;
	answer->is_synced = true;
	answer->mount_count = mounts;
	answer->lazy_count = lazy;
	if (!is_free) {
		answer->holders.process_count = 1;
		answer->holders.list[0] = (struct holder){
			.pid = 42,
			.uid = 1000,
			.comm = "soffice.bin",
			.path = "/media/x/a.ods",
			.is_writer = true,
		};
	}
	endings_answer(f->endings, &job, answer, f->now);
}

static void pass(struct fixture *f, uint64_t ms)
{
	f->now += ms * NS_PER_MS;
	(void)endings_turn(f->endings, f->now);
}

static const struct record_ending *told(const struct fixture *f,
					enum record_code code,
					const char *stage)
{
	const struct record *record = machine_last(&f->machine, code);

	assert_non_null(record);
	assert_string_equal(record->u.ending.stage, stage);
	return &record->u.ending;
}

static void what_is_not_in_use_ends_at_once_and_silently(void **state)
{
	struct fixture *f = *state;
	struct medium_entry *medium = plug(f, HEAD "media read-write\n");

	reload(f, HEAD "media deny\n");
	assert_true(medium->is_ending);
	assert_int_equal(
		machine_asked(f->machine.real, "media_close sdb 9 deny"), 1);
	assert_int_equal(machine_asked(f->machine.real, "media_set sdb 9 deny"),
			 0);
	assert_int_equal(last_kind(f), ENDER_TRY);
	assert_false(f->jobs[0].keeps_reading);
	reply(f, true, 0, 0);
	assert_false(medium->is_ending);
	assert_int_equal(machine_asked(f->machine.real, "media_set sdb 9 deny"),
			 1);
	assert_int_equal(machine_count(&f->machine, RECORD_MEDIA_ENDING), 0);
	assert_int_equal(machine_count(&f->machine, RECORD_MEDIA_ENDED), 0);
	assert_int_equal(machine_count(&f->machine, RECORD_MEDIA_DENIED), 1);
	assert_int_equal(endings_turn(f->endings, f->now), 0);
}

static void what_is_mounted_and_not_held_is_unmounted(void **state)
{
	struct fixture *f = *state;

	plug(f, HEAD "media read-write\n");
	reload(f, HEAD "media deny\n");
	reply(f, true, 2, 0);
	const struct record_ending *ending = told(f, RECORD_MEDIA_ENDED,
						  "unmounted");
	assert_int_equal(ending->mount_count, 2);
	assert_int_equal(ending->process_count, 0);
	assert_true(ending->is_synced);
	assert_string_equal(ending->access, "deny");
}

static void a_holder_is_named_and_given_grace(void **state)
{
	struct fixture *f = *state;
	struct medium_entry *medium = plug(f, HEAD "media read-write\n");

	reload(f, HEAD "media deny\n");
	reply(f, false, 1, 0);
	const struct record_ending *ending = told(f, RECORD_MEDIA_ENDING,
						  "held");
	assert_int_equal(ending->left_s, GRACE_S);
	assert_int_equal(ending->holder_count, 1);
	assert_int_equal(ending->holders[0].pid, 42);
	assert_string_equal(ending->holders[0].name, "soffice.bin");
	assert_string_equal(ending->holders[0].path, "/media/x/a.ods");
	assert_true(medium->is_ending);

	/* Tried again each second, told once */
	for (int i = 0; i < 5; i++) {
		size_t before = f->job_count;
		pass(f, ENDING_RETRY_MS);
		assert_int_equal(f->job_count, before + 1);
		assert_int_equal(last_kind(f), ENDER_TRY);
		pass(f, ENDING_RETRY_MS); /* one at a time */
		assert_int_equal(f->job_count, before + 1);
		reply(f, false, 1, 0);
	}
	assert_int_equal(machine_count(&f->machine, RECORD_MEDIA_ENDING), 1);
	pass(f, ENDING_RETRY_MS);
	reply(f, true, 1, 0);
	(void)told(f, RECORD_MEDIA_ENDED, "unmounted");
	assert_int_equal(machine_asked(f->machine.real, "media_set sdb 9 deny"),
			 1);
	assert_false(medium->is_ending);
}

static void after_the_grace_lazily_then_cut_off(void **state)
{
	struct fixture *f = *state;

	plug(f, HEAD "media read-write\n");
	reload(f, HEAD "media deny\n");
	reply(f, false, 1, 0);
	pass(f, GRACE_S * 1000);
	assert_int_equal(last_kind(f), ENDER_FORCE);
	reply(f, false, 1, 1);
	const struct record_ending *ending = told(f, RECORD_MEDIA_ENDED,
						  "lazily-unmounted");
	assert_int_equal(ending->process_count, 1);
	assert_int_equal(ending->holders[0].pid, 42);
	/* The disk itself stays writable for what is not written out yet */
	assert_int_equal(machine_asked(f->machine.real, "media_set sdb 9 deny"),
			 0);
	pass(f, ENDING_RETRY_MS);
	assert_int_equal(last_kind(f), ENDER_TRY);
	reply(f, false, 0, 0);
	pass(f, GRACE_S * 1000);
	assert_int_equal(last_kind(f), ENDER_CUT);
	reply(f, false, 0, 0);
	(void)told(f, RECORD_MEDIA_ENDED, "cut-off");
	assert_int_equal(machine_asked(f->machine.real, "media_set sdb 9 deny"),
			 1);
}

static void a_holder_that_goes_after_the_lazy_unmount_is_waited_for(
	void **state)
{
	struct fixture *f = *state;

	plug(f, HEAD "media read-write\n");
	reload(f, HEAD "media deny\n");
	reply(f, false, 1, 0);
	pass(f, GRACE_S * 1000);
	reply(f, false, 1, 1);
	pass(f, ENDING_RETRY_MS);
	reply(f, true, 0, 0);
	(void)told(f, RECORD_MEDIA_ENDED, "released");
}

static void a_raw_holder_is_cut_off_after_the_grace(void **state)
{
	struct fixture *f = *state;

	plug(f, HEAD "media read-only\n");
	reload(f, HEAD "media deny\n");
	reply(f, false, 0, 0);
	(void)told(f, RECORD_MEDIA_ENDING, "held");
	pass(f, GRACE_S * 1000);
	assert_int_equal(last_kind(f), ENDER_FORCE);
	reply(f, false, 0, 0);
	assert_int_equal(last_kind(f), ENDER_CUT);
	/* Its remove event is here before the answer */
	machine_uevent(&f->machine, UEVENT_REMOVE, "block", "sdb");
	(void)told(f, RECORD_MEDIA_ENDED, "cut-off");
	reply(f, true, 0, 0);
	assert_int_equal(machine_count(&f->machine, RECORD_MEDIA_ENDED), 1);
}

static void what_cannot_be_cut_off_is_told_and_looked_at_again(void **state)
{
	struct fixture *f = *state;

	plug(f, HEAD "media read-only\n");
	reload(f, HEAD "media deny\n");
	reply(f, false, 0, 0);
	pass(f, GRACE_S * 1000);
	reply(f, false, 0, 0);
	f->answer.result = -EOPNOTSUPP;
	endings_answer(f->endings, &f->jobs[f->job_count - 1], &f->answer,
		       f->now);
	(void)told(f, RECORD_MEDIA_ENDED, "stuck");
	pass(f, ENDING_STUCK_MS);
	assert_int_equal(last_kind(f), ENDER_TRY);
	reply(f, true, 0, 0);
	(void)told(f, RECORD_MEDIA_ENDED, "unmounted");
}

static void read_only_in_place_keeps_the_mount(void **state)
{
	struct fixture *f = *state;
	struct medium_entry *medium = plug(f, HEAD "media read-write\n");

	reload(f, HEAD "media read-only\n");
	assert_int_equal(machine_asked(f->machine.real,
				       "media_close sdb 9 read-only"),
			 1);
	assert_true(f->jobs[0].keeps_reading);
	reply(f, true, 1, 0);
	(void)told(f, RECORD_MEDIA_ENDED, "read-only");
	assert_int_equal(
		machine_asked(f->machine.real, "media_set sdb 9 read-only"), 1);
	assert_int_equal(medium->access, MEDIA_READ_ONLY);
	/* And back: what is mounted follows */
	reload(f, HEAD "media read-write label \"again\"\n");
	assert_int_equal(machine_asked(f->machine.real,
				       "media_set sdb 9 read-write"),
			 2);
	assert_int_equal(last_kind(f), ENDER_REOPEN);
	reply(f, true, 1, 0);
	assert_int_equal(endings_turn(f->endings, f->now), 0);
}

static void a_permission_given_back_calls_the_end_off(void **state)
{
	struct fixture *f = *state;
	struct medium_entry *medium = plug(f, HEAD "media read-write\n");

	reload(f, HEAD "media deny\n");
	reply(f, false, 1, 0);
	reload(f, HEAD "media read-write label \"again\"\n");
	assert_false(medium->is_ending);
	assert_int_equal(medium->access, MEDIA_READ_WRITE);
	assert_int_equal(last_kind(f), ENDER_REOPEN);
	reply(f, true, 1, 0);
	pass(f, 3 * GRACE_S * 1000);
	assert_int_equal(last_kind(f), ENDER_REOPEN);
	assert_int_equal(machine_count(&f->machine, RECORD_MEDIA_ENDED), 0);
}

static void an_end_decided_while_a_step_runs_begins_after_it(void **state)
{
	struct fixture *f = *state;

	plug(f, HEAD "media read-write\n");
	reload(f, HEAD "media read-only\n");
	assert_int_equal(f->job_count, 1);
	reload(f, HEAD "media deny\n");
	assert_int_equal(f->job_count, 1);
	reply(f, true, 1, 0); /* read-only was done: not enough any more */
	assert_int_equal(f->job_count, 2);
	assert_int_equal(last_kind(f), ENDER_TRY);
	assert_false(f->jobs[1].keeps_reading);
	reply(f, true, 1, 0);
	assert_int_equal(machine_asked(f->machine.real, "media_set sdb 9 deny"),
			 1);
}

static void a_step_that_cannot_start_is_tried_again(void **state)
{
	struct fixture *f = *state;

	plug(f, HEAD "media read-write\n");
	f->start_error = -EBUSY;
	reload(f, HEAD "media deny\n");
	assert_int_equal(f->job_count, 0);
	f->start_error = 0;
	pass(f, ENDING_RETRY_MS);
	assert_int_equal(last_kind(f), ENDER_TRY);
}

static void a_medium_that_does_not_answer_is_cut_off(void **state)
{
	struct fixture *f = *state;

	plug(f, HEAD "media read-write\n");
	reload(f, HEAD "media deny\n");
	memset(&f->answer, 0, sizeof(f->answer));
	f->answer.result = -ETIMEDOUT;
	f->now += 180 * NS_PER_S;
	endings_answer(f->endings, &f->jobs[0], &f->answer, f->now);
	assert_false(told(f, RECORD_MEDIA_ENDING, "held")->is_synced);
	pass(f, GRACE_S * 1000);
	endings_answer(f->endings, &f->jobs[f->job_count - 1], &f->answer,
		       f->now);
	assert_int_equal(last_kind(f), ENDER_CUT);
}

static void warnings_come_before_a_deadline(void **state)
{
	struct fixture *f = *state;
	struct medium_entry *medium = plug(f, HEAD "media read-write\n");
	static const uint64_t left_s[] = {600, 300, 60};
	uint64_t deadline = f->now + 700 * NS_PER_S;

	assert_int_equal(
		ending_set_deadline(f->endings, medium, deadline, f->now), 0);
	for (size_t i = 0; i < 3; i++) {
		uint64_t next = endings_turn(f->endings, f->now);
		assert_int_equal(next, deadline - left_s[i] * NS_PER_S);
		f->now = next;
		(void)endings_turn(f->endings, f->now);
		assert_int_equal(f->job_count, i + 1);
		assert_int_equal(last_kind(f), ENDER_LOOK);
		reply(f, false, 1, 0);
		assert_int_equal(told(f, RECORD_MEDIA_ENDING, "warned")->left_s,
				 left_s[i]);
	}
	assert_int_equal(endings_turn(f->endings, f->now), deadline);
	/* Judged again at the deadline, by what the policy says then */
	machine_rules(&f->machine, HEAD "media deny\n");
	assert_int_equal(endings_turn(f->endings, deadline), 0);
	assert_int_equal(machine_count(&f->machine, RECORD_MEDIA_ENDING), 3);
}

static void a_late_deadline_leaves_out_what_is_past(void **state)
{
	struct fixture *f = *state;
	struct medium_entry *medium = plug(f, HEAD "media read-write\n");
	uint64_t deadline = f->now + 200 * NS_PER_S;

	assert_int_equal(
		ending_set_deadline(f->endings, medium, deadline, f->now), 0);
	assert_int_equal(endings_turn(f->endings, f->now),
			 deadline - 60 * NS_PER_S);
	/* The same one again changes nothing; none takes it away */
	f->now = deadline - 60 * NS_PER_S;
	(void)endings_turn(f->endings, f->now);
	assert_int_equal(f->job_count, 1);
	reply(f, true, 0, 0);
	assert_int_equal(ending_set_deadline(f->endings, medium,
					     deadline + NS_PER_S, f->now),
			 0);
	(void)endings_turn(f->endings, f->now);
	assert_int_equal(f->job_count, 1);
	assert_int_equal(ending_set_deadline(f->endings, medium, 0, f->now), 0);
	assert_int_equal(endings_turn(f->endings, f->now), 0);
}

/* A rule whose day ends in the minutes to come: judged ahead. */
static void the_hour_of_a_rule_is_seen_coming(void **state)
{
	struct fixture *f = *state;
	char rules[512];
	time_t end = time(NULL) + 400;
	struct tm from, to;

	assert_non_null(localtime_r(&end, &to));
	time_t begin = end - 3600;
	assert_non_null(localtime_r(&begin, &from));
	snprintf(rules, sizeof(rules),
		 HEAD "media read-write if localtime(%02d:%02d:%02d-"
		      "%02d:%02d:%02d)\n",
		 from.tm_hour, from.tm_min, from.tm_sec, to.tm_hour, to.tm_min,
		 to.tm_sec);
	struct medium_entry *medium = plug(f, rules);
	assert_int_equal(medium->access, MEDIA_READ_WRITE);
	uint32_t lasts = pipeline_media_lasts(&f->machine.pipeline, medium,
					      900);
	assert_in_range(lasts, 395, 402);
	assert_int_equal(
		pipeline_media_lasts(&f->machine.pipeline, medium, 300), 0);
}

static void the_usb_device_waits_for_its_media(void **state)
{
	struct fixture *f = *state;
	struct medium_entry *medium = plug(f, HEAD "media read-write\n");

	dry_run_use(f->machine.real, true);
	reload(f, "policy \"t\" serial 1 mode enforce\n"
		  "block with-interface 08:06:50 rule-id \"none\"\n"
		  "media read-write\n");
	assert_int_equal(machine_asked(f->machine.real, "usb_deauthorize 1-1"),
			 0);
	assert_true(medium->is_ending);
	reply(f, false, 1, 0);
	assert_int_equal(machine_asked(f->machine.real, "usb_deauthorize 1-1"),
			 0);
	pass(f, ENDING_RETRY_MS);
	dry_run_use(f->machine.real, false);
	reply(f, true, 1, 0);
	assert_int_equal(machine_asked(f->machine.real, "usb_deauthorize 1-1"),
			 1);
	assert_int_equal(machine_count(&f->machine, RECORD_USB_DEVICE_BLOCKED),
			 1);
}

static void a_usb_device_with_nothing_mounted_goes_at_once(void **state)
{
	struct fixture *f = *state;

	plug(f, HEAD "media read-write\n");
	reload(f, "policy \"t\" serial 1 mode enforce\n"
		  "block with-interface 08:06:50\nmedia read-write\n");
	assert_int_equal(machine_asked(f->machine.real, "usb_deauthorize 1-1"),
			 1);
}

static void without_a_guard_denied_is_told_when_it_is_so(void **state)
{
	struct fixture *f = *state;

	plug(f, HEAD "media read-write\n");
	reload(f, HEAD "media deny\n");
	assert_int_equal(machine_asked(f->machine.real, "usb_deauthorize 1-1"),
			 0);
	assert_int_equal(machine_count(&f->machine, RECORD_MEDIA_DENIED), 0);
	reply(f, true, 1, 0);
	assert_int_equal(machine_asked(f->machine.real, "usb_deauthorize 1-1"),
			 1);
	assert_int_equal(machine_count(&f->machine, RECORD_MEDIA_DENIED), 1);
}

static void what_was_mounted_before_the_start_is_ended(void **state)
{
	struct fixture *f = *state;
	struct machine *machine = &f->machine;

	fake_usb_add(&machine->tree, &stick);
	fake_disk_add(&machine->tree, "1-1", "sdb", 16, 1);
	dry_run_use(machine->real, true);
	machine_rules(machine, HEAD "media deny\n");
	assert_int_equal(machine_load(machine), 0);
	machine_start(machine);
	assert_int_equal(last_kind(f), ENDER_TRY);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 0);
	reply(f, true, 1, 0);
	(void)told(f, RECORD_MEDIA_ENDED, "unmounted");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_is_not_in_use_ends_at_once_and_silently),
		CASE(what_is_mounted_and_not_held_is_unmounted),
		CASE(a_holder_is_named_and_given_grace),
		CASE(after_the_grace_lazily_then_cut_off),
		CASE(a_holder_that_goes_after_the_lazy_unmount_is_waited_for),
		CASE(a_raw_holder_is_cut_off_after_the_grace),
		CASE(what_cannot_be_cut_off_is_told_and_looked_at_again),
		CASE(read_only_in_place_keeps_the_mount),
		CASE(a_permission_given_back_calls_the_end_off),
		CASE(an_end_decided_while_a_step_runs_begins_after_it),
		CASE(a_step_that_cannot_start_is_tried_again),
		CASE(a_medium_that_does_not_answer_is_cut_off),
		CASE(warnings_come_before_a_deadline),
		CASE(a_late_deadline_leaves_out_what_is_past),
		CASE(the_hour_of_a_rule_is_seen_coming),
		CASE(the_usb_device_waits_for_its_media),
		CASE(a_usb_device_with_nothing_mounted_goes_at_once),
		CASE(without_a_guard_denied_is_told_when_it_is_so),
		CASE(what_was_mounted_before_the_start_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
