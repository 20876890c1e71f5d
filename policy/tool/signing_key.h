/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys for the tool: the administrator's private key, in a PEM file or in a
 * PKCS#11 token that never gives it away, and public halves. The only place
 * of the tool that knows where keys live.
 */
#pragma once

#include <stddef.h>

#include <openssl/types.h>

/*
 * NAME is a PEM file (its pass phrase is asked for on the terminal) or a
 * pkcs11: URI (RFC 7512), for which OpenSSL's pkcs11 engine is loaded; MODULE
 * is the token's library, NULL for p11-kit's choice. Returns 0 and a P-256 key,
 * or an exit code after saying on the standard error what is wrong.
 */
int signing_key_load(const char *name, const char *module, EVP_PKEY **ret_key)
	__attribute__((nonnull(1, 3), warn_unused_result));

/* Writes the public half as PEM into a new or existing file, "-" standard
 * output. 0 or an exit code, told. */
int signing_key_write_public(EVP_PKEY *key, const char *path)
	__attribute__((nonnull, warn_unused_result));
