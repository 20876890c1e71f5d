/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output: read a batch behind the cursor, let the sink deliver it, move the
 * cursor. The cursor is a small text of the store, "output " and the URL:
 * another URL begins with the first event. A batch that was read is held until
 * all of it is delivered, so that a sink can send again only what is left.
 */
#include "collector/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "collector/output_body.h"
#include "collector/output_sink.h"
#include "collector/store.h"
#include "collector/worker.h"

#include "agent/base/banned.h"

/* How often the store is asked whether there is more. */
#define POLL_MS 1000u
/* After a failure: up to 1 s, doubled each time, up to a minute. */
#define BACKOFF_FIRST_MS  1000u
#define BACKOFF_MAX_MS	  60000u
#define BACKOFF_DOUBLINGS 6u

static const struct scheme {
	const char *prefix;
	const struct output_sink_ops *ops;
} SCHEMES[] = {
	{"syslog+tls://", &OUTPUT_SYSLOG_TLS},
	{"relp+tls://", &OUTPUT_RELP_TLS},
	{"relp://", &OUTPUT_RELP},
	{"opensearch+https://", &OUTPUT_BULK_HTTPS},
	{"opensearch+http://", &OUTPUT_BULK_HTTP},
	{"splunk+https://", &OUTPUT_HEC_HTTPS},
	{"splunk+http://", &OUTPUT_HEC_HTTP},
	{"kafka+tls://", &OUTPUT_KAFKA},
	{"kafka://", &OUTPUT_KAFKA},
};

static const char *const FORMATS[] = {"json", "cef", "ecs"};

struct output {
	struct output_config config;
	struct output_sink *sink;
	struct store *store; /* the thread's alone */
	struct buf body;
	char *key; /* of the cursor */
	int64_t cursor;
	bool is_holding;   /* a batch is read and not delivered */
	int64_t batch_end; /* id of the last event in it */
	size_t batch_count;
	unsigned int failures; /* in a row */
	bool is_told;	       /* that events are delivered, since a failure */
	bool is_refusal_told;
	struct worker worker;
	struct output_status status; /* under worker.lock */
};

int output_format_from_str(const char *text, enum output_format *ret_format)
{
	for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++)
		if (strcmp(FORMATS[i], text) == 0) {
			*ret_format = (enum output_format)i;
			return 0;
		}
	return -EINVAL;
}

/* ---- one batch ------------------------------------------------------------ */

static int add_row(const struct store_row *row, void *ctx)
{
	struct output *o = ctx;
	struct output_sink *sink = o->sink;
	int r;

	o->batch_end = row->id;
	/* Nothing is left of it to tell. */
	if (row->quarantine == STORE_RETIRED)
		return 0;
	buf_clear(&o->body);
	r = output_body(row, o->config.format, sink->ops->is_json_only,
			&o->body);
	if (r == 0)
		r = sink->ops->add(sink, row, &o->body);
	if (r < 0)
		return r;
	output_batch_end(&sink->batch);
	return output_batch_is_full(&sink->batch) ? 1 : 0;
}

static int read_batch(struct output *o)
{
	const struct store_query query = {
		.after = o->cursor,
		.limit = OUTPUT_BATCH_ROWS,
	};
	int r;

	output_batch_clear(&o->sink->batch);
	o->batch_end = o->cursor;
	r = o->store->ops->each_row(o->store, &query, add_row, o);
	o->batch_count = o->sink->batch.count;
	o->is_holding = r >= 0 && o->batch_end != o->cursor;
	return r < 0 ? r : 0;
}

static int write_cursor(struct store *store, void *ctx)
{
	const struct output *o = ctx;
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, o->batch_end); /* fits */
	return store->ops->meta_set(store, o->key, text);
}

static int read_cursor(struct output *o)
{
	_cleanup_free_ char *text = NULL;
	char *end = NULL;
	int r = o->store->ops->meta_get(o->store, o->key, &text);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	o->cursor = strtoll(text, &end, 10);
	return end != text && *end == '\0' && o->cursor >= 0 ? 0 : -EBADMSG;
}

enum next {
	NEXT_NOTHING = 0,
	NEXT_DELIVERED, /* a batch, and there may be more */
	NEXT_WAITING,	/* a batch is on the way */
};

/* An enum next, or -errno. */
static int deliver_next(struct output *o)
{
	int r = o->is_holding ? 0 : read_batch(o);

	if (r < 0 || !o->is_holding)
		return r;
	if (o->sink->batch.left > 0)
		r = o->sink->ops->deliver(o->sink);
	if (r == OUTPUT_SINK_LATER)
		return NEXT_WAITING;
	if (r == 0)
		r = store_transact(o->store, write_cursor, o);
	if (r < 0)
		return r;
	o->cursor = o->batch_end;
	o->is_holding = false;
	return NEXT_DELIVERED;
}

/* ---- what is told --------------------------------------------------------- */

static void note_success(struct output *o, bool is_delivered)
{
	bool is_new = o->status.is_failing || (is_delivered && !o->is_told);

	o->status.is_failing = false;
	o->status.cursor = o->cursor;
	if (is_delivered) {
		o->status.delivered += o->batch_count;
		o->status.delivered_ms = (int64_t)(clock_wall_ns() / NS_PER_MS);
	}
	if (!is_new)
		return;
	o->is_told = true;
	log_notice(o->config.log, "Output '%s': events are delivered",
		   o->config.url);
}

/* Once a change: it fails, it fails otherwise, it works (again). */
static void note_failure(struct output *o, int r)
{
	const char *problem = o->sink->problem[0] ? o->sink->problem
						  : errno_text(r);

	if (o->status.is_failing && strcmp(problem, o->status.problem) == 0)
		return;
	o->status.is_failing = true;
	(void)snprintf(o->status.problem, sizeof(o->status.problem), "%s",
		       problem); /* the same size */
	log_warning(o->config.log, "Output '%s': %s; events wait in the store",
		    o->config.url, problem);
}

/* The first one is told; the rest is counted. */
static void note_refusals(struct output *o)
{
	const struct output_sink *sink = o->sink;

	o->status.refused = sink->refused;
	if (sink->refused == 0)
		return;
	(void)snprintf(o->status.refusal, sizeof(o->status.refusal), "%s",
		       sink->refusal); /* the same size */
	if (o->is_refusal_told)
		return;
	o->is_refusal_told = true;
	log_warning(o->config.log,
		    "Output '%s': an event is refused for good (%s); it stays "
		    "in the store, further ones are only counted (/metrics)",
		    o->config.url, sink->refusal);
}

static void note(struct output *o, int r)
{
	worker_lock(&o->worker);
	note_refusals(o);
	/* What is on the way has neither failed nor arrived. */
	if (r == NEXT_NOTHING || r == NEXT_DELIVERED)
		note_success(o, r == NEXT_DELIVERED);
	else if (r < 0 && r != -ECANCELED)
		note_failure(o, r);
	worker_unlock(&o->worker);
}

void output_read_status(struct output *o, struct output_status *ret_status)
{
	worker_lock(&o->worker);
	*ret_status = o->status;
	worker_unlock(&o->worker);
}

/* ---- the thread ----------------------------------------------------------- */

/*
 * Full jitter, at least a tenth, so that an unlucky draw is no busy loop, and
 * not before the other side wants to be asked.
 */
static unsigned int backoff_ms(struct output *o)
{
	unsigned int doublings = o->failures < BACKOFF_DOUBLINGS
					 ? o->failures
					 : BACKOFF_DOUBLINGS;
	unsigned int cap = BACKOFF_FIRST_MS << doublings, random = 0;

	if (cap > BACKOFF_MAX_MS)
		cap = BACKOFF_MAX_MS;
	o->failures++;
	/* Without it there is only no jitter. */
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	cap = cap / 10 + random % (cap - cap / 10 + 1);
	return cap > o->sink->retry_after_s * 1000
		       ? cap
		       : o->sink->retry_after_s * 1000;
}

static void *output_main(void *ctx)
{
	struct output *o = ctx;
	unsigned int ms;
	int r;

	do {
		o->sink->problem[0] = '\0';
		o->sink->retry_after_s = 0;
		r = deliver_next(o);
		note(o, r);
		if (r == NEXT_NOTHING || r == NEXT_DELIVERED)
			o->failures = 0;
		ms = r < 0 ? backoff_ms(o) : r == NEXT_DELIVERED ? 0 : POLL_MS;
	} while (worker_wait_ms(&o->worker, ms));
	return NULL;
}

/* ---- life ----------------------------------------------------------------- */

static void output_free(struct output *o)
{
	if (o->sink)
		o->sink->ops->close(o->sink);
	store_close(o->store);
	buf_fini(&o->body);
	free(o->key);
	free(o);
}

static int open_sink(struct output *o, char *ret_problem)
{
	const char *url = o->config.url;

	for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(SCHEMES[0]); i++) {
		const struct output_sink_ops *ops = SCHEMES[i].ops;
		size_t len = strlen(SCHEMES[i].prefix);
		int r;

		if (strncmp(url, SCHEMES[i].prefix, len) != 0)
			continue;
		if (!ops->takes(o->config.format)) {
			(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
				       "it does not carry output_format %s",
				       FORMATS[o->config.format]); /* fits */
			return -EINVAL;
		}
		r = ops->open(&o->config, url + len, ret_problem, &o->sink);
		if (r == 0 && !o->sink->ops)
			o->sink->ops = ops;
		return r;
	}
	(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
		       "its beginning is none that we know; see "
		       "sekimori-collector.conf(5)"); /* fits */
	return -EINVAL;
}

static int open_all(struct output *o, char *ret_problem)
{
	int r = open_sink(o, ret_problem);

	if (r == 0 && asprintf(&o->key, "output %s", o->config.url) < 0) {
		o->key = NULL;
		r = -ENOMEM;
	}
	if (r == 0)
		r = store_open(o->config.database, o->config.dir, STORE_WRITE,
			       &o->store);
	if (r == 0)
		r = read_cursor(o);
	o->status.url = o->config.url;
	o->status.cursor = o->cursor;
	return r;
}

int output_start(const struct output_config *config, char *ret_problem,
		 struct output **ret_output)
{
	struct output *o = calloc(1, sizeof(*o));
	int r;

	(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE, "%s",
		       errno_text(-ENOMEM)); /* fits */
	if (!o)
		return -ENOMEM;
	o->config = *config;
	o->body = (struct buf)BUF_INIT(OUTPUT_TEXT_MAX);
	ret_problem[0] = '\0';
	r = open_all(o, ret_problem);
	if (r == 0)
		r = worker_start(&o->worker, output_main, o);
	if (r < 0) {
		if (ret_problem[0] == '\0')
			(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE, "%s",
				       errno_text(r)); /* fits */
		output_free(o);
		return r;
	}
	*ret_output = o;
	return 0;
}

void output_stop(struct output *o)
{
	if (!o)
		return;
	o->sink->ops->cancel(o->sink);
	worker_end(&o->worker);
	worker_fini(&o->worker);
	output_free(o);
}
