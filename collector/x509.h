/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509: the few X.509 pieces that ca.c is made of, over OpenSSL: keys, a
 * certificate with its extensions, names in it, PEM and certs-only PKCS#7.
 * Must not know files, terminals or policy.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "agent/base/cleanup.h"
#include "collector/ca.h"

DEFINE_CLEANUP(evp_pkey, EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(x509, X509 *, X509_free);
DEFINE_CLEANUP(x509_req, X509_REQ *, X509_REQ_free);

/* What a new certificate says. */
struct x509_spec {
	const char *common_name;
	const char *organisation; /* NULL: left out */
	const char *san;	  /* "URI:…", "DNS:…,IP:…"; NULL: none */
	const char *key_usage;
	const char *extended_usage; /* NULL: none */
	const char *constraints;    /* "critical,CA:FALSE" … */
	int64_t not_before_s;
	int64_t not_after_s;
	EVP_PKEY *key; /* the subject's, borrowed */
};

/*
 * Makes and signs a certificate with a random 127-bit serial. `issuer` NULL:
 * self-signed with `issuer_key`. 0 and *ret_cert, or -EIO.
 */
int x509_make(const struct x509_spec *spec, X509 *issuer, EVP_PKEY *issuer_key,
	      X509 **ret_cert)
	__attribute__((nonnull(1, 3, 4), warn_unused_result));

/* PEM text, NUL-terminated, malloc'ed. 0 or -ENOMEM. */
int x509_to_pem(X509 *cert, char **ret_pem)
	__attribute__((nonnull, warn_unused_result));
int x509_key_to_pem(EVP_PKEY *key, char **ret_pem)
	__attribute__((nonnull, warn_unused_result));

/* The other way. 0 or -EBADMSG. Never asks for a passphrase. */
int x509_from_pem(const char *pem, X509 **ret_cert)
	__attribute__((nonnull, warn_unused_result));
int x509_key_from_pem(const char *pem, EVP_PKEY **ret_key)
	__attribute__((nonnull, warn_unused_result));

/* Certs-only PKCS#7 (RFC 2315 degenerate) in base64. 0, -ENOMEM or -EIO. */
int x509_to_pkcs7(X509 *cert, char **ret_base64)
	__attribute__((nonnull, warn_unused_result));

/*
 * The one SAN URI in `exts`. -ENOENT: no SAN; -EINVAL: another name type, more
 * than one, or not in our form.
 */
int x509_read_ident(const STACK_OF(X509_EXTENSION) * exts,
		    struct ident *ret_ident)
	__attribute__((warn_unused_result));

/* SHA-256 over the SubjectPublicKeyInfo of `key`. 0 or -EIO. */
int x509_key_hash(EVP_PKEY *key, uint8_t ret_hash[static 32])
	__attribute__((warn_unused_result));

/* Is it P-256 or Ed25519? */
bool x509_is_key_allowed(EVP_PKEY *key) __attribute__((nonnull));

/* Unix time of an ASN.1 time. 0 or -EINVAL. */
int x509_time(const ASN1_TIME *time, int64_t *ret_s)
	__attribute__((nonnull, warn_unused_result));

/* Serial in lower-case hex. 0, or -EINVAL: longer than 20 octets or negative. */
int x509_serial(X509 *cert, char ret_serial[static CA_SERIAL_SIZE])
	__attribute__((warn_unused_result));
