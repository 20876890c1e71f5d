/* SPDX-License-Identifier: Apache-2.0 */
/* A made logind at the other end of a socket pair: no bus, no privilege. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <systemd/sd-id128.h>

#include "agent/sense/login.h"
#include "tests/fakes/tree.h"

#define NAME  "org.freedesktop.login1"
#define PATH  "/org/freedesktop/login1"
#define FIRST PATH "/session/_33" /* "3" */
#define TURNS 64

struct made {
	struct fake_tree tree;
	sd_bus *server;
	sd_bus *client;
	struct login_watch *watch;
	bool is_there; /* session "3" */
	int is_locked;
	struct login_session last;
	char gone[LOGIN_SESSION_ID_SIZE];
	unsigned int seen, listed, woken;
};

/* --- logind --------------------------------------------------------------- */

static int on_list(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const struct made *made = userdata;

	(void)error;
	if (!made->is_there)
		return sd_bus_reply_method_return(m, "a(susso)", 0);
	return sd_bus_reply_method_return(m, "a(susso)", 1, "3", 1001, "sato",
					  "seat0", FIRST);
}

static int on_get_all(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const struct made *made = userdata;

	if (!made->is_there)
		return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_OBJECT,
					"gone");
	return sd_bus_reply_method_return(
		m, "a{sv}", 15, "Id", "s", "3", "Name", "s", "sato", "User",
		"(uo)", 1001, PATH "/user/_1001", "Seat", "(so)", "seat0",
		PATH "/seat/seat0", "Leader", "u", 700, "Service", "s", "login",
		"TTY", "s", "tty2", "Type", "s", "tty", "Class", "s", "user",
		"Scope", "s", "session-3.scope", "Timestamp", "t",
		(uint64_t)1764567000000000, "VTNr", "u", 2, "Active", "b", 1,
		"Remote", "b", 0, "LockedHint", "b", made->is_locked);
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("ListSessions", "", "a(susso)", on_list, 0),
	SD_BUS_VTABLE_END,
};

/* Properties of an interface are libsystemd's; this one stands in for them. */
static int on_any(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties",
					  "GetAll"))
		return on_get_all(m, userdata, error);
	return 0;
}

static void pump(struct made *made)
{
	for (int i = 0; i < TURNS; i++) {
		assert_true(sd_bus_process(made->server, NULL) >= 0);
		assert_true(sd_bus_process(made->client, NULL) >= 0);
	}
}

/* --- the daemon's side ------------------------------------------------------ */

static void seen(void *userdata, const struct login_session *session)
{
	struct made *made = userdata;

	made->last = *session;
	made->seen++;
}

static void gone(void *userdata, const char *id)
{
	struct made *made = userdata;

	(void)snprintf(made->gone, sizeof(made->gone), "%s", id);
}

static void listed(void *userdata)
{
	((struct made *)userdata)->listed++;
}

static void woken(void *userdata)
{
	((struct made *)userdata)->woken++;
}

static const struct login_watch_ops ops = {seen, gone, listed, woken};

static int setup(void **state)
{
	struct made *made = calloc(1, sizeof(*made));
	sd_id128_t id = SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a,
				      0b, 0c, 0d, 0e, 0f, 10);
	int pair[2];

	assert_non_null(made);
	fake_tree_init(&made->tree);
	fake_text(&made->tree, "proc/700/stat",
		  "700 (login (x) y) S 1 700 700 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 "
		  "0 4242 0 0");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(sd_bus_new(&made->server) >= 0);
	assert_true(sd_bus_set_fd(made->server, pair[0], pair[0]) >= 0);
	assert_true(sd_bus_set_server(made->server, 1, id) >= 0);
	assert_true(sd_bus_start(made->server) >= 0);
	assert_true(sd_bus_new(&made->client) >= 0);
	assert_true(sd_bus_set_fd(made->client, pair[1], pair[1]) >= 0);
	assert_true(sd_bus_start(made->client) >= 0);
	assert_true(sd_bus_add_object_vtable(made->server, NULL, PATH,
					     NAME ".Manager", manager,
					     made) >= 0);
	assert_true(sd_bus_add_fallback(made->server, NULL, PATH "/session",
					on_any, made) >= 0);
	made->is_there = true;
	*state = made;
	return 0;
}

static int teardown(void **state)
{
	struct made *made = *state;

	login_watch_free(made->watch);
	sd_bus_close_unref(made->client);
	sd_bus_close_unref(made->server);
	fake_tree_fini(&made->tree);
	free(made);
	return 0;
}

static void watch(struct made *made)
{
	assert_int_equal(login_watch_new(made->client, made->tree.fd, &ops,
					 made, &made->watch),
			 0);
	pump(made);
}

static void what_is_there_is_told_and_then_the_end_of_the_list(void **state)
{
	struct made *made = *state;
	const struct login_session *s = &made->last;

	watch(made);
	assert_int_equal(made->seen, 1);
	assert_int_equal(made->listed, 1);
	assert_string_equal(s->id, "3");
	assert_string_equal(s->user, "sato");
	assert_int_equal(s->uid, 1001);
	assert_int_equal(s->leader, 700);
	assert_int_equal(s->leader_start, 4242);
	assert_string_equal(s->service, "login");
	assert_string_equal(s->seat, "seat0");
	assert_string_equal(s->tty, "tty2");
	assert_string_equal(s->scope, "session-3.scope");
	assert_true(s->is_active);
	assert_false(s->is_hint_locked);
}

static void an_empty_list_ends_too(void **state)
{
	struct made *made = *state;

	made->is_there = false;
	watch(made);
	assert_int_equal(made->seen, 0);
	assert_int_equal(made->listed, 1);
}

static void a_change_is_asked_about(void **state)
{
	struct made *made = *state;

	watch(made);
	made->is_locked = 1;
	assert_true(sd_bus_emit_signal(made->server, FIRST,
				       "org.freedesktop.DBus.Properties",
				       "PropertiesChanged", "sa{sv}as",
				       NAME ".Session", 1, "LockedHint", "b", 0,
				       0) >= 0);
	pump(made);
	assert_int_equal(made->seen, 2);
	/* not what the signal says, but what the session's owner answers */
	assert_true(made->last.is_hint_locked);
}

static void a_removal_that_is_not_true_ends_nothing(void **state)
{
	struct made *made = *state;

	watch(made);
	assert_true(sd_bus_emit_signal(made->server, PATH, NAME ".Manager",
				       "SessionRemoved", "so", "3",
				       FIRST) >= 0);
	pump(made);
	assert_string_equal(made->gone, "");
	made->is_there = false;
	assert_true(sd_bus_emit_signal(made->server, PATH, NAME ".Manager",
				       "SessionRemoved", "so", "3",
				       FIRST) >= 0);
	pump(made);
	assert_string_equal(made->gone, "3");
}

static void waking_up_is_told_and_going_to_sleep_is_not(void **state)
{
	struct made *made = *state;

	watch(made);
	for (int is_beginning = 1; is_beginning >= 0; is_beginning--) {
		assert_true(sd_bus_emit_signal(made->server, PATH,
					       NAME ".Manager",
					       "PrepareForSleep", "b",
					       is_beginning) >= 0);
		pump(made);
		assert_int_equal(made->woken, !is_beginning);
	}
}

static void a_leader_that_is_gone_has_no_start(void **state)
{
	struct made *made = *state;

	fake_remove(&made->tree, "proc/700/stat");
	watch(made);
	assert_int_equal(made->last.leader_start, 0);
}

static void the_end_of_the_bus_is_not_the_end_of_sessions(void **state)
{
	struct made *made = *state;

	watch(made);
	login_watch_look(made->watch, "3");
	sd_bus_close(made->server);
	for (int i = 0; i < TURNS; i++)
		(void)sd_bus_process(made->client, NULL);
	assert_string_equal(made->gone, "");
}

static void processes_belong_to_sessions_by_their_cgroup(void **state)
{
	static const struct {
		const char *text;
		int r;
		const char *id;
		uint32_t uid;
	} rows[] = {
		{"0::/user.slice/user-1001.slice/session-3.scope\n", 0, "3",
		 1001},
		{"0::/user.slice/user-1001.slice/session-c12.scope/x\n", 0,
		 "c12", 1001},
		{"0::/user.slice/user-1001.slice/user@1001.service/app.slice\n",
		 0, "", 1001},
		{"0::/system.slice/gdm.service\n", -ENOENT, "", 0},
		{"0::/\n", -ENOENT, "", 0},
		{"0::/system.slice/a/0::/user.slice/user-0.slice/"
		 "session-3.scope\n",
		 -ENOENT, "", 0},
		{"", -ENOENT, "", 0},
		{"0::/user.slice/user-.slice/session-3.scope\n", -ENOENT, "",
		 0},
		{"0::/user.slice/user--1.slice/session-3.scope\n", -ENOENT, "",
		 0},
		{"0::/user.slice/user-1001.slice/x\n", -ENOENT, "", 0},
		{"0::/user.slice/user-1001.slice/session-.scope\n", -ENOENT, "",
		 0},
		{"0::/user.slice/user-99999999999.slice/session-3.scope\n",
		 -ENOENT, "", 0},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char id[LOGIN_SESSION_ID_SIZE] = "?";
		uint32_t uid = 7;

		assert_int_equal(login_parse_cgroup(rows[i].text, id, &uid),
				 rows[i].r);
		assert_string_equal(id, rows[i].r ? "?" : rows[i].id);
		assert_int_equal(uid, rows[i].r ? 7 : rows[i].uid);
	}
}

/* A user may make cgroups below user@: a name there is nobody's proof. */
static void a_name_below_the_users_manager_is_no_session(void **state)
{
	char id[LOGIN_SESSION_ID_SIZE] = "?";
	uint32_t uid = 0;
	(void)state;

	assert_int_equal(
		login_parse_cgroup("0::/user.slice/user-1001.slice/"
				   "user@1001.service/session-3.scope\n",
				   id, &uid),
		0);
	assert_string_equal(id, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_told_and_then_the_end_of_the_list),
		TEST(an_empty_list_ends_too),
		TEST(a_change_is_asked_about),
		TEST(a_removal_that_is_not_true_ends_nothing),
		TEST(waking_up_is_told_and_going_to_sleep_is_not),
		TEST(a_leader_that_is_gone_has_no_start),
		TEST(the_end_of_the_bus_is_not_the_end_of_sessions),
		cmocka_unit_test(processes_belong_to_sessions_by_their_cgroup),
		cmocka_unit_test(a_name_below_the_users_manager_is_no_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
