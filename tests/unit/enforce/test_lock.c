/* SPDX-License-Identifier: Apache-2.0 */
/* What reaches logind and systemd, over a socket pair instead of a bus. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <systemd/sd-id128.h>

#include "agent/enforce/dry_run.h"
#include "agent/enforce/lock.h"

#define TURNS 32

struct made {
	sd_bus *server;
	sd_bus *client;
	struct lock_real *real;
	char last[128];
	bool is_refusing;
};

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct made *made = userdata;
	const char *text = "";
	uint32_t uid = 0;

	if (sd_bus_message_is_signal(m, NULL, NULL) > 0)
		return 0;
	if (sd_bus_message_has_signature(m, "u") > 0) {
		assert_true(sd_bus_message_read(m, "u", &uid) > 0);
		(void)snprintf(made->last, sizeof(made->last), "%s %s %u",
			       sd_bus_message_get_path(m),
			       sd_bus_message_get_member(m), uid);
	} else {
		assert_true(sd_bus_message_read(m, "s", &text) > 0);
		(void)snprintf(made->last, sizeof(made->last), "%s %s %s",
			       sd_bus_message_get_path(m),
			       sd_bus_message_get_member(m), text);
	}
	if (made->is_refusing)
		return sd_bus_error_set(error, SD_BUS_ERROR_FAILED, "no");
	return sd_bus_reply_method_return(m, NULL);
}

static void start(struct made *made)
{
	sd_id128_t id = SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a,
				      0b, 0c, 0d, 0e, 0f, 10);
	int pair[2];

	*made = (struct made){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(sd_bus_new(&made->server) >= 0);
	assert_true(sd_bus_set_fd(made->server, pair[0], pair[0]) >= 0);
	assert_true(sd_bus_set_server(made->server, 1, id) >= 0);
	assert_true(sd_bus_start(made->server) >= 0);
	assert_true(sd_bus_new(&made->client) >= 0);
	assert_true(sd_bus_set_fd(made->client, pair[1], pair[1]) >= 0);
	assert_true(sd_bus_start(made->client) >= 0);
	assert_true(sd_bus_add_filter(made->server, NULL, on_call, made) >= 0);
	assert_int_equal(lock_real_new(NULL, &made->real), 0);
}

static void stop(struct made *made)
{
	lock_real_free(made->real);
	sd_bus_close_unref(made->client);
	sd_bus_close_unref(made->server);
}

static void pump(struct made *made)
{
	for (int i = 0; i < TURNS; i++) {
		assert_true(sd_bus_process(made->server, NULL) >= 0);
		assert_true(sd_bus_process(made->client, NULL) >= 0);
	}
}

static void each_request_reaches_its_owner(void **state)
{
	struct made made;
	(void)state;

	start(&made);
	lock_real_set_bus(made.real, made.client);
	struct lock lock = lock_real_ops(made.real);
	assert_int_equal(lock.ops->lock(lock.context, "3"), 0);
	pump(&made);
	assert_string_equal(made.last, "/org/freedesktop/login1 LockSession 3");
	assert_int_equal(lock.ops->terminate(lock.context, "c1"), 0);
	pump(&made);
	assert_string_equal(made.last,
			    "/org/freedesktop/login1 TerminateSession c1");
	assert_int_equal(lock.ops->terminate_user(lock.context, 1001), 0);
	pump(&made);
	assert_string_equal(made.last,
			    "/org/freedesktop/login1 TerminateUser 1001");
	assert_int_equal(lock.ops->freeze(lock.context, "session-3.scope"), 0);
	pump(&made);
	assert_string_equal(
		made.last,
		"/org/freedesktop/systemd1 FreezeUnit session-3.scope");
	/* A refusal goes to the log and breaks nothing */
	made.is_refusing = true;
	assert_int_equal(lock.ops->thaw(lock.context, "session-3.scope"), 0);
	pump(&made);
	assert_string_equal(
		made.last,
		"/org/freedesktop/systemd1 ThawUnit session-3.scope");
	stop(&made);
}

static void without_a_bus_nothing_is_promised(void **state)
{
	struct made made;
	(void)state;

	start(&made);
	struct lock lock = lock_real_ops(made.real);
	assert_int_equal(lock.ops->lock(lock.context, "3"), -ENOTCONN);
	lock_real_set_bus(made.real, made.client);
	lock_real_set_bus(made.real, NULL);
	assert_int_equal(lock.ops->terminate(lock.context, "3"), -ENOTCONN);
	assert_int_equal(lock.ops->terminate_user(lock.context, 1), -ENOTCONN);
	assert_int_equal(lock.ops->freeze(lock.context, "x"), -ENOTCONN);
	stop(&made);
}

static void the_twin_remembers(void **state)
{
	struct dry_run *run = NULL;
	(void)state;

	assert_int_equal(dry_run_new(&run), 0);
	struct lock lock = dry_run_lock(run);
	assert_int_equal(lock.ops->lock(lock.context, "3"), 0);
	assert_int_equal(lock.ops->terminate_user(lock.context, 1001), 0);
	assert_string_equal(dry_run_line(run, 0), "lock 3");
	assert_string_equal(dry_run_line(run, 1), "terminate_user 1001");
	dry_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_reaches_its_owner),
		cmocka_unit_test(without_a_bus_nothing_is_promised),
		cmocka_unit_test(the_twin_remembers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
