/* SPDX-License-Identifier: Apache-2.0 */
/* A key line at a time; see code_desks.h. */
#include "agent/daemon/code_desks.h"

#include <errno.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "agent/wire/base64url.h"

#define POINT_MAX 65u /* uncompressed */

DEFINE_CLEANUP(key, EVP_PKEY *, EVP_PKEY_free);

static EVP_PKEY *read_point(struct span text)
{
	uint8_t point[POINT_MAX];
	size_t size = BASE64URL_BYTES(text.len);

	if (size == 0 || size > sizeof(point) ||
	    base64url_decode(text, point) != 0)
		return NULL;
	return jws_public_key(point, size);
}

/* A signing key of the same level: its limits are those of the codes. */
static struct grant_signer signer_of(const struct rules_signer *line,
				     enum code_level level)
{
	return (struct grant_signer){
		.name = line->name,
		.role = span_str(code_level_to_str(level)),
		.access = line->access,
		.max_minutes = line->max_minutes,
		.approvals = line->approvals,
	};
}

/* 1: its key is none. */
static int make_desk(const struct rules_signer *line, enum code_level level,
		     const struct identity *identity,
		     struct code_desk *ret_desk)
{
	_cleanup_(cleanup_key) EVP_PKEY *point = read_point(line->public_key);
	uint8_t secret[CODE_SECRET_BYTES];

	if (!point)
		return 1;
	int r = code_agree(identity->code_key, point, secret);
	if (r < 0)
		return r;
	*ret_desk = (struct code_desk){.level = level,
				       .signer = signer_of(line, level)};
	r = code_key_derive(secret, level, span_str(identity->host_id_hex),
			    &ret_desk->key);
	OPENSSL_cleanse(secret, sizeof(secret));
	return r;
}

int code_desks_make(const struct ruleset *ruleset,
		    const struct identity *identity,
		    struct code_desks *ret_desks)
{
	struct rules_signer line;

	*ret_desks = (struct code_desks){0};
	if (!ruleset || !identity)
		return 0;
	for (size_t i = 0; ret_desks->count < CODE_DESKS_MAX &&
			   ruleset_signer(ruleset, i, &line);
	     i++) {
		enum code_level level = code_level_of_role(line.role);
		if (level == CODE_LEVEL_NONE)
			continue;
		int r = make_desk(&line, level, identity,
				  &ret_desks->desks[ret_desks->count]);
		if (r < 0) {
			code_desks_fini(ret_desks);
			return -ENOMEM;
		}
		ret_desks->count += r == 0;
	}
	return 0;
}

void code_desks_fini(struct code_desks *desks)
{
	OPENSSL_cleanse(desks, sizeof(*desks));
}
