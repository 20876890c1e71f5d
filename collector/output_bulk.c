/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_bulk: the _bulk API that OpenSearch and Elasticsearch share. Each
 * event is a `create` under an id made of its stream and number, so that what
 * comes again is answered 409 and counts as taken. The answer is read item by
 * item: what the index will never take (400, 413) is told, counted and passed
 * over; everything else that was not taken goes again, alone.
 */
#include "collector/output_sink.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "collector/output_http.h"

#include "agent/base/banned.h"

#define INDEX_MAX 255u /* of both systems */
#define PATH                                                                   \
	"/_bulk?filter_path=items.*.status,items.*.error.type,"                \
	"items.*.error.reason,error"

struct bulk {
	struct output_sink sink;
	struct output_http *http;
	struct buf request;
	struct output_http_answer answer;
};

DEFINE_CLEANUP(json, json_t *, json_decref);

static bool takes(enum output_format format)
{
	return format != OUTPUT_CEF;
}

static int add(struct output_sink *sink, const struct store_row *row,
	       const struct buf *body)
{
	struct buf *text = &sink->batch.text;
	int r = buf_printf(text, "{\"create\":{\"_id\":\"%s-%" PRIu64 "\"}}\n",
			   row->stream, row->seq);

	if (r == 0)
		r = buf_append(text, body->data, body->size);
	return r < 0 ? r : buf_append(text, "\n", 1);
}

/* ---- the answer ----------------------------------------------------------- */

static const char *text_of(const json_t *error, const char *name)
{
	const char *text = json_string_value(json_object_get(error, name));

	return text ? text : "no reason given";
}

/* One item: taken, never to be taken, or to go again. */
static int read_item(struct bulk *b, size_t index, json_t *item)
{
	/* {"create":{"status":201}}: one member, whatever its name. */
	const json_t *result = json_object_iter_value(json_object_iter(item));
	const json_t *error = json_object_get(result, "error");
	json_int_t status =
		json_integer_value(json_object_get(result, "status"));

	if ((status >= 200 && status < 300) || status == 409) {
		output_batch_done(&b->sink.batch, index);
		return 0;
	}
	if (status == 400 || status == 413) {
		output_sink_refuse(&b->sink, index, "%.60s: %.200s",
				   text_of(error, "type"),
				   text_of(error, "reason"));
		return 0;
	}
	if (status == 0)
		return -EPROTO;
	output_sink_problem(&b->sink, "events are answered %d (%.60s: %.150s)",
			    (int)status, text_of(error, "type"),
			    text_of(error, "reason"));
	return -EAGAIN;
}

static int read_items(struct bulk *b, const size_t *indices, size_t count)
{
	_cleanup_(cleanup_json)
		json_t *root = json_loadb(buf_text(&b->answer.body),
					  b->answer.body.size, 0, NULL);
	json_t *items = json_object_get(root, "items");
	int result = 0;

	if (json_array_size(items) != count) {
		output_sink_problem(&b->sink,
				    "its answer is not that of _bulk: check "
				    "that the URL names OpenSearch or "
				    "Elasticsearch and an index");
		return -EPROTO;
	}
	for (size_t i = 0; i < count; i++) {
		int r = read_item(b, indices[i], json_array_get(items, i));

		if (r < 0)
			result = r;
	}
	return result;
}

/* Of an answer to the request as a whole: "type: reason", or its beginning. */
static void describe(struct bulk *b, const char *advice)
{
	_cleanup_(cleanup_json)
		json_t *root = json_loadb(buf_text(&b->answer.body),
					  b->answer.body.size, 0, NULL);
	const json_t *error = json_object_get(root, "error");

	output_sink_problem(&b->sink, "%ld%s%.150s: %s", b->answer.status,
			    error ? " " : "",
			    !error		    ? ""
			    : json_is_string(error) ? json_string_value(error)
						    : text_of(error, "reason"),
			    advice);
}

static int judge(struct bulk *b, const size_t *indices, size_t count)
{
	switch (b->answer.status) {
	case 200:
		return read_items(b, indices, count);
	case 413:
		if (!output_batch_halve(&b->sink.batch, count))
			output_sink_refuse(&b->sink, indices[0],
					   "too large for it, alone");
		return 0;
	case 429:
	case 503:
		b->sink.retry_after_s = b->answer.retry_after_s;
		describe(b, "it is busy");
		return -EAGAIN;
	case 401:
	case 403:
		describe(b, "check the user in output_secret or output_cert, "
			    "and its right to create documents in the index");
		return -EACCES;
	default:
		describe(b, "not an answer of _bulk; check the URL");
		return -EPROTO;
	}
}

static int post_part(struct bulk *b)
{
	size_t indices[OUTPUT_BATCH_ROWS], count = 0;
	int r;

	buf_clear(&b->request);
	r = output_batch_take(&b->sink.batch, &b->request, indices, &count);
	if (r < 0)
		return r;
	const struct output_http_post post = {
		.path = PATH,
		.type = "application/x-ndjson",
		.data = buf_text(&b->request),
		.size = b->request.size,
	};
	r = output_http_post(b->http, &post, &b->answer, b->sink.problem);
	return r < 0 ? r : judge(b, indices, count);
}

static int deliver(struct output_sink *sink)
{
	int r = 0;

	while (r == 0 && sink->batch.left > 0)
		r = post_part((struct bulk *)sink);
	return r;
}

/* ---- life ----------------------------------------------------------------- */

static void cancel(struct output_sink *sink)
{
	output_http_cancel(((struct bulk *)sink)->http);
}

static void close_sink(struct output_sink *sink)
{
	struct bulk *b = (struct bulk *)sink;

	output_http_close(b->http);
	buf_fini(&b->request);
	buf_fini(&b->answer.body);
	output_batch_fini(&sink->batch);
	free(b);
}

/* HOST[:PORT]/INDEX, of what both systems allow in an index's name. */
static bool has_index(const char *where)
{
	const char *index = strchr(where, '/');
	size_t len = index ? strlen(++index) : 0;

	return len > 0 && len <= INDEX_MAX && !strchr("-_+.", index[0]) &&
	       strspn(index, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == len;
}

static int open_sink(const char *scheme, const struct output_config *config,
		     const char *where, char *ret_problem,
		     struct output_sink **ret_sink)
{
	struct bulk *b = NULL;
	char *base = NULL;
	int r = -EINVAL;

	if (!has_index(where)) {
		(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
			       "HOST:PORT/INDEX must follow, INDEX in small "
			       "letters"); /* fits */
		return -EINVAL;
	}
	b = calloc(1, sizeof(*b));
	if (!b || asprintf(&base, "%s%s", scheme, where) < 0) {
		free(b);
		return -ENOMEM;
	}
	output_batch_init(&b->sink.batch);
	b->request = (struct buf)BUF_INIT(OUTPUT_BATCH_BYTES + OUTPUT_TEXT_MAX);
	r = output_http_open(config, base, &b->http);
	free(base);
	if (r < 0) {
		(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
			       "not a HOST:PORT/INDEX; a password belongs in "
			       "output_secret"); /* fits */
		free(b);
		return r;
	}
	*ret_sink = &b->sink;
	return 0;
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
		.cancel = cancel,                                              \
	}
const struct output_sink_ops OUTPUT_BULK_HTTPS = SINK(open_https);
const struct output_sink_ops OUTPUT_BULK_HTTP = SINK(open_http);
