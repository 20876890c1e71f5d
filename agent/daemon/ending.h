/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of access to a medium, as a state machine without a clock or a loop:
 * written out, read-only, unmounted; who holds it is told and given grace;
 * then it is unmounted lazily, and what is held even then is cut off after the
 * same time again. Nothing acknowledged is lost and nothing is pulled out from
 * under a writer. Decides nothing: the pipeline says when, ender.h acts.
 *
 * Stages as events tell them (sekimori.ending.stage):
 *   warned            a deadline comes: 10, 5, 1 minutes before
 *   held              in use; the time left is the grace
 *   lazily-unmounted  after the grace; who has it open still
 *   unmounted, read-only, released (after lazily), cut-off, removed: the end
 *   stuck             cannot be cut off; tried again until it is free
 */
#pragma once

#include <stdint.h>

#include "agent/daemon/ender.h"
#include "policy/verdict.h"

struct medium_entry;
struct pipeline;

/* Warnings before a deadline, minutes. */
#define ENDING_WARNINGS                                                        \
	{                                                                      \
		10, 5, 1                                                       \
	}

/* How often it is looked whether a holder has gone; when nothing more can be
 * done. */
#define ENDING_RETRY_MS 1000
#define ENDING_STUCK_MS 30000

struct endings_options {
	struct pipeline *pipeline; /* borrowed */
	uint64_t grace_ms;
	/* Starts a step; endings_answer() follows. 0 or -errno: tried again. */
	int (*start)(void *userdata, const struct ender_job *job);
	void *userdata;
};

struct endings;

int endings_new(const struct endings_options *options,
		struct endings **ret_endings)
	__attribute__((nonnull, warn_unused_result));
struct endings *endings_free(struct endings *endings);
/* For ends that begin from now on. */
void endings_set_grace(struct endings *endings, uint64_t grace_ms)
	__attribute__((nonnull));

/*
 * Access to MEDIUM ends, LEFT is what stays (less than read-write); or LEFT is
 * read-write: an end under way is called off, and what is mounted read-only is
 * opened again. 0 or -ENOMEM. pipeline_ended() follows but for read-write.
 */
int endings_begin(struct endings *endings, const struct medium_entry *medium,
		  enum media_access left, uint64_t boot_now_ns)
	__attribute__((nonnull, warn_unused_result));

/* MEDIUM is no more: it was pulled out, or cut off. */
void endings_forget(struct endings *endings, const struct medium_entry *medium)
	__attribute__((nonnull));

/*
 * Access of MEDIUM will end at this CLOCK_BOOTTIME (0: it will not): warnings
 * before it, and at it the medium is judged again, which must then give less.
 * The one who sets it answers for that (rules with time, grants). -ENOMEM.
 */
int ending_set_deadline(struct endings *endings,
			const struct medium_entry *medium,
			uint64_t boot_deadline_ns, uint64_t boot_now_ns)
	__attribute__((nonnull, warn_unused_result));

/* The answer of JOB. */
void endings_answer(struct endings *endings, const struct ender_job *job,
		    const struct ender_answer *answer, uint64_t boot_now_ns)
	__attribute__((nonnull));

/* Does what is due; returns when to call again (CLOCK_BOOTTIME), 0: nothing is
 * awaited. */
uint64_t endings_turn(struct endings *endings, uint64_t boot_now_ns)
	__attribute__((nonnull));
