/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: members of the API's answers, appended to a buffer. A writer, not a
 * tree: the caller puts the braces and commas. Every function returns 0 or what
 * buf_append() returns.
 */
#pragma once

#include <stdint.h>

#include "agent/base/buf.h"
#include "collector/store.h"

/* `"name":"text",` with what RFC 8259 §7 wants escaped; NULL is "". */
int json_add_text(struct buf *out, const char *name, const char *text)
	__attribute__((nonnull(1, 2), warn_unused_result));

/* `"name":value,` */
int json_add_number(struct buf *out, const char *name, int64_t value)
	__attribute__((nonnull, warn_unused_result));

/*
 * One stored event as an object on one line: its columns, the chain's fields as
 * needed to recompute its hash, and the record itself, byte for byte, as
 * "event"; what could not be read as JSON is "raw" in base64 instead.
 */
int json_add_row(struct buf *out, const struct store_row *row)
	__attribute__((nonnull, warn_unused_result));

/* Replaces a trailing comma, if there is one, by `end`. */
int json_close(struct buf *out, const char *end)
	__attribute__((nonnull, warn_unused_result));
