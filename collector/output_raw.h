/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_raw: the octets of a record that is not JSON, as text that can stand in
 * JSON.
 */
#pragma once

#include "agent/base/buf.h"
#include "collector/store.h"

/* Octets of it that are carried; the whole record stays in the store. */
#define OUTPUT_RAW_MAX 24576u

/* Appends the base64 of the body's beginning. 0 or as buf_append(). */
int output_raw(const struct store_row *row, struct buf *out)
	__attribute__((nonnull, warn_unused_result));
