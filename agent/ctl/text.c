/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: escaping and widths. Must not let a single byte of foreign text reach
 * a terminal unseen: text_escape() is the only way there.
 */
#include "agent/ctl/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "policy/utf8.h"

/* Longest escape, "\u{10ffff}", and its NUL. */
#define ESCAPE_MAX 12

/*
 * One code point as it is shown, in `buf`; returns its columns. A private-use
 * or unassigned one has no width and no agreed look: escaped as well.
 */
static size_t show(uint32_t cp, char buf[static ESCAPE_MAX])
{
	int columns = utf8_is_invisible(cp) ? -1 : wcwidth((wchar_t)cp);

	if (columns >= 0 && cp != '\\') {
		buf[utf8_put(cp, buf)] = '\0';
		return (size_t)columns;
	}
	if (cp == '\\')
		return (size_t)snprintf(buf, ESCAPE_MAX, "\\\\");
	if (cp == '\n')
		return (size_t)snprintf(buf, ESCAPE_MAX, "\\n");
	if (cp == '\t')
		return (size_t)snprintf(buf, ESCAPE_MAX, "\\t");
	if (cp < 0x100)
		return (size_t)snprintf(buf, ESCAPE_MAX, "\\x%02" PRIx32, cp);
	return (size_t)snprintf(buf, ESCAPE_MAX, "\\u{%" PRIx32 "}", cp);
}

size_t text_escape(const char *str, char *buf, size_t cap)
{
	size_t len = str ? strlen(str) : 0, used = 0, columns = 0;

	for (size_t at = 0; at < len;) {
		char piece[ESCAPE_MAX];
		uint32_t cp;

		at += utf8_next(str + at, len - at, &cp);
		size_t width = show(cp, piece);
		size_t size = strlen(piece);
		if (size >= cap - used)
			break;
		memcpy(buf + used, piece, size);
		used += size;
		columns += width;
	}
	buf[used] = '\0';
	return columns;
}

static size_t print(FILE *to, const char *str, bool keep_newlines)
{
	size_t len = str ? strlen(str) : 0, columns = 0;

	for (size_t at = 0; at < len;) {
		char piece[ESCAPE_MAX];
		uint32_t cp;

		at += utf8_next(str + at, len - at, &cp);
		if (cp == '\n' && keep_newlines) {
			if (to)
				fputc('\n', to);
			continue;
		}
		columns += show(cp, piece);
		if (to)
			fputs(piece, to);
	}
	return columns;
}

void text_print(FILE *to, const char *str)
{
	(void)print(to, str, false);
}

void text_print_lines(FILE *to, const char *str)
{
	(void)print(to, str, true);
}

size_t text_width(const char *str)
{
	return print(NULL, str, false);
}

void text_print_padded(FILE *to, const char *str, size_t columns)
{
	for (size_t n = print(to, str, false); n < columns; n++)
		fputc(' ', to);
}

void text_time(int64_t wall_ms, char buf[static TEXT_SHORT_MAX])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm local;

	if (wall_ms <= 0 || !localtime_r(&seconds, &local) ||
	    strftime(buf, TEXT_SHORT_MAX, "%Y-%m-%d %H:%M:%S", &local) == 0)
		snprintf(buf, TEXT_SHORT_MAX, "-");
}

void text_duration(const struct ctl *ctl, uint64_t seconds,
		   char buf[static TEXT_SHORT_MAX])
{
	if (seconds < 120)
		snprintf(buf, TEXT_SHORT_MAX, _("%" PRIu64 " s"), seconds);
	else if (seconds < 7200)
		snprintf(buf, TEXT_SHORT_MAX, _("%" PRIu64 " min"),
			 seconds / 60);
	else if (seconds < 172800)
		snprintf(buf, TEXT_SHORT_MAX, _("%" PRIu64 " h"),
			 seconds / 3600);
	else
		snprintf(buf, TEXT_SHORT_MAX, _("%" PRIu64 " days"),
			 seconds / 86400);
}

void text_time_ago(const struct ctl *ctl, int64_t wall_ms,
		   char buf[static TEXT_LONG_MAX])
{
	char when[TEXT_SHORT_MAX], ago[TEXT_SHORT_MAX];

	if (wall_ms <= 0) {
		snprintf(buf, TEXT_LONG_MAX, "%s", _("never"));
		return;
	}
	text_time(wall_ms, when);
	/* A clock that was set back gives no "ago" worth showing. */
	if (wall_ms > ctl->wall_now_ms) {
		snprintf(buf, TEXT_LONG_MAX, "%s", when);
		return;
	}
	text_duration(ctl, (uint64_t)(ctl->wall_now_ms - wall_ms) / 1000, ago);
	snprintf(buf, TEXT_LONG_MAX, _("%s (%s ago)"), when, ago);
}

void text_size(uint64_t bytes, char buf[static TEXT_SHORT_MAX])
{
	static const char *const units[] = {"KiB", "MiB", "GiB",
					    "TiB", "PiB", "EiB"};
	uint64_t tenths = bytes * 10 / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(buf, TEXT_SHORT_MAX, "%" PRIu64 " B", bytes);
		return;
	}
	if (bytes > UINT64_MAX / 10)
		tenths = bytes / 1024 * 10;
	while (tenths >= 10240 && unit < 5) {
		tenths /= 1024;
		unit++;
	}
	snprintf(buf, TEXT_SHORT_MAX, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10,
		 tenths % 10, units[unit]);
}

void text_field(const struct ctl *ctl, const char *label, const char *value,
		size_t columns)
{
	if (!value || !value[0])
		return;
	text_print_padded(ctl->out, label, columns);
	text_print(ctl->out, value);
	fputc('\n', ctl->out);
}
