/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads, their answers and the timer. A step belongs to its thread and to
 * the loop until both let go of it: one that was given up ends by itself, if
 * its medium ever answers.
 */
#include "agent/daemon/ender.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/daemon/context.h"
#include "agent/daemon/ending.h"
#include "agent/daemon/files.h"

/* A medium that takes longer to take what was written is given up on: writing
 * back a full cache to a slow stick may take minutes, so this is no limit for
 * a healthy one. */
#define WATCHDOG_US (180ULL * 1000 * 1000)
/* Those that hang count. */
#define RUNNING_MAX 16
#define STACK_SIZE  ((size_t)256 * 1024)
/* How far ahead a rule with time is looked at: the first warning, the
 * heartbeat, and a little. */
#define HORIZON_S (15 * 60)

struct run {
	struct run *next; /* the loop's */
	struct ender *ender;
	sd_event_source *done;
	sd_event_source *watchdog;
	bool is_given_up;
	/* both sides' */
	atomic_int owners;
	struct ender_place place;
	struct ender_job job;
	struct ender_answer answer;
	int event_fd;
};

struct ender {
	struct daemon *daemon;
	struct endings *endings;
	struct run *first;
	unsigned int count;
	sd_event_source *timer;
};

static struct run *run_unref(struct run *run)
{
	if (!run || atomic_fetch_sub(&run->owners, 1) > 1)
		return NULL;
	cleanup_close(&run->place.root_fd);
	cleanup_close(&run->place.proc_fd);
	cleanup_close(&run->place.dev_fd);
	cleanup_close(&run->event_fd);
	free(run);
	return NULL;
}

/* The loop lets go. */
static void leave(struct run *run)
{
	struct run **at = &run->ender->first;

	while (*at && *at != run)
		at = &(*at)->next;
	if (*at)
		*at = run->next;
	run->done = sd_event_source_disable_unref(run->done);
	run->watchdog = sd_event_source_disable_unref(run->watchdog);
	run_unref(run);
}

static void arm(struct ender *ender)
{
	uint64_t now = clock_boot_ns();
	uint64_t next = endings_turn(ender->endings, now);

	if (next == 0) {
		(void)sd_event_source_set_enabled(ender->timer, SD_EVENT_OFF);
		return;
	}
	/* A timer that cannot be armed: the next heartbeat turns, too */
	(void)sd_event_source_set_time(ender->timer,
				       (next > now ? next : now) / 1000);
	(void)sd_event_source_set_enabled(ender->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	arm(userdata);
	return 0;
}

static int on_done(sd_event_source *source, int fd, uint32_t revents,
		   void *userdata)
{
	struct run *run = userdata;
	struct ender *ender = run->ender;

	(void)source;
	(void)fd;
	(void)revents;
	ender->count--;
	if (!run->is_given_up)
		endings_answer(ender->endings, &run->job, &run->answer,
			       clock_boot_ns());
	leave(run);
	arm(ender);
	return 0;
}

/* The thread keeps its place among those that run until it comes back: with
 * too many that hang no further one is started. */
static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct run *run = userdata;
	struct ender *ender = run->ender;
	_cleanup_free_ struct ender_answer *answer = calloc(1, sizeof(*answer));

	(void)source;
	(void)usec;
	run->is_given_up = true;
	log_error(ender->daemon->log, "the medium '%s' does not answer",
		  run->job.disk.name);
	if (answer) {
		answer->result = -ETIMEDOUT;
		endings_answer(ender->endings, &run->job, answer,
			       clock_boot_ns());
	}
	arm(ender);
	return 0;
}

static void *run_main(void *userdata)
{
	struct run *run = userdata;
	const uint64_t one = 1;

	ender_work(&run->place, &run->job, &run->answer);
	/* Nobody reads it any more if it was given up */
	(void)!write(run->event_fd, &one, sizeof(one));
	run_unref(run);
	return NULL;
}

static int spawn(struct run *run)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_t thread;

	int r = -pthread_attr_init(&attributes);
	if (r < 0)
		return r;
	(void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	/* Signals are the loop's */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&thread, &attributes, run_main, run);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	return r;
}

static int watch(struct run *run)
{
	sd_event *loop = run->ender->daemon->loop;
	int r = sd_event_add_io(loop, &run->done, run->event_fd, EPOLLIN,
				on_done, run);
	if (r < 0)
		return r;
	return sd_event_add_time_relative(loop, &run->watchdog, CLOCK_BOOTTIME,
					  WATCHDOG_US, 0, on_watchdog, run);
}

static int open_place(const struct daemon *daemon, struct run *run)
{
	struct ender_place *place = &run->place;

	place->enforce = daemon->pipeline.options.real;
	place->root_fd = fcntl(daemon->root_fd, F_DUPFD_CLOEXEC, 3);
	place->proc_fd = fcntl(daemon->proc_fd, F_DUPFD_CLOEXEC, 3);
	place->dev_fd = fcntl(daemon->dev_fd, F_DUPFD_CLOEXEC, 3);
	run->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (place->root_fd < 0 || place->proc_fd < 0 || place->dev_fd < 0 ||
	    run->event_fd < 0)
		return -errno;
	return 0;
}

static int start(void *userdata, const struct ender_job *job)
{
	struct ender *ender = userdata;

	if (ender->count >= RUNNING_MAX)
		return -EBUSY;
	/* Before that, the SHA-256 of what was written is worth the wait */
	if (ender->daemon->files &&
	    (job->kind == ENDER_FORCE || job->kind == ENDER_CUT))
		(void)files_release(ender->daemon->files, job->disk.name);
	struct run *run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	run->ender = ender;
	run->job = *job;
	run->event_fd = run->place.root_fd = run->place.proc_fd =
		run->place.dev_fd = -1;
	atomic_init(&run->owners, 1);
	run->next = ender->first;
	ender->first = run;
	int r = open_place(ender->daemon, run);
	if (r == 0)
		r = watch(run);
	if (r == 0) {
		atomic_fetch_add(&run->owners, 1);
		r = spawn(run);
		if (r < 0)
			atomic_fetch_sub(&run->owners, 1);
	}
	if (r < 0) {
		leave(run);
		return r;
	}
	ender->count++;
	return 0;
}

/* --- the pipeline's side ------------------------------------------------- */

static int begin(void *userdata, const struct medium_entry *medium,
		 enum media_access left)
{
	struct daemon *daemon = userdata;

	int r = endings_begin(daemon->ender->endings, medium, left,
			      clock_boot_ns());
	arm(daemon->ender);
	return r;
}

static void forget(void *userdata, const struct medium_entry *medium)
{
	struct daemon *daemon = userdata;

	endings_forget(daemon->ender->endings, medium);
}

int ender_new(struct daemon *daemon, struct ender **ret_ender)
{
	struct ender *ender = calloc(1, sizeof(*ender));
	const struct endings_options options = {
		.pipeline = &daemon->pipeline,
		.grace_ms = daemon->config.ending_grace_s * MS_PER_S,
		.start = start,
		.userdata = ender,
	};

	if (!ender)
		return -ENOMEM;
	ender->daemon = daemon;
	int r = endings_new(&options, &ender->endings);
	if (r == 0)
		r = sd_event_add_time(daemon->loop, &ender->timer,
				      CLOCK_BOOTTIME, 0, 0, on_timer, ender);
	if (r == 0)
		r = sd_event_source_set_enabled(ender->timer, SD_EVENT_OFF);
	if (r < 0) {
		ender_free(ender);
		return r;
	}
	daemon->pipeline.options.end = begin;
	daemon->pipeline.options.forget = forget;
	*ret_ender = ender;
	return 0;
}

struct ender *ender_free(struct ender *ender)
{
	if (!ender)
		return NULL;
	while (ender->first)
		leave(ender->first);
	ender->daemon->pipeline.options.end = NULL;
	ender->daemon->pipeline.options.forget = NULL;
	sd_event_source_disable_unref(ender->timer);
	endings_free(ender->endings);
	free(ender);
	return NULL;
}

void ender_configure(struct ender *ender)
{
	endings_set_grace(ender->endings,
			  ender->daemon->config.ending_grace_s * MS_PER_S);
}

void ender_look_ahead(struct ender *ender)
{
	struct pipeline *pipeline = &ender->daemon->pipeline;
	uint64_t now = clock_boot_ns();

	for (struct medium_entry *medium = pipeline->devices.media; medium;
	     medium = medium->next) {
		uint64_t end_ns = pipeline_grant_end(pipeline,
						     &medium->decision);
		uint32_t left_s = end_ns ? 0
					 : pipeline_media_lasts(pipeline,
								medium,
								HORIZON_S);
		if (left_s)
			end_ns = now + left_s * NS_PER_S;
		/* No memory: it ends at a heartbeat, without a warning */
		(void)!ending_set_deadline(ender->endings, medium, end_ns, now);
	}
	arm(ender);
}
