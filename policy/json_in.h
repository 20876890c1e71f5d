/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_in: looks single values up in one JSON text (RFC 8259) without building
 * a tree: for showing a record that record_write() made, wherever it has been
 * since. Pure: no allocation, bounded depth, never reads past the text. Must
 * not be used where a text needs validating as a whole.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/span.h"

/* Nested deeper than this is -EINVAL. */
#define JSON_IN_DEPTH_MAX 32u

/*
 * Finds the value at `path`: object keys joined by '.', a number for an array
 * element ("metadata.event_code", "peripheral_device.vendor_id_list.0").
 * *ret_value is the value's text in `json`, quotes included. The first of
 * equal keys counts; keys are compared as written, escapes and all.
 *
 * Returns 0, -ENOENT when there is no such member, -EINVAL when the text up to
 * there is not JSON. *ret_value is unchanged on failure.
 */
int json_in_find(struct span json, const char *path, struct span *ret_value)
	__attribute__((nonnull, warn_unused_result));

/*
 * Decodes a string value into `buf` (`cap` > 0 bytes) as UTF-8 with a
 * terminating NUL; cut between code points when it does not fit. NUL, bad
 * escapes and lone surrogates become U+FFFD. Returns 0, or -EINVAL (`buf`
 * unchanged) when the value is not a string.
 */
int json_in_str(struct span value, char *buf, size_t cap)
	__attribute__((nonnull, warn_unused_result));

/* Returns 0, -EINVAL for no whole number, -ERANGE outside int64_t. */
int json_in_i64(struct span value, int64_t *ret_value)
	__attribute__((nonnull, warn_unused_result));
