/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: GET /events with the arguments of filter.h and before=: newest first,
 * and GET /event?id=: one, in plain words and as it came.
 */
#include "collector/web/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/filter.h"
#include "collector/limits.h"
#include "collector/web/summary.h"

#include "agent/base/banned.h"

#define OBSERVED 3 /* OCSF action_id */

static const char *argument(const struct view *view, const char *name)
{
	const char *text = http_argument(view->request->connection, name);

	return text ? text : "";
}

/* In monitor mode a denial is recorded as observed: nothing was stopped. */
static bool is_only_observed(const struct store_row *row)
{
	static const char *const ends[] = {".blocked", ".denied", ".readonly"};
	size_t len = strlen(row->code);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end = strlen(ends[i]);

		if (len > end && strcmp(row->code + len - end, ends[i]) == 0)
			return row->action == OBSERVED;
	}
	return false;
}

static const char *severity_class(int severity)
{
	return severity >= 4 ? "bad" : severity == 3 ? "warn" : "none";
}

static void add_what(struct view *view, const struct store_row *row,
		     const struct summary *summary)
{
	const char *title = words_event(row->code, view->language);

	view_add(view, "<td><a href=\"/event?id=");
	view_number(view, (uint64_t)row->id);
	view_add(view, "\"><bdi>");
	if (view->language == LANGUAGE_JA && summary->message[0])
		title = summary->message;
	view_text(view, title);
	if (view->language == LANGUAGE_EN && is_only_observed(row))
		view_add(view, " (only observed, not stopped)");
	view_add(view, "</bdi></a>");
	view_also(view, view_say(view, "理由:", "why:"), summary->reason);
	view_also(view, view_say(view, "規則:", "rule:"), summary->rule);
	view_add(view, "<span class=\"also\"><code>");
	view_text(view, row->code);
	view_add(view, "</code></span></td>");
}

void view_event_table(struct view *view, const char *caption)
{
	static const struct view_head heads[] = {
		{"日時", "Time"},     {"課・端末", "Unit, terminal"},
		{"できごと", "What"}, {"機器", "Device"},
		{"利用者", "User"},   {"重大度", "Severity"}};

	view_table(view, caption, heads, sizeof(heads) / sizeof(heads[0]));
}

int view_event_row(const struct store_row *row, void *ctx)
{
	struct view *view = ctx;
	struct summary summary = {0};

	if (row->quarantine == 0)
		summary_read(row->body, row->body_len, &summary);
	view_add(view, "<tr><td class=\"time\">");
	view_time(view, row->time_ms);
	view_add(view, "</td><td><bdi>");
	view_text(view, row->unit);
	view_add(view, "</bdi><span class=\"also\">");
	view_terminal(view, row->host, summary.hostname);
	view_add(view, "</span></td>");
	add_what(view, row, &summary);
	view_cell(view, "device", summary.device);
	view_cell(view, "user", summary.user);
	view_cell(view, severity_class(row->severity),
		  words_severity(row->severity, view->language));
	view_add(view, "</tr>\n");
	return view->r;
}

static void add_input(struct view *view, const struct view_head *label,
		      const char *type, const char *name)
{
	view_add(view, "<label>");
	view_both(view, label->ja, label->en);
	view_add(view, " <input type=\"");
	view_add(view, type);
	view_add(view, "\" name=\"");
	view_add(view, name);
	view_add(view, "\" value=\"");
	view_text(view, argument(view, name));
	view_add(view, "\"></label>");
}

static void add_option(struct view *view, const char *value, const char *text,
		       bool is_chosen)
{
	view_add(view, "<option value=\"");
	view_text(view, value);
	view_add(view, is_chosen ? "\" selected>" : "\">");
	view_text(view, text);
	view_add(view, "</option>");
}

static void add_selects(struct view *view)
{
	static const char *const numbers[] = {"", "1", "2", "3", "4", "5"};
	const char *code = argument(view, "code");
	const char *severity = argument(view, "min_severity");
	const char *name;

	view_both(view, "<label>できごと <select name=\"code\">",
		  "<label>What <select name=\"code\">");
	add_option(view, "", view_say(view, "すべて", "all"), code[0] == 0);
	for (size_t i = 0; (name = words_event_at(i)); i++)
		add_option(view, name, words_event(name, view->language),
			   strcmp(name, code) == 0);
	view_both(view,
		  "</select></label><label>重大度 "
		  "<select name=\"min_severity\">",
		  "</select></label><label>Severity "
		  "<select name=\"min_severity\">");
	add_option(view, "", view_say(view, "すべて", "all"), severity[0] == 0);
	for (int i = 2; i <= 5; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "%s%s",
			       words_severity(i, view->language),
			       view_say(view, "以上", " or more")); /* fits */
		add_option(view, numbers[i], text,
			   strcmp(numbers[i], severity) == 0);
	}
	view_add(view, "</select></label>");
}

static void add_form(struct view *view)
{
	static const struct view_head terminal = {"端末の名前か番号",
						  "Terminal's name or id"};
	static const struct view_head from = {"受信日", "Received from"};
	static const struct view_head until = {"まで", "until"};

	view_add(view, "<form class=\"filter\" role=\"search\">");
	add_input(view, &terminal, "search", "terminal");
	add_selects(view);
	add_input(view, &from, "date", "from");
	add_input(view, &until, "date", "until");
	view_both(view, "<button>検索</button></form>\n",
		  "<button>Search</button></form>\n");
}

/* The question again, for a link: `path`?terminal=…&… */
static void add_question(struct view *view, const char *path)
{
	static const char *const names[] = {"terminal", "code", "min_severity",
					    "from", "until"};

	view_add(view, path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		view_add(view, i == 0 ? "?" : "&amp;");
		view_add(view, names[i]);
		view_add(view, "=");
		view_query(view, argument(view, names[i]));
	}
}

struct shown {
	struct view *view;
	size_t rows;
	int64_t newest, oldest;
};

static int add_row(const struct store_row *row, void *ctx)
{
	struct shown *shown = ctx;

	if (shown->rows++ == 0)
		shown->newest = row->id;
	shown->oldest = row->id;
	return view_event_row(row, shown->view);
}

static void add_links(struct view *view, const struct shown *shown)
{
	view_add(view, "<p class=\"pager\">");
	if (shown->rows == LIMIT_PAGE_EVENTS) {
		view_add(view, "<a href=\"");
		add_question(view, "/events");
		view_add(view, "&amp;before=");
		view_number(view, (uint64_t)shown->oldest);
		view_both(view, "\">さらに前 →</a> ", "\">older →</a> ");
	}
	view_add(view, "<a href=\"");
	add_question(view, "/api/v1/events.csv");
	view_both(view, "\" download=\"events.csv\">CSVで保存</a> <a href=\"",
		  "\" download=\"events.csv\">Save as CSV</a> <a href=\"");
	add_question(view, "/api/v1/events.ndjson");
	view_both(view, "\" download=\"events.ndjson\">NDJSONで保存</a></p>\n",
		  "\" download=\"events.ndjson\">Save as NDJSON</a></p>\n");
}

/* Where the script opens the live tail; without script nothing is missed but
 * that the page does not move by itself. */
static void add_live(struct view *view, bool is_wanted)
{
	if (!is_wanted)
		return;
	view_add(view, "<p id=\"live\" role=\"status\" data-from=\"");
	add_question(view, "/events/stream");
	view_both(view,
		  "\" data-on=\"新しいできごとを表示しています\" "
		  "data-off=\"接続が切れました。つなぎ直しています…\" "
		  "data-new=\"件の新しいできごと\"></p>\n",
		  "\" data-on=\"Showing new events as they come\" "
		  "data-off=\"Connection lost, trying again…\" "
		  "data-new=\" new events\"></p>\n");
}

/* A row of the table, for the script to put on top. */
static int add_part(struct buf *out, const struct store_row *row, int how)
{
	struct view view = {.out = out, .language = (enum language)how};
	int r = view_event_row(row, &view);

	if (r == 0 && out->size > 0 && out->data[out->size - 1] == '\n')
		out->data[--out->size] = '\0';
	return r;
}

void web_stream(struct console_request *request)
{
	feed_live(request, add_part, view_language(request));
}

void web_events(struct console_request *request)
{
	struct shown shown = {0};
	struct filter filter;
	uint64_t before = 0;
	struct view view;
	int r;

	if (!filter_number(request, "before", INT64_MAX, &before) ||
	    !filter_read(request, LIMIT_PAGE_EVENTS, &filter))
		return;
	filter.query.is_newest_first = true;
	filter.query.limit = LIMIT_PAGE_EVENTS;
	filter.query.after = filter.last < INT64_MAX ? filter.last + 1 : 0;
	if (before > 0 &&
	    (filter.query.after == 0 || (int64_t)before < filter.query.after))
		filter.query.after = (int64_t)before;
	view_begin(&view, request, VIEW_EVENTS, "");
	shown.view = &view;
	add_form(&view);
	add_live(&view,
		 before == 0 && filter.last == INT64_MAX && !filter.is_nobody);
	view_event_table(&view, view_say(&view, "新しい順に100件まで",
					 "Newest first, up to 100"));
	r = filter_each(&filter, request->console->store, add_row, &shown);
	view_table_end(&view);
	if (shown.rows == 0)
		view_both(&view, "<p>該当する記録はありません。</p>\n",
			  "<p>No event fits.</p>\n");
	add_links(&view, &shown);
	view_end(&view, r);
}

/* ---- one event ----------------------------------------------------------- */

static void add_fact(struct view *view, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	view_add(view, "<dt>");
	view_add(view, name);
	view_add(view, "</dt><dd><bdi>");
	view_text(view, text);
	view_add(view, "</bdi></dd>");
}

static void add_facts(struct view *view, const struct store_row *row,
		      const struct summary *s)
{
	view_add(view, "<dl class=\"facts\"><dt>");
	view_both(view, "日時", "When");
	view_add(view, "</dt><dd>");
	view_time(view, row->time_ms);
	view_add(view, "</dd><dt>");
	view_both(view, "受信", "Received");
	view_add(view, "</dt><dd>");
	view_time(view, row->recv_ms);
	view_add(view, "</dd><dt>");
	view_both(view, "端末", "Terminal");
	view_add(view, "</dt><dd>");
	view_terminal(view, row->host, s->hostname);
	view_add(view, "</dd>");
	add_fact(view, view_say(view, "課", "Unit"), row->unit);
	add_fact(view, view_say(view, "利用者", "User"), s->user);
	add_fact(view, view_say(view, "機器", "Device"), s->device);
	add_fact(view, view_say(view, "理由", "Why"), s->reason);
	add_fact(view, view_say(view, "規則", "Rule"), s->rule);
	add_fact(view, view_say(view, "重大度", "Severity"),
		 words_severity(row->severity, view->language));
	view_add(view, "<dt>");
	view_both(view, "記録列と番号", "Stream, number");
	view_add(view, "</dt><dd><code>");
	view_text(view, row->stream);
	view_add(view, "</code> ");
	view_number(view, row->seq);
	view_add(view, "</dd><dt>");
	view_both(view, "証跡の番号", "Number in the log");
	view_add(view, "</dt><dd>");
	view_number(view, (uint64_t)row->id - 1);
	view_add(view, "</dd></dl>\n");
}

/* One line a member is what a person can read; the bytes are in the export. */
static void add_body(struct view *view, const struct store_row *row)
{
	char *text;

	if (row->quarantine == STORE_RETIRED) {
		view_both(view,
			  "<p>保存期間を過ぎたため内容は削除されました。"
			  "</p>\n",
			  "<p>Its content was removed after the retention "
			  "period.</p>\n");
		return;
	}
	text = summary_pretty(row->body, row->body_len);
	view_both(view, "<h2>記録の全文</h2>\n<pre tabindex=\"0\">",
		  "<h2>The whole record</h2>\n<pre tabindex=\"0\">");
	view_lines(view, text ? text
			      : view_say(view, "読めない記録です",
					 "It cannot be read"));
	view_add(view, "</pre>\n");
	free(text);
}

struct one {
	struct view *view;
	int64_t id;
	bool is_found;
};

static int add_event(const struct store_row *row, void *ctx)
{
	struct one *one = ctx;
	struct view *view = one->view;
	struct summary summary = {0};
	const char *title;

	if (row->id != one->id)
		return 1;
	if (row->quarantine == 0)
		summary_read(row->body, row->body_len, &summary);
	title = words_event(row->code, view->language);
	view_begin(view, view->request, VIEW_PAGE_COUNT_, title);
	one->is_found = true;
	if (summary.message[0]) {
		view_add(view, "<p lang=\"ja\"><bdi>");
		view_text(view, summary.message);
		view_add(view, "</bdi></p>\n");
	}
	add_facts(view, row, &summary);
	add_body(view, row);
	return 1;
}

void web_event(struct console_request *request)
{
	struct store *store = request->console->store;
	struct view view = {.request = request};
	struct one one = {.view = &view};
	uint64_t id = 0;
	int r;

	if (!filter_number(request, "id", INT64_MAX, &id))
		return;
	one.id = (int64_t)id;
	const struct store_query query = {.after = one.id - 1, .limit = 1};
	r = id > 0 ? store->ops->each_row(store, &query, add_event, &one) : 0;
	if (r < 0)
		console_failed(request, r);
	else if (!one.is_found)
		http_reply_text(&request->reply, MHD_HTTP_NOT_FOUND,
				"there is no event of this number");
	else
		view_end(&view, 0);
}
