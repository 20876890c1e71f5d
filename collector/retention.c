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
#include "collector/own_log.h"
#include "collector/worker.h"

#include "agent/base/banned.h"

#define INTERVAL_S  3600u
#define JOB_ROWS    2000u
#define DAY_MS	    INT64_C(86400000)
#define META_KEY    "retention.id"    /* the last that was removed */
#define META_UNTIL  "retention.until" /* the last that was announced */
#define NUMBER_SIZE 24

struct retention {
	struct job job; /* first: the writer gives it back */
	struct writer *writer;
	const struct log *log;
	struct own_log own;
	uint64_t days;
	int64_t before_ms; /* of the job that is under way */
	uint64_t taken;	   /* of this round */
	struct worker worker;
	bool is_done; /* under worker.lock: the job came back, */
	int result;   /* with this */
};

static int read_number(struct store *store, const char *key, uint64_t *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = store->ops->meta_get(store, key, &text);

	*ret = 0;
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : headers_parse_count(text, ret);
}

static int write_number(struct store *store, const char *key, int64_t value)
{
	char text[NUMBER_SIZE];

	(void)snprintf(text, sizeof(text), "%" PRId64, value); /* fits */
	return store->ops->meta_set(store, key, text);
}

static int take_time(const struct store_row *row, void *ctx)
{
	*(int64_t *)ctx = row->recv_ms;
	return 0;
}

/*
 * The last event before the first that is not old enough: of times of receipt
 * that only grow. A server whose clock went back has some of them later.
 */
static int find_end(struct retention *n, struct store *store, uint64_t id,
		    uint64_t *ret_end)
{
	struct merkle tree;
	int r = store->ops->tree_read(store, &tree);
	uint64_t low = id, high = r == 0 ? tree.size : id;

	while (r == 0 && low < high) {
		uint64_t middle = low + (high - low) / 2;
		const struct store_query query = {.after = (int64_t)middle,
						  .limit = 1};
		int64_t recv_ms = INT64_MAX;

		r = store->ops->each_row(store, &query, take_time, &recv_ms);
		if (recv_ms < n->before_ms)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_end = low;
	return r;
}

/*
 * What will be removed stands in the tree before it is: an event of our own,
 * in this transaction. *until: what was announced before, and now.
 */
static int announce(struct retention *n, struct store *store, uint64_t id,
		    uint64_t *until)
{
	struct own_retention what = {.before_ms = n->before_ms,
				     .days = n->days};
	uint64_t end;
	int r = find_end(n, store, id, &end);

	if (r < 0 || end <= *until)
		return r;
	/* Of a store from before there were announcements: all of it. */
	what.first_leaf = *until;
	what.last_leaf = end - 1;
	r = own_log_retention(&n->own, store, &what);
	if (r == 0)
		r = write_number(store, META_UNTIL, (int64_t)end);
	if (r == 0)
		*until = end;
	return r;
}

/* On the writer's thread, a transaction of its own. */
static int take_some(struct retention *n, struct store *store)
{
	uint64_t id, until;
	int64_t last;
	size_t rows = JOB_ROWS;
	int r = read_number(store, META_KEY, &id);

	if (r == 0)
		r = read_number(store, META_UNTIL, &until);
	if (r == 0 && until <= id)
		r = announce(n, store, id, &until);
	if (r < 0 || until <= id)
		return r;
	if (until - id < rows)
		rows = (size_t)(until - id);
	last = (int64_t)id;
	r = store->ops->retire(store, n->before_ms, rows, &last);
	if (r < 0 || last <= (int64_t)id)
		return r;
	n->taken += (uint64_t)last - id;
	return write_number(store, META_KEY, last);
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

int retention_start(struct writer *writer, const struct log *log,
		    struct span origin, uint64_t days,
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
	r = own_log_init(origin, &n->own);
	if (r == 0)
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
