/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: a thread with a lock and a condition that runs until it is told to
 * end: what the collector's threads in the background have in common. Must not
 * know what they do.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

/* Embedded by its owner, whose shared state may be under `lock` too. */
struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* CLOCK_MONOTONIC; at the end, or by the owner */
	bool is_stopping;    /* under lock */
};

/* Runs `run` with `ctx` in a thread. 0, or -errno and nothing to undo. */
int worker_start(struct worker *worker, void *(*run)(void *ctx), void *ctx)
	__attribute__((nonnull(1, 2), warn_unused_result));

/* Tells it to end and waits until it has; the lock can still be used. */
void worker_end(struct worker *worker) __attribute__((nonnull));
/* After worker_end(), when nobody uses the lock any more. */
void worker_fini(struct worker *worker) __attribute__((nonnull));

static inline void worker_lock(struct worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock); /* a plain mutex cannot fail */
}

static inline void worker_unlock(struct worker *worker)
{
	(void)pthread_mutex_unlock(&worker->lock); /* we hold it */
}

/* Any thread. */
bool worker_is_stopping(struct worker *worker) __attribute__((nonnull));

/* `ms` from now, for worker_wait_until(). */
struct timespec worker_deadline(unsigned int ms);

/*
 * Under the lock, by the worker itself: waits for the condition, which may come
 * for nothing. False: `until` is over.
 */
bool worker_wait_until(struct worker *worker, const struct timespec *until)
	__attribute__((nonnull));

/* Without the lock: waits so long. False: it is time to end. */
bool worker_wait_ms(struct worker *worker, unsigned int ms)
	__attribute__((nonnull));
