/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca: the collector's own certificate authority (ECDSA P-256, X.509 v3, RFC
 * 5280): makes itself and the server's certificate at `init`, signs terminals'
 * requests, and says who a presented certificate is. Knows no store and no
 * HTTP. The private key stays in this module's memory and in ca.key, 0600.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/ident.h"

#define CA_PIN_BYTES   32u
#define CA_SERIAL_SIZE 41u /* 20 octets in hex (RFC 5280 §4.1.2.2) and NUL */
#define CA_HOSTS_MAX   16u
#define CA_HOST_MAX    253u

struct ca;

/* What the signer, the store and the deny list need of one certificate. */
struct ca_cert {
	struct ident ident;
	char serial[CA_SERIAL_SIZE]; /* lower-case hex */
	uint8_t key_hash[32];	     /* SHA-256 of the SubjectPublicKeyInfo */
	int64_t not_before_s;	     /* Unix time */
	int64_t not_after_s;
};

/* A certificate just made, and the answer that carries it. */
struct ca_issued {
	struct ca_cert cert;
	char *pkcs7; /* certs-only (RFC 7030 §4.2.3), base64; caller frees */
};

/*
 * Makes ca.key, ca.crt, server.key and server.crt below `dirfd`, for the
 * organisation `name` and `count` DNS names or addresses. Returns 0, -EINVAL
 * (a host is neither), -EEXIST (there is a ca.key: it is never replaced),
 * -EIO (the library) or -errno. Call before anything serves.
 */
int ca_create(int dirfd, const char *name, const char *const *hosts,
	      size_t count) __attribute__((nonnull, warn_unused_result));

/*
 * Loads ca.key and ca.crt. Returns 0 and *ret_ca, for ca_free(); -ENOENT: no
 * `init` was run; -EBADMSG: not a pair that belongs together; or -errno.
 */
int ca_load(int dirfd, struct ca **ret_ca)
	__attribute__((nonnull, warn_unused_result));
void ca_free(struct ca *ca);

/* SHA-256 of the CA's SubjectPublicKeyInfo: what terminals pin. */
void ca_pin(const struct ca *ca, uint8_t ret_pin[static CA_PIN_BYTES])
	__attribute__((nonnull));

/* The CA's certificate as PEM; owned by `ca`. */
const char *ca_pem(const struct ca *ca)
	__attribute__((nonnull, returns_nonnull));

/*
 * Signs server.crt again with the names it has when it ends within
 * LIFE_SERVER_RENEW_DAYS of `now_s`. Returns 1 when it did, 0 when it need
 * not, or as ca_create().
 */
int ca_renew_server(const struct ca *ca, int dirfd, int64_t now_s)
	__attribute__((nonnull, warn_unused_result));

enum ca_refusal {
	CA_REFUSED_SYNTAX = 1, /* not a PKCS#10 request */
	CA_REFUSED_PROOF,      /* its signature does not fit its key */
	CA_REFUSED_KEY,	       /* neither P-256 nor Ed25519 */
	CA_REFUSED_NAME,       /* not exactly one SAN URI in our form */
};
const char *ca_refusal_to_str(int refusal) __attribute__((returns_nonnull));

/*
 * Reads a request (DER, RFC 2986) and checks it as RFC 7030 §4.2 asks: proof of
 * possession, key type, name. Of its extensions only the SAN is read. Returns 0
 * with ident and key_hash of *ret_cert set (the rest zero), an enum ca_refusal,
 * or -ENOMEM; *ret_cert is unchanged on failure.
 */
int ca_read_request(const uint8_t *der, size_t len, struct ca_cert *ret_cert)
	__attribute__((nonnull, warn_unused_result));

/*
 * Signs a request that ca_read_request() accepted, from `now_s` for
 * LIFE_CLIENT_DAYS. Returns 0 and *ret_issued, a refusal or -errno as above.
 */
int ca_sign_request(const struct ca *ca, const uint8_t *der, size_t len,
		    int64_t now_s, struct ca_issued *ret_issued)
	__attribute__((nonnull, warn_unused_result));

/* The CA certificate as certs-only PKCS#7 in base64; the caller frees. */
int ca_certs(const struct ca *ca, char **ret_pkcs7)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads a client certificate (DER) that TLS has proven possession of: signed by
 * this CA, for client authentication, one SAN URI of ours. Its time is not
 * judged: the caller compares not_before_s and not_after_s, since an expired one
 * may still renew. Returns 0 and *ret_cert, or -EPERM (unchanged). Any thread.
 */
int ca_check_client(const struct ca *ca, const uint8_t *der, size_t len,
		    struct ca_cert *ret_cert)
	__attribute__((nonnull, warn_unused_result));
