/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output: read a batch behind the cursor, deliver, move the cursor. The cursor
 * is a small text of the store, "output " and the URL: another URL begins with
 * the first event. Syslog over TLS acknowledges nothing (RFC 5425 §4.4), so each
 * batch has a connection of its own, and the peer's orderly close after ours
 * says that its program has read all of it. RELP answers each message.
 */
#include "collector/output.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/base/buf.h"
#include "collector/output_link.h"
#include "collector/output_relp.h"
#include "collector/output_text.h"
#include "collector/store.h"

#include "agent/base/banned.h"

/* One batch: this many events, or the one that passes this many octets. */
#define BATCH_ROWS  RELP_MESSAGES_MAX
#define BATCH_BYTES (1u << 20)
/* How often the store is asked whether there is more. */
#define POLL_MS 1000u
/* After a failure: up to 1 s, doubled each time, up to a minute. */
#define BACKOFF_FIRST_MS  1000u
#define BACKOFF_MAX_MS	  60000u
#define BACKOFF_DOUBLINGS 6u

static const struct scheme {
	const char *prefix;
	bool is_tls;
	bool is_relp; /* else syslog */
} SCHEMES[] = {
	{"syslog+tls://", true, false},
	{"relp+tls://", true, true},
	{"relp://", false, true},
};

struct output {
	struct output_config config;
	const struct scheme *scheme;
	struct output_target target;
	struct output_gate gate;
	struct store *store; /* the thread's alone */
	struct buf batch;
	struct buf message;
	char *key; /* of the cursor */
	int64_t cursor;
	size_t batch_count;
	int64_t batch_end;     /* id of the last event in `batch` */
	unsigned int failures; /* in a row */
	int last_result;       /* of the last batch, 1 before the first */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_stopping; /* under lock */
};

/* ---- one batch ------------------------------------------------------------ */

static int add_message(struct output *o)
{
	const struct buf *message = &o->message;
	int r;

	if (o->scheme->is_relp)
		return output_relp_add(&o->batch, o->batch_count, message->data,
				       message->size);
	/* RFC 5425 §4.3: MSG-LEN SP SYSLOG-MSG */
	r = buf_printf(&o->batch, "%zu ", message->size);
	return r < 0 ? r : buf_append(&o->batch, message->data, message->size);
}

static int add_row(const struct store_row *row, void *ctx)
{
	struct output *o = ctx;
	int r;

	o->batch_end = row->id;
	/* Nothing is left of it to tell. */
	if (row->quarantine == STORE_RETIRED)
		return 0;
	buf_clear(&o->message);
	r = output_text_syslog(row, o->config.is_cef, &o->message);
	if (r == 0)
		r = add_message(o);
	if (r < 0)
		return r;
	o->batch_count++;
	return o->batch.size >= BATCH_BYTES ? 1 : 0;
}

static int read_batch(struct output *o)
{
	const struct store_query query = {
		.after = o->cursor,
		.limit = BATCH_ROWS,
	};
	int r;

	buf_clear(&o->batch);
	o->batch_count = 0;
	o->batch_end = o->cursor;
	r = o->store->ops->each_row(o->store, &query, add_row, o);
	return r < 0 ? r : 0;
}

static int deliver_syslog(struct output_link *link, const struct buf *batch)
{
	int r = output_link_write(link, batch->data, batch->size);

	return r < 0 ? r : output_link_finish(link);
}

static int deliver(struct output *o)
{
	struct output_link link;
	int r = output_link_open(&o->target, &o->gate, &link);

	if (r < 0)
		return r;
	r = o->scheme->is_relp
		    ? output_relp_deliver(&link, &o->batch, o->batch_count)
		    : deliver_syslog(&link, &o->batch);
	output_link_close(&link);
	return r;
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

/* 1: a batch was delivered and there may be more; 0: there is nothing. */
static int deliver_next(struct output *o)
{
	int r = read_batch(o);

	if (r < 0 || o->batch_end == o->cursor)
		return r;
	r = o->batch_count > 0 ? deliver(o) : 0;
	if (r == 0)
		r = store_transact(o->store, write_cursor, o);
	if (r < 0)
		return r;
	o->cursor = o->batch_end;
	return 1;
}

/* ---- the thread ----------------------------------------------------------- */

/* Once a change: it fails, it fails otherwise, it works (again). */
static void tell(struct output *o, int r)
{
	int result = r < 0 ? r : 0;

	if (result == o->last_result || result == -ECANCELED ||
	    (r == 0 && o->last_result == 1))
		return;
	o->last_result = result;
	if (result < 0)
		log_warning(o->config.log,
			    "Output '%s': %s; events wait in the store",
			    o->config.url, errno_text(result));
	else
		log_notice(o->config.log, "Output '%s': events are delivered",
			   o->config.url);
}

/* Full jitter, at least a tenth, so that an unlucky draw is no busy loop. */
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
	return cap / 10 + random % (cap - cap / 10 + 1);
}

/* False: it is time to end. */
static bool wait_ms(struct output *o, unsigned int ms)
{
	struct timespec until;
	bool is_stopping;
	int r = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail */
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	/* Our own mutex and condition: these cannot fail. */
	(void)pthread_mutex_lock(&o->lock);
	while (ms > 0 && !o->is_stopping && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&o->wake, &o->lock, &until);
	is_stopping = o->is_stopping;
	(void)pthread_mutex_unlock(&o->lock);
	return !is_stopping;
}

static void *output_main(void *ctx)
{
	struct output *o = ctx;
	unsigned int ms;
	int r;

	do {
		r = deliver_next(o);
		tell(o, r);
		if (r >= 0)
			o->failures = 0;
		ms = r < 0 ? backoff_ms(o) : r > 0 ? 0 : POLL_MS;
	} while (wait_ms(o, ms));
	return NULL;
}

/* ---- life ----------------------------------------------------------------- */

static void output_free(struct output *o)
{
	store_close(o->store);
	buf_fini(&o->batch);
	buf_fini(&o->message);
	free(o->key);
	free(o);
}

static int parse_url(struct output *o)
{
	size_t len = 0;

	for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(SCHEMES[0]); i++) {
		len = strlen(SCHEMES[i].prefix);
		if (strncmp(o->config.url, SCHEMES[i].prefix, len) == 0) {
			o->scheme = &SCHEMES[i];
			break;
		}
	}
	if (!o->scheme)
		return -EINVAL;
	o->target = (struct output_target){
		.is_tls = o->scheme->is_tls,
		.ca = o->config.ca,
		.cert = o->config.cert,
		.key = o->config.key,
	};
	return output_target_parse(o->config.url + len, &o->target);
}

static int open_all(struct output *o)
{
	int r = parse_url(o);

	if (r == 0 && asprintf(&o->key, "output %s", o->config.url) < 0) {
		o->key = NULL;
		r = -ENOMEM;
	}
	if (r == 0)
		r = store_open(o->config.database, o->config.dir, STORE_WRITE,
			       &o->store);
	return r < 0 ? r : read_cursor(o);
}

static int start_thread(struct output *o)
{
	pthread_condattr_t attr;

	/* glibc: these cannot fail. */
	(void)pthread_mutex_init(&o->gate.lock, NULL);
	(void)pthread_mutex_init(&o->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&o->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	return -pthread_create(&o->thread, NULL, output_main, o);
}

int output_start(const struct output_config *config, struct output **ret_output)
{
	struct output *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	o->config = *config;
	o->last_result = 1;
	o->gate.fd = -1;
	o->batch = (struct buf)BUF_INIT(BATCH_BYTES + OUTPUT_TEXT_MAX);
	o->message = (struct buf)BUF_INIT(OUTPUT_TEXT_MAX);
	r = open_all(o);
	if (r == 0)
		r = start_thread(o);
	if (r < 0) {
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
	/* Our own mutex and condition, a thread joined once: cannot fail. */
	(void)pthread_mutex_lock(&o->lock);
	o->is_stopping = true;
	(void)pthread_cond_signal(&o->wake);
	(void)pthread_mutex_unlock(&o->lock);
	output_gate_close(&o->gate);
	(void)pthread_join(o->thread, NULL);
	(void)pthread_cond_destroy(&o->wake);
	(void)pthread_mutex_destroy(&o->lock);
	(void)pthread_mutex_destroy(&o->gate.lock);
	output_free(o);
}
