/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event: what the collector reads out of one event's JSON on the hot path: that
 * it is a whole, plain JSON object with the fields every OCSF record of ours
 * has, and the few values that become columns. One pass, no allocation, no
 * tree. The bytes themselves are stored untouched: they are what is hashed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "collector/limits.h"

/* Borrowed text between the quotes, escapes not resolved; NULL: not there. */
struct event_text {
	const char *at;
	size_t len;
};

struct event_fields {
	int64_t wall_time_ms;
	int64_t sequence;
	int64_t class_uid;
	int64_t severity;
	int64_t action; /* 0: the event has none */
	struct event_text code;
	struct event_text version;
	struct event_text unit;	    /* device.org.ou_name */
	struct event_text hostname; /* device.hostname */
};

/* Named outcomes; the string of each is in event_check_to_str(). */
enum event_check {
	EVENT_CHECK_MALFORMED = 1, /* not one JSON object, or not canonical */
	EVENT_CHECK_TOO_DEEP,	   /* past LIMIT_EVENT_DEPTH */
	EVENT_CHECK_TOO_LARGE,	   /* past LIMIT_EVENT_BYTES */
	EVENT_CHECK_DUPLICATE,	   /* a field we read stands twice */
	EVENT_CHECK_MISSING,	   /* a required field is not there */
	EVENT_CHECK_TYPE, /* a field we read has another type or range */
};

/*
 * Reads `len` octets at `json` (RFC 8259, and no control octet at all, not even
 * between tokens, so that it can stand on one line of NDJSON). Required:
 * class_uid, time, severity_id, metadata.version, .event_code, .sequence.
 * Returns 0 and *ret_fields (borrowing from `json`), or an enum event_check
 * (unchanged). Any thread.
 */
int event_scan(const char *json, size_t len, struct event_fields *ret_fields)
	__attribute__((nonnull, warn_unused_result));

const char *event_check_to_str(int check) __attribute__((returns_nonnull));

/*
 * Copies `text` with its escapes resolved to at most `cap` - 1 octets of UTF-8,
 * cut between characters, and a NUL. Returns the length. What cannot stand in
 * text (U+0000, a lone surrogate) becomes U+FFFD.
 */
size_t event_unescape(struct event_text text, char *buf, size_t cap)
	__attribute__((nonnull));
