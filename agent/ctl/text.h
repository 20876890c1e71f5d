/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: what a terminal is given. Everything from a device, a rule or the
 * network is escaped: control and other invisible characters show as \x1b or
 * \u{202e}, never act. Widths are columns of the display: a Japanese character
 * takes two. Internal to agent/ctl.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/ctl/ctl.h"

/* Room for any time, duration or size below. */
#define TEXT_SHORT_MAX 64u
/* Room for two of them: text_time_ago(). */
#define TEXT_LONG_MAX 128u

/*
 * Escapes `str` into `buf` of `cap` bytes, cut between characters. NULL is "".
 * Returns the columns it takes.
 */
size_t text_escape(const char *str, char *buf, size_t cap)
	__attribute__((nonnull(2)));

/* Prints `str` escaped. */
void text_print(FILE *to, const char *str) __attribute__((nonnull(1)));

/* The same, but a newline stays one: for messages of several lines. */
void text_print_lines(FILE *to, const char *str) __attribute__((nonnull(1)));

/* Columns that `str`, escaped, takes. */
size_t text_width(const char *str);

/* Prints `str` escaped, then blanks up to `columns`. */
void text_print_padded(FILE *to, const char *str, size_t columns)
	__attribute__((nonnull(1)));

/* "2026-11-20 12:00:01", local time; "-" for 0. */
void text_time(int64_t wall_ms, char buf[static TEXT_SHORT_MAX]);

/* "14 s", "3 min", "5 h", "12 days". */
void text_duration(const struct ctl *ctl, uint64_t seconds,
		   char buf[static TEXT_SHORT_MAX]) __attribute__((nonnull));

/* "2026-11-20 12:00:01 (14 s ago)"; "never" for 0. */
void text_time_ago(const struct ctl *ctl, int64_t wall_ms,
		   char buf[static TEXT_LONG_MAX]) __attribute__((nonnull));

/* "512 B", "1.5 MiB": binary units, one decimal. */
void text_size(uint64_t bytes, char buf[static TEXT_SHORT_MAX]);

/*
 * One "Label   value" line; the label is in our own words and padded to
 * `columns`, the value is escaped. Nothing at all for NULL and "".
 */
void text_field(const struct ctl *ctl, const char *label, const char *value,
		size_t columns) __attribute__((nonnull(1, 2)));
