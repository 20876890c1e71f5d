/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed: libmicrohttpd asks for the next octets when the reader's socket takes
 * some; a tail that has none is suspended until the ticker looks again.
 */
#include "collector/api/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/base/clock.h"
#include "collector/api/filter.h"
#include "collector/api/json.h"
#include "collector/console.h"
#include "collector/headers.h"
#include "collector/limits.h"
#include "collector/web/html.h"
#include "collector/web/summary.h"

#include "agent/base/banned.h"

#define ROWS_AT_ONCE 200u
#define TICK_MS	     500
#define PING_MS	     15000 /* a proxy closes what is silent for longer */
#define BLOCK_SIZE   16384

struct feed {
	struct feed *next; /* of those that wait */
	struct console *console;
	struct MHD_Connection *connection;
	feed_add_fn *add;
	int how;
	struct filter filter;
	bool is_live, is_over;
	uint64_t mono_ping_ms;
	struct buf out;
	size_t sent;
};

struct feeds {
	const struct log *log;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_stopping;
	struct feed *waiting;
	size_t live;
};

/* ---- the ticker ----------------------------------------------------------- */

static void resume_all(struct feeds *feeds)
{
	struct feed *feed = feeds->waiting;

	feeds->waiting = NULL;
	while (feed) {
		struct feed *next = feed->next; /* it may end meanwhile */

		MHD_resume_connection(feed->connection);
		feed = next;
	}
}

/* A signal says that somebody waits, which is known: it does not shorten. */
static void wait_a_tick(struct feeds *feeds)
{
	uint64_t end_ns = clock_mono_ns() + TICK_MS * NS_PER_MS;
	struct timespec end = {
		.tv_sec = (time_t)(end_ns / NS_PER_S),
		.tv_nsec = (long)(end_ns % NS_PER_S),
	};

	while (!feeds->is_stopping && clock_mono_ns() < end_ns)
		(void)pthread_cond_clockwait(&feeds->wake, &feeds->lock,
					     CLOCK_MONOTONIC, &end);
}

static void *tick(void *ctx)
{
	struct feeds *feeds = ctx;

	(void)pthread_mutex_lock(&feeds->lock);
	while (!feeds->is_stopping) {
		if (!feeds->waiting) {
			(void)pthread_cond_wait(&feeds->wake, &feeds->lock);
			continue;
		}
		wait_a_tick(feeds);
		resume_all(feeds);
	}
	resume_all(feeds);
	(void)pthread_mutex_unlock(&feeds->lock);
	return NULL;
}

int feeds_start(const struct log *log, struct feeds **ret_feeds)
{
	struct feeds *feeds = calloc(1, sizeof(*feeds));
	int r;

	if (!feeds)
		return -ENOMEM;
	feeds->log = log;
	(void)pthread_mutex_init(&feeds->lock, NULL); /* glibc: cannot fail */
	(void)pthread_cond_init(&feeds->wake, NULL);
	r = -pthread_create(&feeds->thread, NULL, tick, feeds);
	if (r < 0) {
		feeds_free(feeds);
		return r;
	}
	*ret_feeds = feeds;
	return 0;
}

void feeds_stop(struct feeds *feeds)
{
	if (!feeds)
		return;
	(void)pthread_mutex_lock(&feeds->lock);
	feeds->is_stopping = true;
	(void)pthread_cond_signal(&feeds->wake);
	(void)pthread_mutex_unlock(&feeds->lock);
	(void)pthread_join(feeds->thread, NULL);
}

void feeds_free(struct feeds *feeds)
{
	if (!feeds)
		return;
	(void)pthread_cond_destroy(&feeds->wake);
	(void)pthread_mutex_destroy(&feeds->lock);
	free(feeds);
}

/* False: the server stops. */
static bool wait_for_more(struct feed *feed)
{
	struct feeds *feeds = feed->console->feeds;
	bool is_waiting;

	(void)pthread_mutex_lock(&feeds->lock);
	is_waiting = !feeds->is_stopping;
	if (is_waiting) {
		MHD_suspend_connection(feed->connection);
		feed->next = feeds->waiting;
		feeds->waiting = feed;
		(void)pthread_cond_signal(&feeds->wake);
	}
	(void)pthread_mutex_unlock(&feeds->lock);
	return is_waiting;
}

/* ---- what is sent --------------------------------------------------------- */

static int add_json(struct buf *out, const struct store_row *row, int how)
{
	int r = json_add_row(out, row);

	(void)how;
	return r < 0 ? r : json_close(out, "");
}

static int add_ndjson(struct buf *out, const struct store_row *row, int how)
{
	int r = add_json(out, row, how);

	return r < 0 ? r : buf_append_text(out, "\n");
}

/* RFC 4180, and no cell that a spreadsheet takes for a formula. */
static int add_cell(struct buf *out, const char *text, const char *end)
{
	int r = buf_append_text(out, strchr("=+-@\t\r", text[0]) && text[0]
					     ? "\"'"
					     : "\"");

	for (; r == 0 && *text; text++) {
		unsigned char c = (unsigned char)*text;

		r = c == '"'		 ? buf_append_text(out, "\"\"")
		    : c < 32 || c == 127 ? buf_append_text(out, " ")
					 : buf_append(out, text, 1);
	}
	if (r == 0)
		r = buf_append_text(out, "\"");
	return r < 0 ? r : buf_append_text(out, end);
}

static int add_csv(struct buf *out, const struct store_row *row, int how)
{
	struct summary s = {0};
	char time[HTML_TIME_SIZE];
	int r;

	(void)how;
	if (row->quarantine == 0)
		summary_read(row->body, row->body_len, &s);
	html_time(row->time_ms, time);
	r = buf_printf(out, "%" PRId64 ",", row->id);
	const char *const cells[] = {time,	row->unit, s.hostname,
				     row->host, row->code, s.message,
				     s.device,	s.user,	   s.reason,
				     s.rule};
	for (size_t i = 0; r == 0 && i < sizeof(cells) / sizeof(cells[0]); i++)
		r = add_cell(out, cells[i], ",");
	return r < 0 ? r
		     : buf_printf(out, "%d,%d,%s,%" PRIu64 "\r\n",
				  row->severity, row->action, row->stream,
				  row->seq);
}

static int add_row(const struct store_row *row, void *ctx)
{
	struct feed *feed = ctx;
	int r = 0;

	if (feed->is_live)
		r = buf_printf(&feed->out, "id: %" PRId64 "\ndata: ", row->id);
	if (r == 0)
		r = feed->add(&feed->out, row, feed->how);
	if (r == 0 && feed->is_live)
		r = buf_append_text(&feed->out, "\n\n");
	if (r == 0)
		feed->filter.query.after = row->id;
	/* A block is enough for now; what follows is asked for then. */
	return r == 0 && feed->out.size >= BLOCK_SIZE ? 1 : r;
}

/* 0, or -errno: more octets are in `out`, or it is over. */
static int read_more(struct feed *feed)
{
	struct store *store = feed->console->store;
	uint64_t now_ms = clock_mono_ns() / NS_PER_MS;
	int r;

	buf_clear(&feed->out);
	feed->sent = 0;
	feed->filter.query.limit = ROWS_AT_ONCE;
	r = filter_each(&feed->filter, store, add_row, feed);
	if (r < 0)
		return r;
	if (feed->out.size > 0) {
		feed->mono_ping_ms = now_ms + PING_MS;
	} else if (!feed->is_live) {
		feed->is_over = true;
	} else if (now_ms >= feed->mono_ping_ms) {
		feed->mono_ping_ms = now_ms + PING_MS;
		return buf_append_text(&feed->out, ": waiting\n\n");
	}
	return 0;
}

static ssize_t next_octets(void *ctx, uint64_t position, char *to, size_t room)
{
	struct feed *feed = ctx;
	size_t size;
	int r = 0;

	(void)position;
	if (feed->sent == feed->out.size && !feed->is_over)
		r = read_more(feed);
	if (r < 0) {
		log_warning(feed->console->service->log,
			    "Reading the store for a download failed: %s",
			    errno_text(r));
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	size = feed->out.size - feed->sent;
	if (size == 0)
		return feed->is_over || !wait_for_more(feed)
			       ? MHD_CONTENT_READER_END_OF_STREAM
			       : 0;
	if (size > room)
		size = room;
	memcpy(to, feed->out.data + feed->sent, size);
	feed->sent += size;
	return (ssize_t)size;
}

static void feed_free(void *ctx)
{
	struct feed *feed = ctx;
	struct feeds *feeds = feed->console->feeds;

	if (feed->is_live) {
		(void)pthread_mutex_lock(&feeds->lock);
		feeds->live--;
		(void)pthread_mutex_unlock(&feeds->lock);
	}
	buf_fini(&feed->out);
	free(feed);
}

/* ---- the requests --------------------------------------------------------- */

static struct feed *make_feed(struct console_request *request)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed) {
		console_failed(request, -ENOMEM);
		return NULL;
	}
	feed->console = request->console;
	feed->connection = request->connection;
	feed->out = (struct buf)BUF_INIT(HTTP_REPLY_MAX);
	if (!filter_read(request, ROWS_AT_ONCE, &feed->filter)) {
		feed_free(feed);
		return NULL;
	}
	return feed;
}

static void send_feed(struct console_request *request, struct feed *feed,
		      const char *type)
{
	request->reply.made = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK_SIZE, next_octets, feed, feed_free);
	if (!request->reply.made) {
		feed_free(feed);
		console_failed(request, -ENOMEM);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = type;
}

void api_export_ndjson(struct console_request *request)
{
	struct feed *feed = make_feed(request);

	if (!feed)
		return;
	feed->add = add_ndjson;
	send_feed(request, feed, "application/x-ndjson");
}

void api_export_csv(struct console_request *request)
{
	struct feed *feed = make_feed(request);

	if (!feed)
		return;
	feed->add = add_csv;
	/* The mark tells spreadsheets that it is UTF-8. */
	if (buf_append_text(&feed->out,
			    "\xef\xbb\xbfnumber,time,unit,hostname,terminal,"
			    "code,message,device,user,reason,rule,severity,"
			    "action,stream,sequence\r\n") < 0) {
		feed_free(feed);
		console_failed(request, -ENOMEM);
		return;
	}
	send_feed(request, feed, "text/csv; charset=utf-8");
}

static int see_last(const struct store_row *row, void *ctx)
{
	*(int64_t *)ctx = row->id;
	return 1;
}

/* Behind what the reader had, or behind what is there now. */
static bool find_start(struct console_request *request, struct feed *feed)
{
	const struct store_query newest = {.is_newest_first = true, .limit = 1};
	const char *had = http_header(request->connection, "Last-Event-ID");
	struct store *store = request->console->store;
	uint64_t id = 0;
	int r;

	if (had && headers_parse_count(had, &id) == 0 && id <= INT64_MAX) {
		feed->filter.query.after = (int64_t)id;
		return true;
	}
	if (http_argument(request->connection, "after"))
		return true;
	r = store->ops->each_row(store, &newest, see_last,
				 &feed->filter.query.after);
	if (r < 0)
		console_failed(request, r);
	return r >= 0;
}

static bool count_live(struct feed *feed)
{
	struct feeds *feeds = feed->console->feeds;

	(void)pthread_mutex_lock(&feeds->lock);
	feed->is_live = feeds->live < LIMIT_STREAMS;
	feeds->live += feed->is_live;
	(void)pthread_mutex_unlock(&feeds->lock);
	return feed->is_live;
}

void feed_live(struct console_request *request, feed_add_fn *add, int how)
{
	struct feed *feed = make_feed(request);

	if (!feed)
		return;
	if (!find_start(request, feed)) {
		feed_free(feed);
		return;
	}
	if (!count_live(feed)) {
		feed_free(feed);
		http_reply_text(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE,
				"%u live tails are open already",
				LIMIT_STREAMS);
		http_reply_header(&request->reply, "Retry-After", "30");
		return;
	}
	feed->add = add;
	feed->how = how;
	feed->mono_ping_ms = clock_mono_ns() / NS_PER_MS; /* begins at once */
	send_feed(request, feed, "text/event-stream");
}

void api_stream(struct console_request *request)
{
	feed_live(request, add_json, 0);
}
