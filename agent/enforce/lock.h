/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be done to a person's session: asked of logind and systemd over the
 * system bus, never waited for. LockSession is only a request to whatever
 * screen locker there may be: whether it had effect is the caller's to watch.
 * No operation decides anything. The dry-run twin is dry_run_lock().
 */
#pragma once

#include <stdint.h>

#include <systemd/sd-bus.h>

/*
 * Sessions are named by logind's id ("3", "c1"), scopes by their unit
 * ("session-3.scope"). Each returns 0 once the request is on its way, -ENOTCONN
 * without a bus, or -errno; an answer that is an error goes to the log.
 */
struct lock_ops {
	int (*lock)(void *context, const char *session);
	int (*terminate)(void *context, const char *session);
	/* All sessions of a user and what runs for him without one. */
	int (*terminate_user)(void *context, uint32_t uid);
	/* Stops every process of a scope (cgroup v2 freezer), and lets it go
	 * on. */
	int (*freeze)(void *context, const char *scope);
	int (*thaw)(void *context, const char *scope);
};

/* Passed by value; the context outlives it. */
struct lock {
	const struct lock_ops *ops;
	void *context;
};

struct log;
struct lock_real;

/* The real twin, without a bus yet. */
int lock_real_new(const struct log *log, struct lock_real **ret_real)
	__attribute__((nonnull(2), warn_unused_result));
struct lock_real *lock_real_free(struct lock_real *real);

/* The bus to ask from now on, NULL when there is none; takes a reference. */
void lock_real_set_bus(struct lock_real *real, sd_bus *bus)
	__attribute__((nonnull(1)));

struct lock lock_real_ops(struct lock_real *real) __attribute__((nonnull));
