/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two states: not enrolled (wait for agent.conf and client.crt) and enrolled
 * (a sender exists). A change of either file goes back to the first.
 */
#include "agent/ship/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/ship/cursor.h"
#include "agent/ship/enroll.h"
#include "agent/ship/fetch.h"
#include "agent/ship/http.h"
#include "agent/ship/limits.h"
#include "agent/ship/sandbox.h"
#include "agent/ship/sender.h"
#include "agent/ship/watch.h"

#include "agent/base/banned.h"

/* How long to wait for what the daemon has yet to make. */
#define DAEMON_WAIT_MS 2000u

struct run {
	int root_fd;
	int state_fd;
	const struct run_options *options;
	const struct log *log;
	struct watch *watch;
	struct settings settings;
	struct identity identity;
	char host_id[HEX_SIZE(FRAME_ID_SIZE)];
	struct sender *sender; /* NULL: not enrolled */
	struct fetch *fetch;   /* NULL: nothing is fetched */
	uint64_t renew_try_ns; /* mono; the next look at the certificate */
	bool is_once_done;
};

static void run_fini(struct run *run)
{
	sender_free(run->sender);
	fetch_free(run->fetch);
	identity_fini(&run->identity);
	watch_free(run->watch);
	cleanup_close(&run->state_fd);
}

static int read_tail(const struct run *run, struct spool_tail *ret_tail)
{
	char text[SPOOL_TAIL_SIZE];
	size_t size = 0;

	_cleanup_close_ int fd = open_below(run->root_fd,
					    TAIL_DIRECTORY "/" TAIL_NAME,
					    O_RDONLY, 0);
	if (fd < 0)
		return fd;
	int r = read_full(fd, text, sizeof(text), &size);
	return r < 0 ? r : spool_tail_parse(text, size, ret_tail);
}

/* A state in the cursor while there is no sender to write it. */
static void tell_waiting(const struct run *run, const char *state)
{
	struct cursor cursor = {0};
	struct spool_tail tail;

	/* A damaged or missing cursor begins anew. */
	(void)!cursor_read(run->state_fd, &cursor);
	if (strcmp(cursor.state, state) == 0)
		return;
	if (cursor.acked.seq == 0 && read_tail(run, &tail) == 0)
		memcpy(cursor.acked.stream, tail.stream, FRAME_ID_SIZE);
	(void)snprintf(cursor.state, sizeof(cursor.state), "%s", state);
	int r = cursor_write(run->state_fd, &cursor);
	if (r < 0)
		log_warning(run->log, "Cannot write the cursor: %s",
			    errno_text(r));
	log_notice(run->log, "Not shipping: %s", state);
}

static void leave(struct run *run)
{
	run->sender = sender_free(run->sender);
	watch_set_sleeper(run->watch, NULL, NULL);
	run->fetch = fetch_free(run->fetch);
	identity_fini(&run->identity);
}

/* Without an inbox events are shipped all the same. */
static void start_fetch(struct run *run)
{
	const struct fetch_config config = {
		.state_fd = run->state_fd,
		.settings = &run->settings,
		.identity = &run->identity,
		.log = run->log,
	};

	if (run->settings.is_foreign || run->options->is_once)
		return;
	int r = fetch_new(&config, &run->fetch);
	if (r < 0)
		log_warning(run->log, "Nothing will be fetched: %s",
			    errno_text(r));
	else
		watch_set_sleeper(run->watch, fetch_sleep, run->fetch);
}

/*
 * Tries to become enrolled: NULL, or what is missing. What the daemon has yet to
 * make is looked for again, the rest announces itself.
 */
static const char *enter(struct run *run, struct sender_wait *wait)
{
	char error[CONF_ERROR_MAX];

	int r = settings_load(run->root_fd, &run->settings, error);
	if (r < 0) {
		log_error(run->log, "%s", error);
		return "agent.conf has an error";
	}
	if (!run->settings.collector[0])
		return "not enrolled";
	r = identity_load(run->state_fd, &run->identity);
	if (r < 0)
		return r == -ENOENT ? "not enrolled" : "certificate damaged";
	wait->ms = DAEMON_WAIT_MS;
	r = identity_host_id(run->root_fd, run->host_id);
	if (r < 0)
		return "no terminal id yet";
	if (!identity_is_of(&run->identity, run->host_id)) {
		wait->ms = WATCH_FOREVER;
		return "the certificate is another terminal's";
	}

	const struct sender_config config = {
		.root_fd = run->root_fd,
		.state_fd = run->state_fd,
		.settings = &run->settings,
		.identity = &run->identity,
		.host_id = run->host_id,
		.log = run->log,
	};
	r = sender_new(&config, &run->sender);
	if (r < 0)
		return r == -ENOENT ? "no spool yet" : errno_text(r);
	run->renew_try_ns = 0;
	start_fetch(run);
	return NULL;
}

/* Looks whether the certificate is to be renewed. True: it is a new one. */
static bool renew(struct run *run, bool is_denied)
{
	int64_t now_s = (int64_t)(clock_wall_ns() / NS_PER_S);
	uint64_t now_ns = clock_mono_ns();

	if (now_ns < run->renew_try_ns)
		return false;
	run->renew_try_ns = now_ns + RENEW_CHECK_S * NS_PER_S;

	/* A clock that cannot be right says nothing of when it is due; the
	 * collector, which has its own, then says it by refusing. */
	bool is_due = now_s >= identity_renew_at_s(&run->identity) &&
		      (is_denied ||
		       identity_clock_is_plausible(&run->identity, now_s));
	bool is_expired = now_s > run->identity.life.not_after_s;
	if (!is_due || (is_denied && !is_expired))
		return false;

	int r = enroll_renew(run->state_fd, &run->settings, &run->identity);
	if (r < 0) {
		log_warning(run->log, "The certificate cannot be renewed: %s",
			    errno_text(r));
		return false;
	}
	log_info(run->log, "The certificate has been renewed");
	return true;
}

/* Enrolled: one step. */
static struct sender_wait ship(struct run *run)
{
	const struct sender_wait at_once = {0, false};
	const struct sender_wait for_daemon = {DAEMON_WAIT_MS, true};
	struct spool_tail tail;

	if (renew(run, false)) {
		leave(run);
		return at_once;
	}
	int r = read_tail(run, &tail);
	if (r < 0) {
		/* Absent until the daemon has opened its spool. */
		if (r != -ENOENT)
			tell_waiting(run, "cannot read spool.tail");
		return for_daemon;
	}

	struct sender_wait wait = sender_step(run->sender, &tail);
	if (sender_take_denied(run->sender)) {
		/* Expired in a cupboard: renewal is still open to it. */
		run->renew_try_ns = 0;
		if (renew(run, true)) {
			leave(run);
			return at_once;
		}
	}
	if (wait.ms == SENDER_IDLE) {
		run->is_once_done = run->options->is_once;
		wait.ms = RENEW_CHECK_S * MS_PER_S;
	}
	return wait;
}

/*
 * Sleeps for the time given. While it is a backoff, the tail's movement does
 * not shorten it; a new certificate or configuration does.
 */
static int rest(struct run *run, struct sender_wait wait)
{
	uint64_t start_ms = clock_mono_ns() / NS_PER_MS;

	for (;;) {
		uint64_t passed_ms = clock_mono_ns() / NS_PER_MS - start_ms;
		uint64_t left_ms = wait.ms == WATCH_FOREVER ? WATCH_FOREVER
				   : wait.ms > passed_ms ? wait.ms - passed_ms
							 : 0;

		int events = watch_wait(run->watch, left_ms);
		if (events < 0)
			return events;
		if (events & WATCH_CONFIG) {
			leave(run);
			return 0;
		}
		if (events == WATCH_TIME || wait.is_for_tail)
			return 0;
	}
}

/* Not enrolled: says so, and waits for what is missing. */
static int wait_for_enrolment(struct run *run)
{
	struct sender_wait wait = {WATCH_FOREVER, false};
	const char *missing = enter(run, &wait);

	if (!missing)
		return 0;
	leave(run);
	tell_waiting(run, missing);
	return rest(run, wait);
}

static int start(struct run *run)
{
	struct sandbox_result sandbox = {.has_landlock = true};

	run->state_fd = open_below(run->root_fd, STATE_PATH,
				   O_RDONLY | O_DIRECTORY, 0);
	if (run->state_fd < 0) {
		log_error(run->log, "'/%s': %s", STATE_PATH,
			  errno_text(run->state_fd));
		return run->state_fd;
	}
	int r = http_global_init();
	if (r == 0)
		r = watch_new(run->root_fd, &run->watch);
	if (r == 0)
		r = sandbox_enter(run->state_fd, &sandbox);
	if (r < 0)
		log_error(run->log, "Cannot start: %s", errno_text(r));
	else if (!sandbox.has_landlock)
		log_info(run->log, "No Landlock in this kernel, ignoring");
	return r;
}

int run_loop(int root_fd, const struct run_options *options,
	     const struct log *log)
{
	_cleanup_(run_fini) struct run run = {
		.root_fd = root_fd,
		.state_fd = -1,
		.options = options,
		.log = log,
	};

	int r = start(&run);
	while (r == 0 && !run.is_once_done) {
		if (!run.sender) {
			r = wait_for_enrolment(&run);
			continue;
		}
		struct sender_wait wait = ship(&run);
		if (wait.ms > 0 && !run.is_once_done)
			r = rest(&run, wait);
	}
	return r;
}
