/* SPDX-License-Identifier: Apache-2.0 */
/* output_text: the header of RFC 5424 §6.2 and the body behind it. */
#include "collector/output_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "collector/event.h"

#include "agent/base/banned.h"

#define FACILITY_AUDIT 13
#define MSGID_MAX      32u  /* RFC 5424 §6 */
#define HOSTNAME_MAX   255u /* same */

/* OCSF severity_id 0..6 (unknown … fatal) as a severity of RFC 5424 §6.2.1. */
static int priority_of(int severity)
{
	static const int severities[] = {6, 6, 5, 4, 3, 2, 1};

	if (severity < 0 ||
	    severity >= (int)(sizeof(severities) / sizeof(severities[0])))
		severity = 0;
	return FACILITY_AUDIT * 8 + severities[severity];
}

/* PRINTUSASCII of RFC 5424 §6 only, cut; else `other`. */
static void take_name(const char *text, size_t len, size_t max,
		      const char *other, char *ret_name)
{
	if (len > max)
		len = max;
	for (size_t i = 0; i < len; i++)
		if (text[i] < '!' || text[i] > '~')
			len = 0;
	if (len == 0) {
		text = other;
		len = strnlen(other, max);
	}
	memcpy(ret_name, text, len);
	ret_name[len] = '\0';
}

void output_text_time(int64_t time_ms, char ret_time[OUTPUT_TIME_SIZE])
{
	time_t s = (time_t)(time_ms / 1000);
	struct tm tm;

	/* RFC 3339 has four digits for the year. */
	if (time_ms < 0 || !gmtime_r(&s, &tm) || tm.tm_year > 9999 - 1900) {
		memcpy(ret_time, "-", 2);
		return;
	}
	(void)snprintf(ret_time, OUTPUT_TIME_SIZE,
		       "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
		       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		       tm.tm_sec,
		       (int)(time_ms % 1000)); /* fits: the year is checked */
}

int output_text_syslog(const struct store_row *row, const struct buf *body,
		       struct buf *out)
{
	struct event_fields fields = {0};
	char hostname[HOSTNAME_MAX + 1], msgid[MSGID_MAX + 1],
		when[OUTPUT_TIME_SIZE];
	const char *code = row->code ? row->code : "";
	int r;

	/* What was quarantined has no fields to be read. */
	if (event_scan(row->body, row->body_len, &fields) != 0)
		fields = (struct event_fields){0};
	take_name(fields.hostname.at ? fields.hostname.at : "",
		  fields.hostname.len, HOSTNAME_MAX, row->host, hostname);
	take_name(code, strlen(code), MSGID_MAX, "-", msgid);
	output_text_time(row->time_ms, when);
	r = buf_printf(out, "<%d>1 %s %s sekimori - %s - ",
		       priority_of(row->severity), when, hostname, msgid);
	if (r < 0)
		return r;
	return buf_append(out, body->data, body->size);
}
