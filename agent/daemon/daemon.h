/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorid as one object: everything it holds, the order in which it starts
 * and the one event loop. Built in main.c; nothing here is global.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/log.h"

struct daemon;

struct daemon_options {
	const char *root;   /* "/", or a made tree in tests */
	const char *config; /* below the root */
	bool no_guard;	    /* do not load BPF (tests on a build machine) */
	bool no_bus;
};

/* Starts in this order: config → guard → policy → root hubs shut → uevent
 * socket → what is present → READY=1. Spool and D-Bus follow when they can be
 * had. 0 and *ret_daemon, or -errno when there can be no loop at all: every
 * other failure is a row of failure.h. */
int daemon_new(const struct daemon_options *options, const struct log *log,
	       struct daemon **ret_daemon)
	__attribute__((nonnull, warn_unused_result));

/* Runs until SIGTERM or SIGINT. 0, or -errno when the loop broke. */
int daemon_run(struct daemon *daemon)
	__attribute__((nonnull, warn_unused_result));

/* agent.stop, flush, free. Enforcement stays as it is. NULL is fine. */
struct daemon *daemon_free(struct daemon *daemon);
