/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_ecs: one stored event in the Elastic Common Schema 8.11, for systems
 * whose rules and pages are written for it. A selection, with our own part of
 * the record as `sekimori`; the whole event stays in the store. Only text: must
 * know neither the network nor the store's files.
 */
#pragma once

#include "agent/base/buf.h"
#include "collector/store.h"

/*
 * Appends a JSON object, one line without its end. `@timestamp` is when it
 * happened, `event.created` when the collector received it, `event.id`
 * STREAM-SEQ. What cannot be read has the columns of the store only and its
 * octets in base64 as `event.original`. 0; -ENOMEM; or as buf_append().
 */
int output_ecs(const struct store_row *row, struct buf *out)
	__attribute__((nonnull, warn_unused_result));
