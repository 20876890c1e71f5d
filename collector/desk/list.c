/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list, show, watch: what was asked for, as the collector has it. All of it was
 * written by a terminal or a person there: printed with care, believed in
 * nothing but what is then signed.
 */
#include "collector/desk/desk.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/banned.h"

#define WATCH_EVERY_MS 2000

void desk_print(const char *text)
{
	if (!text || !*text)
		text = "-";
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool is_c1 = *c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;
		if (*c >= 0x20 && *c != 0x7f && !is_c1)
			putchar(*c);
		else
			putchar('?');
		c += is_c1;
	}
}

const char *desk_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t desk_number(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number > 0 ? (uint64_t)number : 0;
}

static void print_time(uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[32] = "-";
	struct tm tm;

	if (wall_ms > 0 && localtime_r(&seconds, &tm))
		(void)strftime(text, sizeof(text), "%m-%d %H:%M:%S", &tm);
	fputs(text, stdout);
}

static void print_line(const json_t *row)
{
	desk_print(desk_text(row, "id"));
	fputs("  ", stdout);
	print_time(desk_number(row, "requested"));
	fputs("  ", stdout);
	desk_print(desk_text(row, "state"));
	fputs("  ", stdout);
	desk_print(desk_text(row, "hostname"));
	fputs("  ", stdout);
	desk_print(desk_text(row, "user"));
	fputs("  ", stdout);
	desk_print(desk_text(row, "access"));
	printf("  %" PRIu64 "min  ", desk_number(row, "minutes"));
	desk_print(desk_text(row, "reason"));
	fputs("  ", stdout);
	desk_print(desk_text(row, "peripheral"));
	if (*desk_text(row, "note")) {
		fputs("  ", stdout);
		desk_print(desk_text(row, "note"));
	}
	putchar('\n');
}

static bool is_open(const json_t *row)
{
	static const char *const states[] = {"requested", "waiting", "active",
					     "suspended"};
	const char *state = desk_text(row, "state");

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i], state) == 0)
			return true;
	return false;
}

static int print_json(const json_t *json)
{
	if (json_dumpf(json, stdout, JSON_INDENT(1)) < 0)
		return DESK_FAILED;
	putchar('\n');
	return DESK_OK;
}

int cmd_list(struct desk *desk)
{
	_cleanup_json_ json_t *answer = NULL;

	int r = client_get(desk, "/api/v1/requests", &answer);
	if (r != DESK_OK)
		return r;
	if (desk->is_json)
		return print_json(answer);
	const json_t *rows = json_object_get(answer, "requests");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		if (desk->is_all || is_open(row))
			print_line(row);
	}
	return DESK_OK;
}

int desk_find(struct desk *desk, const char *id, json_t **ret_row)
{
	_cleanup_json_ json_t *answer = NULL;
	char path[128];

	for (const char *c = id; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') &&
		    *c != '-') {
			fprintf(stderr, "%s\n",
				desk_say(desk, "番号の書式が違います",
					 "this is not an id"));
			return DESK_USAGE;
		}
	(void)snprintf(path, sizeof(path), "/api/v1/requests?id=%.60s", id);
	int r = client_get(desk, path, &answer);
	if (r != DESK_OK)
		return r;
	json_t *rows = json_object_get(answer, "requests");
	/* Two terminals cannot make the same id but by will */
	if (json_array_size(rows) != 1) {
		fprintf(stderr, "%s: %s\n", id,
			desk_say(desk, "その番号の申請はありません",
				 "there is no such request"));
		return DESK_FAILED;
	}
	*ret_row = json_incref(json_array_get(rows, 0));
	return DESK_OK;
}

static void print_field(const struct desk *desk, const char *ja, const char *en,
			const char *value)
{
	if (!*value)
		return;
	printf("  %s: ", desk_say(desk, ja, en));
	desk_print(value);
	putchar('\n');
}

int cmd_show(struct desk *desk, const char *id)
{
	_cleanup_json_ json_t *row = NULL;

	int r = desk_find(desk, id, &row);
	if (r != DESK_OK)
		return r;
	if (desk->is_json)
		return print_json(row);
	print_line(row);
	print_field(desk, "課", "unit", desk_text(row, "unit"));
	print_field(desk, "端末", "terminal", desk_text(row, "terminal"));
	print_field(desk, "機器", "device", desk_text(row, "device"));
	print_field(desk, "受付", "ticket", desk_text(row, "ticket"));
	print_field(desk, "説明", "note", desk_text(row, "note"));
	if (desk_number(row, "report_by") > 0) {
		printf("  %s: ", desk_say(desk, "事後報告の期限", "report by"));
		print_time(desk_number(row, "report_by"));
		putchar('\n');
	}
	print_field(desk, "相関番号", "correlation",
		    desk_text(row, "correlation"));
	print_field(desk, "端末が断った理由", "refused by the terminal",
		    desk_text(row, "refusal"));
	const json_t *approvers = json_object_get(row, "approvers");
	for (size_t i = 0; i < json_array_size(approvers); i++) {
		const char *name =
			json_string_value(json_array_get(approvers, i));
		print_field(desk, "承認", "approved by", name ? name : "");
	}
	return DESK_OK;
}

/* One line each time something has changed, until it is interrupted. */
int cmd_watch(struct desk *desk)
{
	json_int_t newest = 0;

	for (;;) {
		_cleanup_json_ json_t *answer = NULL;
		json_int_t seen = newest;
		int r = client_get(desk, "/api/v1/requests", &answer);
		if (r != DESK_OK)
			return r;
		const json_t *rows = json_object_get(answer, "requests");
		for (size_t i = 0; i < json_array_size(rows); i++) {
			const json_t *row = json_array_get(rows, i);
			json_int_t changed = json_integer_value(
				json_object_get(row, "changed"));
			if (changed > newest && (newest > 0 || is_open(row)))
				print_line(row);
			if (changed > seen)
				seen = changed;
		}
		newest = seen;
		(void)fflush(stdout); /* a pipe reads it line by line */
		/* Until the next look, or nobody reads it any more */
		struct pollfd reader = {.fd = STDOUT_FILENO};
		if (poll(&reader, 1, WATCH_EVERY_MS) > 0)
			return DESK_OK;
	}
}
