/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view: one page being written: its frame, its language, tables and cells. All
 * pages are whole without script. The first failure (memory, size) stays in
 * `r`; after it nothing is appended, so callers check once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "collector/console.h"
#include "collector/web/html.h"
#include "collector/web/words.h"

/* The pages of the menu, and those reached from one. */
enum view_page {
	VIEW_NOW = 0,
	VIEW_TERMINALS,
	VIEW_EVENTS,
	VIEW_REQUESTS,
	VIEW_PROOF,
	VIEW_PAGE_COUNT_,
};

struct view {
	struct console_request *request;
	struct buf *out;
	enum language language;
	int64_t now_ms;
	int r;
};

/* The reader's language, by `?lang=` or the cookie. */
enum language view_language(struct console_request *request)
	__attribute__((nonnull));

/*
 * Begins the page: language by `?lang=` (kept in a cookie) or that cookie,
 * Japanese otherwise; head and menu with `page` marked.
 */
void view_begin(struct view *view, struct console_request *request,
		enum view_page page, const char *title)
	__attribute__((nonnull));

/* Ends it: 200, or 500 where `r` or the view failed. */
void view_end(struct view *view, int r) __attribute__((nonnull));

/* A literal of ours, and text of anybody's: the only two ways in. */
void view_add(struct view *view, const char *literal) __attribute__((nonnull));
void view_text(struct view *view, const char *text) __attribute__((nonnull));
/* Of several lines, inside <pre>. */
void view_lines(struct view *view, const char *text) __attribute__((nonnull));
void view_number(struct view *view, uint64_t number) __attribute__((nonnull));
/* For an address: a text as a part of a query, RFC 3986 §2. */
void view_query(struct view *view, const char *text) __attribute__((nonnull));
/* "2026-11-20 12:03:04", in an element with the exact time. */
void view_time(struct view *view, int64_t wall_ms) __attribute__((nonnull));

const char *view_say(const struct view *view, const char *ja, const char *en)
	__attribute__((nonnull, returns_nonnull));
void view_both(struct view *view, const char *ja, const char *en)
	__attribute__((nonnull));

/* The collector's own stream, which is no terminal. */
bool view_is_own(const struct view *view, const char *host)
	__attribute__((nonnull));

/* Tables: head cells come in both languages, `count` each. */
struct view_head {
	const char *ja, *en;
};
void view_table(struct view *view, const char *caption,
		const struct view_head *heads, size_t count)
	__attribute__((nonnull));
void view_table_end(struct view *view) __attribute__((nonnull));
/* `class` is of console.css; "" none. */
void view_cell(struct view *view, const char *class, const char *text)
	__attribute__((nonnull));
/* A further, quieter line in a cell; nothing where `text` is "". */
void view_also(struct view *view, const char *label, const char *text)
	__attribute__((nonnull));
/* A link to the terminal's own page, by its name if it has one. */
void view_terminal(struct view *view, const char *host, const char *hostname)
	__attribute__((nonnull));
/* The rows of events: heads first, each event a row. */
void view_event_table(struct view *view, const char *caption)
	__attribute__((nonnull));
int view_event_row(const struct store_row *row, void *view)
	__attribute__((nonnull, warn_unused_result));
