/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_text: one stored event as a syslog message (RFC 5424). Only text: must
 * know neither the network nor the store's files.
 */
#pragma once

#include "agent/base/buf.h"
#include "collector/store.h"

/* Room for one message; the body is cut to LIMIT_EVENT_BYTES. */
#define OUTPUT_TEXT_MAX (LIMIT_EVENT_BYTES + 4096u)

/*
 * Appends the message of `row`, without framing. Its MSG is the event's JSON as
 * it was stored, or with `is_cef` what output_cef() makes of it; HOSTNAME is the terminal's, or its id where it says none that
 * RFC 5424 allows; MSGID the event code; facility 13 (log audit). 0 or as
 * buf_append().
 */
int output_text_syslog(const struct store_row *row, bool is_cef,
		       struct buf *out)
	__attribute__((nonnull, warn_unused_result));
