/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures first: what nobody of the policy signed is not read at all.
 */
#include "agent/daemon/grant_signed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "policy/ruleset.h"

#define POINT_MAX 65u /* uncompressed */

DEFINE_CLEANUP(key, EVP_PKEY *, EVP_PKEY_free);

struct span grant_next_text(struct span *texts)
{
	while (texts->len > 0 && texts->ptr[0] == ' ')
		*texts = span_skip(*texts, 1);
	const char *blank = texts->len ? memchr(texts->ptr, ' ', texts->len)
				       : NULL;
	size_t len = blank ? (size_t)(blank - texts->ptr) : texts->len;
	struct span text = span_take(*texts, len);
	*texts = span_skip(*texts, len);
	return text;
}

struct span grant_payload_of(struct span text)
{
	struct jws jws;

	if (text.len > GRANT_TEXT_MAX || jws_read(text, &jws) != 0 ||
	    strcmp(jws.typ, GRANT_TYP) != 0)
		return SPAN("");
	return jws.payload;
}

/* A key of the policy; NULL: the text is none. */
static EVP_PKEY *read_point(struct span text)
{
	uint8_t point[POINT_MAX];
	size_t size = text.len / 4 * 3 + text.len % 4 * 3 / 4;

	if (size == 0 || size > sizeof(point) ||
	    base64url_decode(text, point) != 0)
		return NULL;
	return jws_public_key(point, size);
}

static bool has_signer(const struct grant_proof *proof, struct span name)
{
	for (size_t i = 0; i < proof->signer_count; i++)
		if (span_equals(proof->signers[i].name, name))
			return true;
	return false;
}

static void add_signer(struct grant_proof *proof,
		       const struct rules_signer *signer)
{
	size_t at = strlen(proof->approvers);

	/* One person who signs twice is one person */
	if (proof->signer_count == GRANT_SIGNERS_MAX ||
	    has_signer(proof, signer->name))
		return;
	proof->signers[proof->signer_count++] = (struct grant_signer){
		.name = signer->name,
		.role = signer->role,
		.access = signer->access,
		.max_minutes = signer->max_minutes,
		.approvals = signer->approvals,
	};
	(void)snprintf(proof->approvers + at, sizeof(proof->approvers) - at,
		       "%s%.*s", at ? "," : "", (int)signer->name.len,
		       signer->name.ptr);
}

/* 0: its signature was proven and its signer added; GRANT_FORGED; -ENOMEM. The
 * same key under two names of the policy is one person: the first. */
static int prove_one(const struct jws *jws, const struct ruleset *ruleset,
		     struct grant_proof *proof)
{
	struct rules_signer signer;

	for (size_t i = 0; ruleset && ruleset_signer(ruleset, i, &signer);
	     i++) {
		_cleanup_(cleanup_key)
			EVP_PKEY *key = read_point(signer.public_key);
		char id[JWS_KEY_ID_CHARS + 1];

		if (!key || jws_key_id(key, id) != 0 ||
		    strcmp(id, jws->kid) != 0)
			continue;
		int r = jws_verify(jws, key);
		if (r == 0)
			add_signer(proof, &signer);
		return r > 0 ? GRANT_FORGED : r;
	}
	return GRANT_FORGED;
}

static int read_payload(const struct jws *jws, struct grant_proof *proof)
{
	proof->size = jws_payload_size(jws);
	proof->why = "the payload is not one of a grant";
	if (proof->size > sizeof(proof->payload) ||
	    jws_payload(jws, (uint8_t *)proof->payload) != 0)
		return GRANT_NO_GRANT;
	if (grant_read(span_of(proof->payload, proof->size), &proof->grant,
		       &proof->why) != 0) {
		proof->grant = (struct grant){0};
		return GRANT_NO_GRANT;
	}
	proof->why = NULL;
	return 0;
}

int grant_prove(struct span texts, const struct ruleset *ruleset,
		struct grant_proof *ret_proof)
{
	struct grant_proof *proof = ret_proof;
	struct jws jws, first = {0};
	struct span text;

	memset(proof, 0, sizeof(*proof));
	proof->why = "no key of the policy has signed it";
	while ((text = grant_next_text(&texts)).len > 0) {
		if (grant_payload_of(text).len == 0 ||
		    jws_read(text, &jws) != 0) {
			proof->why = text.len >= GRANT_TEXT_MAX
					     ? "it is too long"
					     : "it is no signed grant";
			continue;
		}
		if (first.payload.len > 0 &&
		    !span_equals(jws.payload, first.payload))
			continue;
		int r = prove_one(&jws, ruleset, proof);
		if (r < 0)
			return r;
		if (r == 0 && first.payload.len == 0)
			first = jws;
	}
	if (proof->signer_count == 0)
		return GRANT_FORGED;
	return read_payload(&first, proof);
}
