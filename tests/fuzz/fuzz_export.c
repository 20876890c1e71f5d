/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets as lines of an export with proof, all through the verifier: whatever
 * they are, they end in deviations.
 */
#include <stdlib.h>
#include <string.h>

#include "collector/ident.c"
#include "collector/logkey.c"
#include "collector/secret.c"
#include "collector/verify.c"
#include "collector/verify_line.c"
#include "collector/verify_streams.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(enum verify_kind kind, const char *text, void *ctx)
{
	size_t *deviations = ctx;

	if (strlen(text) == 0 || kind >= VERIFY_KIND_COUNT_)
		abort();
	(*deviations)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct verify_config config = {.report = count};
	struct verify_result sums;
	struct verify *verify;
	size_t deviations = 0;

	config.ctx = &deviations;
	if (verify_new(&config, &verify) != 0)
		return 0;
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;

		if (verify_add(verify, span_of((const char *)data, len)) != 0)
			break;
		data += len + (end != NULL);
		size -= len + (end != NULL);
	}
	if (verify_finish(verify, &sums) == 0 && sums.events == 0 &&
	    sums.leaves > 0 && sums.lines == 0)
		abort();
	verify_free(verify);
	return 0;
}
