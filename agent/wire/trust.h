/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust: the public keys whose signatures count, as PEM (RFC 7468): what
 * `openssl ec -pubout` writes, P-256 only, several one after the other while a
 * key is being replaced. Text between the blocks is ignored, so a key can have
 * a comment. PURE: whoever calls it reads the file.
 */
#pragma once

#include <stddef.h>

#include <openssl/types.h>

#include "agent/wire/jws.h"

#define TRUST_KEYS_MAX	4u
#define TRUST_MAX_BYTES 8192u

struct trust {
	EVP_PKEY *keys[TRUST_KEYS_MAX]; /* owned */
	char ids[TRUST_KEYS_MAX][JWS_KEY_ID_CHARS + 1];
	size_t count;
};

enum trust_outcome {
	TRUST_OK = 0,
	TRUST_NONE = 1,	     /* no key in the text */
	TRUST_MALFORMED = 2, /* a block that is no P-256 public key */
	TRUST_TOO_MANY = 3,
};

/* Frees the keys; accepts zeroed memory. */
void trust_fini(struct trust *trust) __attribute__((nonnull));
#define _cleanup_trust_ __attribute__((cleanup(trust_fini)))

/*
 * Reads all keys. Returns 0, an outcome, or -ENOMEM; *ret_trust (zeroed by the
 * caller) has no keys then.
 */
int trust_read(struct span pem, struct trust *ret_trust)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads a text and proves it: kid names one of the keys, and it is that key's
 * signature. Returns 0, an enum jws_outcome, or -ENOMEM; *ret_jws is unchanged
 * on failure.
 */
int trust_verify(const struct trust *trust, struct span text,
		 struct jws *ret_jws)
	__attribute__((nonnull, warn_unused_result));
