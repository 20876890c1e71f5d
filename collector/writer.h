/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer: the one thread that writes. It takes every job that waits, runs them
 * in one transaction, commits once (group commit across connections) and only
 * then tells each job. The queue is bounded; nothing waits without bound. Must
 * not know what a job does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/log.h"
#include "collector/store.h"

struct writer;

/* Embedded by its owner; kept alive until `done`. */
struct job {
	struct job *next;
	size_t weight; /* events, at least 1: bounds one transaction */

	/* In the transaction, on the writer's thread. Not 0: undone alone. */
	int (*run)(struct job *job, struct store *store);

	/*
	 * After COMMIT, on the writer's thread, exactly once. r is what run
	 * returned, or -errno of the transaction: then nothing is stored. May
	 * free the job.
	 */
	void (*done)(struct job *job, int r);
};

/* Counters since the start, for /metrics. */
struct writer_stats {
	uint64_t commits;
	uint64_t jobs;
	uint64_t failures; /* transactions that did not commit */
	uint64_t commit_ns;
	size_t waiting;
	bool is_failing; /* the last transaction did not commit */
};

/*
 * Starts the thread on `store`, which is the thread's alone until writer_stop().
 * `log` gets one line when storing begins to fail and one when it works again.
 * 0 and *ret_writer, or -errno.
 */
int writer_start(struct store *store, const struct log *log,
		 struct writer **ret_writer)
	__attribute__((nonnull(1, 3), warn_unused_result));

/* Runs all that waits, refuses what comes, ends the thread. NULL is fine. */
void writer_stop(struct writer *writer);

/* Frees a stopped writer. */
void writer_free(struct writer *writer);

/*
 * Queues a job. 0; -EBUSY when more than the bound waits (done is not called);
 * -ESHUTDOWN after writer_stop(). Any thread.
 */
int writer_submit(struct writer *writer, struct job *job)
	__attribute__((nonnull, warn_unused_result));

void writer_read_stats(struct writer *writer, struct writer_stats *ret_stats)
	__attribute__((nonnull));
