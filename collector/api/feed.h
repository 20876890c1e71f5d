/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed: events as a stream of their own: an export that ends, or a live tail
 * (text/event-stream, WHATWG HTML §9.2) that waits for what comes. The answers
 * are made row by row as the reader takes them, so memory does not grow with
 * them. Only the console's thread reads the store; a small thread wakes the
 * tails that wait, and sleeps while there are none.
 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/log.h"
#include "collector/store.h"

struct feeds;

/* 0 and *ret_feeds, or -errno. */
int feeds_start(const struct log *log, struct feeds **ret_feeds)
	__attribute__((nonnull, warn_unused_result));

/* Ends every tail; before MHD_stop_daemon(), which wants nobody suspended.
 * NULL is fine. */
void feeds_stop(struct feeds *feeds);

/* After MHD_stop_daemon(). NULL is fine. */
void feeds_free(struct feeds *feeds);

struct console_request;

/* Appends one event as the reader wants it; `how` is feed_live()'s. */
typedef int feed_add_fn(struct buf *out, const struct store_row *row, int how);

/*
 * Answers with a live tail of what filter.h's arguments ask for: behind
 * Last-Event-ID or after=, else behind the newest. `add` gives the data of an
 * event on one line, without its end.
 */
void feed_live(struct console_request *request, feed_add_fn *add, int how)
	__attribute__((nonnull));
