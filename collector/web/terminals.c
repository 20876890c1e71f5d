/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminals: GET /terminals?q=&state=&page=: the inventory, and GET
 * /terminal?id=: one terminal with what it did last.
 */
#include "collector/web/view.h"

#include <string.h>

#include "collector/api/filter.h"
#include "collector/limits.h"
#include "collector/web/posture.h"

#include "agent/base/banned.h"

#define PAGES_MAX 10000u

struct list {
	struct view *view;
	const char *text; /* in its name, id or unit; NULL: any */
	bool is_wanting_only;
	uint64_t first; /* of those that fit, the number shown first */
	uint64_t fit;
};

static bool holds(const char *text, const char *wanted)
{
	return strstr(text, wanted) != NULL;
}

static bool is_listed(const struct list *list, const struct store_terminal *t,
		      unsigned int reasons)
{
	if (view_is_own(list->view, t->host) ||
	    (list->is_wanting_only && reasons == 0))
		return false;
	return !list->text || holds(t->hostname, list->text) ||
	       holds(t->host, list->text) || holds(t->unit, list->text);
}

static void add_reasons(struct view *view, unsigned int reasons)
{
	view_add(view, "<td>");
	for (int i = 0; i < POSTURE_REASON_COUNT_; i++)
		if (reasons & POSTURE_BIT(i)) {
			view_add(view, "<span class=\"warn tag\">");
			view_add(view, posture_name(i, view->language));
			view_add(view, "</span> ");
		}
	if (reasons == 0)
		view_both(view, "<span class=\"good\">保護中</span>",
			  "<span class=\"good\">protected</span>");
	view_add(view, "</td>");
}

static void add_state(struct view *view, const struct store_terminal *t)
{
	const char *unknown = view_say(view, "不明", "unknown");

	view_cell(view, "",
		  t->tier[0] ? words_tier(t->tier, view->language) : unknown);
	view_cell(view, "",
		  t->mode[0] ? words_mode(t->mode, view->language) : unknown);
	view_cell(view, "number", t->policy[0] ? t->policy : "–");
	view_add(view, "<td class=\"number\">");
	view_number(view, t->tail > t->acked ? t->tail - t->acked : 0);
	view_add(view, "</td>");
}

static int add_terminal(const struct store_terminal *t, void *ctx)
{
	struct list *list = ctx;
	struct view *view = list->view;
	unsigned int reasons = posture_read(t, view->now_ms);

	if (!is_listed(list, t, reasons))
		return 0;
	if (list->fit++ < list->first ||
	    list->fit > list->first + LIMIT_PAGE_TERMINALS)
		return 0;
	view_add(view, "<tr><th scope=\"row\">");
	view_terminal(view, t->host, t->hostname);
	view_also(view, "", t->unit);
	view_add(view, "</th>");
	add_reasons(view, reasons);
	view_add(view, "<td class=\"time\">");
	view_time(view, t->last_ms);
	view_add(view, "</td>");
	add_state(view, t);
	view_add(view, "</tr>\n");
	return view->r;
}

static void add_form(const struct list *list)
{
	struct view *view = list->view;

	view_both(view,
		  "<form class=\"filter\" role=\"search\"><label>名前・課 "
		  "<input name=\"q\" type=\"search\" value=\"",
		  "<form class=\"filter\" role=\"search\"><label>Name or unit "
		  "<input name=\"q\" type=\"search\" value=\"");
	view_text(view, list->text ? list->text : "");
	view_add(view, "\"></label><label><input type=\"checkbox\" "
		       "name=\"state\" value=\"wanting\"");
	view_add(view, list->is_wanting_only ? " checked>" : ">");
	view_both(view, " 確認が必要な端末だけ</label>",
		  " only those to look at</label>");
	view_both(view, "<button>表示</button></form>\n",
		  "<button>Show</button></form>\n");
}

static void add_turn(const struct list *list, uint64_t page, const char *label)
{
	struct view *view = list->view;

	view_add(view, "<a href=\"/terminals?page=");
	view_number(view, page);
	view_add(view, "&amp;q=");
	view_query(view, list->text ? list->text : "");
	view_add(view, list->is_wanting_only ? "&amp;state=wanting\">" : "\">");
	view_add(view, label);
	view_add(view, "</a> ");
}

static void add_pager(const struct list *list, uint64_t page)
{
	struct view *view = list->view;

	view_add(view, "<p class=\"pager\"><span id=\"count\">");
	view_number(view, list->fit);
	view_both(view, "</span> 台 ", "</span> terminals ");
	if (page > 0)
		add_turn(list, page - 1,
			 view_say(view, "← 前へ", "← previous"));
	if (list->fit > list->first + LIMIT_PAGE_TERMINALS)
		add_turn(list, page + 1, view_say(view, "次へ →", "next →"));
	view_add(view, "</p>\n");
}

void web_terminals(struct console_request *request)
{
	static const struct view_head heads[] = {
		{"端末", "Terminal"},	    {"注意", "Note"},
		{"最終受信", "Last heard"}, {"保護の段階", "Tier"},
		{"動作", "Mode"},	    {"ポリシー番号", "Policy"},
		{"未送信", "Unsent"}};
	const char *text = http_argument(request->connection, "q");
	const char *state = http_argument(request->connection, "state");
	struct store *store = request->console->store;
	uint64_t page = 0;
	struct view view;
	int r;

	if (!filter_number(request, "page", PAGES_MAX, &page))
		return;
	struct list list = {
		.view = &view,
		.text = text && text[0] ? text : NULL,
		.is_wanting_only = state && strcmp(state, "wanting") == 0,
		.first = page * LIMIT_PAGE_TERMINALS,
	};
	view_begin(&view, request, VIEW_TERMINALS, "");
	add_form(&list);
	view_table(&view,
		   view_say(&view, "最後に受信した順",
			    "Those heard from most recently first"),
		   heads, sizeof(heads) / sizeof(heads[0]));
	r = store->ops->each_terminal(store, NULL, add_terminal, &list);
	view_table_end(&view);
	add_pager(&list, page);
	view_end(&view, r);
}

/* ---- one terminal -------------------------------------------------------- */

struct one {
	struct view *view;
	const char *host;
	bool is_found;
};

static void add_fact(struct view *view, const struct view_head *name,
		     const char *text)
{
	view_add(view, "<dt>");
	view_both(view, name->ja, name->en);
	view_add(view, "</dt><dd><bdi>");
	view_text(view, text[0] ? text : "–");
	view_add(view, "</bdi></dd>");
}

static void add_time_fact(struct view *view, const struct view_head *name,
			  int64_t wall_ms)
{
	view_add(view, "<dt>");
	view_both(view, name->ja, name->en);
	view_add(view, "</dt><dd>");
	view_time(view, wall_ms);
	view_add(view, "</dd>");
}

static void add_number_fact(struct view *view, const struct view_head *name,
			    uint64_t number)
{
	view_add(view, "<dt>");
	view_both(view, name->ja, name->en);
	view_add(view, "</dt><dd>");
	view_number(view, number);
	view_add(view, "</dd>");
}

static void add_facts(struct view *view, const struct store_terminal *t)
{
	static const struct view_head names[] = {
		{"課", "Unit"},
		{"端末の番号", "Terminal id"},
		{"保護の段階", "Tier"},
		{"動作", "Mode"},
		{"ポリシー番号", "Policy"},
		{"エージェント", "Agent"},
		{"最初の受信", "First heard"},
		{"最終受信", "Last heard"},
		{"受け取った記録", "Events received"},
		{"未送信", "Unsent"},
		{"記録の要確認", "Incidents"},
	};

	view_add(view, "<dl class=\"facts\">");
	add_fact(view, &names[0], t->unit);
	add_fact(view, &names[1], t->host);
	add_fact(view, &names[2], words_tier(t->tier, view->language));
	add_fact(view, &names[3], words_mode(t->mode, view->language));
	add_fact(view, &names[4], t->policy);
	add_fact(view, &names[5], t->version);
	add_time_fact(view, &names[6], t->first_ms);
	add_time_fact(view, &names[7], t->last_ms);
	add_number_fact(view, &names[8], t->events);
	add_number_fact(view, &names[9],
			t->tail > t->acked ? t->tail - t->acked : 0);
	add_number_fact(view, &names[10], t->incidents);
	view_add(view, "</dl>\n");
}

static void add_advice(struct view *view, unsigned int reasons)
{
	view_add(view, "<ul class=\"plain\">");
	for (int i = 0; i < POSTURE_REASON_COUNT_; i++)
		if (reasons & POSTURE_BIT(i)) {
			view_add(view, "<li><span class=\"warn\">");
			view_add(view, posture_name(i, view->language));
			view_add(view, "</span> ");
			view_add(view, posture_advice(i, view->language));
			view_add(view, "</li>");
		}
	view_add(view, "</ul>\n");
}

static int find_terminal(const struct store_terminal *t, void *ctx)
{
	struct one *one = ctx;
	struct view *view = one->view;

	if (strcmp(t->host, one->host) != 0)
		return 0;
	one->is_found = true;
	view_begin(view, view->request, VIEW_PAGE_COUNT_,
		   t->hostname[0] ? t->hostname : t->host);
	add_advice(view, posture_read(t, view->now_ms));
	add_facts(view, t);
	return 1;
}

static int show_terminal(struct view *view, const char *host)
{
	const struct store_query query = {.host = host,
					  .is_newest_first = true,
					  .limit = LIMIT_PAGE_EVENTS};
	struct store *store = view->request->console->store;
	int r;

	view_add(view, "<p><a href=\"/events?terminal=");
	view_query(view, host);
	view_both(view, "\">この端末のできごとを検索</a></p>\n",
		  "\">Search its events</a></p>\n");
	view_both(view, "<h2>最近のできごと</h2>\n",
		  "<h2>Latest events</h2>\n");
	view_event_table(view, view_say(view, "新しい順に100件まで",
					"Newest first, up to 100"));
	r = store->ops->each_row(store, &query, view_event_row, view);
	view_table_end(view);
	return r;
}

void web_terminal(struct console_request *request)
{
	const char *host = http_argument(request->connection, "id");
	struct store *store = request->console->store;
	struct view view = {.request = request};
	struct one one = {.view = &view, .host = host ? host : ""};
	int r = store->ops->each_terminal(store, one.host, find_terminal, &one);

	if (r < 0) {
		console_failed(request, r);
		return;
	}
	if (!one.is_found) {
		http_reply_text(&request->reply, MHD_HTTP_NOT_FOUND,
				"no terminal has this id");
		return;
	}
	view_end(&view, show_terminal(&view, one.host));
}
