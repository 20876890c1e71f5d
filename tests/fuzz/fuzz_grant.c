/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a grant: what a signed text of the inbox carries, and what the state
 * file keeps. What is read must be written back to the same bytes, and judging
 * it must not trip over anything.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct grant_signer signer = {
		.role = SPAN(GRANT_ROLE_HELPDESK),
		.access = MEDIA_READ_WRITE,
		.approvals = 1,
	};
	const struct grant_terms terms = {
		.terminal = "00112233445566778899aabbccddeeff",
		.wall_now_s = 1795133000,
		.signers = &signer,
		.signer_count = 1,
	};
	struct span text = span_of((const char *)data, size);
	char again[GRANT_MAX_BYTES];
	struct grant grant;
	const char *why = NULL;
	size_t len = 0;

	if (grant_read(text, &grant, &why) != 0) {
		if (!why)
			abort();
		return 0;
	}
	if (grant_write(&grant, again, sizeof(again), &len) != 0 ||
	    len != text.len || memcmp(again, text.ptr, len) != 0)
		abort();
	/* A helpdesk key never gives writing, nor more than an hour */
	if (grant_judge(&grant, &terms) == GRANT_COUNTS &&
	    grant.action == GRANT_GRANT &&
	    (grant.access != GRANT_READ_ONLY ||
	     grant.minutes > GRANT_HELPDESK_MINUTES))
		abort();
	return 0;
}
