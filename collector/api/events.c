/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: GET /api/v1/events with the arguments of filter.h, oldest
 * first. `next` is the `after` of the following page, so that a reader misses
 * nothing and sees nothing twice while events go on arriving.
 */
#include "collector/api/filter.h"
#include "collector/api/json.h"
#include "collector/console.h"

#include <errno.h>
#include <string.h>

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

void api_events(struct console_request *request)
{
	struct store *store = request->console->store;
	struct walk walk = {.out = &request->reply.body};
	struct filter filter;
	int r;

	if (!filter_read(request, ROWS_DEFAULT, &filter))
		return;
	walk.next = filter.query.after;
	buf_clear(walk.out);
	r = buf_append_text(walk.out, "{\"events\":[");
	if (r == 0)
		r = filter_each(&filter, store, add_row, &walk);
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
