/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ident: the formats of tenant, host id and the SAN URI. Everything is bounded
 * and ASCII, so that it can stand in a header, a path, a query and a page.
 */
#include "collector/ident.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char PREFIX[] = "urn:agent:";

bool ident_is_tenant(const char *text, size_t len)
{
	if (len == 0 || len > IDENT_TENANT_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		      (c >= 'A' && c <= 'Z') || c == '-' || c == '_'))
			return false;
	}
	return true;
}

bool ident_is_hex(const char *text, size_t len)
{
	if (len != IDENT_HEX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= '0' && text[i] <= '9') ||
		      (text[i] >= 'a' && text[i] <= 'f')))
			return false;
	return true;
}

int ident_parse_uri(const char *uri, size_t len, struct ident *ret_ident)
{
	const size_t skip = sizeof(PREFIX) - 1;
	struct ident found = {0};
	const char *tenant, *host, *colon;

	if (len <= skip || memcmp(uri, PREFIX, skip) != 0)
		return -EINVAL;
	tenant = uri + skip;
	colon = memchr(tenant, ':', len - skip);
	if (!colon)
		return -EINVAL;
	host = colon + 1;
	if (!ident_is_tenant(tenant, (size_t)(colon - tenant)) ||
	    !ident_is_hex(host, (size_t)(uri + len - host)))
		return -EINVAL;

	memcpy(found.tenant, tenant, (size_t)(colon - tenant));
	memcpy(found.host, host, IDENT_HEX_LEN);
	*ret_ident = found;
	return 0;
}

void ident_format_uri(const struct ident *ident, char *buf)
{
	(void)snprintf(buf, IDENT_URI_SIZE, "%s%s:%s", PREFIX, ident->tenant,
		       ident->host); /* fits: both parts are bounded */
}
