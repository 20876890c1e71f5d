/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_body: one stored event in the format that an output carries. Only
 * text: must know neither the network nor the store's files.
 */
#pragma once

#include "agent/base/buf.h"
#include "collector/output.h"
#include "collector/store.h"

/*
 * Appends `row` in `format`, cut to LIMIT_EVENT_BYTES where it is carried as it
 * came. With `is_json_only` what cannot be read as a JSON object is carried in
 * one, its octets in base64 as `raw_data`. 0 or as buf_append().
 */
int output_body(const struct store_row *row, enum output_format format,
		bool is_json_only, struct buf *out)
	__attribute__((nonnull, warn_unused_result));
