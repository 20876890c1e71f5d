/* SPDX-License-Identifier: Apache-2.0 */
/*
 * now: GET /: what needs somebody this morning. First how many terminals
 * protect, then those that do not and why, then what was stopped.
 */
#include "collector/web/view.h"

#include <inttypes.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/requests.h"
#include "collector/limits.h"
#include "collector/web/posture.h"

#include "agent/base/banned.h"

#define DAYS		14
#define BAR_WIDTH	24
#define BAR_STEP	32
#define CHART_HEIGHT	120
#define UNITS		64
#define UNITS_SHOWN	10u
#define INCIDENTS_SHOWN 20u
#define SEVERE		4 /* OCSF severity_id High */
#define SEVERE_SHOWN	10u

struct unit_count {
	char unit[LIMIT_UNIT_BYTES + 1];
	uint64_t count;
};

struct now {
	struct view *view;
	uint64_t terminals, protecting, wanting;
	uint64_t waiting, lasting; /* exceptions */
	uint64_t by_reason[POSTURE_REASON_COUNT_];
	struct buf rows; /* the terminals to look at, as HTML */
	int64_t first_day;
	uint64_t denials[DAYS]; /* the last one is today */
	struct unit_count units[UNITS];
	size_t unit_count;
	size_t incidents;
};

/* A terminal to look at: its name, why, and what to do. */
static void add_wanting(struct view *view, const struct store_terminal *t,
			unsigned int reasons)
{
	view_add(view, "<tr><th scope=\"row\">");
	view_terminal(view, t->host, t->hostname);
	view_also(view, "", t->unit);
	view_add(view, "</th><td><ul class=\"plain\">");
	for (int i = 0; i < POSTURE_REASON_COUNT_; i++) {
		if (!(reasons & POSTURE_BIT(i)))
			continue;
		view_add(view, "<li><span class=\"warn\">");
		view_add(view, posture_name(i, view->language));
		view_add(view, "</span><span class=\"also\">");
		view_add(view, posture_advice(i, view->language));
		view_add(view, "</span></li>");
	}
	view_add(view, "</ul></td><td class=\"time\">");
	view_time(view, t->last_ms);
	view_add(view, "</td></tr>\n");
}

static int count_terminal(const struct store_terminal *t, void *ctx)
{
	struct now *now = ctx;
	unsigned int reasons = posture_read(t, now->view->now_ms);

	if (view_is_own(now->view, t->host))
		return 0;
	now->terminals++;
	now->protecting += posture_protects(reasons);
	for (int i = 0; i < POSTURE_REASON_COUNT_; i++)
		now->by_reason[i] += (reasons & POSTURE_BIT(i)) != 0;
	if (reasons == 0 || now->wanting++ >= LIMIT_PAGE_WANTING)
		return 0;
	struct view view = *now->view; /* into a text that comes later */
	view.out = &now->rows;
	add_wanting(&view, t, reasons);
	return view.r;
}

/* What was refused to a device, by its code: "usb.device.blocked" … */
static bool is_denial(const char *code)
{
	const char *end = strrchr(code, '.');

	return end && strncmp(code, "mfa.", 4) != 0 &&
	       (strcmp(end, ".blocked") == 0 || strcmp(end, ".denied") == 0);
}

static void count_unit(struct now *now, const char *unit, uint64_t count)
{
	struct unit_count *row = now->units;
	size_t i = 0;

	while (i < now->unit_count && strcmp(row[i].unit, unit) != 0)
		i++;
	if (i == UNITS) /* the last row is for all the others */
		i--;
	else if (i == now->unit_count)
		(void)snprintf(row[now->unit_count++].unit, sizeof(row->unit),
			       "%s", unit);
	row[i].count += count;
}

static int add_count(int64_t day, const char *unit, const char *code,
		     uint64_t count, void *ctx)
{
	struct now *now = ctx;
	int64_t at = day - now->first_day;

	if (at < 0 || at >= DAYS || !is_denial(code))
		return 0;
	now->denials[at] += count;
	if (at == DAYS - 1)
		count_unit(now, unit, count);
	return 0;
}

static int count_request(json_t *row, void *ctx)
{
	struct now *now = ctx;

	now->waiting += requests_is_waiting(row);
	now->lasting += requests_is_open(row) && !requests_is_waiting(row);
	return 0;
}

static void add_tile(struct view *view, const char *class, uint64_t number,
		     const char *label)
{
	view_add(view, "<li class=\"");
	view_add(view, class);
	view_add(view, "\"><span class=\"figure\">");
	view_number(view, number);
	view_add(view, "</span> <span>");
	view_add(view, label);
	view_add(view, "</span></li>");
}

static void add_tiles(const struct now *now)
{
	struct view *view = now->view;
	uint64_t open = now->terminals - now->protecting;

	view_add(view, "<ul class=\"tiles\" id=\"tiles\">");
	add_tile(view, "good", now->protecting,
		 view_say(view, "端末を保護中", "terminals protected"));
	add_tile(view, open > 0 ? "bad" : "good", open,
		 view_say(view, "保護できていない端末",
			  "terminals not protected"));
	add_tile(view, now->wanting > 0 ? "warn" : "good", now->wanting,
		 view_say(view, "確認が必要な端末", "terminals to look at"));
	add_tile(view, now->waiting > 0 ? "warn" : "none", now->waiting,
		 view_say(view, "<a href=\"/requests\">返事待ちの申請</a>",
			  "<a href=\"/requests\">requests waiting</a>"));
	add_tile(view, "none", now->lasting,
		 view_say(view, "<a href=\"/requests\">続いている例外</a>",
			  "<a href=\"/requests\">exceptions in force</a>"));
	add_tile(view, "none", now->denials[DAYS - 1],
		 view_say(view, "きょうの遮断", "refusals today"));
	view_add(view, "</ul>\n");
}

static void add_terminals(const struct now *now)
{
	static const struct view_head heads[] = {{"端末", "Terminal"},
						 {"理由とすること",
						  "Why, and what to do"},
						 {"最終受信", "Last heard"}};
	struct view *view = now->view;

	view_both(view, "<h2>確認が必要な端末</h2>\n",
		  "<h2>Terminals to look at</h2>\n");
	if (now->wanting == 0) {
		view_both(view, "<p class=\"good\">ありません。</p>\n",
			  "<p class=\"good\">None.</p>\n");
		return;
	}
	view_add(view, "<ul class=\"reasons\">");
	for (int i = 0; i < POSTURE_REASON_COUNT_; i++) {
		if (now->by_reason[i] == 0)
			continue;
		view_add(view, "<li>");
		view_add(view, posture_name(i, view->language));
		view_add(view, " <b>");
		view_number(view, now->by_reason[i]);
		view_add(view, "</b></li>");
	}
	view_add(view, "</ul>\n");
	view_table(view,
		   view_say(view, "最後に受信した順",
			    "Those heard from most recently first"),
		   heads, 3);
	view_add(view, buf_text(&now->rows));
	view_table_end(view);
	view_add(view, "<p><a href=\"/terminals?state=wanting\">");
	view_both(view, "確認が必要な端末をすべて見る",
		  "All terminals to look at");
	view_add(view, "</a></p>\n");
}

static void add_day(struct view *view, int64_t day)
{
	char text[HTML_TIME_SIZE];

	html_time(day * STORE_DAY_MS - STORE_DAY_AT_MS, text);
	text[10] = '\0'; /* the day alone */
	view_add(view, text);
}

/* Bars for the eye, the same numbers as a table for everybody. */
static void add_chart(const struct now *now)
{
	struct view *view = now->view;
	uint64_t most = 1;

	for (int i = 0; i < DAYS; i++)
		if (now->denials[i] > most)
			most = now->denials[i];
	view_both(view, "<h2>遮断の件数</h2>\n", "<h2>Refusals</h2>\n");
	view_add(view, "<svg class=\"chart\" aria-hidden=\"true\" viewBox=\""
		       "0 0 448 120\" width=\"448\" height=\"120\">");
	for (int i = 0; view->r == 0 && i < DAYS; i++) {
		uint64_t height =
			(now->denials[i] * (CHART_HEIGHT - 4) + most - 1) /
			most;

		view->r = buf_printf(view->out,
				     "<rect x=\"%d\" y=\"%" PRIu64
				     "\" width=\"%d\" height=\"%" PRIu64 "\"/>",
				     i * BAR_STEP + 4, CHART_HEIGHT - height,
				     BAR_WIDTH, height);
	}
	view_add(view, "</svg>\n<details><summary>");
	view_both(view, "14日間の数字", "The numbers of 14 days");
	view_add(view, "</summary><table id=\"days\"><tbody>");
	for (int i = DAYS - 1; i >= 0; i--) {
		view_add(view, "<tr><th scope=\"row\">");
		add_day(view, now->first_day + i);
		view_add(view, "</th><td class=\"number\">");
		view_number(view, now->denials[i]);
		view_add(view, "</td></tr>");
	}
	view_add(view, "</tbody></table></details>\n");
}

static int more_first(const void *a, const void *b)
{
	const struct unit_count *x = a, *y = b;

	return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

static void add_units(struct now *now)
{
	static const struct view_head heads[] = {{"課", "Unit"},
						 {"件数", "Count"}};
	struct view *view = now->view;

	if (now->unit_count == 0)
		return;
	qsort(now->units, now->unit_count, sizeof(now->units[0]), more_first);
	view_table(view,
		   view_say(view, "きょうの遮断、課ごとに10まで",
			    "Refusals today by unit, up to 10"),
		   heads, 2);
	for (size_t i = 0; i < now->unit_count && i < UNITS_SHOWN; i++) {
		view_add(view, "<tr><th scope=\"row\"><bdi>");
		view_text(view, now->units[i].unit);
		view_add(view, "</bdi></th><td class=\"number\">");
		view_number(view, now->units[i].count);
		view_add(view, "</td></tr>\n");
	}
	view_table_end(view);
}

static int add_incident(const struct store_incident_row *row, void *ctx)
{
	struct now *now = ctx;
	struct view *view = now->view;

	if (now->incidents++ == 0)
		view_both(view, "<h2>記録の要確認</h2>\n<ul>\n",
			  "<h2>Records to check</h2>\n<ul>\n");
	view_add(view, "<li><span class=\"bad\">");
	view_text(view, words_incident(row->kind, view->language));
	view_add(view, "</span> ");
	if (row->host[0])
		view_terminal(view, row->host, "");
	view_add(view, " ");
	view_time(view, row->last_ms);
	view_add(view, " ×");
	view_number(view, row->count);
	view_add(view, "</li>\n");
	return view->r;
}

static int add_severe(struct view *view, struct store *store)
{
	const struct store_query query = {.min_severity = SEVERE,
					  .is_newest_first = true,
					  .limit = SEVERE_SHOWN};
	int r;

	view_both(view, "<h2>重大なできごと</h2>\n",
		  "<h2>Severe events</h2>\n");
	view_event_table(view, view_say(view, "新しい順に10件まで",
					"Newest first, up to 10"));
	r = store->ops->each_row(store, &query, view_event_row, view);
	view_table_end(view);
	return r;
}

static int fill(struct now *now)
{
	struct store *store = now->view->request->console->store;
	int r = store->ops->each_terminal(store, NULL, count_terminal, now);

	if (r == 0)
		r = store->ops->each_count(store, now->first_day, add_count,
					   now);
	if (r == 0)
		r = requests_each(store, count_request, now);
	if (r < 0)
		return r;
	add_tiles(now);
	add_terminals(now);
	r = store->ops->each_incident(store, INCIDENTS_SHOWN, add_incident,
				      now);
	if (now->incidents > 0)
		view_add(now->view, "</ul>\n");
	if (r == 0)
		r = add_severe(now->view, store);
	add_chart(now);
	add_units(now);
	return r;
}

void web_now(struct console_request *request)
{
	struct now *now = calloc(1, sizeof(*now));
	struct view view;
	int r = -ENOMEM;

	view_begin(&view, request, VIEW_NOW, "");
	if (now) {
		now->view = &view;
		now->rows = (struct buf)BUF_INIT(HTTP_REPLY_MAX);
		now->first_day = store_day(view.now_ms) - (DAYS - 1);
		r = fill(now);
		buf_fini(&now->rows);
	}
	view_end(&view, r);
	free(now);
}
