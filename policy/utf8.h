/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8: reads text that may be anything, one code point at a time, and says
 * which code points are fit to be shown. Pure. Must not guess encodings: what
 * is not UTF-8 (RFC 3629) is U+FFFD, and that is all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT 0xfffdu
#define UTF8_BYTES_MAX	 4u

/*
 * Reads one code point from `str` (`len` > 0 bytes, no terminator needed) into
 * *ret_cp and returns how many bytes it took, 1..4. What is not UTF-8
 * (overlong forms, surrogates, above U+10FFFF, cut short) is U+FFFD and takes
 * the bytes that a correct sequence could have begun with (Unicode 15, section
 * 3.9, "maximal subpart"), so a good character after a bad byte survives.
 */
size_t utf8_next(const char *str, size_t len, uint32_t *ret_cp)
	__attribute__((nonnull, warn_unused_result));

/* Writes `cp` (a scalar value) to `out`, returns 1..4 bytes. */
size_t utf8_put(uint32_t cp, char out[static UTF8_BYTES_MAX]);

/*
 * True for the 66 code points that are never a character (U+FDD0..FDEF, and
 * the last two of each plane). Valid UTF-8, yet D-Bus refuses a string with
 * one in it: left in a device's name it would make the whole list unreadable.
 */
bool utf8_is_noncharacter(uint32_t cp);

/*
 * True for code points that change how the text around them is read or shown
 * without being seen: C0 and C1 controls, line separators, bidirectional
 * overrides (CVE-2021-42574), zero-width and tag characters, noncharacters. A device name
 * made of these would lie on a screen or drive a terminal.
 */
bool utf8_is_invisible(uint32_t cp);
