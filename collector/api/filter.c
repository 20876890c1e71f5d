/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: days become ids by bisection over the order of receipt, so that no
 * index by time is needed and a page of last year costs what one of today does.
 */
#include "collector/api/filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "collector/headers.h"

#include "agent/base/banned.h"

struct named {
	const char *hostname;
	char *host;
};

enum { OUT_OF_BOUNDS = 0x4000 };

struct walk {
	const struct filter *filter;
	store_row_fn *fn;
	void *ctx;
};

static const char *argument(struct console_request *request, const char *name)
{
	const char *text = http_argument(request->connection, name);

	return text && text[0] ? text : NULL;
}

bool filter_number(struct console_request *request, const char *name,
		   uint64_t max, uint64_t *value)
{
	const char *text = argument(request, name);

	if (!text)
		return true;
	if (headers_parse_count(text, value) == 0 && *value <= max)
		return true;
	http_reply_text(&request->reply, MHD_HTTP_BAD_REQUEST,
			"'%s' wants a number from 0 to %llu", name,
			(unsigned long long)max);
	return false;
}

static int match_name(const struct store_terminal *terminal, void *ctx)
{
	struct named *named = ctx;

	if (strcmp(terminal->hostname, named->hostname) != 0)
		return 0;
	(void)snprintf(named->host, IDENT_HEX_LEN + 1, "%s", terminal->host);
	return 1;
}

/* By id, or by name: then the one heard from last. */
static bool read_terminal(struct console_request *request,
			  struct filter *filter)
{
	struct store *store = request->console->store;
	const char *text = argument(request, "terminal");
	struct named named = {text, filter->host};
	int r;

	if (!text)
		return true;
	filter->query.host = filter->host;
	if (ident_is_hex(text, strnlen(text, IDENT_HEX_LEN + 1))) {
		memcpy(filter->host, text, IDENT_HEX_LEN + 1);
		return true;
	}
	r = store->ops->each_terminal(store, text, match_name, &named);
	if (r < 0) {
		console_failed(request, r);
		return false;
	}
	filter->is_nobody = r == 0;
	return true;
}

/* Midnight at the beginning of a day, `days` later. */
static int read_day(const char *text, int days, int64_t *ret_ms)
{
	struct tm tm = {.tm_isdst = -1};
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	time_t at;

	if (!end || *end != '\0' || tm.tm_year < 70 || tm.tm_year > 8099)
		return -EINVAL;
	tm.tm_mday += days;
	at = mktime(&tm);
	if (at == (time_t)-1)
		return -EINVAL;
	*ret_ms = (int64_t)at * 1000;
	return 0;
}

/* *id: of the last event received before the day that `name` asks for. */
static bool read_bound(struct console_request *request, const char *name,
		       int days, int64_t *id)
{
	const char *text = argument(request, name);
	int64_t ms;
	int r;

	if (!text)
		return true;
	if (read_day(text, days, &ms) < 0) {
		http_reply_text(&request->reply, MHD_HTTP_BAD_REQUEST,
				"'%s' wants a day as 2026-04-01", name);
		return false;
	}
	r = store_find_received(request->console->store, ms, id);
	if (r < 0)
		console_failed(request, r);
	return r >= 0;
}

static bool read_code(struct console_request *request, struct filter *filter)
{
	const char *text = argument(request, "code");

	if (!text)
		return true;
	if (strnlen(text, sizeof(filter->code)) >= sizeof(filter->code)) {
		http_reply_text(&request->reply, MHD_HTTP_BAD_REQUEST,
				"'code' is longer than %u octets",
				LIMIT_CODE_BYTES);
		return false;
	}
	(void)snprintf(filter->code, sizeof(filter->code), "%s", text);
	filter->query.code = filter->code;
	return true;
}

bool filter_read(struct console_request *request, uint64_t limit_default,
		 struct filter *filter)
{
	uint64_t severity = 0, after = 0, limit = 0;

	*filter = (struct filter){.last = INT64_MAX};
	if (!filter_number(request, "min_severity", 99, &severity) ||
	    !filter_number(request, "after", INT64_MAX, &after) ||
	    !filter_number(request, "limit", LIMIT_QUERY_ROWS, &limit) ||
	    !read_terminal(request, filter) || !read_code(request, filter) ||
	    !read_bound(request, "from", 0, &filter->first) ||
	    !read_bound(request, "until", 1, &filter->last))
		return false;
	filter->query.min_severity = (int)severity;
	filter->query.limit = limit > 0 ? limit : limit_default;
	filter->query.after = (int64_t)after > filter->first ? (int64_t)after
							     : filter->first;
	return true;
}

static int within(const struct store_row *row, void *ctx)
{
	const struct walk *walk = ctx;

	if (row->id > walk->filter->last || row->id <= walk->filter->first)
		return OUT_OF_BOUNDS;
	return walk->fn(row, walk->ctx);
}

int filter_each(const struct filter *filter, struct store *store,
		store_row_fn *fn, void *ctx)
{
	struct walk walk = {filter, fn, ctx};
	int r;

	if (filter->is_nobody)
		return 0;
	r = store->ops->each_row(store, &filter->query, within, &walk);
	return r == OUT_OF_BOUNDS ? 0 : r;
}
