/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One asynchronous GetAll a session, asked again whenever a signal says that
 * something may have changed. The questions on their way belong to the watch,
 * which ends them when it is freed.
 */
#include "agent/sense/login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/proc.h"

#include "agent/base/banned.h"

#define NAME	    "org.freedesktop.login1"
#define PATH	    "/org/freedesktop/login1"
#define SESSIONS    PATH "/session"
#define PROPERTIES  "org.freedesktop.DBus.Properties"
#define CGROUP_MAX  4096
#define SIGNALS_MAX 4

struct question {
	struct question *next;
	struct login_watch *watch;
	sd_bus_slot *slot;
	bool is_first; /* of the list at the beginning */
	char id[LOGIN_SESSION_ID_SIZE];
};

struct login_watch {
	sd_bus *bus;
	int root_fd;
	struct login_watch_ops ops;
	void *userdata;
	sd_bus_slot *signals[SIGNALS_MAX];
	sd_bus_slot *list;
	struct question *questions;
	unsigned int question_count;
	unsigned int first_count; /* of those, not answered yet */
};

/* --- one session ----------------------------------------------------------
 */

/* A property of the kind "string", cut to its field; others are skipped. */
static int read_text(sd_bus_message *m, char *ret_text, size_t size)
{
	const char *text = NULL;

	int r = sd_bus_message_read(m, "v", "s", &text);
	if (r < 0)
		return r;
	(void)snprintf(ret_text, size, "%s", text);
	return 0;
}

static int read_bool(sd_bus_message *m, bool *ret_bool)
{
	int value = 0;

	int r = sd_bus_message_read(m, "v", "b", &value);
	if (r >= 0)
		*ret_bool = value;
	return r;
}

/* User is (uo), Seat is (so). */
static int read_user(sd_bus_message *m, uint32_t *ret_uid)
{
	const char *path = NULL;

	return sd_bus_message_read(m, "v", "(uo)", ret_uid, &path);
}

static int read_seat(sd_bus_message *m, char *ret_seat, size_t size)
{
	const char *seat = NULL, *path = NULL;

	int r = sd_bus_message_read(m, "v", "(so)", &seat, &path);
	if (r >= 0)
		(void)snprintf(ret_seat, size, "%s", seat);
	return r;
}

/* CLOCK_MONOTONIC of logind to CLOCK_BOOTTIME: sleep since then counts. */
static int read_idle(sd_bus_message *m, uint64_t *ret_boot_ns)
{
	uint64_t then_us = 0;

	int r = sd_bus_message_read(m, "v", "t", &then_us);
	if (r < 0 || then_us == 0)
		return r;
	uint64_t mono_ns = clock_mono_ns(), boot_ns = clock_boot_ns();
	uint64_t then_ns = then_us * 1000;
	uint64_t ago_ns = then_ns < mono_ns ? mono_ns - then_ns : 0;
	*ret_boot_ns = ago_ns < boot_ns ? boot_ns - ago_ns : 1;
	return r;
}

/* Strings of a session by the name of their property. */
static char *text_of(struct login_session *s, const char *key, size_t *ret_size)
{
	const struct {
		const char *key;
		char *text;
		size_t size;
	} rows[] = {
		{"Id", s->id, sizeof(s->id)},
		{"Name", s->user, sizeof(s->user)},
		{"Service", s->service, sizeof(s->service)},
		{"TTY", s->tty, sizeof(s->tty)},
		{"Type", s->type, sizeof(s->type)},
		{"Class", s->class_name, sizeof(s->class_name)},
		{"Scope", s->scope, sizeof(s->scope)},
		{"RemoteHost", s->rhost, sizeof(s->rhost)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].key, key) == 0) {
			*ret_size = rows[i].size;
			return rows[i].text;
		}
	return NULL;
}

static int read_property(sd_bus_message *m, const char *key,
			 struct login_session *s)
{
	size_t size = 0;
	char *text = text_of(s, key, &size);

	if (text)
		return read_text(m, text, size);
	if (strcmp(key, "User") == 0)
		return read_user(m, &s->uid);
	if (strcmp(key, "Seat") == 0)
		return read_seat(m, s->seat, sizeof(s->seat));
	if (strcmp(key, "Leader") == 0)
		return sd_bus_message_read(m, "v", "u", &s->leader);
	if (strcmp(key, "Timestamp") == 0)
		return sd_bus_message_read(m, "v", "t", &s->wall_since_us);
	if (strcmp(key, "IdleSinceHintMonotonic") == 0)
		return read_idle(m, &s->idle_since_boot_ns);
	if (strcmp(key, "IdleHint") == 0)
		return read_bool(m, &s->is_idle);
	if (strcmp(key, "Active") == 0)
		return read_bool(m, &s->is_active);
	if (strcmp(key, "Remote") == 0)
		return read_bool(m, &s->is_remote);
	if (strcmp(key, "LockedHint") == 0)
		return read_bool(m, &s->is_hint_locked);
	return sd_bus_message_skip(m, "v");
}

static int read_session(sd_bus_message *m, struct login_session *ret_session)
{
	struct login_session session = {.uid = UINT32_MAX};
	const char *key = NULL;

	int r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 &&
	       (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &key);
		if (r >= 0)
			r = read_property(m, key, &session);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r < 0)
		return r;
	if (session.id[0] == '\0' || session.uid == UINT32_MAX)
		return -EBADMSG;
	*ret_session = session;
	return 0;
}

/* --- asking ------------------------------------------------------------- */

static void end_question(struct question *question)
{
	struct login_watch *watch = question->watch;
	struct question **at = &watch->questions;

	while (*at != question)
		at = &(*at)->next;
	*at = question->next;
	watch->question_count--;
	bool is_last_of_list = question->is_first && --watch->first_count == 0;
	sd_bus_slot_unref(question->slot);
	free(question);
	if (is_last_of_list)
		watch->ops.listed(watch->userdata);
}

/* The end of a session, and not of the bus or of logind's patience. */
static bool is_no_such(sd_bus_message *reply)
{
	return sd_bus_message_is_method_error(reply,
					      SD_BUS_ERROR_UNKNOWN_OBJECT) ||
	       sd_bus_message_is_method_error(reply, NAME ".NoSuchSession");
}

static int on_session(sd_bus_message *reply, void *userdata,
		      sd_bus_error *error)
{
	struct question *question = userdata;
	struct login_watch *watch = question->watch;
	struct login_session session;

	(void)error;
	if (is_no_such(reply)) {
		watch->ops.gone(watch->userdata, question->id);
	} else if (read_session(reply, &session) == 0) {
		if (proc_start(watch->root_fd, session.leader,
			       &session.leader_start) < 0)
			session.leader_start = 0;
		watch->ops.seen(watch->userdata, &session);
	}
	end_question(question);
	return 0;
}

static int ask(struct login_watch *watch, const char *id, bool is_first)
{
	_cleanup_free_ char *path = NULL;

	if (strlen(id) >= LOGIN_SESSION_ID_SIZE ||
	    watch->question_count >= LOGIN_QUESTIONS_MAX)
		return -ENOSPC;
	int r = sd_bus_path_encode(SESSIONS, id, &path);
	if (r < 0)
		return r;
	struct question *question = calloc(1, sizeof(*question));
	if (!question)
		return -ENOMEM;
	question->watch = watch;
	(void)snprintf(question->id, sizeof(question->id), "%s", id);
	r = sd_bus_call_method_async(watch->bus, &question->slot, NAME, path,
				     PROPERTIES, "GetAll", on_session, question,
				     "s", NAME ".Session");
	if (r < 0) {
		free(question);
		return r;
	}
	question->next = watch->questions;
	question->is_first = is_first;
	watch->questions = question;
	watch->question_count++;
	watch->first_count += is_first;
	return 0;
}

void login_watch_look(struct login_watch *watch, const char *id)
{
	(void)!ask(watch, id, false); /* the next signal asks again */
}

/* --- signals ------------------------------------------------------------- */

/* SessionNew, SessionRemoved: (so) */
static int on_session_signal(sd_bus_message *m, void *userdata,
			     sd_bus_error *error)
{
	const char *id = NULL;

	(void)error;
	if (sd_bus_message_read(m, "s", &id) >= 0)
		login_watch_look(userdata, id);
	return 0;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_free_ char *id = NULL;
	const char *path = sd_bus_message_get_path(m);

	(void)error;
	if (path && sd_bus_path_decode(path, SESSIONS, &id) > 0)
		login_watch_look(userdata, id);
	return 0;
}

static int on_sleep(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct login_watch *watch = userdata;
	int is_beginning = 1;

	(void)error;
	if (sd_bus_message_read(m, "b", &is_beginning) >= 0 && !is_beginning)
		watch->ops.woken(watch->userdata);
	return 0;
}

static int on_list(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct login_watch *watch = userdata;
	const char *id = NULL, *user = NULL, *seat = NULL, *path = NULL;
	uint32_t uid = 0;

	(void)error;
	if (sd_bus_message_is_method_error(reply, NULL) ||
	    sd_bus_message_enter_container(reply, 'a', "(susso)") < 0)
		return 0;
	/* One more, so that the answers cannot be complete before the end */
	watch->first_count++;
	while (sd_bus_message_read(reply, "(susso)", &id, &uid, &user, &seat,
				   &path) > 0)
		(void)!ask(watch, id, true); /* too many: signals will tell */
	if (--watch->first_count == 0)
		watch->ops.listed(watch->userdata);
	return 0;
}

static int add_match(struct login_watch *watch, size_t at, const char *what,
		     sd_bus_message_handler_t handler)
{
	char match[256];
	/* Without a bus driver (tests) nobody else can speak. */
	bool is_bus = sd_bus_is_bus_client(watch->bus) > 0;

	(void)snprintf(match, sizeof(match), "type='signal',%s%s",
		       is_bus ? "sender='" NAME "'," : "", what);
	return sd_bus_add_match_async(watch->bus, &watch->signals[at], match,
				      handler, NULL, watch);
}

static int set_up(struct login_watch *watch)
{
	static const struct {
		const char *what;
		sd_bus_message_handler_t handler;
	} rows[SIGNALS_MAX] = {
		{"path='" PATH "',interface='" NAME ".Manager',"
		 "member='SessionNew'",
		 on_session_signal},
		{"path='" PATH "',interface='" NAME ".Manager',"
		 "member='SessionRemoved'",
		 on_session_signal},
		{"path='" PATH "',interface='" NAME ".Manager',"
		 "member='PrepareForSleep'",
		 on_sleep},
		{"path_namespace='" SESSIONS "',interface='" PROPERTIES "',"
		 "member='PropertiesChanged'",
		 on_changed},
	};

	for (size_t i = 0; i < SIGNALS_MAX; i++) {
		int r = add_match(watch, i, rows[i].what, rows[i].handler);
		if (r < 0)
			return r;
	}
	/* After the matches: what comes in between is told twice, not never */
	return sd_bus_call_method_async(watch->bus, &watch->list, NAME, PATH,
					NAME ".Manager", "ListSessions",
					on_list, watch, NULL);
}

int login_watch_new(sd_bus *bus, int root_fd, const struct login_watch_ops *ops,
		    void *userdata, struct login_watch **ret_watch)
{
	struct login_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	*watch = (struct login_watch){
		.bus = sd_bus_ref(bus),
		.root_fd = root_fd,
		.ops = *ops,
		.userdata = userdata,
	};
	int r = set_up(watch);
	if (r < 0) {
		login_watch_free(watch);
		return r;
	}
	*ret_watch = watch;
	return 0;
}

struct login_watch *login_watch_free(struct login_watch *watch)
{
	if (!watch)
		return NULL;
	for (struct question *next; watch->questions; watch->questions = next) {
		next = watch->questions->next;
		sd_bus_slot_unref(watch->questions->slot);
		free(watch->questions);
	}
	for (size_t i = 0; i < SIGNALS_MAX; i++)
		sd_bus_slot_unref(watch->signals[i]);
	sd_bus_slot_unref(watch->list);
	sd_bus_unref(watch->bus);
	free(watch);
	return NULL;
}

/* --- of which session a process is ----------------------------------------
 */

/* "user-1001.slice/…": the uid, and what comes behind the slash. */
static const char *parse_slice(const char *text, uint32_t *ret_uid)
{
	static const char prefix[] = "user-", suffix[] = ".slice/";
	const char *digits = text + sizeof(prefix) - 1;
	char *end = NULL;

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0 || digits[0] < '0' ||
	    digits[0] > '9')
		return NULL;
	unsigned long long uid = strtoull(digits, &end, 10);
	if (uid >= UINT32_MAX || strncmp(end, suffix, sizeof(suffix) - 1) != 0)
		return NULL;
	*ret_uid = (uint32_t)uid;
	return end + sizeof(suffix) - 1;
}

/*
 * Only the folder right below the slice counts: below the user's own manager
 * he may name folders as he likes.
 */
int login_parse_cgroup(const char *text, char *ret_id, uint32_t *ret_uid)
{
	static const char head[] = "0::/user.slice/", session[] = "session-",
			  scope[] = ".scope", own[] = "user@";
	const char *line = strstr(text, head);
	uint32_t uid = 0;

	if (line && line != text && line[-1] != '\n')
		return -ENOENT; /* somebody's folder of that name */
	const char *unit = line ? parse_slice(line + sizeof(head) - 1, &uid)
				: NULL;
	if (!unit)
		return -ENOENT;
	size_t len = strcspn(unit, "/\n");
	size_t around = sizeof(session) - 1 + sizeof(scope) - 1;
	if (strncmp(unit, own, sizeof(own) - 1) == 0) {
		ret_id[0] = '\0';
		*ret_uid = uid;
		return 0;
	}
	if (len <= around || len - around >= LOGIN_SESSION_ID_SIZE ||
	    strncmp(unit, session, sizeof(session) - 1) != 0 ||
	    strncmp(unit + len - (sizeof(scope) - 1), scope,
		    sizeof(scope) - 1) != 0)
		return -ENOENT;
	memcpy(ret_id, unit + sizeof(session) - 1, len - around);
	ret_id[len - around] = '\0';
	*ret_uid = uid;
	return 0;
}

int login_session_of(int root_fd, uint32_t pid, char *ret_id, uint32_t *ret_uid)
{
	_cleanup_free_ char *text = NULL;
	char path[sizeof("proc/4294967295/cgroup")];

	(void)snprintf(path, sizeof(path), "proc/%u/cgroup", pid);
	int r = read_small_file(root_fd, path, CGROUP_MAX, &text, NULL);
	if (r < 0)
		return r;
	return login_parse_cgroup(text, ret_id, ret_uid);
}
