/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests: GET /requests: who waits for an answer, which exceptions last, and
 * those that are over. Answers are signed at the desk, not here.
 */
#include "collector/web/view.h"

#include <string.h>

#include "collector/api/requests.h"
#include "collector/limits.h"

#include "agent/base/banned.h"

struct list {
	struct view *view;
	bool is_open; /* those that last, or those that are over */
	size_t rows;
};

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static int64_t number_of(const json_t *row, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(row, key));

	return number > 0 ? (int64_t)number : 0;
}

static void add_scope(struct view *view, const json_t *row)
{
	view_add(view, "<td><bdi>");
	view_text(view, words_access(text_of(row, "access"), view->language));
	view_add(view, "</bdi> ");
	if (number_of(row, "minutes") > 0) {
		view_number(view, (uint64_t)number_of(row, "minutes"));
		view_both(view, "分", " min");
	}
	if (number_of(row, "not_after") > 0) {
		view_both(view, "<span class=\"also\">期限 ",
			  "<span class=\"also\">until ");
		view_time(view, number_of(row, "not_after"));
		view_add(view, "</span>");
	}
	view_add(view, "</td>");
}

static void add_state(struct view *view, const json_t *row)
{
	view_add(view, requests_is_waiting(row) ? "<td class=\"warn\"><bdi>"
						: "<td><bdi>");
	view_text(view, words_state(text_of(row, "state"), view->language));
	view_add(view, "</bdi>");
	view_also(view, view_say(view, "端末の拒否:", "refused:"),
		  text_of(row, "refusal"));
	if (requests_is_waiting(row)) {
		view_add(view, "<span class=\"also\"><code>sekimori-desk "
			       "approve ");
		view_text(view, text_of(row, "id"));
		view_add(view, "</code></span>");
	}
	view_add(view, "</td>");
}

static int add_row(json_t *row, void *ctx)
{
	struct list *list = ctx;
	struct view *view = list->view;

	if (requests_is_open(row) != list->is_open ||
	    list->rows >= LIMIT_PAGE_EVENTS)
		return 0;
	list->rows++;
	view_add(view, "<tr><td class=\"time\">");
	view_time(view, number_of(row, "requested"));
	view_add(view, "<span class=\"also\"><code>");
	view_text(view, text_of(row, "id"));
	view_add(view, "</code></span></td><td>");
	view_terminal(view, text_of(row, "terminal"), text_of(row, "hostname"));
	view_also(view, "", text_of(row, "unit"));
	view_add(view, "</td>");
	view_cell(view, "user", text_of(row, "user"));
	view_cell(view, "device",
		  text_of(row, text_of(row, "peripheral")[0] ? "peripheral"
							     : "device"));
	add_scope(view, row);
	view_add(view, "<td><bdi>");
	view_text(view, text_of(row, "reason"));
	view_add(view, "</bdi>");
	view_also(view, "", text_of(row, "note"));
	view_also(view, "", text_of(row, "ticket"));
	view_add(view, "</td>");
	add_state(view, row);
	view_add(view, "</tr>\n");
	return view->r;
}

static int add_list(struct view *view, bool is_open, const char *caption)
{
	static const struct view_head heads[] = {
		{"申請", "Asked for"}, {"端末", "Terminal"}, {"利用者", "User"},
		{"機器", "Device"},    {"内容", "Scope"},    {"理由", "Reason"},
		{"状態", "State"}};
	struct list list = {.view = view, .is_open = is_open};
	int r;

	view_table(view, caption, heads, sizeof(heads) / sizeof(heads[0]));
	r = requests_each(view->request->console->store, add_row, &list);
	view_table_end(view);
	if (list.rows == 0)
		view_both(view, "<p>ありません。</p>\n", "<p>None.</p>\n");
	return r;
}

void web_requests(struct console_request *request)
{
	struct view view;
	int r;

	view_begin(&view, request, VIEW_REQUESTS, "");
	r = add_list(&view, true,
		     view_say(&view, "返事待ちと使用中、新しい順",
			      "Waiting and in use, newest first"));
	view_both(&view, "<h2>終わったもの</h2>\n", "<h2>Over</h2>\n");
	if (r == 0)
		r = add_list(&view, false,
			     view_say(&view, "新しい順に100件まで",
				      "Newest first, up to 100"));
	view_end(&view, r);
}
