/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page: GET /: the terminals and the last events, in plain words. Rendered here
 * in one pass, without script. `?lang=en` switches the language.
 */
#include "collector/console.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "agent/base/clock.h"
#include "collector/limits.h"
#include "collector/web/html.h"
#include "collector/web/summary.h"
#include "collector/web/words.h"

#include "agent/base/banned.h"

/* A terminal beats every five minutes; three missed is worth a colour. */
#define SILENT_MS	(INT64_C(15) * 60 * 1000)
#define SKEW_MS		(INT64_C(5) * 60 * 1000)
#define OBSERVED	3 /* OCSF action_id */
#define INCIDENTS_SHOWN 20u

struct page {
	struct buf *out;
	enum language language;
	int64_t now_ms;
	size_t rows; /* of the list being added */
	int r;	     /* first failure; after it nothing is appended */
};

static void add(struct page *page, const char *literal)
{
	if (page->r == 0)
		page->r = buf_append_text(page->out, literal);
}

/* The only way for what is not a literal of ours. */
static void add_text(struct page *page, const char *text)
{
	if (page->r == 0)
		page->r = html_add(page->out, text);
}

static void add_number(struct page *page, uint64_t number)
{
	if (page->r == 0)
		page->r = buf_printf(page->out, "%" PRIu64, number);
}

static const char *say(const struct page *page, const char *ja, const char *en)
{
	return page->language == LANGUAGE_EN ? en : ja;
}

/* A cell, its text in an element that keeps its direction to itself. */
static void add_cell(struct page *page, const char *class, const char *text)
{
	add(page, "<td class=\"");
	add(page, class);
	add(page, "\"><bdi>");
	add_text(page, text);
	add(page, "</bdi></td>");
}

static void add_time_cell(struct page *page, int64_t wall_ms, const char *class)
{
	char text[HTML_TIME_SIZE];

	html_time(wall_ms, text);
	add_cell(page, class, text[0] ? text : "–");
}

static void add_also(struct page *page, const char *label, const char *text)
{
	if (text[0] == '\0')
		return;
	add(page, "<span class=\"also\">");
	add(page, label);
	add(page, " <bdi>");
	add_text(page, text);
	add(page, "</bdi></span>");
}

static void add_table(struct page *page, const char *caption,
		      const char *const *heads, size_t count)
{
	add(page, "<div class=\"scroll\"><table><caption>");
	add(page, caption);
	add(page, "</caption><thead><tr>");
	for (size_t i = 0; i < count; i++) {
		add(page, "<th scope=\"col\">");
		add(page, heads[i]);
		add(page, "</th>");
	}
	add(page, "</tr></thead><tbody>\n");
}

static const char *tier_class(const char *tier)
{
	if (tier[0] == '\0')
		return "none";
	return strcmp(tier, "T1") == 0 || strcmp(tier, "T2") == 0 ? "good"
								  : "warn";
}

static const char *mode_class(const char *mode)
{
	if (mode[0] == '\0')
		return "none";
	return strcmp(mode, "enforce") == 0 ? "good" : "warn";
}

static void add_name_cell(struct page *page, const struct store_terminal *t)
{
	add(page, "<th scope=\"row\"><bdi>");
	add_text(page, t->hostname[0] ? t->hostname : t->host);
	add(page, "</bdi>");
	add_also(page, "", t->unit);
	add(page, "<span class=\"also\"><code>");
	add_text(page, t->host);
	add(page, "</code></span></th>");
}

static void add_state_cells(struct page *page, const struct store_terminal *t)
{
	const char *unknown = say(page, "不明", "unknown");
	bool is_silent = page->now_ms - t->last_ms > SILENT_MS;
	bool is_skewed = t->skew_ms > SKEW_MS || t->skew_ms < -SKEW_MS;

	add_time_cell(page, t->last_ms, is_silent ? "time warn" : "time");
	add_cell(page, tier_class(t->tier),
		 t->tier[0] ? words_tier(t->tier, page->language) : unknown);
	add_cell(page, mode_class(t->mode),
		 t->mode[0] ? words_mode(t->mode, page->language) : unknown);
	add_cell(page, "number", t->policy[0] ? t->policy : "–");
	add(page, "<td class=\"number\">");
	add_number(page, t->tail > t->acked ? t->tail - t->acked : 0);
	add(page, "</td><td>");
	if (is_silent)
		add(page, say(page, "<span class=\"warn\">応答なし</span> ",
			      "<span class=\"warn\">silent</span> "));
	if (is_skewed)
		add(page, say(page, "<span class=\"warn\">時刻ずれ</span> ",
			      "<span class=\"warn\">clock off</span> "));
	if (t->incidents > 0)
		add(page, say(page, "<span class=\"bad\">要確認</span>",
			      "<span class=\"bad\">check</span>"));
	add(page, "</td>");
}

static int add_terminal(const struct store_terminal *terminal, void *ctx)
{
	struct page *page = ctx;

	if (page->rows++ >= LIMIT_PAGE_TERMINALS)
		return 0;
	add(page, "<tr>");
	add_name_cell(page, terminal);
	add_state_cells(page, terminal);
	add(page, "</tr>\n");
	return page->r;
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

static void add_what_cell(struct page *page, const struct store_row *row,
			  const struct summary *summary)
{
	const char *title = words_event(row->code, page->language);

	add(page, "<td><bdi>");
	if (page->language == LANGUAGE_JA && summary->message[0])
		title = summary->message;
	add_text(page, title);
	if (page->language == LANGUAGE_EN && is_only_observed(row))
		add(page, " (only observed, not stopped)");
	add(page, "</bdi>");
	add_also(page, say(page, "理由:", "why:"), summary->reason);
	add_also(page, say(page, "規則:", "rule:"), summary->rule);
	add(page, "<span class=\"also\"><code>");
	add_text(page, row->code);
	add(page, "</code></span></td>");
}

static int add_event(const struct store_row *row, void *ctx)
{
	struct page *page = ctx;
	struct summary summary = {0};

	if (row->quarantine == 0)
		summary_read(row->body, row->body_len, &summary);
	add(page, "<tr>");
	add_time_cell(page, row->time_ms, "time");
	add(page, "<td><bdi>");
	add_text(page, row->unit);
	add(page, "</bdi><span class=\"also\"><code>");
	add_text(page, row->host);
	add(page, "</code></span></td>");
	add_what_cell(page, row, &summary);
	add_cell(page, "device", summary.device);
	add_cell(page, "user", summary.user);
	add_cell(page,
		 row->severity >= 4   ? "bad"
		 : row->severity == 3 ? "warn"
				      : "none",
		 words_severity(row->severity, page->language));
	add(page, "</tr>\n");
	return page->r;
}

static int add_incident(const struct store_incident_row *row, void *ctx)
{
	struct page *page = ctx;

	if (page->rows++ == 0) {
		add(page,
		    say(page, "<h2>要確認</h2>\n", "<h2>To check</h2>\n"));
		add(page, "<ul>\n");
	}
	add(page, "<li><span class=\"bad\">");
	add_text(page, words_incident(row->kind, page->language));
	add(page, "</span> <code>");
	add_text(page, row->host);
	add(page, "</code> ");
	char text[HTML_TIME_SIZE];
	html_time(row->last_ms, text);
	add_text(page, text);
	add(page, " ×");
	add_number(page, row->count);
	add(page, "</li>\n");
	return page->r;
}

static void add_head(struct page *page, const char *organisation)
{
	add(page, "<!DOCTYPE html>\n<html lang=\"");
	add(page, say(page, "ja", "en"));
	add(page, "\"><head><meta charset=\"utf-8\">"
		  "<meta name=\"viewport\" content=\"width=device-width\">"
		  "<link rel=\"stylesheet\" href=\"/static/console.css\">"
		  "<title>");
	add_text(page, organisation);
	add(page, say(page, " 関守</title></head>\n<body><header><h1>",
		      " Sekimori</title></head>\n<body><header><h1>"));
	add_text(page, organisation);
	add(page, say(page, " 関守</h1>", " Sekimori</h1>"));
	add(page, say(page,
		      "<nav><a href=\"/?lang=en\" lang=\"en\">English</a>"
		      "</nav></header>\n<main>",
		      "<nav><a href=\"/?lang=ja\" lang=\"ja\">日本語</a>"
		      "</nav></header>\n<main>"));
}

static int add_terminals(struct page *page, struct store *store)
{
	static const char *const heads[][7] = {
		{"端末", "最終受信", "保護の段階", "動作", "ポリシー番号",
		 "未送信", "注意"},
		{"Terminal", "Last seen", "Tier", "Mode", "Policy", "Lag",
		 "Note"},
	};
	int r;

	add(page, say(page, "<h2>端末</h2>", "<h2>Terminals</h2>"));
	add_table(page,
		  say(page, "最後に受信した順",
		      "Those heard from most recently first"),
		  heads[page->language], 7);
	page->rows = 0;
	r = store->ops->each_terminal(store, add_terminal, page);
	add(page, "</tbody></table></div>\n<p>");
	add(page, say(page, "登録端末数: ", "Terminals: "));
	add_number(page, page->rows);
	add(page, "</p>\n");
	return r;
}

static int add_events(struct page *page, struct store *store)
{
	static const char *const heads[][6] = {
		{"日時", "課・端末", "できごと", "機器", "利用者", "重大度"},
		{"Time", "Unit, terminal", "What happened", "Device", "User",
		 "Severity"},
	};
	const struct store_query query = {.is_newest_first = true,
					  .limit = LIMIT_PAGE_EVENTS};
	int r;

	add(page,
	    say(page, "<h2>最近のできごと</h2>", "<h2>Latest events</h2>"));
	add_table(page,
		  say(page, "新しい順に100件まで", "Newest first, up to 100"),
		  heads[page->language], 6);
	r = store->ops->each_row(store, &query, add_event, page);
	add(page, "</tbody></table></div>\n");
	return r;
}

void web_page(struct console_request *request)
{
	const char *lang = http_argument(request->connection, "lang");
	struct store *store = request->console->store;
	struct page page = {
		.out = &request->reply.body,
		.language = lang && strcmp(lang, "en") == 0 ? LANGUAGE_EN
							    : LANGUAGE_JA,
		.now_ms = (int64_t)(clock_wall_ns() / NS_PER_MS),
	};
	int r;

	buf_clear(page.out);
	add_head(&page, request->console->organisation);
	page.rows = 0;
	r = store->ops->each_incident(store, INCIDENTS_SHOWN, add_incident,
				      &page);
	if (r == 0 && page.rows > 0)
		add(&page, "</ul>\n");
	if (r == 0)
		r = add_terminals(&page, store);
	if (r == 0)
		r = add_events(&page, store);
	add(&page, "</main></body></html>\n");
	r = r < 0 ? r : page.r;
	if (r < 0) {
		console_failed(request, r);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = "text/html; charset=utf-8";
}
