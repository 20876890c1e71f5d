/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: GET /api/v1/events?terminal=&code=&min_severity=&after=&limit=, oldest
 * first. `next` is the `after` of the following page, so that a reader misses
 * nothing and sees nothing twice while events go on arriving.
 */
#include "collector/api/json.h"
#include "collector/console.h"

#include <errno.h>
#include <string.h>

#include "collector/headers.h"
#include "collector/limits.h"

#include "agent/base/banned.h"

#define ROWS_DEFAULT 100u

struct walk {
	struct buf *out;
	int64_t next;
};

enum { WALK_FULL = 1 };

/* A row that does not fit any more begins the next page. */
static int add_row(const struct store_row *row, void *ctx)
{
	struct walk *walk = ctx;
	size_t before = walk->out->size;
	int r = buf_append_text(walk->out, "\n");

	if (r == 0)
		r = json_add_row(walk->out, row);
	if (r == -ENOBUFS) {
		walk->out->size = before;
		walk->out->data[before] = '\0';
		walk->out->limit += 64; /* for the closing line */
		return WALK_FULL;
	}
	if (r == 0)
		walk->next = row->id;
	return r;
}

static bool read_number(struct console_request *request, const char *name,
			uint64_t max, uint64_t *value)
{
	const char *text = http_argument(request->connection, name);

	if (!text)
		return true;
	if (headers_parse_count(text, value) == 0 && *value <= max)
		return true;
	http_reply_text(&request->reply, MHD_HTTP_BAD_REQUEST,
			"'%s' wants a number from 0 to %llu", name,
			(unsigned long long)max);
	return false;
}

static bool read_query(struct console_request *request,
		       struct store_query *query)
{
	uint64_t severity = 0, after = 0, limit = ROWS_DEFAULT;

	if (!read_number(request, "min_severity", 99, &severity) ||
	    !read_number(request, "after", INT64_MAX, &after) ||
	    !read_number(request, "limit", LIMIT_QUERY_ROWS, &limit))
		return false;
	*query = (struct store_query){
		.host = http_argument(request->connection, "terminal"),
		.code = http_argument(request->connection, "code"),
		.min_severity = (int)severity,
		.after = (int64_t)after,
		.limit = limit > 0 ? limit : ROWS_DEFAULT,
	};
	/* `terminal=` left empty in a form means every terminal. */
	if (query->host && query->host[0] == '\0')
		query->host = NULL;
	if (query->code && query->code[0] == '\0')
		query->code = NULL;
	if (query->host &&
	    !ident_is_hex(query->host,
			  strnlen(query->host, IDENT_HEX_LEN + 1))) {
		http_reply_text(&request->reply, MHD_HTTP_BAD_REQUEST,
				"'terminal' wants 32 hexadecimal digits");
		return false;
	}
	return true;
}

void api_events(struct console_request *request)
{
	struct store *store = request->console->store;
	struct walk walk = {.out = &request->reply.body};
	struct store_query query;
	int r;

	if (!read_query(request, &query))
		return;
	walk.next = query.after;
	buf_clear(walk.out);
	r = buf_append_text(walk.out, "{\"events\":[");
	if (r == 0)
		r = store->ops->each_row(store, &query, add_row, &walk);
	if (r >= 0)
		r = json_close(walk.out, "\n],");
	if (r == 0)
		r = json_add_number(walk.out, "next", walk.next);
	if (r == 0)
		r = json_close(walk.out, "}\n");
	if (r < 0) {
		console_failed(request, r);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = "application/json";
}
