/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jws: signed texts, JWS compact serialization (RFC 7515 §7.1) with ES256
 * (RFC 7518 §3.4) and nothing else. The algorithm is ours, never the text's:
 * "none", another "alg" and "crit" are refused, and so is every header
 * parameter that could bring a key along. The header is read by a reader of
 * flat objects of plain strings; a text that needs more is not one of ours.
 *
 * PURE: no I/O, clock or allocation of our own (libcrypto's aside). Reading
 * proves nothing: only jws_verify() does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "agent/wire/base64url.h"
#include "policy/span.h"

#define JWS_HEADER_MAX_BYTES  512u
#define JWS_PAYLOAD_MAX_BYTES (4u << 20)
#define JWS_SIGNATURE_SIZE    64u /* r and s, 32 bytes each, big-endian */
#define JWS_TEXT_MAX_BYTES                                                     \
	(BASE64URL_CHARS((size_t)JWS_HEADER_MAX_BYTES) + 1 +                   \
	 BASE64URL_CHARS((size_t)JWS_PAYLOAD_MAX_BYTES) + 1 +                  \
	 BASE64URL_CHARS((size_t)JWS_SIGNATURE_SIZE))

/* A key's name: its JWK thumbprint (RFC 7638), 43 characters. */
#define JWS_KEY_ID_CHARS 43u
#define JWS_WORD_MAX	 64u /* bytes of a header value */

enum jws_outcome {
	JWS_OK = 0,
	JWS_TOO_LARGE,	   /* over a limit above */
	JWS_MALFORMED,	   /* not three base64url parts */
	JWS_BAD_HEADER,	   /* no JSON, or a parameter that is not ours */
	JWS_BAD_ALGORITHM, /* "alg" is not "ES256" */
	JWS_CRITICAL,	   /* "crit" asks for what we do not do */
	JWS_OTHER_KEY,	   /* "kid" is absent or names another key */
	JWS_FORGED,	   /* the signature is not the key's */
	JWS_OUTCOME_COUNT_,
};

/* A sentence for people; total. */
const char *jws_outcome_to_str(int outcome) __attribute__((returns_nonnull));

/* What stands in a text. The spans are borrowed from it. */
struct jws {
	struct span input;   /* what is signed: header "." payload */
	struct span payload; /* still base64url */
	uint8_t signature[JWS_SIGNATURE_SIZE];
	char kid[JWS_WORD_MAX + 1]; /* "" where there is none */
	char typ[JWS_WORD_MAX + 1];
};

/*
 * Takes a text apart. Returns 0 or JWS_TOO_LARGE, _MALFORMED, _BAD_HEADER,
 * _BAD_ALGORITHM, _CRITICAL; *ret_jws is unchanged then. The payload's
 * alphabet is looked at by jws_payload().
 */
int jws_read(struct span text, struct jws *ret_jws)
	__attribute__((nonnull, warn_unused_result));

/*
 * Whether `key` (P-256) signed it. Returns 0, JWS_FORGED, -EINVAL for another
 * kind of key, or -ENOMEM. Does not look at kid: RFC 7515's own examples have
 * none; whoever picks the key by kid compares with jws_key_id().
 */
int jws_verify(const struct jws *jws, EVP_PKEY *key)
	__attribute__((nonnull, warn_unused_result));

/* Bytes of the payload. */
size_t jws_payload_size(const struct jws *jws) __attribute__((nonnull));

/*
 * Decodes the payload into jws_payload_size() bytes. Returns 0 or
 * JWS_MALFORMED.
 */
int jws_payload(const struct jws *jws, uint8_t *ret_data)
	__attribute__((nonnull, warn_unused_result));

/* A text being made, in the caller's memory. */
struct jws_out {
	char *text;
	size_t cap;
	size_t len;
};

/*
 * Writes header, payload and signature by a P-256 private key (of a file or a
 * token); kid is the key's id. `typ`: at most JWS_WORD_MAX printable
 * characters without quote and backslash. Returns 0 and out->len, -ENOBUFS
 * when cap is too small, JWS_TOO_LARGE for the payload, -EINVAL for another
 * kind of key, -EIO when the key (a token) refused, -ENOMEM.
 */
int jws_sign(EVP_PKEY *key, const char *typ, struct span payload,
	     struct jws_out *out) __attribute__((nonnull, warn_unused_result));

/* 33 bytes of a compressed point (SEC 1, 2.3.3), base64url. */
#define JWS_POINT_CHARS 44u

/* The point of a key's public half, NUL-terminated: what `public` of the
 * policy's key lines is. 0; -EINVAL: not P-256. */
int jws_point(const EVP_PKEY *key, char ret_point[JWS_POINT_CHARS + 1])
	__attribute__((nonnull, warn_unused_result));

/*
 * The public key of a point of P-256 (SEC 1, with 02, 03 or 04 in front), or
 * NULL: not on the curve, or no memory. The caller owns it.
 */
EVP_PKEY *jws_public_key(const uint8_t *point, size_t size)
	__attribute__((nonnull, warn_unused_result));

/*
 * The key's id as a string. Returns 0, -EINVAL for a key that is not P-256, or
 * -ENOMEM.
 */
int jws_key_id(const EVP_PKEY *key, char ret_id[JWS_KEY_ID_CHARS + 1])
	__attribute__((nonnull, warn_unused_result));
