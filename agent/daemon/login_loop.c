/* SPDX-License-Identifier: Apache-2.0 */
/* Sources and their callbacks; every one ends in logins. */
#include "agent/daemon/login_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/daemon/card_watch.h"
#include "agent/daemon/context.h"
#include "agent/daemon/grant_loop.h"
#include "agent/daemon/login_store.h"

#define NS_PER_US UINT64_C(1000)
/* Deadlines may be this late, so that the kernel can batch wake-ups. */
#define SLACK_US (100ULL * 1000)
/* A record must be read before its process has gone. */
#define PRIORITY_RECORDS (-40)

struct login_loop {
	struct daemon *daemon;
	struct logins *logins;
	struct lock_real *lock;
	struct login_watch *watch; /* NULL: no bus */
	struct card_watch *cards;
	sd_event_source *timer;
	sd_event_source *folders[LOGIN_RECORD_COUNT];
	uint64_t deadline_boot_ns;	 /* as the timer is set; 0: off */
	char digest[BUNDLE_DIGEST_SIZE]; /* of the rules compiled last */
	struct login_switch login_switch;
};

struct logins *login_loop_logins(struct login_loop *loop)
{
	return loop->logins;
}

const struct login_switch *login_loop_switch(const struct login_loop *loop)
{
	return &loop->login_switch;
}

/* --- logind ---------------------------------------------------------------- */

static void on_seen(void *userdata, const struct login_session *session)
{
	struct login_loop *loop = userdata;

	logins_seen(loop->logins, session, clock_boot_ns());
}

static void on_gone(void *userdata, const char *id)
{
	struct login_loop *loop = userdata;

	logins_gone(loop->logins, id, clock_boot_ns());
}

static void on_listed(void *userdata)
{
	struct login_loop *loop = userdata;

	logins_listed(loop->logins, clock_boot_ns());
}

static void on_woken(void *userdata)
{
	struct login_loop *loop = userdata;

	logins_tick(loop->logins, clock_boot_ns());
}

static void look(void *userdata, const char *id)
{
	struct login_loop *loop = userdata;

	if (loop->watch)
		login_watch_look(loop->watch, id);
}

void login_loop_set_bus(struct login_loop *loop, sd_bus *bus)
{
	static const struct login_watch_ops ops = {
		.seen = on_seen,
		.gone = on_gone,
		.listed = on_listed,
		.woken = on_woken,
	};

	loop->watch = login_watch_free(loop->watch);
	lock_real_set_bus(loop->lock, bus);
	if (!bus)
		return;
	int r = login_watch_new(bus, loop->daemon->root_fd, &ops, loop,
				&loop->watch);
	if (r < 0)
		log_error(loop->daemon->log, "cannot watch sessions: %s",
			  errno_text(r));
}

void login_loop_uevent(struct login_loop *loop, const struct uevent *event)
{
	uint64_t now = clock_boot_ns();
	struct token token;

	if (!event)
		logins_check_tokens(loop->logins, now);
	else if (token_is_removal(event))
		logins_token_removed(loop->logins, event->devpath, now);
	else if (token_of_uevent(loop->daemon->root_fd, event, &token) == 0)
		logins_token_added(loop->logins, &token, now);
}

/* Reader and card are two tokens: a reader that is pulled is seen without
 * pcscd, but a card only with it. */
static void on_cards(void *userdata, const struct token *cards, size_t count,
		     const char *why)
{
	struct login_loop *loop = userdata;
	struct daemon *daemon = loop->daemon;

	if (why && !daemon->failures.active[FAILURE_CARDS])
		log_error(daemon->log, "cards are not seen: %s", why);
	if (why)
		(void)failure_raise(&daemon->failures, FAILURE_CARDS, NULL);
	else
		failure_clear(&daemon->failures, FAILURE_CARDS);
	logins_cards(loop->logins, cards, count, clock_boot_ns());
}

/* --- policy ---------------------------------------------------------------- */

static void fail(struct login_loop *loop, const char *why)
{
	(void)failure_raise(&loop->daemon->failures, FAILURE_LOGIN_POLICY, why);
	log_error(loop->daemon->log, "login rules: %s", why);
}

/* No rules at all: what was kept; never anything, two factors. */
static int compile(struct login_loop *loop, struct login_policy *ret_policy,
		   char *error)
{
	const struct ruleset *ruleset = loop->daemon->pipeline.bundle.ruleset;

	if (ruleset)
		return login_policy_make(ruleset, ret_policy, error);
	if (login_policy_read(loop->daemon->root_fd, ret_policy) < 0)
		login_policy_default(ret_policy);
	return 0;
}

/* Without one the policy alone counts, as the module has it. */
static void read_switch(struct login_loop *loop)
{
	loop->login_switch = (struct login_switch){.mode = LOGIN_MODE_ENFORCE};
	int r = login_switch_load(loop->daemon->root_fd, &loop->login_switch);
	if (r < 0 && r != -ENOENT)
		log_error(loop->daemon->log, "'%s' cannot be read, ignoring",
			  LOGIN_SWITCH_FILE);
}

void login_loop_apply(struct login_loop *loop)
{
	struct daemon *daemon = loop->daemon;
	struct login_policy policy;
	char error[LOGIN_ERROR_MAX];

	(void)snprintf(loop->digest, sizeof(loop->digest), "%s",
		       daemon->pipeline.bundle.info.digest);
	if (!login_policy_has_place(daemon->root_fd))
		return; /* /var comes later, and this again */
	read_switch(loop);
	if (compile(loop, &policy, error) < 0) {
		fail(loop, error); /* what was written stays in force */
		return;
	}
	int r = login_policy_write(daemon->root_fd, &policy);
	login_switch_apply(&loop->login_switch, &policy);
	logins_set_policy(loop->logins, &policy, clock_boot_ns());
	if (r == -EROFS && !recorder_is_open(daemon->recorder))
		return; /* early boot */
	if (r < 0)
		fail(loop, errno_text(r));
	else
		failure_clear(&daemon->failures, FAILURE_LOGIN_POLICY);
}

int login_loop_turn_switch(struct login_loop *loop, bool is_enforced,
			   uint32_t trial_s)
{
	struct login_switch wanted = {
		.mode = is_enforced ? LOGIN_MODE_ENFORCE : LOGIN_MODE_REPORT,
	};
	int root_fd = loop->daemon->root_fd;

	if (is_enforced &&
	    !login_policy_has_breakglass(logins_policy(loop->logins)))
		return LOGIN_SWITCH_NO_GLASS;
	if (is_enforced && trial_s > 0) {
		int r = read_line_file(root_fd, LOGIN_BOOT_ID_PATH,
				       wanted.trial_boot_id,
				       sizeof(wanted.trial_boot_id));
		if (r < 0)
			return r;
		wanted.trial_until_boot_ns = clock_boot_ns() +
					     trial_s * NS_PER_S;
	}
	int r = login_switch_save(root_fd, &wanted);
	if (r < 0)
		return r;
	login_loop_apply(loop);
	return 0;
}

/* --- sources ---------------------------------------------------------------- */

static int on_records(sd_event_source *source,
		      const struct inotify_event *event, void *userdata)
{
	struct login_loop *loop = userdata;

	(void)source;
	(void)event;
	logins_read_records(loop->logins, clock_boot_ns());
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct login_loop *loop = userdata;

	(void)source;
	(void)usec;
	loop->deadline_boot_ns = 0;
	logins_tick(loop->logins, clock_boot_ns());
	return 0;
}

static void set_timer(struct login_loop *loop)
{
	uint64_t deadline = logins_deadline(loop->logins);

	if (deadline == loop->deadline_boot_ns)
		return;
	loop->deadline_boot_ns = deadline;
	if (deadline == 0) {
		(void)sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
		return;
	}
	/* Rounded up: early, it would find nothing due and come again */
	if (sd_event_source_set_time(loop->timer, deadline / NS_PER_US + 1) <
		    0 ||
	    sd_event_source_set_enabled(loop->timer, SD_EVENT_ONESHOT) < 0)
		log_error(loop->daemon->log, "cannot set the timer of logins");
}

void login_loop_turn(struct login_loop *loop)
{
	struct pipeline *pipeline = &loop->daemon->pipeline;

	if (strcmp(loop->digest, pipeline->bundle.info.digest) != 0)
		login_loop_apply(loop);
	pipeline_set_glass(pipeline, logins_is_glass_broken(loop->logins));
	if (logins_take_change(loop->logins)) {
		grant_loop_people(loop->daemon->grants);
		pipeline_judge_by_session(pipeline);
	}
	card_watch_want(loop->cards, logins_wants_cards(loop->logins));
	int r = logins_save(loop->logins);
	if (r < 0)
		log_warning(loop->daemon->log, "cannot save the sessions: %s",
			    errno_text(r));
	set_timer(loop);
}

static int watch_folder(struct login_loop *loop, enum login_record_kind kind)
{
	_cleanup_close_ int fd = login_store_open(loop->daemon->root_fd, kind);

	if (fd < 0)
		return fd;
	int r = sd_event_add_inotify_fd(loop->daemon->loop,
					&loop->folders[kind], fd, IN_MOVED_TO,
					on_records, loop);
	if (r < 0)
		return r;
	return sd_event_source_set_priority(loop->folders[kind],
					    PRIORITY_RECORDS);
}

static int add_sources(struct login_loop *loop)
{
	int r = sd_event_add_time(loop->daemon->loop, &loop->timer,
				  CLOCK_BOOTTIME, UINT64_MAX, SLACK_US,
				  on_timer, loop);
	if (r < 0)
		return r;
	r = login_store_make(loop->daemon->root_fd);
	for (int kind = LOGIN_RECORD_EVIDENCE;
	     r >= 0 && kind < LOGIN_RECORD_COUNT; kind++)
		r = watch_folder(loop, (enum login_record_kind)kind);
	/* Sessions then fail to bind, which is told, and break-glass goes on */
	if (r < 0)
		fail(loop, "the folder of login records cannot be watched");
	return 0;
}

static struct record_policy policy_in_force(void *userdata)
{
	const struct login_loop *loop = userdata;
	const struct bundle *bundle = &loop->daemon->pipeline.bundle;

	return (struct record_policy){
		.name = bundle->ruleset ? bundle->info.name : NULL,
		.serial = bundle->info.serial,
		.digest = bundle->info.digest,
	};
}

static int make_logins(struct login_loop *loop)
{
	struct daemon *daemon = loop->daemon;
	const struct logins_options options = {
		.root_fd = daemon->root_fd,
		.run_fd = daemon->run_fd,
		.log = daemon->log,
		.sink = recorder_sink(daemon->recorder),
		.lock = lock_real_ops(loop->lock),
		.policy = policy_in_force,
		.look = look,
		.userdata = loop,
	};

	return logins_new(&options, &loop->logins);
}

int login_loop_new(struct daemon *daemon, struct login_loop **ret_loop)
{
	struct login_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->daemon = daemon;
	int r = lock_real_new(daemon->log, &loop->lock);
	if (r == 0)
		r = make_logins(loop);
	if (r == 0)
		r = card_watch_new(daemon->loop, daemon->root_fd, on_cards,
				   loop, &loop->cards);
	if (r == 0)
		r = add_sources(loop);
	if (r < 0) {
		login_loop_free(loop);
		return r;
	}
	*ret_loop = loop;
	return 0;
}

struct login_loop *login_loop_free(struct login_loop *loop)
{
	if (!loop)
		return NULL;
	if (loop->logins)
		(void)!logins_save(loop->logins); /* told at every other turn */
	login_watch_free(loop->watch);
	card_watch_free(loop->cards);
	for (size_t i = 0; i < LOGIN_RECORD_COUNT; i++)
		sd_event_source_disable_unref(loop->folders[i]);
	sd_event_source_disable_unref(loop->timer);
	logins_free(loop->logins);
	lock_real_free(loop->lock);
	free(loop);
	return NULL;
}
