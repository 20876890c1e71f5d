/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder: nothing is lost while there is no spool, and in order. */
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

#include "agent/daemon/recorder.h"
#include "tests/fakes/tree.h"

struct fixture {
	struct fake_tree tree;
	struct config config;
	struct failures failures;
	struct recorder *recorder;
	int opened;
};

static void tell_start(void *userdata, bool is_first)
{
	struct fixture *fixture = userdata;
	struct record_sink sink = recorder_sink(fixture->recorder);
	const struct record record = {
		.code = RECORD_AGENT_START,
		.u.agent = {.prev_stop = is_first ? "first" : "clean"},
	};

	fixture->opened++;
	sink.emit(sink.userdata, &record);
}

static int setup(void **state)
{
	static struct fixture fixture;
	const struct recorder_options options = {
		.config = &fixture.config,
		.failures = &fixture.failures,
		.on_open = tell_start,
		.userdata = &fixture,
	};

	memset(&fixture, 0, sizeof(fixture));
	config_init(&fixture.config);
	fixture.config.spool_mib = 8;
	fixture.config.queue_events = 64;
	fake_tree_init(&fixture.tree);
	struct recorder_options with_root = options;
	with_root.root_fd = fixture.tree.fd;
	assert_int_equal(recorder_new(&with_root, &fixture.recorder), 0);
	const struct record_policy policy = {.name = "t",
					     .digest = "sha256:00"};
	recorder_set_policy(fixture.recorder, &policy, "mynumber");
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	recorder_free(fixture->recorder, 2000);
	fake_tree_fini(&fixture->tree);
	return 0;
}

static void make_dirs(struct fixture *fixture)
{
	fake_dir(&fixture->tree, "var/lib/sekimori/spool");
	fake_dir(&fixture->tree, "run/sekimori");
}

static void emit_gap(struct fixture *fixture, uint64_t number)
{
	struct record_sink sink = recorder_sink(fixture->recorder);
	/* A record with numbers and a text that must be copied */
	char why[32];
	const struct record record = {
		.code = RECORD_LOG_GAP,
		.u.gap = {.first = number, .count = 1, .why = why},
	};

	(void)snprintf(why, sizeof(why), "number %llu",
		       (unsigned long long)number);
	sink.emit(sink.userdata, &record);
	memset(why, 'x', sizeof(why) - 1);
}

struct seen {
	uint64_t next_seq;
	size_t count;
	char texts[128][4096];
};

static int see(uint64_t seq, const char *json, size_t size, void *userdata)
{
	struct seen *seen = userdata;

	assert_int_equal(seq, seen->next_seq++);
	assert_true(seen->count < 128 && size < sizeof(seen->texts[0]));
	memcpy(seen->texts[seen->count], json, size);
	seen->texts[seen->count++][size] = '\0';
	return 0;
}

static struct seen *read_all(struct fixture *fixture)
{
	static struct seen seen;
	struct recorder_status status;

	memset(&seen, 0, sizeof(seen));
	seen.next_seq = 1;
	/* Durable a moment after the append: the spool's thread writes */
	for (int i = 0; i < 1000; i++) {
		recorder_dispatch(fixture->recorder);
		recorder_status(fixture->recorder, &status);
		if (status.queued == 0 &&
		    status.spool.durable_seq == status.spool.last_seq)
			break;
		struct timespec pause = {.tv_nsec = 5000000};
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	assert_int_equal(recorder_each(fixture->recorder, 0, 128, see, &seen),
			 0);
	return &seen;
}

static void an_event_may_bring_its_own_policy(void **state)
{
	struct fixture *fixture = *state;
	struct record_sink sink = recorder_sink(fixture->recorder);
	char name[] = "trial";
	struct usb_fact usb = {.vendor_id = 0x0411};
	struct record_policy policy = {.name = name,
				       .mode = RECORD_MODE_ENFORCE};
	const struct record record = {
		.code = RECORD_USB_DEVICE_BLOCKED,
		.policy = &policy,
		.usb = &usb,
		.decision = {.layer = "usb_authorize"},
	};

	/* once through the queue, whose copy must be its own, once not */
	sink.emit(sink.userdata, &record);
	memset(name, 'x', sizeof(name) - 1);
	make_dirs(fixture);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	memcpy(name, "trial", sizeof(name));
	sink.emit(sink.userdata, &record);
	const struct seen *seen = read_all(fixture);
	size_t count = 0;
	for (size_t i = 0; i < seen->count; i++)
		count += strstr(seen->texts[i], "\"name\":\"trial\"") &&
			 strstr(seen->texts[i], "\"mode\":\"enforce\"");
	assert_int_equal(count, 2);
}

static void events_wait_for_the_spool_in_order(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t i = 1; i <= 5; i++)
		emit_gap(fixture, i);
	assert_true(recorder_open(fixture->recorder) < 0);
	assert_true(fixture->failures.active[FAILURE_SPOOL_ABSENT]);
	make_dirs(fixture);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	assert_int_equal(fixture->opened, 1);
	assert_false(fixture->failures.active[FAILURE_SPOOL_ABSENT]);
	emit_gap(fixture, 6);

	const struct seen *seen = read_all(fixture);
	assert_int_equal(seen->count, 7);
	assert_non_null(strstr(seen->texts[0], "\"agent.start\""));
	for (size_t i = 1; i <= 6; i++) {
		char wanted[32], sequence[32];
		snprintf(wanted, sizeof(wanted), "number %zu", i);
		snprintf(sequence, sizeof(sequence), "\"sequence\":%zu", i + 1);
		assert_non_null(strstr(seen->texts[i], wanted));
		assert_non_null(strstr(seen->texts[i], sequence));
	}
}

static void what_does_not_fit_is_counted_and_told(void **state)
{
	struct fixture *fixture = *state;
	struct recorder_status status;

	for (uint64_t i = 0; i < 70; i++)
		emit_gap(fixture, i);
	recorder_status(fixture->recorder, &status);
	assert_int_equal(status.queued, 64);
	assert_int_equal(status.dropped, 6);
	make_dirs(fixture);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	const struct seen *seen = read_all(fixture);
	assert_int_equal(seen->count, 1 + 64 + 1);
	assert_non_null(strstr(seen->texts[65], "\"log.gap\""));
	assert_non_null(strstr(seen->texts[65], "\"count\":6"));
}

static void the_terminal_keeps_its_id_and_stream(void **state)
{
	struct fixture *fixture = *state;
	struct recorder_status before, after;
	char id[64];

	make_dirs(fixture);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	recorder_status(fixture->recorder, &before);
	snprintf(id, sizeof(id), "%s",
		 recorder_terminal(fixture->recorder)->uid);
	assert_int_equal(strlen(id), 32);
	assert_memory_equal(fake_read(&fixture->tree,
				      "var/lib/sekimori/terminal.id"),
			    id, 32);
	recorder_free(fixture->recorder, 2000);

	const struct recorder_options options = {
		.root_fd = fixture->tree.fd,
		.config = &fixture->config,
		.failures = &fixture->failures,
	};
	assert_int_equal(recorder_new(&options, &fixture->recorder), 0);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	recorder_status(fixture->recorder, &after);
	assert_string_equal(after.stream, before.stream);
	assert_string_equal(recorder_terminal(fixture->recorder)->uid, id);
}

static void an_id_that_is_none_is_never_replaced(void **state)
{
	struct fixture *fixture = *state;

	make_dirs(fixture);
	fake_text(&fixture->tree, "var/lib/sekimori/terminal.id", "hello\n");
	assert_int_equal(recorder_open(fixture->recorder), -EBADMSG);
	assert_string_equal(fake_read(&fixture->tree,
				      "var/lib/sekimori/terminal.id"),
			    "hello\n");
}

static void a_cursor_of_another_spool_frees_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct recorder_status status;

	make_dirs(fixture);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	emit_gap(fixture, 1);
	(void)read_all(fixture);
	fake_text(&fixture->tree, CURSOR_PATH,
		  "00000000000000000000000000000001 2 17 ok\n");
	recorder_read_cursor(fixture->recorder);
	recorder_status(fixture->recorder, &status);
	assert_int_equal(status.spool.acked_seq, 0);
	/* Of ours, but of events that do not exist */
	fake_text(&fixture->tree, CURSOR_PATH, "%s 900 17 ok\n", status.stream);
	recorder_read_cursor(fixture->recorder);
	recorder_status(fixture->recorder, &status);
	assert_int_equal(status.spool.acked_seq, 0);
	fake_text(&fixture->tree, CURSOR_PATH, "%s 2 17 ok\n", status.stream);
	recorder_read_cursor(fixture->recorder);
	recorder_status(fixture->recorder, &status);
	assert_int_equal(status.spool.acked_seq, 2);
}

static void a_refused_history_ends_in_a_new_stream(void **state)
{
	struct fixture *fixture = *state;
	struct recorder_status before, after;

	make_dirs(fixture);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	for (uint64_t i = 2; i <= 5; i++)
		emit_gap(fixture, i);
	(void)read_all(fixture);
	recorder_status(fixture->recorder, &before);
	/* Of another stream it means nothing */
	fake_text(&fixture->tree, CURSOR_PATH,
		  "00000000000000000000000000000001 2 17 mismatch: other\n");
	recorder_read_cursor(fixture->recorder);
	assert_false(recorder_is_forked(fixture->recorder));
	fake_text(&fixture->tree, CURSOR_PATH, "%s 2 17 mismatch: other\n",
		  before.stream);
	recorder_read_cursor(fixture->recorder);
	assert_true(recorder_is_forked(fixture->recorder));
	assert_int_equal(recorder_renew(fixture->recorder), 0);

	recorder_status(fixture->recorder, &after);
	assert_string_not_equal(before.stream, after.stream);
	emit_gap(fixture, 7);
	const struct seen *seen = read_all(fixture);
	assert_int_equal(seen->count, 2);
	/* Told first, with the old stream and what of it is only here: 3..5 */
	assert_non_null(strstr(seen->texts[0], "\"spool.reset\""));
	assert_non_null(strstr(seen->texts[0], before.stream));
	assert_non_null(strstr(seen->texts[0], "\"first\":3,\"last\":5,"
					       "\"count\":3,"
					       "\"why\":\"forked\""));
	assert_non_null(strstr(seen->texts[1], "number 7"));
	assert_int_equal(fixture->opened, 1);
	recorder_read_cursor(fixture->recorder);
	assert_false(recorder_is_forked(fixture->recorder));
}

static void a_new_key_is_told_and_kept(void **state)
{
	struct fixture *fixture = *state;
	char before[512];

	assert_int_equal(recorder_rotate_key(fixture->recorder), -EAGAIN);
	make_dirs(fixture);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	emit_gap(fixture, 1);
	snprintf(before, sizeof(before), "%s",
		 fake_read(&fixture->tree, "var/lib/sekimori/host.pub"));
	assert_int_equal(recorder_rotate_key(fixture->recorder), 0);
	emit_gap(fixture, 2);
	const struct seen *seen = read_all(fixture);
	assert_int_equal(seen->count, 4);
	const char *told = strstr(seen->texts[2], "\"old_id\":\"");
	assert_non_null(told);
	assert_non_null(strstr(seen->texts[2], "\"key.rotate\""));

	/* The old public half under its id, the new one in its place */
	char path[128];
	snprintf(path, sizeof(path), "var/lib/sekimori/host.pub.%.32s",
		 told + strlen("\"old_id\":\""));
	assert_string_equal(fake_read(&fixture->tree, path), before);
	assert_string_not_equal(
		fake_read(&fixture->tree, "var/lib/sekimori/host.pub"), before);
	/* And it is the one that the next start finds */
	recorder_free(fixture->recorder, 2000);
	const struct recorder_options options = {
		.root_fd = fixture->tree.fd,
		.config = &fixture->config,
		.failures = &fixture->failures,
	};
	assert_int_equal(recorder_new(&options, &fixture->recorder), 0);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	assert_int_equal(recorder_rotate_key(fixture->recorder), 0);
	seen = read_all(fixture);
	const char *new_id = strstr(seen->texts[2], "\"new_id\":\"");
	assert_non_null(new_id);
	assert_non_null(strstr(seen->texts[4], "\"key.rotate\""));
	told = strstr(seen->texts[4], "\"old_id\":\"");
	assert_non_null(told);
	assert_memory_equal(told + 10, new_id + 10, 32);
}

static void emit_step(struct fixture *fixture)
{
	struct record_sink sink = recorder_sink(fixture->recorder);
	const struct record record = {
		.code = RECORD_CLOCK_STEP,
		.u.step = {.step_ms = 7, .source = "a test"},
	};

	sink.emit(sink.userdata, &record);
}

/* What a full spool told: log.gap's in all, events in them, denials. */
struct tally {
	size_t gaps;
	uint64_t folded;
	size_t denials;
};

static int tally_one(uint64_t seq, const char *json, size_t size,
		     void *userdata)
{
	static const char key[] = "\"clock.step\":";
	struct tally *tally = userdata;

	(void)seq;
	if (memmem(json, size, "\"log.gap\"", 9)) {
		const char *at = memmem(json, size, key, strlen(key));

		assert_non_null(memmem(json, size, "\"from\":", 7));
		assert_non_null(at);
		tally->gaps++;
		tally->folded += strtoull(at + strlen(key), NULL, 10);
	}
	tally->denials += memmem(json, size, "\"media.denied\"", 14) != NULL;
	return 0;
}

static void emit_denial(struct fixture *fixture)
{
	struct record_sink sink = recorder_sink(fixture->recorder);
	struct media_fact media = {.devname = "sda"};
	const struct record record = {
		.code = RECORD_MEDIA_DENIED,
		.media = &media,
		.decision = {.layer = "cgroup_dev"},
	};

	sink.emit(sink.userdata, &record);
}

static void settle(struct fixture *fixture)
{
	struct recorder_status status;

	for (int i = 0; i < 2000; i++) {
		recorder_dispatch(fixture->recorder);
		recorder_status(fixture->recorder, &status);
		if (status.queued == 0 &&
		    status.spool.durable_seq == status.spool.last_seq)
			return;
		struct timespec pause = {.tv_nsec = 1000000};
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	fail_msg("the queue does not drain");
}

static void a_full_spool_folds_keeps_denials_and_drains(void **state)
{
	struct fixture *fixture = *state;
	struct recorder_status status;
	struct tally tally = {0};
	uint64_t emitted = 0;

	make_dirs(fixture);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	do {
		for (int i = 0; i < 50; i++)
			emit_step(fixture);
		emitted += 50;
		settle(fixture);
		recorder_status(fixture->recorder, &status);
		assert_true(emitted < 100000);
	} while (status.dropped < 1000);
	for (int i = 0; i < 500; i++) {
		emit_denial(fixture);
		emit_step(fixture);
		emitted++;
		settle(fixture);
	}
	recorder_status(fixture->recorder, &status);
	assert_true(fixture->failures.active[FAILURE_SPOOL_WRITE]);
	assert_int_equal(recorder_each(fixture->recorder, 0, UINT32_MAX,
				       tally_one, &tally),
			 0);
	/* Told early, and not once for each: the reserve is for denials */
	assert_int_equal(tally.denials, 500);
	assert_in_range(tally.gaps, 5, 15);
	assert_true(2 * tally.folded >= status.dropped);

	/* Acknowledged: room comes back, and what was left is told */
	fake_text(&fixture->tree, CURSOR_PATH, "%s %llu 17 ok\n", status.stream,
		  (unsigned long long)status.spool.durable_seq);
	uint64_t after = status.spool.durable_seq;
	recorder_read_cursor(fixture->recorder);
	for (int i = 0; i < 2000; i++) {
		settle(fixture);
		recorder_status(fixture->recorder, &status);
		if (status.spool.last_seq > after)
			break;
		struct timespec pause = {.tv_nsec = 1000000};
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	settle(fixture);
	assert_int_equal(recorder_each(fixture->recorder, after, UINT32_MAX,
				       tally_one, &tally),
			 0);
	assert_int_equal(tally.folded, status.dropped);
	uint64_t dropped = status.dropped;
	emit_step(fixture);
	settle(fixture);
	recorder_status(fixture->recorder, &status);
	assert_int_equal(status.dropped, dropped);
	assert_false(fixture->failures.active[FAILURE_SPOOL_WRITE]);
}

static void a_denial_takes_a_lesser_events_place_in_the_queue(void **state)
{
	struct fixture *fixture = *state;
	struct recorder_status status;

	for (int i = 0; i < 64; i++)
		emit_step(fixture);
	for (int i = 0; i < 10; i++)
		emit_denial(fixture);
	recorder_status(fixture->recorder, &status);
	assert_int_equal(status.queued, 64);
	assert_int_equal(status.dropped, 10);
	make_dirs(fixture);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	const struct seen *seen = read_all(fixture);
	size_t denials = 0;
	for (size_t i = 0; i < seen->count; i++)
		denials += strstr(seen->texts[i], "\"media.denied\"") != NULL;
	assert_int_equal(denials, 10);
	assert_non_null(strstr(seen->texts[seen->count - 1],
			       "\"folded\":{\"clock.step\":10}"));
}

static void reading_on_gives_each_event_once(void **state)
{
	struct fixture *fixture = *state;
	uint64_t read = 0;

	make_dirs(fixture);
	assert_int_equal(recorder_open(fixture->recorder), 0);
	for (int round = 0; round < 5; round++) {
		for (uint64_t i = 0; i < 4; i++)
			emit_gap(fixture, 1000 + i);
		struct seen *seen = read_all(fixture);
		size_t all = seen->count;
		/* From where the last reader stands, and from elsewhere */
		seen->next_seq = read + 1;
		seen->count = 0;
		for (; read < all; read++)
			assert_int_equal(recorder_each(fixture->recorder, read,
						       1, see, seen),
					 0);
		assert_int_equal(seen->next_seq, all + 1);
		seen->next_seq = 2;
		assert_int_equal(
			recorder_each(fixture->recorder, 1, 1, see, seen), 0);
		assert_int_equal(
			recorder_each(fixture->recorder, all, 9, see, seen), 0);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(an_event_may_bring_its_own_policy),
		CASE(events_wait_for_the_spool_in_order),
		CASE(what_does_not_fit_is_counted_and_told),
		CASE(the_terminal_keeps_its_id_and_stream),
		CASE(an_id_that_is_none_is_never_replaced),
		CASE(reading_on_gives_each_event_once),
		CASE(a_new_key_is_told_and_kept),
		CASE(a_full_spool_folds_keeps_denials_and_drains),
		CASE(a_denial_takes_a_lesser_events_place_in_the_queue),
		CASE(a_cursor_of_another_spool_frees_nothing),
		CASE(a_refused_history_ends_in_a_new_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
