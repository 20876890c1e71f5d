/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer: queue, thread and transaction. The jobs' callbacks run without the
 * lock held. A failing disk fails every job of the group, so that nobody is
 * told of a commit that was not.
 */
#include "collector/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "agent/base/clock.h"
#include "collector/limits.h"

#include "agent/base/banned.h"

struct queue {
	struct job *head;
	struct job **tail;
	size_t weight;
};

/* What runs now, and what each run() said, kept until the commit. */
struct group {
	struct job *jobs[LIMIT_GROUP_EVENTS];
	int results[LIMIT_GROUP_EVENTS];
	size_t count;
};

struct writer {
	struct store *store;
	const struct log *log;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct queue waiting;	   /* under lock */
	struct writer_stats stats; /* under lock */
	bool is_stopping;	   /* under lock */
	struct group group;	   /* the thread's */
};

/* Waits; takes jobs up to the group's weight. false: stop, nothing waits. */
static bool take_group(struct writer *w, struct group *group)
{
	size_t weight = 0;

	group->count = 0;
	(void)pthread_mutex_lock(&w->lock); /* a plain mutex cannot fail */
	while (!w->waiting.head && !w->is_stopping)
		(void)pthread_cond_wait(&w->wake, &w->lock); /* same */
	while (w->waiting.head && group->count < LIMIT_GROUP_EVENTS) {
		struct job *job = w->waiting.head;

		if (group->count > 0 &&
		    weight + job->weight > LIMIT_GROUP_EVENTS)
			break;
		weight += job->weight;
		group->jobs[group->count++] = job;
		w->waiting.head = job->next;
		w->waiting.weight -= job->weight;
	}
	if (!w->waiting.head)
		w->waiting.tail = &w->waiting.head;
	(void)pthread_mutex_unlock(&w->lock); /* we hold it */
	return group->count > 0;
}

/* One job as a step of its own. *ret_result: the job's; returns the store's. */
static int run_job(struct writer *w, struct job *job, int *ret_result)
{
	const struct store_ops *ops = w->store->ops;
	int r = ops->step_begin(w->store);

	if (r < 0)
		return r;
	*ret_result = job->run(job, w->store);
	r = ops->step_end(w->store, *ret_result >= 0);
	/* The job's own error says more than "the transaction is gone". */
	return r < 0 && *ret_result < 0 ? *ret_result : r;
}

static int run_group(struct writer *w, struct group *group)
{
	const struct store_ops *ops = w->store->ops;
	int r = ops->begin(w->store);

	for (size_t i = 0; r == 0 && i < group->count; i++)
		r = run_job(w, group->jobs[i], &group->results[i]);
	if (r == 0)
		r = ops->commit(w->store);
	if (r < 0)
		ops->rollback(w->store);
	return r;
}

/* Said once when it starts and once when it ends, not for every request. */
static void report(const struct writer *w, bool was_failing, int r)
{
	if (r < 0 && !was_failing)
		log_error(w->log,
			  "Storing fails: %s; terminals keep their events",
			  errno_text(r));
	else if (r == 0 && was_failing)
		log_notice(w->log, "Storing works again");
}

static void finish(struct writer *w, struct group *group, int r,
		   uint64_t took_ns)
{
	bool was_failing;

	(void)pthread_mutex_lock(&w->lock); /* a plain mutex cannot fail */
	if (r == 0)
		w->stats.commits++;
	else
		w->stats.failures++;
	w->stats.jobs += group->count;
	w->stats.commit_ns += took_ns;
	was_failing = w->stats.is_failing;
	w->stats.is_failing = r < 0;
	(void)pthread_mutex_unlock(&w->lock); /* we hold it */

	report(w, was_failing, r);
	for (size_t i = 0; i < group->count; i++)
		group->jobs[i]->done(group->jobs[i],
				     r < 0 ? r : group->results[i]);
}

static void *writer_main(void *ctx)
{
	struct writer *w = ctx;

	while (take_group(w, &w->group)) {
		uint64_t from_ns = clock_mono_ns();
		int r = run_group(w, &w->group);

		finish(w, &w->group, r, clock_mono_ns() - from_ns);
	}
	return NULL;
}

int writer_start(struct store *store, const struct log *log,
		 struct writer **ret_writer)
{
	struct writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->store = store;
	w->log = log;
	w->waiting.tail = &w->waiting.head;
	(void)pthread_mutex_init(&w->lock, NULL); /* glibc: cannot fail */
	(void)pthread_cond_init(&w->wake, NULL);  /* glibc: cannot fail */
	r = pthread_create(&w->thread, NULL, writer_main, w);
	if (r != 0) {
		free(w);
		return -r;
	}
	*ret_writer = w;
	return 0;
}

void writer_stop(struct writer *w)
{
	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock); /* a plain mutex cannot fail */
	w->is_stopping = true;
	(void)pthread_cond_signal(&w->wake);  /* cannot fail */
	(void)pthread_mutex_unlock(&w->lock); /* we hold it */
	(void)pthread_join(w->thread, NULL);  /* joined once, by the owner */
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	(void)pthread_cond_destroy(&w->wake);  /* nobody waits any more */
	(void)pthread_mutex_destroy(&w->lock); /* nobody holds it */
	free(w);
}

int writer_submit(struct writer *w, struct job *job)
{
	int r = 0;

	job->next = NULL;
	(void)pthread_mutex_lock(&w->lock); /* a plain mutex cannot fail */
	if (w->is_stopping)
		r = -ESHUTDOWN;
	else if (w->waiting.head &&
		 w->waiting.weight + job->weight > LIMIT_WAITING_EVENTS)
		r = -EBUSY;
	if (r == 0) {
		*w->waiting.tail = job;
		w->waiting.tail = &job->next;
		w->waiting.weight += job->weight;
		(void)pthread_cond_signal(&w->wake); /* cannot fail */
	}
	(void)pthread_mutex_unlock(&w->lock); /* we hold it */
	return r;
}

void writer_read_stats(struct writer *w, struct writer_stats *ret_stats)
{
	(void)pthread_mutex_lock(&w->lock); /* a plain mutex cannot fail */
	*ret_stats = w->stats;
	ret_stats->waiting = w->waiting.weight;
	(void)pthread_mutex_unlock(&w->lock); /* we hold it */
}
