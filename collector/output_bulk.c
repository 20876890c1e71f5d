/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_bulk: the _bulk API that OpenSearch and Elasticsearch share. Each
 * event is a `create` under an id made of its stream and number, so that what
 * comes again is answered 409 and counts as taken. The answer is read item by
 * item: what the index will never take (400, 413) is told, counted and passed
 * over; everything else that was not taken goes again, alone.
 */
#include "collector/output_post.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "agent/base/banned.h"

#define INDEX_MAX 255u /* of both systems */
#define PATH                                                                   \
	"/_bulk?filter_path=items.*.status,items.*.error.type,"                \
	"items.*.error.reason,error"

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
static int read_item(struct output_post *p, size_t index, json_t *item)
{
	/* {"create":{"status":201}}: one member, whatever its name. */
	const json_t *result = json_object_iter_value(json_object_iter(item));
	const json_t *error = json_object_get(result, "error");
	json_int_t status =
		json_integer_value(json_object_get(result, "status"));

	if ((status >= 200 && status < 300) || status == 409) {
		output_batch_done(&p->sink.batch, index);
		return 0;
	}
	if (status == 400 || status == 413) {
		output_sink_refuse(&p->sink, index, "%.60s: %.200s",
				   text_of(error, "type"),
				   text_of(error, "reason"));
		return 0;
	}
	if (status == 0)
		return -EPROTO;
	output_sink_problem(&p->sink, "events are answered %d (%.60s: %.150s)",
			    (int)status, text_of(error, "type"),
			    text_of(error, "reason"));
	return -EAGAIN;
}

static int read_items(struct output_post *p)
{
	_cleanup_(cleanup_json)
		json_t *root = json_loadb(buf_text(&p->answer.body),
					  p->answer.body.size, 0, NULL);
	json_t *items = json_object_get(root, "items");
	int result = 0;

	if (json_array_size(items) != p->count) {
		output_sink_problem(&p->sink,
				    "its answer is not that of _bulk: check "
				    "that the URL names OpenSearch or "
				    "Elasticsearch and an index");
		return -EPROTO;
	}
	for (size_t i = 0; i < p->count; i++) {
		int r = read_item(p, p->indices[i], json_array_get(items, i));

		if (r < 0)
			result = r;
	}
	return result;
}

/* Of an answer to the request as a whole: "type: reason", or its beginning. */
static void describe(struct output_post *p, const char *advice)
{
	_cleanup_(cleanup_json)
		json_t *root = json_loadb(buf_text(&p->answer.body),
					  p->answer.body.size, 0, NULL);
	const json_t *error = json_object_get(root, "error");

	output_sink_problem(&p->sink, "%ld%s%.150s: %s", p->answer.status,
			    error ? " " : "",
			    !error		    ? ""
			    : json_is_string(error) ? json_string_value(error)
						    : text_of(error, "reason"),
			    advice);
}

static int judge(struct output_post *p)
{
	switch (p->answer.status) {
	case 200:
		return read_items(p);
	case 413:
		output_post_too_large(p);
		return 0;
	case 429:
	case 503:
		p->sink.retry_after_s = p->answer.retry_after_s;
		describe(p, "it is busy");
		return -EAGAIN;
	case 401:
	case 403:
		describe(p, "check the user in output_secret or output_cert, "
			    "and its right to create documents in the index");
		return -EACCES;
	default:
		describe(p, "not an answer of _bulk; check the URL");
		return -EPROTO;
	}
}

static int deliver(struct output_sink *sink)
{
	struct output_post *p = (struct output_post *)sink;
	int r = 0;

	while (r == 0 && sink->batch.left > 0) {
		struct output_http_post request = {
			.path = PATH,
			.type = "application/x-ndjson",
		};

		r = output_post_next(p, &request);
		if (r == 0)
			r = judge(p);
	}
	return r;
}

/* ---- life ----------------------------------------------------------------- */

static void close_sink(struct output_sink *sink)
{
	output_post_fini((struct output_post *)sink);
	free(sink);
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
	struct output_post *p;
	int r;

	if (!has_index(where)) {
		(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
			       "HOST:PORT/INDEX must follow, INDEX in small "
			       "letters"); /* fits */
		return -EINVAL;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	r = output_post_init(p, config, scheme, where, ret_problem);
	if (r < 0)
		free(p);
	else
		*ret_sink = &p->sink;
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
const struct output_sink_ops OUTPUT_BULK_HTTPS = SINK(open_https);
const struct output_sink_ops OUTPUT_BULK_HTTP = SINK(open_http);
