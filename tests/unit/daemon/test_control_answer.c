/* SPDX-License-Identifier: Apache-2.0 */
/* Answers on the bus: one call brings as many events as it asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/daemon/context.h"
#include "agent/daemon/control_answer.h"
#include "agent/daemon/recorder.h"
#include "tests/fakes/tree.h"

#define EVENTS 40

struct fixture {
	struct fake_tree tree;
	struct config config;
	struct daemon daemon;
	sd_bus *bus;
	int peer; /* never speaks */
};

/* A bus that has begun to connect can make messages. */
static void open_bus(struct fixture *fixture)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	fixture->peer = fds[1];
	assert_int_equal(sd_bus_new(&fixture->bus), 0);
	assert_int_equal(sd_bus_set_fd(fixture->bus, fds[0], fds[0]), 0);
	assert_true(sd_bus_start(fixture->bus) >= 0);
}

static void emit_events(struct fixture *fixture)
{
	struct recorder *recorder = fixture->daemon.recorder;
	struct record_sink sink = recorder_sink(recorder);
	const struct record record = {
		.code = RECORD_LOG_GAP,
		.u.gap = {.count = 1, .why = "test"},
	};
	struct recorder_status status;

	for (int i = 0; i < EVENTS; i++)
		sink.emit(sink.userdata, &record);
	for (int i = 0; i < 1000; i++) {
		const struct timespec pause = {.tv_nsec = 5000000};

		recorder_dispatch(recorder);
		recorder_status(recorder, &status);
		if (status.spool.durable_seq >= EVENTS)
			return;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	fail_msg("the events are not durable");
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct recorder_options options = {
		.config = &fixture.config,
		.failures = &fixture.daemon.failures,
	};

	memset(&fixture, 0, sizeof(fixture));
	config_init(&fixture.config);
	fixture.config.spool_mib = 8;
	fake_tree_init(&fixture.tree);
	fake_dir(&fixture.tree, "var/lib/sekimori/spool");
	fake_dir(&fixture.tree, "run/sekimori");
	options.root_fd = fixture.tree.fd;
	assert_int_equal(recorder_new(&options, &fixture.daemon.recorder), 0);
	assert_int_equal(recorder_open(fixture.daemon.recorder), 0);
	open_bus(&fixture);
	emit_events(&fixture);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	(void)sd_bus_close_unref(fixture->bus);
	(void)close(fixture->peer);
	recorder_free(fixture->daemon.recorder, 2000);
	fake_tree_fini(&fixture->tree);
	return 0;
}

/* How many the answer has; *ret_last is the last one's number. */
static size_t count_events(struct fixture *fixture, uint64_t after,
			   uint32_t max, uint64_t *ret_last)
{
	sd_bus_message *message = NULL;
	const char *json;
	size_t count = 0;

	assert_true(sd_bus_message_new_signal(fixture->bus, &message, "/t",
					      "t.t", "T") >= 0);
	assert_int_equal(answer_events(&fixture->daemon, after, max, message),
			 0);
	assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
	assert_true(sd_bus_message_enter_container(message, 'a', "(ts)") > 0);
	while (sd_bus_message_read(message, "(ts)", ret_last, &json) > 0) {
		assert_int_equal(*ret_last, after + 1 + count);
		count++;
	}
	sd_bus_message_unref(message);
	return count;
}

static void one_call_brings_as_many_events_as_it_asks_for(void **state)
{
	struct fixture *fixture = *state;
	uint64_t last = 0;

	assert_int_equal(count_events(fixture, 0, 16, &last), 16);
	assert_int_equal(count_events(fixture, last, 16, &last), 16);
	assert_int_equal(count_events(fixture, last, 256, &last), EVENTS - 32);
	assert_int_equal(last, EVENTS);
	assert_int_equal(count_events(fixture, last, 256, &last), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			one_call_brings_as_many_events_as_it_asks_for, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
