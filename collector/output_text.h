/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_text: one stored event as a syslog message (RFC 5424). Only text: must
 * know neither the network nor the store's files.
 */
#pragma once

#include "agent/base/buf.h"
#include "collector/store.h"

/* Room for a time of RFC 3339. */
#define OUTPUT_TIME_SIZE 80u

/*
 * Appends the message of `row`, without framing, with `body` as its MSG.
 * HOSTNAME is the terminal's, or its id where it says none that RFC 5424
 * allows; MSGID the event code; facility 13 (log audit). 0 or as buf_append().
 */
int output_text_syslog(const struct store_row *row, const struct buf *body,
		       struct buf *out)
	__attribute__((nonnull, warn_unused_result));

/* "2026-11-20T09:00:00.123Z", or "-" where RFC 3339 has no such year. */
void output_text_time(int64_t time_ms, char ret_time[OUTPUT_TIME_SIZE])
	__attribute__((nonnull));
