/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte buffer that grows up to a stated limit. Embedded by its owner; the
 * data is always followed by a NUL, so text in it can be read as a string.
 */
#pragma once

#include <stddef.h>

#include "agent/base/cleanup.h"

struct buf {
	char *data;	 /* NULL until something was added */
	size_t size;	 /* bytes used, without the NUL */
	size_t capacity; /* bytes allocated */
	size_t limit;	 /* size never exceeds it */
};

/* An empty buffer of at most `limit` bytes: struct buf b = BUF_INIT(4096). */
#define BUF_INIT(limit_)                                                       \
	{                                                                      \
		.limit = (limit_)                                              \
	}

/* Frees the data; the buffer is empty afterwards and may be used again. */
void buf_fini(struct buf *buf) __attribute__((nonnull));

#define _cleanup_buf_ _cleanup_(buf_fini)

/*
 * Makes room for `size` more bytes. Returns 0, -ENOBUFS beyond the limit or
 * -ENOMEM; nothing changes on failure.
 */
int buf_reserve(struct buf *buf, size_t size)
	__attribute__((nonnull, warn_unused_result));

/* Appends bytes. Results as buf_reserve. */
int buf_append(struct buf *buf, const void *data, size_t size)
	__attribute__((nonnull(1), warn_unused_result));

/* Appends a string. Results as buf_reserve. */
int buf_append_text(struct buf *buf, const char *text)
	__attribute__((nonnull, warn_unused_result));

/* Appends formatted text. Results as buf_reserve. */
int buf_printf(struct buf *buf, const char *format, ...)
	__attribute__((nonnull(1, 2), format(printf, 2, 3),
		       warn_unused_result));

/* Forgets the content and keeps the memory. */
void buf_clear(struct buf *buf) __attribute__((nonnull));

/* The content as a string; "" when empty. Owned by the buffer. */
const char *buf_text(const struct buf *buf)
	__attribute__((nonnull, returns_nonnull));
