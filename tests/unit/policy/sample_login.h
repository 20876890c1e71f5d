/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample_login: what a record of a login holds, for test_record.c alone: one
 * as it comes, and one longer than every limit.
 */
#pragma once

#include "policy/record.h"

static void sample_login(struct record *rec)
{
	static const struct record_proof proofs[] = {
		{1, "pam_unix", "root"},
		{2, "pam_u2f", "root"},
	};

	rec->decision.reason = RECORD_REASON_LOGIN_UNATTESTED;
	rec->u.login = (struct record_login){
		.service = "login",
		.mode = "enforce",
		.state = "violation",
		.trigger = "unattested",
		.reaction = "terminate",
		.factors = 3,
		.has_proof_age = true,
		.proof_age_s = 4,
		.proofs = proofs,
		.proof_count = 2,
		.stack_sha256 = "f91d209736ef06351a1522381bb77e2a"
				"58de6bb54bcae7508c1a2dfc7c91dccf",
		.lint_errors = 2,
	};
}

static void flood_login(struct record_login *login, const char *h)
{
	static struct record_proof proofs[RECORD_PROOFS_MAX + 1];

	for (size_t i = 0; i <= RECORD_PROOFS_MAX; i++)
		proofs[i] = (struct record_proof){7, h, h};
	login->service = login->rhost = login->phase = h;
	login->mode = login->state = login->trigger = h;
	login->reaction = h;
	login->stack_sha256 = h;
	login->lint_errors = UINT64_MAX;
	login->proofs = proofs;
	login->proof_count = RECORD_PROOFS_MAX + 1;
}
