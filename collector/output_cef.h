/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_cef: one stored event in ArcSight's Common Event Format, version 0,
 * for systems that do not read OCSF. A selection: the whole event stays in the
 * store. Only text: must know neither the network nor the store's files.
 */
#pragma once

#include "agent/base/buf.h"
#include "collector/store.h"

/*
 * Appends "CEF:0|sekimori|…" of `row`, one line without its end. What was
 * quarantined and cannot be read has the columns of the store only. 0 or as
 * buf_append().
 */
int output_cef(const struct store_row *row, struct buf *out)
	__attribute__((nonnull, warn_unused_result));
