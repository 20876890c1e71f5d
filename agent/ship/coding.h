/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coding: the body of a request in a content coding (RFC 9110 section 8.4).
 * gzip is what every OTLP receiver takes, zstd what ours offers.
 */
#pragma once

#include "agent/base/buf.h"
#include "agent/wire/otlp.h"

enum coding {
	CODING_IDENTITY = 0,
	CODING_GZIP,
	CODING_ZSTD,
};

/* The name in Content-Encoding; "identity" is not to be sent. Total. */
const char *coding_to_str(enum coding coding) __attribute__((returns_nonnull));

/*
 * Appends `data` coded to `out`. Returns 0, -ENOMEM, -ENOBUFS (out's limit) or
 * -EIO when the library fails.
 */
int coding_apply(enum coding coding, struct span data, struct buf *out)
	__attribute__((nonnull, warn_unused_result));

/* What to try when the server refuses one: zstd, gzip, identity, identity. */
enum coding coding_simpler(enum coding coding);
