/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests: exceptions asked for, granted and over, as their events tell them.
 */
#pragma once

#include <jansson.h>

#include "collector/store.h"

/*
 * One exception: "id", "terminal", "hostname", "unit", "state", "access",
 * "minutes", "reason", "user", "peripheral", "requested", "changed" …; what is
 * not known is missing. All of it was written by a terminal. Lent.
 */
typedef int request_fn(json_t *row, void *ctx);

/*
 * Calls fn for each, the newest change first; what is not 0 ends the walk and
 * is returned. 0, or -errno.
 */
int requests_each(struct store *store, request_fn *fn, void *ctx)
	__attribute__((nonnull(1, 2), warn_unused_result));

/* Somebody waits for an answer; or it lasts. By "state". */
bool requests_is_waiting(const json_t *row) __attribute__((nonnull));
bool requests_is_open(const json_t *row) __attribute__((nonnull));
