/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed grants (policy/grant.h): from the texts of one object, signed by one
 * person or several, to the object and whose word it is. The keys are those of
 * the policy in force and no others. Reads no file, decides nothing.
 */
#pragma once

#include <stddef.h>

#include "agent/wire/jws.h"
#include "policy/grant.h"

struct ruleset;

/* One signed text: a small payload, bounded before it is decoded. */
#define GRANT_TEXT_MAX                                                         \
	(BASE64URL_CHARS((size_t)JWS_HEADER_MAX_BYTES) + 1 +                   \
	 BASE64URL_CHARS((size_t)GRANT_MAX_BYTES) + 1 +                        \
	 BASE64URL_CHARS((size_t)JWS_SIGNATURE_SIZE))
#define GRANT_APPROVERS_MAX 255u

enum grant_proof_outcome {
	GRANT_PROVEN = 0,
	GRANT_FORGED = 1,   /* no signature is that of a key of the policy */
	GRANT_NO_GRANT = 2, /* signed, but its content is no grant */
};

/* Spans of `grant` point into `payload`, of signers into the rule set. */
struct grant_proof {
	char payload[GRANT_MAX_BYTES];
	size_t size;
	struct grant grant;
	struct grant_signer signers[GRANT_SIGNERS_MAX];
	size_t signer_count;
	char approvers[GRANT_APPROVERS_MAX + 1]; /* names, "," in between */
	const char *why; /* of an outcome other than 0: a static sentence */
};

/* The next of the texts that stand in TEXTS with one blank in between; empty:
 * there is no more. */
struct span grant_next_text(struct span *texts) __attribute__((nonnull));

/* The payload of a text, still base64url: texts of one object have the same.
 * Empty for what is no JWS of ours. */
struct span grant_payload_of(struct span text);

/*
 * Reads the object of TEXTS (blanks in between, one payload) and proves who
 * signed it. Returns an enum grant_proof_outcome or -ENOMEM; what is known of
 * the object is in *ret_proof in every case (grant.id empty: nothing).
 */
int grant_prove(struct span texts, const struct ruleset *ruleset,
		struct grant_proof *ret_proof)
	__attribute__((nonnull(3), warn_unused_result));
