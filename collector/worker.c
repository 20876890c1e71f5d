/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: glibc's mutexes and conditions with valid arguments, of which only the
 * making of a thread can fail.
 */
#include "collector/worker.h"

#include <errno.h>

#include "agent/base/banned.h"

int worker_start(struct worker *worker, void *(*run)(void *ctx), void *ctx)
{
	pthread_condattr_t attr;
	int r;

	*worker = (struct worker){0};
	(void)pthread_mutex_init(&worker->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&worker->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	r = -pthread_create(&worker->thread, NULL, run, ctx);
	if (r < 0)
		worker_fini(worker);
	return r;
}

void worker_end(struct worker *worker)
{
	worker_lock(worker);
	worker->is_stopping = true;
	(void)pthread_cond_signal(&worker->wake); /* cannot fail */
	worker_unlock(worker);
	(void)pthread_join(worker->thread, NULL); /* joined once */
}

void worker_fini(struct worker *worker)
{
	(void)pthread_cond_destroy(&worker->wake);  /* nobody waits */
	(void)pthread_mutex_destroy(&worker->lock); /* nobody holds it */
}

bool worker_is_stopping(struct worker *worker)
{
	bool is;

	worker_lock(worker);
	is = worker->is_stopping;
	worker_unlock(worker);
	return is;
}

struct timespec worker_deadline(unsigned int ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail */
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return until;
}

bool worker_wait_until(struct worker *worker, const struct timespec *until)
{
	return pthread_cond_timedwait(&worker->wake, &worker->lock, until) !=
	       ETIMEDOUT;
}

bool worker_wait_ms(struct worker *worker, unsigned int ms)
{
	const struct timespec until = worker_deadline(ms);
	bool is_stopping;

	worker_lock(worker);
	while (!worker->is_stopping && ms > 0 &&
	       worker_wait_until(worker, &until))
		continue;
	is_stopping = worker->is_stopping;
	worker_unlock(worker);
	return !is_stopping;
}
