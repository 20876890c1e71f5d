/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence: what one PAM handle has proved, kept in pam_data from the auth
 * phase to the end of the session. Proofs of two handles are never added up
 * (two GDM workers are two transactions), nor those of two users or of two
 * passes through the stack.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <security/pam_modules.h>

#include "agent/pam/budget.h"
#include "agent/pam/line.h"
#include "agent/pam/places.h"
#include "policy/mfa_login.h"
#include "policy/mfa_text.h"

/* In the PAM environment: id and secret of the evidence record. sshd copies the
 * environment from the child that authenticated to the parent. */
#define EVIDENCE_TOKEN "SEKIMORI_MFA"

/* How long a transaction may take from its first gate to its last. */
#define EVIDENCE_HOLD_NS UINT64_C(600000000000)

struct evidence {
	uint32_t pid; /* of the process that proved */
	char user[LOGIN_USER_MAX_BYTES + 1];
	struct mfa_proof proofs[MFA_PROOFS_MAX];
	uint64_t line_ids[MFA_PROOFS_MAX]; /* which line each came from */
	size_t proof_count;
	/*
	 * When a gate found them enough; 0 none has. The gates behind it take
	 * them as they were then, so that a password changed in between, which
	 * takes its time, does not end the login.
	 */
	uint64_t accepted_boot_ns;

	char id[LOGIN_ID_CHARS + 1]; /* "" until a record was written */
	char secret[LOGIN_ID_CHARS + 1];
	size_t recorded_count; /* proofs in that record */

	struct login_record open; /* kind OPEN once a session gate passed */
	bool is_refusal_told;	  /* report mode: once a transaction */

	bool has_policy;
	struct login_policy policy; /* one policy for the whole transaction */
	char boot_id[LOGIN_BOOT_ID_SIZE];
	struct budget budget;
};

/*
 * The handle's evidence, made when there is none. Proofs made in another
 * process than this one or its parent are dropped. Borrowed from the handle; 0,
 * or -ENOMEM.
 */
int evidence_get(pam_handle_t *pamh, const struct pam_places *places,
		 struct evidence **ret_evidence)
	__attribute__((nonnull, warn_unused_result));

/* Forgets all proofs: the transaction begins again. */
void evidence_reset(struct evidence *evidence) __attribute__((nonnull));

/* Drops proofs of another user than the one the handle names now. */
void evidence_bind_user(struct evidence *evidence, const char *user)
	__attribute__((nonnull));

/*
 * To be called before a wrapped module runs: the same line a second time is a
 * second pass through the stack, and the first one counts no more.
 */
void evidence_begin(struct evidence *evidence, uint64_t line_id)
	__attribute__((nonnull));

/* Adds a proof; false when there is no room (it then does not count). */
bool evidence_add(struct evidence *evidence, uint64_t line_id,
		  const struct mfa_proof *proof)
	__attribute__((nonnull, warn_unused_result));

/* Tells one line of a stack from another. */
uint64_t evidence_line_id(const struct line *line) __attribute__((nonnull));

/*
 * Takes over what the child of this process proved for this handle, by the
 * token in the PAM environment (sshd keyboard-interactive). Does nothing unless
 * record, parent pid and start time, user, service and age all fit.
 */
void evidence_adopt(pam_handle_t *pamh, const struct pam_places *places,
		    struct evidence *evidence) __attribute__((nonnull));

/*
 * Writes the evidence record and puts its token in the environment. Says 0 at
 * once when the same proofs were written before. 0 or -errno.
 */
int evidence_publish(pam_handle_t *pamh, const struct pam_places *places,
		     struct evidence *evidence,
		     const struct login_record *about)
	__attribute__((nonnull, warn_unused_result));

/* Takes record and token away: they are spent. */
void evidence_spend(pam_handle_t *pamh, const struct pam_places *places,
		    struct evidence *evidence) __attribute__((nonnull));

/* A string item of the handle, "" when not set. Borrowed. */
const char *evidence_item(pam_handle_t *pamh, int item)
	__attribute__((nonnull, returns_nonnull));
