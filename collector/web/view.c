/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view: literals and escaped text into the reply. A page links only to this
 * server; its one script adds what a page without script can do without.
 */
#include "collector/web/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/clock.h"

#include "agent/base/banned.h"

static const struct {
	const char *path;
	struct view_head name;
} MENU[VIEW_PAGE_COUNT_] = {
	[VIEW_NOW] = {"/", {"いま", "Now"}},
	[VIEW_TERMINALS] = {"/terminals", {"端末", "Terminals"}},
	[VIEW_EVENTS] = {"/events", {"できごと", "Events"}},
	[VIEW_REQUESTS] = {"/requests", {"申請と例外", "Exceptions"}},
	[VIEW_PROOF] = {"/proof", {"証跡", "Proof"}},
};

void view_add(struct view *view, const char *literal)
{
	if (view->r == 0)
		view->r = buf_append_text(view->out, literal);
}

void view_text(struct view *view, const char *text)
{
	if (view->r == 0)
		view->r = html_add(view->out, text);
}

void view_lines(struct view *view, const char *text)
{
	if (view->r == 0)
		view->r = html_add_lines(view->out, text);
}

void view_number(struct view *view, uint64_t number)
{
	if (view->r == 0)
		view->r = buf_printf(view->out, "%" PRIu64, number);
}

void view_query(struct view *view, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; view->r == 0 && *text; text++)
		view->r = strchr(plain, *text)
				  ? buf_append(view->out, text, 1)
				  : buf_printf(
					    view->out, "%%%02X",
					    (unsigned int)(unsigned char)*text);
}

void view_time(struct view *view, int64_t wall_ms)
{
	char text[HTML_TIME_SIZE];

	html_time(wall_ms, text);
	if (text[0] == '\0') {
		view_add(view, "–");
		return;
	}
	if (view->r == 0)
		view->r = buf_printf(view->out,
				     "<time data-ms=\"%" PRId64 "\">%s</time>",
				     wall_ms, text); /* digits, our own */
}

const char *view_say(const struct view *view, const char *ja, const char *en)
{
	return view->language == LANGUAGE_EN ? en : ja;
}

void view_both(struct view *view, const char *ja, const char *en)
{
	view_add(view, view_say(view, ja, en));
}

bool view_is_own(const struct view *view, const char *host)
{
	return strcmp(view->request->console->service->own.host, host) == 0;
}

static bool cookie_is(const char *cookies, const char *wanted)
{
	size_t len = strlen(wanted);

	for (const char *at = cookies; at && *at; at = strchr(at, ';')) {
		at += strspn(at, "; ");
		if (strncmp(at, wanted, len) == 0 &&
		    (at[len] == ';' || at[len] == '\0'))
			return true;
	}
	return false;
}

enum language view_language(struct console_request *request)
{
	const char *asked = http_argument(request->connection, "lang");
	const char *cookies = http_header(request->connection, "Cookie");
	bool is_en = asked ? strcmp(asked, "en") == 0
			   : cookie_is(cookies, "lang=en");

	return is_en ? LANGUAGE_EN : LANGUAGE_JA;
}

/* Remembered, so that no link has to carry it. */
static void keep_language(struct view *view)
{
	struct console_request *request = view->request;

	if (http_argument(request->connection, "lang"))
		http_reply_header(&request->reply, "Set-Cookie",
				  "lang=%s; Path=/; Secure; SameSite=Strict; "
				  "Max-Age=31536000",
				  view_say(view, "ja", "en"));
}

static void add_menu(struct view *view, enum view_page page)
{
	view_both(view, "<nav aria-label=\"ページ\"><ul>",
		  "<nav aria-label=\"Pages\"><ul>");
	for (int i = 0; i < VIEW_PAGE_COUNT_; i++) {
		view_add(view, "<li><a href=\"");
		view_add(view, MENU[i].path);
		view_add(view,
			 i == (int)page ? "\" aria-current=\"page\">" : "\">");
		view_both(view, MENU[i].name.ja, MENU[i].name.en);
		view_add(view, "</a></li>");
	}
	view_add(view, "<li class=\"other\"><span id=\"person\"><bdi>");
	view_text(view, view->request->person.name);
	view_add(view, "</bdi> (");
	view_add(view, words_role(view->request->person.role, view->language));
	view_add(view, ")</span></li>");
	view_both(view,
		  "<li><a href=\"?lang=en\" lang=\"en\">"
		  "English</a></li></ul></nav>",
		  "<li><a href=\"?lang=ja\" lang=\"ja\">"
		  "日本語</a></li></ul></nav>");
}

void view_begin(struct view *view, struct console_request *request,
		enum view_page page, const char *title)
{
	const char *organisation = request->console->organisation;

	*view = (struct view){
		.request = request,
		.out = &request->reply.body,
		.language = view_language(request),
		.now_ms = (int64_t)(clock_wall_ns() / NS_PER_MS),
	};
	keep_language(view);
	if (page < VIEW_PAGE_COUNT_ && title[0] == '\0')
		title = view_say(view, MENU[page].name.ja, MENU[page].name.en);
	buf_clear(view->out);
	view_add(view, "<!DOCTYPE html>\n<html lang=\"");
	view_both(view, "ja", "en");
	view_add(view,
		 "\"><head><meta charset=\"utf-8\">"
		 "<meta name=\"viewport\" content=\"width=device-width\">"
		 "<meta name=\"color-scheme\" content=\"light dark\">"
		 "<link rel=\"stylesheet\" href=\"/static/console.css\">"
		 "<link rel=\"icon\" href=\"/static/gate.svg\">"
		 "<script type=\"module\" src=\"/static/console.js\"></script>"
		 "<title>");
	view_text(view, title);
	view_add(view, " – ");
	view_text(view, organisation);
	view_both(view, " 関守</title></head>\n<body>",
		  " Sekimori</title></head>\n<body>");
	view_both(view, "<a class=\"skip\" href=\"#main\">本文へ</a>",
		  "<a class=\"skip\" href=\"#main\">To the content</a>");
	view_add(view, "<header><p class=\"product\"><bdi>");
	view_text(view, organisation);
	view_both(view, "</bdi> <strong>関守</strong></p>",
		  "</bdi> <strong>Sekimori</strong></p>");
	add_menu(view, page);
	view_add(view, "</header>\n<main id=\"main\"><h1>");
	view_text(view, title);
	view_add(view, "</h1>\n");
}

void view_end(struct view *view, int r)
{
	view_add(view, "</main></body></html>\n");
	r = r < 0 ? r : view->r;
	if (r < 0) {
		console_failed(view->request, r);
		return;
	}
	view->request->reply.status = MHD_HTTP_OK;
	view->request->reply.type = "text/html; charset=utf-8";
}

void view_table(struct view *view, const char *caption,
		const struct view_head *heads, size_t count)
{
	view_add(view, "<div class=\"scroll\" tabindex=\"0\" role=\"region\""
		       " aria-label=\"");
	view_text(view, caption);
	view_add(view, "\"><table><caption>");
	view_text(view, caption);
	view_add(view, "</caption><thead><tr>");
	for (size_t i = 0; i < count; i++) {
		view_add(view, "<th scope=\"col\">");
		view_both(view, heads[i].ja, heads[i].en);
		view_add(view, "</th>");
	}
	view_add(view, "</tr></thead><tbody>\n");
}

void view_table_end(struct view *view)
{
	view_add(view, "</tbody></table></div>\n");
}

void view_cell(struct view *view, const char *class, const char *text)
{
	view_add(view, "<td class=\"");
	view_add(view, class);
	view_add(view, "\"><bdi>");
	view_text(view, text);
	view_add(view, "</bdi></td>");
}

void view_also(struct view *view, const char *label, const char *text)
{
	if (text[0] == '\0')
		return;
	view_add(view, "<span class=\"also\">");
	view_add(view, label);
	view_add(view, " <bdi>");
	view_text(view, text);
	view_add(view, "</bdi></span>");
}

void view_terminal(struct view *view, const char *host, const char *hostname)
{
	view_add(view, "<a href=\"/terminal?id=");
	view_query(view, host);
	view_add(view, "\"><bdi>");
	view_text(view, hostname[0] ? hostname : host);
	view_add(view, "</bdi></a>");
}
