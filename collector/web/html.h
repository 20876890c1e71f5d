/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html: text into a page. Everything that is not a literal of ours goes through
 * html_add(): event texts come from devices, and devices lie.
 */
#pragma once

#include <stdint.h>

#include "agent/base/buf.h"

/*
 * Appends `text` so that it is nothing but text, inside an element or a quoted
 * attribute: & < > " ' as references; controls, NUL aside, and the characters
 * that turn the direction of a line as U+FFFD. 0 or what buf_append() returns.
 */
int html_add(struct buf *out, const char *text)
	__attribute__((nonnull, warn_unused_result));

/* The same for an element that shows lines: they stay. */
int html_add_lines(struct buf *out, const char *text)
	__attribute__((nonnull, warn_unused_result));

/* "2026-11-20 12:03:04" in the server's time zone; "" for 0. */
#define HTML_TIME_SIZE 32u
void html_time(int64_t wall_ms, char ret_text[HTML_TIME_SIZE])
	__attribute__((nonnull));
