/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dry-run twin of the operations of enforce.h: it remembers each request
 * as one line of text and touches nothing. Monitor mode and tests use it.
 */
#pragma once

#include <stddef.h>

#include "agent/enforce/enforce.h"
#include "agent/enforce/lock.h"

enum { DRY_RUN_LINES_MAX = 256, DRY_RUN_LINE_MAX = 96 };

struct dry_run;

int dry_run_new(struct dry_run **ret_run)
	__attribute__((nonnull, warn_unused_result));
struct dry_run *dry_run_free(struct dry_run *run);
struct enforce dry_run_ops(struct dry_run *run) __attribute__((nonnull));
/* The twin of lock.h ("lock 3", "terminate_user 1000"). */
struct lock dry_run_lock(struct dry_run *run) __attribute__((nonnull));

/*
 * Requests so far, and the I-th of those kept: the operation's name and its
 * arguments separated by blanks ("usb_authorize 1-1", "media_set sda 7
 * read-only"). The last DRY_RUN_LINES_MAX are kept; an older one is NULL.
 */
size_t dry_run_count(const struct dry_run *run) __attribute__((nonnull));
const char *dry_run_line(const struct dry_run *run, size_t i)
	__attribute__((nonnull));

/* From now on every operation returns RESULT (still remembered). For tests. */
void dry_run_fail(struct dry_run *run, int result) __attribute__((nonnull));

/* What media_in_use answers from now on; false at first. For tests. */
void dry_run_use(struct dry_run *run, bool is_in_use) __attribute__((nonnull));
/* From now on every check returns CHECK. For tests. */
void dry_run_differ(struct dry_run *run, int check) __attribute__((nonnull));
