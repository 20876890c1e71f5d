/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output: every stored event once more to another log system, by a thread of
 * its own that reads the store behind a cursor of its own. At least once: the
 * cursor moves after the other side has taken a batch, so what was on the way
 * at a crash comes again. Never waits for by the ingest, and holds one batch in
 * memory.
 */
#pragma once

#include <stdbool.h>

#include "agent/base/log.h"

struct output_config {
	const char *url; /* syslog+tls://, relp+tls:// or relp://HOST:PORT */
	bool is_cef;	 /* else JSON */
	const char *ca, *cert, *key; /* paths, "" none */
	const char *database, *dir;  /* as store_open() */
	const struct log *log;
};

struct output;

/*
 * Starts the thread; all texts are borrowed. 0 and *ret_output; -EINVAL: not a
 * URL that we speak; -errno of the store.
 */
int output_start(const struct output_config *config, struct output **ret_output)
	__attribute__((nonnull, warn_unused_result));

/* Ends the thread where it is and frees. NULL is fine. */
void output_stop(struct output *output);
