/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pki: keys, certificate requests and certificates of EST (RFC 7030), as PEM
 * and base64 text in memory (OpenSSL). Touches no file and no network.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/base/buf.h"

#define PKI_DIGEST_SIZE 32u
/* A pin may be cut to this many hexadecimal digits: 80 bits. */
#define PKI_PIN_DIGITS_MIN 20u
#define PKI_PIN_DIGITS_MAX 64u

/* Appends a new ECDSA P-256 key as PKCS#8 PEM. 0, -ENOMEM or -EIO. */
int pki_new_key(struct buf *ret_pem)
	__attribute__((nonnull, warn_unused_result));

/*
 * Appends a PKCS#10 request (RFC 2986) for the key, with `uri` as its only
 * subjectAltName and `name` as common name, as base64 of DER (RFC 8951). The
 * caller has checked both for the characters they may have. 0, -EBADMSG when
 * the key cannot be read, -EIO.
 */
int pki_request(const char *key_pem, const char *name, const char *uri,
		struct buf *ret_base64)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads a certs-only PKCS#7 (base64 of DER, RFC 7030 section 4.1.3) and appends
 * as PEM the certificate that belongs to the key. 0, -EBADMSG (not such an
 * answer, or no certificate of this key in it), -EIO.
 */
int pki_find_issued(const char *base64, size_t size, const char *key_pem,
		    struct buf *ret_pem)
	__attribute__((nonnull, warn_unused_result));

/*
 * Likewise for a CA: appends the self-signed CA certificate whose public key
 * (SubjectPublicKeyInfo) or whole DER has a SHA-256 beginning with `pin`, lower
 * hex. 0, -ENOKEY when none has, -EBADMSG, -EIO.
 */
int pki_find_ca(const char *base64, size_t size, const char *pin,
		struct buf *ret_pem)
	__attribute__((nonnull, warn_unused_result));

/*
 * Normalises a pin: drops "sha256:" and colons, dashes, blanks; lower case.
 * 0, or -EINVAL for another length or other characters.
 */
int pki_parse_pin(const char *text, char ret_pin[PKI_PIN_DIGITS_MAX + 1])
	__attribute__((nonnull, warn_unused_result));

struct pki_life {
	int64_t not_before_s; /* Unix time */
	int64_t not_after_s;
};

/* When a certificate (PEM) is valid, and whether it is the key's. 0, -EBADMSG
 * when either cannot be read or they do not belong together. */
int pki_check_pair(const char *cert_pem, const char *key_pem,
		   struct pki_life *ret_life)
	__attribute__((nonnull, warn_unused_result));

/* Room for "urn:agent:TENANT:HOST-ID" of this project. */
#define PKI_URI_SIZE 80u

/* The one subjectAltName URI of a certificate. 0, or -EBADMSG when there is
 * none, another kind, or one longer than PKI_URI_SIZE. */
int pki_read_uri(const char *cert_pem, char ret_uri[PKI_URI_SIZE])
	__attribute__((nonnull, warn_unused_result));

/* Whether a text is one or more PEM certificates. 0 or -EBADMSG. */
int pki_check_ca(const char *pem) __attribute__((nonnull, warn_unused_result));
