/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the inbox, the clock and the sessions to the table; from the table to
 * the pipeline.
 */
#include "agent/daemon/grant_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/daemon/bundle_store.h"
#include "agent/daemon/context.h"
#include "agent/daemon/control.h"
#include "agent/daemon/login_loop.h"
#include "policy/ruleset.h"

#define NS_PER_US UINT64_C(1000)
#define SLACK_US  1000

struct grant_loop {
	struct daemon *daemon;
	struct grants *grants;
	sd_event_source *timer;
	uint64_t boot_deadline_ns; /* as the timer is set; 0: off */
	/* Of the policy whose keys were looked at */
	char digest[BUNDLE_DIGEST_SIZE];
	bool is_due;	     /* the timer came, or people did */
	bool has_changed;    /* to be judged again */
	bool is_load_failed; /* as told */
};

struct grants_now grant_loop_now(void)
{
	return (struct grants_now){
		.boot_ns = clock_boot_ns(),
		.wall_s = clock_wall_ns() / NS_PER_S,
	};
}

static const char *terminal(void *userdata)
{
	const struct daemon *daemon = userdata;

	/* Zeros until the state folder is there */
	return recorder_identity(daemon->recorder)
		       ? recorder_terminal(daemon->recorder)->uid
		       : "";
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct grant_loop *loop = userdata;

	(void)source;
	(void)usec;
	loop->boot_deadline_ns = 0;
	loop->is_due = true;
	return 0; /* the turn that follows does it */
}

int grant_loop_new(struct daemon *daemon, struct grant_loop **ret_loop)
{
	struct grant_loop *loop = calloc(1, sizeof(*loop));
	const char *boot_id = recorder_terminal(daemon->recorder)->boot_uid;
	const struct grants_options options = {
		.root_fd = daemon->root_fd,
		.log = daemon->log,
		.sink = recorder_sink(daemon->recorder),
		.terminal = terminal,
		.boot_id = boot_id ? boot_id : "",
		.userdata = daemon,
	};

	if (!loop)
		return -ENOMEM;
	loop->daemon = daemon;
	int r = grants_new(&options, &loop->grants);
	if (r == 0)
		r = sd_event_add_time(daemon->loop, &loop->timer,
				      CLOCK_BOOTTIME, UINT64_MAX, SLACK_US,
				      on_timer, loop);
	if (r < 0) {
		grant_loop_free(loop);
		return r;
	}
	*ret_loop = loop;
	return 0;
}

struct grants *grant_loop_grants(struct grant_loop *loop)
{
	return loop->grants;
}

struct grant_loop *grant_loop_free(struct grant_loop *loop)
{
	if (!loop)
		return NULL;
	sd_event_source_disable_unref(loop->timer);
	grants_free(loop->grants);
	free(loop);
	return NULL;
}

void grant_loop_load(struct grant_loop *loop)
{
	struct daemon *daemon = loop->daemon;

	int r = grants_load(loop->grants, grant_loop_now());
	if (r == 1)
		return;
	if (r < 0) {
		if (!loop->is_load_failed && r != -ENOENT)
			log_error(daemon->log,
				  "the grants that were kept "
				  "do not count: %s",
				  errno_text(r));
		loop->is_load_failed = r != -ENOENT;
		return;
	}
	loop->digest[0] = '\0';
	loop->is_due = loop->has_changed = grants_are_any(loop->grants);
	/* Before the first scan, which ends what does not count */
	if (grants_recheck(loop->grants, daemon->pipeline.bundle.ruleset,
			   grant_loop_now()))
		loop->has_changed = true;
}

void grant_loop_save(struct grant_loop *loop)
{
	if (!loop || !grants_are_any(loop->grants))
		return;
	int r = grants_save(loop->grants, grant_loop_now());
	if (r < 0)
		log_error(loop->daemon->log, "cannot keep the grants: %s",
			  errno_text(r));
}

void grant_loop_inbox(struct grant_loop *loop)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	if (!loop)
		return;
	struct daemon *daemon = loop->daemon;
	int r = bundle_store_inbox_named(daemon->root_fd, GRANT_INBOX_FILE,
					 &text, &size);
	if (r < 0) {
		if (r != -ENOENT)
			log_warning(daemon->log, "cannot read '%s': %s",
				    GRANT_INBOX_FILE, errno_text(r));
		return;
	}
	while (size > 0 && text[size - 1] == '\n')
		size--;
	if (grants_offer(loop->grants, span_of(text, size),
			 daemon->pipeline.bundle.ruleset, grant_loop_now()))
		grant_loop_changed(loop);
	/* A revocation does not wait for the rest of the turn */
	grant_loop_turn(loop);
}

void grant_loop_people(struct grant_loop *loop)
{
	if (loop)
		loop->is_due = true;
}

void grant_loop_changed(struct grant_loop *loop)
{
	if (loop)
		loop->has_changed = loop->is_due = true;
}

void grant_loop_mynumbers(struct grant_loop *loop, const char *grant,
			  uint64_t count)
{
	const struct ruleset *ruleset =
		loop ? loop->daemon->pipeline.bundle.ruleset : NULL;
	uint32_t max;

	if (!ruleset || !ruleset_mynumber_max(ruleset, &max) || count <= max)
		return;
	/* Ended meanwhile: so much the better */
	if (grants_stop(loop->grants, grant, RECORD_REASON_GRANT_MYNUMBERS,
			grant_loop_now()) == 0)
		grant_loop_changed(loop);
}

static bool check_keys(struct grant_loop *loop)
{
	const struct bundle *bundle = &loop->daemon->pipeline.bundle;

	if (!bundle->ruleset || strcmp(loop->digest, bundle->info.digest) == 0)
		return false;
	memcpy(loop->digest, bundle->info.digest, sizeof(loop->digest));
	loop->is_due = true;
	return grants_recheck(loop->grants, bundle->ruleset, grant_loop_now());
}

/* Who is at work, once that is known: before, it stays as it was. */
static bool tick(struct grant_loop *loop)
{
	struct daemon *daemon = loop->daemon;
	struct decide_context context = {0};
	bool is_known = daemon->logins &&
			logins_are_listed(login_loop_logins(daemon->logins));

	loop->is_due = false;
	if (!grants_are_any(loop->grants))
		return false;
	if (is_known)
		logins_context(login_loop_logins(daemon->logins),
			       clock_boot_ns(), &context);
	return grants_tick(loop->grants, is_known ? &context : NULL,
			   grant_loop_now());
}

static void set_timer(struct grant_loop *loop)
{
	uint64_t deadline = grants_deadline(loop->grants, grant_loop_now());
	uint64_t apart = deadline > loop->boot_deadline_ns
				 ? deadline - loop->boot_deadline_ns
				 : loop->boot_deadline_ns - deadline;

	/* By the wall clock it is another one each time, by microseconds */
	if (deadline != 0 && loop->boot_deadline_ns != 0 && apart < NS_PER_S)
		return;
	if (deadline == loop->boot_deadline_ns)
		return;
	loop->boot_deadline_ns = deadline;
	if (deadline == 0) {
		(void)sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
		return;
	}
	/* Rounded up: early, it would find nothing due and come again */
	if (sd_event_source_set_time(loop->timer, deadline / NS_PER_US + 1) <
		    0 ||
	    sd_event_source_set_enabled(loop->timer, SD_EVENT_ONESHOT) < 0)
		log_error(loop->daemon->log, "cannot set the timer of grants");
}

void grant_loop_turn(struct grant_loop *loop)
{
	if (!loop)
		return;
	loop->has_changed |= check_keys(loop);
	if (loop->is_due)
		loop->has_changed |= tick(loop);
	if (loop->has_changed) {
		loop->has_changed = false;
		pipeline_judge_all(&loop->daemon->pipeline);
		loop->daemon->pipeline.is_dirty = true; /* deadlines, too */
		if (loop->daemon->control)
			control_status_changed(loop->daemon->control);
	}
	set_timer(loop);
}
