/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate: lets a transaction on when enough was proved, in each of the three
 * phases: auth for lockers, which never ask for more; account for what came
 * past auth (a public key, a sufficient line, an empty stack); session for
 * what came past both, and to name the session's leader to the daemon.
 *
 * It never grants: what it does not refuse it leaves to the rest of the stack
 * (PAM_IGNORE), except when the factors are really proven (PAM_SUCCESS).
 */
#pragma once

#include <security/pam_modules.h>

#include "agent/pam/line.h"
#include "agent/pam/places.h"

enum gate_phase {
	GATE_AUTH = 0,
	GATE_ACCOUNT,
	GATE_SESSION,
	GATE_PHASE_COUNT,
};

/*
 * May be called any number of times in a phase, with the same result. Returns
 * PAM_SUCCESS, PAM_IGNORE, or the refusal of the phase: PAM_PERM_DENIED,
 * PAM_SESSION_ERR in the session phase; PAM_BUF_ERR without memory.
 */
int gate_pass(pam_handle_t *pamh, const struct pam_places *places,
	      enum gate_phase phase, int flags, const struct line *line)
	__attribute__((nonnull, warn_unused_result));

/* The session is over: takes its record away. */
void gate_close(pam_handle_t *pamh, const struct pam_places *places)
	__attribute__((nonnull));
