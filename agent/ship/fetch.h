/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: signed documents from the collector into the inbox: one request is
 * always waiting there for news (RFC 7240 `Prefer: wait=`), in the background of
 * shipping. What comes is stored as it is; the daemon judges it, with the keys
 * it has pinned. Must not read the spool or the cursor.
 */
#pragma once

#include <stdint.h>

#include "agent/base/log.h"
#include "agent/ship/identity.h"
#include "agent/ship/settings.h"

struct fetch;

struct fetch_config {
	int state_fd;			 /* borrowed; the inbox is below */
	const struct settings *settings; /* read by fetch_new only */
	const struct identity *identity; /* read by fetch_new only */
	const struct log *log;		 /* borrowed */
};

/* 0 or -errno. */
int fetch_new(const struct fetch_config *config, struct fetch **ret_fetch)
	__attribute__((nonnull, warn_unused_result));

/* Accepts NULL; returns NULL. */
struct fetch *fetch_free(struct fetch *fetch);

/*
 * Sleeps until FD is readable, at most timeout_ms (-1: without end), and moves
 * the request on meanwhile; may return early. For watch_set_sleeper().
 */
void fetch_sleep(void *fetch, int fd, int timeout_ms) __attribute__((nonnull));
