/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch: sleeps until the durable tail moves, the configuration or certificate
 * changes, or a time has passed (inotify). The directories need not be there
 * yet.
 */
#pragma once

#include <stdint.h>

struct watch;

enum watch_event {
	WATCH_TIME = 0,	  /* the time has passed, or nothing that matters */
	WATCH_TAIL = 1,	  /* spool.tail was written */
	WATCH_CONFIG = 2, /* agent.conf or client.crt is another */
};

/* 0 or -errno. */
int watch_new(int root_fd, struct watch **ret_watch)
	__attribute__((nonnull, warn_unused_result));

/* Accepts NULL; returns NULL. */
struct watch *watch_free(struct watch *watch);

/* Who sleeps in watch_wait() in place of poll(): until FD is readable or the
 * time (ms; -1: no end) has passed, or earlier. NULL: poll(). */
typedef void watch_sleep_fn(void *userdata, int fd, int timeout_ms);
void watch_set_sleeper(struct watch *watch, watch_sleep_fn *sleep,
		       void *userdata) __attribute__((nonnull(1)));

/*
 * Waits at most timeout_ms (WATCH_FOREVER: without end). Returns a set of enum
 * watch_event bits, or -errno. What happened since the last call is not missed.
 */
#define WATCH_FOREVER UINT64_MAX
int watch_wait(struct watch *watch, uint64_t timeout_ms)
	__attribute__((nonnull, warn_unused_result));
