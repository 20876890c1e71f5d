/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_hec: Splunk's HTTP Event Collector (services/collector/event). Where
 * the token has indexer acknowledgement on, Splunk answers with an ackId, and
 * the batch counts as delivered only when services/collector/ack says so; what
 * is not acknowledged in time goes again. Splunk knows no ids, so an event that
 * comes again stands there twice: fields `terminal`, `stream` and `seq` tell.
 */
#include "collector/output_post.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <jansson.h>

#include "agent/base/clock.h"
#include "agent/base/hex.h"
#include "collector/api/json.h"
#include "collector/event.h"

#include "agent/base/banned.h"

#define EVENT_PATH "/services/collector/event"
#define ACK_PATH   "/services/collector/ack?channel="
/* Splunk's advice: after this it is not to be expected any more. */
#define ACK_WAIT_S  300u
#define UUID_SIZE   37u
#define INDEX_SIZE  81u /* and the NUL */
#define HEADER_TEXT "X-Splunk-Request-Channel: "

/* HEC's own codes (Splunk, "Possible error codes"). */
enum code {
	CODE_NO_DATA = 5,
	CODE_INVALID_FORMAT = 6,
	CODE_INCORRECT_INDEX = 7,
	CODE_EVENT_REQUIRED = 12,
	CODE_EVENT_BLANK = 13,
	CODE_INDEXED_FIELDS = 15,
};

struct hec {
	struct output_post post;
	enum output_format format;
	char index[INDEX_SIZE]; /* "": the token's own */
	char channel[UUID_SIZE];
	char header[sizeof(HEADER_TEXT) + UUID_SIZE];
	bool is_waiting; /* for `ack` of the events in the last request */
	json_int_t ack;
	uint64_t until_ns; /* of the monotonic clock */
};

DEFINE_CLEANUP(json, json_t *, json_decref);

static bool takes(enum output_format format)
{
	(void)format; /* text is carried as a JSON string */
	return true;
}

/* ---- an event ------------------------------------------------------------- */

static int add_time(struct buf *text, const struct store_row *row)
{
	int64_t ms = row->time_ms > 0 ? row->time_ms : row->recv_ms;

	return buf_printf(text, "{\"time\":%" PRId64 ".%03d,", ms / 1000,
			  (int)(ms % 1000));
}

static int add_host(struct buf *text, const struct store_row *row)
{
	struct event_fields fields = {0};
	char name[LIMIT_HOSTNAME_BYTES];

	if (event_scan(row->body, row->body_len, &fields) != 0 ||
	    !fields.hostname.at ||
	    event_unescape(fields.hostname, name, sizeof(name)) == 0)
		return json_add_text(text, "host", row->host);
	return json_add_text(text, "host", name);
}

static int add_fields(struct buf *text, const struct store_row *row)
{
	int r = buf_append_text(text, "\"fields\":{");

	if (r == 0)
		r = json_add_text(text, "terminal", row->host);
	if (r == 0)
		r = json_add_text(text, "stream", row->stream);
	return r < 0 ? r : buf_printf(text, "\"seq\":%" PRIu64 "},", row->seq);
}

static int add_event(struct hec *h, struct buf *text, const struct buf *body)
{
	int r;

	if (h->format == OUTPUT_CEF) {
		r = json_add_text(text, "event", buf_text(body));
		return r < 0 ? r : json_close(text, "}\n");
	}
	r = buf_append_text(text, "\"event\":");
	if (r == 0)
		r = buf_append(text, body->data, body->size);
	return r < 0 ? r : buf_append_text(text, "}\n");
}

static int add(struct output_sink *sink, const struct store_row *row,
	       const struct buf *body)
{
	static const char *const types[] = {
		[OUTPUT_JSON] = "sekimori:ocsf",
		[OUTPUT_CEF] = "sekimori:cef",
		[OUTPUT_ECS] = "sekimori:ecs",
	};
	struct hec *h = (struct hec *)sink;
	struct buf *text = &sink->batch.text;
	int r = add_time(text, row);

	if (r == 0)
		r = add_host(text, row);
	if (r == 0)
		r = json_add_text(text, "source", "sekimori");
	if (r == 0)
		r = json_add_text(text, "sourcetype", types[h->format]);
	if (r == 0 && h->index[0])
		r = json_add_text(text, "index", h->index);
	if (r == 0)
		r = add_fields(text, row);
	return r < 0 ? r : add_event(h, text, body);
}

/* ---- answers -------------------------------------------------------------- */

static void describe(struct hec *h, json_t *root, const char *advice)
{
	const char *text = json_string_value(json_object_get(root, "text"));

	output_sink_problem(&h->post.sink, "%ld %.150s: %s",
			    h->post.answer.status, text ? text : "", advice);
}

static void all_done(struct hec *h)
{
	for (size_t i = 0; i < h->post.count; i++)
		output_batch_done(&h->post.sink.batch, h->post.indices[i]);
}

static int accept_events(struct hec *h, json_t *root)
{
	json_t *code = json_object_get(root, "code");
	json_t *ack = json_object_get(root, "ackId");

	if (!json_is_integer(code) || json_integer_value(code) != 0) {
		describe(h, root, "not an answer of HEC; check the URL");
		return -EPROTO;
	}
	if (!json_is_integer(ack)) {
		all_done(h);
		return 0;
	}
	h->is_waiting = true;
	h->ack = json_integer_value(ack);
	h->until_ns = clock_mono_ns() + ACK_WAIT_S * NS_PER_S;
	return 0;
}

/* One event of the request is wrong: that one, or the search for it. */
static void refuse_one(struct hec *h, json_t *root)
{
	json_t *number = json_object_get(root, "invalid-event-number");
	json_int_t index = json_integer_value(number);
	const char *text = json_string_value(json_object_get(root, "text"));
	struct output_post *post = &h->post;

	if (json_is_integer(number) && index >= 0 &&
	    (size_t)index < post->count)
		output_sink_refuse(&post->sink, post->indices[index], "%.200s",
				   text ? text : "invalid");
	else if (!output_batch_halve(&post->sink.batch, post->count))
		output_sink_refuse(&post->sink, post->indices[0], "%.200s",
				   text ? text : "invalid");
}

static int judge_400(struct hec *h, json_t *root)
{
	json_t *code = json_object_get(root, "code");

	switch (json_integer_value(code)) {
	case CODE_NO_DATA:
	case CODE_INVALID_FORMAT:
	case CODE_EVENT_REQUIRED:
	case CODE_EVENT_BLANK:
	case CODE_INDEXED_FIELDS:
		refuse_one(h, root);
		return 0;
	case CODE_INCORRECT_INDEX:
		describe(h, root,
			 "make the index there and allow it to the "
			 "token, or change the URL");
		return -EACCES;
	default:
		describe(h, root, "check the settings of the token");
		return -EPROTO;
	}
}

static int judge(struct hec *h)
{
	_cleanup_(cleanup_json)
		json_t *root = json_loadb(buf_text(&h->post.answer.body),
					  h->post.answer.body.size, 0, NULL);

	switch (h->post.answer.status) {
	case 200:
		return accept_events(h, root);
	case 400:
		return judge_400(h, root);
	case 401:
	case 403:
		describe(h, root,
			 "check the token in output_secret, and that "
			 "it is enabled there");
		return -EACCES;
	case 413:
		output_post_too_large(&h->post);
		return 0;
	case 429:
	case 503:
		h->post.sink.retry_after_s = h->post.answer.retry_after_s;
		describe(h, root, "it is busy");
		return -EAGAIN;
	default:
		describe(h, root, "not an answer of HEC; check the URL");
		return -EPROTO;
	}
}

/* {"acks":{"7":true}} */
static int read_ack(struct hec *h)
{
	_cleanup_(cleanup_json)
		json_t *root = json_loadb(buf_text(&h->post.answer.body),
					  h->post.answer.body.size, 0, NULL);
	char name[24];
	json_t *value;

	(void)snprintf(name, sizeof(name), "%" JSON_INTEGER_FORMAT,
		       h->ack); /* fits */
	value = json_object_get(json_object_get(root, "acks"), name);
	if (h->post.answer.status == 200 && json_is_true(value)) {
		h->is_waiting = false;
		all_done(h);
		return 0;
	}
	if (clock_mono_ns() < h->until_ns &&
	    (h->post.answer.status == 503 || json_is_false(value)))
		return OUTPUT_SINK_LATER;
	/* It will not come: all of it once more. */
	h->is_waiting = false;
	describe(h, root,
		 "it took events and acknowledges none; they are sent "
		 "again");
	return -ETIMEDOUT;
}

/* ---- delivering ----------------------------------------------------------- */

static int ask_for_ack(struct hec *h)
{
	char path[sizeof(ACK_PATH) + UUID_SIZE], body[64];
	struct output_http_post request = {
		.path = path,
		.type = "application/json",
		.header = h->header,
		.auth = OUTPUT_HTTP_SPLUNK,
		.data = body,
	};
	int r;

	(void)snprintf(path, sizeof(path), ACK_PATH "%s", h->channel);
	request.size = (size_t)snprintf(body, sizeof(body),
					"{\"acks\":[%" JSON_INTEGER_FORMAT "]}",
					h->ack); /* both fit */
	r = output_http_post(h->post.http, &request, &h->post.answer,
			     h->post.sink.problem);
	return r < 0 ? r : read_ack(h);
}

static int post_part(struct hec *h)
{
	struct output_http_post request = {
		.path = EVENT_PATH,
		.type = "application/json",
		.header = h->header,
		.auth = OUTPUT_HTTP_SPLUNK,
	};
	int r = output_post_next(&h->post, &request);

	return r < 0 ? r : judge(h);
}

static int deliver(struct output_sink *sink)
{
	struct hec *h = (struct hec *)sink;
	int r = 0;

	while (r == 0 && sink->batch.left > 0)
		r = h->is_waiting ? ask_for_ack(h) : post_part(h);
	return r;
}

/* ---- life ----------------------------------------------------------------- */

static void close_sink(struct output_sink *sink)
{
	output_post_fini((struct output_post *)sink);
	free(sink);
}

/* Acknowledgements are kept by channel; one of our own for each start. */
static int make_channel(struct hec *h)
{
	uint8_t random[16];
	char hex[33];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -errno;
	random[6] = (uint8_t)((random[6] & 0x0f) | 0x40); /* RFC 9562, v4 */
	random[8] = (uint8_t)((random[8] & 0x3f) | 0x80);
	hex_encode(random, sizeof(random), hex);
	(void)snprintf(h->channel, sizeof(h->channel),
		       "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		       hex + 16, hex + 20);
	(void)snprintf(h->header, sizeof(h->header), HEADER_TEXT "%s",
		       h->channel); /* both fit */
	return 0;
}

/* HOST[:PORT][/INDEX] into both. 0 or -EINVAL. */
static int split(const char *where, char ret_index[INDEX_SIZE],
		 char **ret_address)
{
	const char *slash = strchrnul(where, '/');
	const char *index = *slash ? slash + 1 : slash;
	size_t len = strlen(index);

	if (len >= INDEX_SIZE || (*slash && len == 0) ||
	    strspn(index, "abcdefghijklmnopqrstuvwxyz0123456789-_") != len)
		return -EINVAL;
	*ret_address = strndup(where, (size_t)(slash - where));
	if (!*ret_address)
		return -ENOMEM;
	memcpy(ret_index, index, len + 1);
	return 0;
}

static int open_sink(const char *scheme, const struct output_config *config,
		     const char *where, char *ret_problem,
		     struct output_sink **ret_sink)
{
	_cleanup_free_ struct hec *h = calloc(1, sizeof(*h));
	_cleanup_free_ char *address = NULL;
	int r = h ? split(where, h->index, &address) : -ENOMEM;

	if (r < 0 || !config->secret[0]) {
		(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
			       "HOST:PORT or HOST:PORT/INDEX must follow, and "
			       "output_secret must name the token's file");
		return r < 0 ? r : -EINVAL;
	}
	h->format = config->format;
	r = make_channel(h);
	if (r == 0)
		r = output_post_init(&h->post, config, scheme, address,
				     ret_problem);
	if (r == 0)
		*ret_sink = &TAKE_PTR(h)->post.sink;
	return r;
}

static int open_https(const struct output_config *config, const char *where,
		      char *ret_problem, struct output_sink **ret_sink)
{
	return open_sink("https://", config, where, ret_problem, ret_sink);
}

static int open_http(const struct output_config *config, const char *where,
		     char *ret_problem, struct output_sink **ret_sink)
{
	return open_sink("http://", config, where, ret_problem, ret_sink);
}

#define SINK(open_)                                                            \
	{                                                                      \
		.takes = takes, .is_json_only = true, .open = (open_),         \
		.close = close_sink, .add = add, .deliver = deliver,           \
		.cancel = output_post_cancel,                                  \
	}
const struct output_sink_ops OUTPUT_HEC_HTTPS = SINK(open_https);
const struct output_sink_ops OUTPUT_HEC_HTTP = SINK(open_http);
