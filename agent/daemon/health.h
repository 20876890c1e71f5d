/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the terminal stands, for events and for Status: layers, tier, spool, and
 * the two transitions degraded and recovered. Looks and tells; changes nothing.
 */
#pragma once

#include "agent/daemon/context.h"

struct health {
	struct record_health record; /* points into the rest */
	struct record_layer layers[RECORD_LAYERS_MAX];
	char tier[3];
	char floor[3];
	struct recorder_status recorder;
	char ship[64];
};

/* Fills it with what is now. The object must not be moved afterwards. */
void health_read(struct daemon *daemon, struct health *ret_health)
	__attribute__((nonnull));

/* "enforcing", "monitor" or "degraded". */
const char *health_state(const struct daemon *daemon)
	__attribute__((nonnull, returns_nonnull));

/* Emits agent.heartbeat. */
void health_tell(struct daemon *daemon) __attribute__((nonnull));

/* Emits agent.degraded or agent.recovered when that changed since the last
 * call. Called after each turn of the loop; cheap when nothing did. */
void health_check(struct daemon *daemon) __attribute__((nonnull));

/* Compares the tier with the floor that policy demands. */
void health_check_floor(struct daemon *daemon) __attribute__((nonnull));

/* agent.tamper: a layer of the guard was taken away. */
void health_tell_guard_lost(struct daemon *daemon) __attribute__((nonnull));

/* log.gap: COUNT refusals did not fit into the guard's ring. */
void health_tell_guard_gap(struct daemon *daemon, uint64_t count)
	__attribute__((nonnull));

/* agent.start and agent.stop. */
void health_tell_start(struct daemon *daemon, bool is_first)
	__attribute__((nonnull));
void health_tell_stop(struct daemon *daemon) __attribute__((nonnull));

/* Emits agent.selftest: what sekimorictl says came of it. */
void health_tell_selftest(struct daemon *daemon,
			  const struct record_selftest *result)
	__attribute__((nonnull));

/* The guard has just been proven: the result stands in the next heartbeats. */
void health_note_proof(struct daemon *daemon) __attribute__((nonnull));
