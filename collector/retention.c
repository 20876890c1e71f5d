/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention: small jobs for the writer, one after the other, so that no
 * terminal waits long for its acknowledgement. How far it has come stands in
 * the store, in the same transaction.
 */
#include "collector/retention.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/clock.h"
#include "collector/worker.h"

#include "agent/base/banned.h"

#define INTERVAL_S  3600u
#define JOB_ROWS    2000u
#define DAY_MS	    INT64_C(86400000)
#define META_KEY    "retention.id"
#define NUMBER_SIZE 24

struct retention {
	struct job job; /* first: the writer gives it back */
	struct writer *writer;
	const struct log *log;
	uint64_t days;
	int64_t before_ms; /* of the job that is under way */
	uint64_t taken;	   /* of this round */
	struct worker worker;
	bool is_done; /* under worker.lock: the job came back, */
	int result;   /* with this */
};

/* On the writer's thread. 0, or 1: there was something, ask again. */
static int take_some(struct retention *n, struct store *store)
{
	_cleanup_free_ char *text = NULL;
	char next[NUMBER_SIZE];
	uint64_t id = 0;
	int64_t last;
	int r = store->ops->meta_get(store, META_KEY, &text);

	if (r == 0)
		r = headers_parse_count(text, &id);
	if (r < 0 && r != -ENOENT)
		return r;
	last = (int64_t)id;
	r = store->ops->retire(store, n->before_ms, JOB_ROWS, &last);
	if (r < 0 || last <= (int64_t)id)
		return r;
	n->taken += (uint64_t)last - id;
	(void)snprintf(next, sizeof(next), "%" PRId64, last); /* fits */
	return store->ops->meta_set(store, META_KEY, next);
}

static int run(struct job *job, struct store *store)
{
	struct retention *n = (struct retention *)job;

	n->taken = 0;
	return take_some(n, store);
}

static void done(struct job *job, int r)
{
	struct retention *n = (struct retention *)job;

	worker_lock(&n->worker);
	n->is_done = true;
	n->result = r;
	(void)pthread_cond_signal(&n->worker.wake); /* cannot fail */
	worker_unlock(&n->worker);
}

/* Rows of one job, 0 none are old enough; or -errno. */
static int64_t take_once(struct retention *n)
{
	int r;

	n->job = (struct job){.weight = JOB_ROWS, .run = run, .done = done};
	n->is_done = false; /* nobody else has it now */
	r = writer_submit(n->writer, &n->job);
	if (r < 0)
		return r;
	worker_lock(&n->worker);
	while (!n->is_done) /* our own condition: cannot fail */
		(void)pthread_cond_wait(&n->worker.wake, &n->worker.lock);
	r = n->result;
	worker_unlock(&n->worker);
	return r < 0 ? r : (int64_t)n->taken;
}

static void take_all(struct retention *n)
{
	int64_t count, sum = 0;

	n->before_ms = (int64_t)(clock_wall_ns() / NS_PER_MS) -
		       (int64_t)n->days * DAY_MS;
	do {
		count = take_once(n);
		sum += count > 0 ? count : 0;
	} while (count > 0 && !worker_is_stopping(&n->worker));
	if (sum > 0)
		log_notice(n->log,
			   "Removed the records of %" PRId64
			   " events received more than %" PRIu64 " days ago",
			   sum, n->days);
	if (count < 0)
		log_warning(n->log, "Old records stay for now: %s",
			    errno_text((int)count));
}

static void *retention_main(void *ctx)
{
	struct retention *n = ctx;

	do
		take_all(n);
	while (worker_wait_ms(&n->worker, INTERVAL_S * MS_PER_S));
	return NULL;
}

int retention_start(struct writer *writer, const struct log *log, uint64_t days,
		    struct retention **ret_retention)
{
	struct retention *n;
	int r;

	*ret_retention = NULL;
	if (days == 0)
		return 0;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->writer = writer;
	n->log = log;
	n->days = days;
	r = worker_start(&n->worker, retention_main, n);
	if (r < 0)
		free(n);
	else
		*ret_retention = n;
	return r;
}

void retention_stop(struct retention *n)
{
	if (!n)
		return;
	worker_end(&n->worker);
	worker_fini(&n->worker);
	free(n);
}
