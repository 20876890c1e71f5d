/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html: the escaper. It works on octets: what it replaces is ASCII or one of
 * the few sequences named below, so UTF-8 stays UTF-8.
 */
#include "collector/web/html.h"

#include <string.h>
#include <time.h>

#include "agent/base/banned.h"

static const char REPLACEMENT[] = "\xef\xbf\xbd"; /* U+FFFD */

static const char *reference(unsigned char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return c < 0x20 || c == 0x7f ? REPLACEMENT : NULL;
	}
}

/* U+200E/F, U+202A..E, U+2066..9: they reorder what stands after them. */
static size_t turner(const unsigned char *at)
{
	if (at[0] != 0xe2)
		return 0;
	if (at[1] == 0x80 && ((at[2] >= 0x8e && at[2] <= 0x8f) ||
			      (at[2] >= 0xaa && at[2] <= 0xae)))
		return 3;
	return at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9 ? 3 : 0;
}

/* `kept` stays although it is a control; NUL: none. */
static int add(struct buf *out, const char *text, unsigned char kept)
{
	const unsigned char *at = (const unsigned char *)text;
	int r = 0;

	while (r == 0 && *at != '\0') {
		size_t plain = 0, turn;
		const char *instead;

		while (at[plain] != '\0' &&
		       (at[plain] == kept || !reference(at[plain])) &&
		       turner(at + plain) == 0)
			plain++;
		r = buf_append(out, at, plain);
		at += plain;
		if (r < 0 || *at == '\0')
			break;
		turn = turner(at);
		instead = turn > 0 ? REPLACEMENT : reference(*at);
		at += turn > 0 ? turn : 1;
		r = buf_append_text(out, instead);
	}
	return r;
}

int html_add(struct buf *out, const char *text)
{
	return add(out, text, '\0');
}

int html_add_lines(struct buf *out, const char *text)
{
	return add(out, text, '\n');
}

void html_time(int64_t wall_ms, char ret_text[HTML_TIME_SIZE])
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;

	ret_text[0] = '\0';
	if (wall_ms > 0 && localtime_r(&s, &tm))
		(void)strftime(ret_text, HTML_TIME_SIZE, "%Y-%m-%d %H:%M:%S",
			       &tm); /* a year of five digits reads as "" */
}
