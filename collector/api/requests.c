/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests: GET /api/v1/requests?state=&id=: exceptions as their events tell
 * them, the newest change first. Nothing is kept of them here but the events:
 * each says all that is known of its exception, so the newest of one is its
 * state. A grant that a terminal refused leaves its request open.
 */
#include "collector/api/requests.h"

#include "collector/api/json.h"
#include "collector/console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "agent/base/banned.h"

/* Of each code; with more the oldest are not shown. */
#define EVENTS_OF_CODE_MAX 500u
#define REASON_DENIED	   "SKM-G-0412"

DEFINE_CLEANUP(json, json_t *, json_decref);

static const char *const CODES[] = {
	"grant.requested", "grant.granted", "grant.refused", "grant.used",
	"grant.suspended", "grant.resumed", "grant.ended",   "grant.revoked",
};
#define CODE_COUNT (sizeof(CODES) / sizeof(CODES[0]))

struct happening {
	int64_t id; /* the row's: the order of commits */
	json_t *event;
	char host[IDENT_HEX_LEN + 1];
};

struct happenings {
	struct happening list[CODE_COUNT * EVENTS_OF_CODE_MAX];
	size_t count;
};

static void free_happenings(struct happenings *h)
{
	for (size_t i = 0; h && i < h->count; i++)
		json_decref(h->list[i].event);
	free(h);
}
DEFINE_CLEANUP(happenings, struct happenings *, free_happenings);

static int take_row(const struct store_row *row, void *ctx)
{
	struct happenings *h = ctx;

	if (row->quarantine || h->count == CODE_COUNT * EVENTS_OF_CODE_MAX)
		return 0;
	json_t *event = json_loadb(row->body, row->body_len,
				   JSON_REJECT_DUPLICATES, NULL);
	if (!event)
		return 0; /* not whole: shown among the events */
	struct happening *one = &h->list[h->count++];
	one->id = row->id;
	one->event = event;
	memset(one->host, 0, sizeof(one->host));
	strncpy(one->host, row->host, IDENT_HEX_LEN);
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct happening *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int read_all(struct store *store, struct happenings *h)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < CODE_COUNT; i++) {
		const struct store_query query = {
			.code = CODES[i],
			.is_newest_first = true,
			.after = INT64_MAX,
			.limit = EVENTS_OF_CODE_MAX,
		};
		r = store->ops->each_row(store, &query, take_row, h);
	}
	qsort(h->list, h->count, sizeof(h->list[0]), by_id);
	return r < 0 ? r : 0;
}

static json_t *at(json_t *object, const char *a, const char *b)
{
	return json_object_get(json_object_get(object, a), b);
}

static void set(json_t *row, const char *key, json_t *value)
{
	/* No memory: the field is missing, as one that is not known */
	if (value)
		(void)json_object_set(row, key, value);
}

/* A refusal of a grant is no answer to the request: told beside it. */
static void take_state(json_t *row, const struct happening *one, json_t *before)
{
	const char *code =
		json_string_value(at(one->event, "metadata", "event_code"));
	const char *status =
		json_string_value(json_object_get(one->event, "status_code"));

	if (!code || strcmp(code, "grant.refused") != 0) {
		(void)json_object_del(row, "refusal"); /* may not be there */
		return;
	}
	set(row, "refusal", json_object_get(one->event, "status_detail"));
	if (status && strcmp(status, REASON_DENIED) == 0)
		(void)json_object_set_new(row, "state", json_string("denied"));
	else if (before)
		set(row, "state", before);
}

static void take(json_t *rows, const struct happening *one)
{
	json_t *grant = at(one->event, "sekimori", "grant");
	const char *id = json_string_value(json_object_get(grant, "id"));
	char key[2 * IDENT_HEX_LEN + 64];

	if (!id || strnlen(id, 33) > 32)
		return;
	(void)snprintf(key, sizeof(key), "%s %s", one->host, id);
	json_t *row = json_object_get(rows, key);
	if (!row) {
		row = json_object();
		if (json_object_set_new(rows, key, row) < 0)
			return;
		(void)json_object_set_new(row, "terminal",
					  json_string(one->host));
		set(row, "requested", json_object_get(one->event, "time"));
	}
	_cleanup_(cleanup_json)
		json_t *before = json_incref(json_object_get(row, "state"));
	(void)json_object_update(row, grant); /* no memory: as it was */
	take_state(row, one, before);
	set(row, "changed", json_object_get(one->event, "time"));
	set(row, "hostname", at(one->event, "device", "hostname"));
	set(row, "unit",
	    json_object_get(at(one->event, "device", "org"), "ou_name"));
	set(row, "note", json_object_get(one->event, "comment"));
	set(row, "peripheral", at(one->event, "peripheral_device", "name"));
	set(row, "correlation", at(one->event, "metadata", "correlation_uid"));
	(void)json_object_set_new(row, "order", json_integer(one->id));
}

static bool is_wanted(struct console_request *request, json_t *row)
{
	const char *state = http_argument(request->connection, "state");
	const char *id = http_argument(request->connection, "id");
	const char *has_state =
		json_string_value(json_object_get(row, "state"));
	const char *has_id = json_string_value(json_object_get(row, "id"));

	return (!state || !*state ||
		(has_state && !strcmp(state, has_state))) &&
	       (!id || !*id || (has_id && !strcmp(id, has_id)));
}

static int newest_first(const void *a, const void *b)
{
	json_int_t x = json_integer_value(
		json_object_get(*(json_t *const *)a, "order"));
	json_int_t y = json_integer_value(
		json_object_get(*(json_t *const *)b, "order"));

	return x > y ? -1 : x < y;
}

int requests_each(struct store *store, request_fn *fn, void *ctx)
{
	_cleanup_(cleanup_happenings) struct happenings *h = calloc(1,
								    sizeof(*h));
	_cleanup_(cleanup_json) json_t *rows = json_object();
	_cleanup_free_ json_t **list = NULL;
	size_t count = 0;
	const char *key;
	json_t *row;
	int r = h && rows ? read_all(store, h) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < h->count; i++)
		take(rows, &h->list[i]);
	list = calloc(json_object_size(rows) + 1, sizeof(json_t *));
	if (r < 0 || !list)
		return r < 0 ? r : -ENOMEM;
	json_object_foreach(rows, key, row) list[count++] = row;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): of pointers */
	qsort(list, count, sizeof(list[0]), newest_first);
	for (size_t i = 0; r == 0 && i < count; i++) {
		(void)json_object_del(list[i], "order"); /* it is there */
		r = fn(list[i], ctx);
	}
	return r;
}

static int put_row(json_t *row, void *ctx)
{
	struct console_request *request = ctx;
	_cleanup_free_ char *text = NULL;

	if (!is_wanted(request, row))
		return 0;
	text = json_dumps(row, JSON_COMPACT);
	return text ? buf_printf(&request->reply.body, "\n%s,", text) : -ENOMEM;
}

void api_requests(struct console_request *request)
{
	struct buf *out = &request->reply.body;
	int r;

	buf_clear(out);
	r = buf_append_text(out, "{\"requests\":[");
	if (r == 0)
		r = requests_each(request->console->store, put_row, request);
	if (r == 0)
		r = json_close(out, "\n]}\n");
	if (r < 0) {
		console_failed(request, r);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = "application/json";
}

static bool has_state(const json_t *row, const char *const *states,
		      size_t count)
{
	const char *state = json_string_value(json_object_get(row, "state"));

	for (size_t i = 0; state && i < count; i++)
		if (strcmp(states[i], state) == 0)
			return true;
	return false;
}

bool requests_is_waiting(const json_t *row)
{
	static const char *const states[] = {"requested"};

	return has_state(row, states, 1);
}

bool requests_is_open(const json_t *row)
{
	static const char *const states[] = {"requested", "waiting", "active",
					     "suspended"};

	return has_state(row, states, 4);
}
