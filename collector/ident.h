/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ident: who a terminal is. The name in its certificate, a SAN URI
 * `urn:agent:<tenant>:<host-id>`, is the only place a host id is taken from.
 * Pure text; must not look anything up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define IDENT_HEX_LEN	 32u /* host id and stream id: 128 bit, lower case */
#define IDENT_TENANT_MAX 32u

struct ident {
	char tenant[IDENT_TENANT_MAX + 1];
	char host[IDENT_HEX_LEN + 1];
};

/* 1..IDENT_TENANT_MAX of [A-Za-z0-9_-]: a 団体コード fits. */
bool ident_is_tenant(const char *text, size_t len) __attribute__((nonnull));

/* Exactly 32 lower-case hexadecimal digits. */
bool ident_is_hex(const char *text, size_t len) __attribute__((nonnull));

/*
 * Reads the URI. `uri` has `len` octets and need not be terminated; a NUL or
 * anything else that is not the two formats above is refused.
 * Returns 0 and *ret_ident, or -EINVAL (unchanged).
 */
int ident_parse_uri(const char *uri, size_t len, struct ident *ret_ident)
	__attribute__((nonnull, warn_unused_result));

/* Room for a URI with its terminating NUL. */
#define IDENT_URI_SIZE (10u + IDENT_TENANT_MAX + 1u + IDENT_HEX_LEN + 1u)

/* Writes the URI of `ident`; `buf` has IDENT_URI_SIZE octets. */
void ident_format_uri(const struct ident *ident, char *buf)
	__attribute__((nonnull));
