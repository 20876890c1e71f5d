/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inflate: a request body out of its content coding, with the limit checked
 * while it grows, so that a small body that unpacks to gigabytes costs no more
 * than the limit. Knows nothing of what the body means.
 */
#pragma once

#include <stddef.h>

#include "agent/base/buf.h"
#include "collector/headers.h"

enum inflate_outcome {
	INFLATE_TOO_LARGE = 1, /* would pass the limit */
	INFLATE_CORRUPT,       /* not that coding, cut short, or trailed */
};

/*
 * Unpacks `size` octets at `raw` into `out`, an empty buffer whose limit is the
 * limit (gzip and zstd: a body must stay below it). Returns 0, an enum
 * inflate_outcome, or -ENOMEM; on failure `out` may hold a part. Identity is copied. Any thread.
 */
int inflate_body(enum headers_coding coding, const void *raw, size_t size,
		 struct buf *out) __attribute__((nonnull, warn_unused_result));
