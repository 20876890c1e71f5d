/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash, and what follows from another one.
 */
#include "agent/daemon/anchor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/base/clock.h"

int anchor_hash(const struct trust *trust, uint8_t ret_hash[GUARD_ANCHOR_BYTES])
{
	char text[TRUST_KEYS_MAX * sizeof(trust->ids[0])];
	size_t len = 0;

	if (trust->count == 0) {
		memset(ret_hash, 0, GUARD_ANCHOR_BYTES);
		return 0;
	}
	for (size_t i = 0; i < trust->count; i++) {
		memcpy(text + len, trust->ids[i], sizeof(trust->ids[i]));
		len += sizeof(trust->ids[i]);
	}
	return EVP_Digest(text, len, ret_hash, NULL, EVP_sha256(), NULL) == 1
		       ? 0
		       : -ENOMEM;
}

bool anchor_is_foreign(const struct block_guard_tamper *tamper,
		       const struct bundle_store *store, uint64_t boot_now_ns)
{
	static const uint8_t none[GUARD_ANCHOR_BYTES];
	uint8_t hash[GUARD_ANCHOR_BYTES];

	if (!tamper->is_on || boot_now_ns < tamper->boot_off_until_ns ||
	    memcmp(tamper->anchor, none, sizeof(none)) == 0)
		return false;
	return anchor_hash(&store->trust, hash) < 0 ||
	       memcmp(hash, tamper->anchor, sizeof(hash)) != 0;
}

void anchor_check(const struct block_guard *guard, struct bundle_store *store)
{
	struct block_guard_tamper tamper;

	if (!guard || block_guard_read_tamper(guard, &tamper) < 0 ||
	    !anchor_is_foreign(&tamper, store, clock_boot_ns()))
		return;
	trust_fini(&store->trust);
	/* Without the file too: files that are not signed count no more */
	store->is_anchored = true;
	if (store->error[0] == '\0')
		(void)snprintf(store->error, sizeof(store->error),
			       "/%s: the keys are not those that tamper "
			       "protection was switched on under",
			       BUNDLE_ANCHOR);
}
