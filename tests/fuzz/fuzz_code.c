/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts, codes and the kept count: what is read is written and read again
 * the same, and no text is proved by a key that did not make it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/code.h"
#include "policy/code_tries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_receipt(struct span text)
{
	struct code_receipt receipt;
	struct code_receipt again;
	char written[CODE_RECEIPT_SIZE];

	if (code_receipt_read(text, &receipt) != 0)
		return;
	code_receipt_format(receipt, written);
	if (code_receipt_read(span_str(written), &again) != 0 ||
	    again.number != receipt.number || receipt.number >> 40 != 0)
		abort();
}

static void check_code(struct span text)
{
	const struct code_desks desks = {.count = 1, .desks = {{.key = {{1}}}}};
	const struct code_desk *by = NULL;
	struct code code;
	char made[CODE_SIZE];

	if (code_read(text, &code) != 0)
		return;
	if (code_make(&desks.desks[0].key, (struct code_receipt){7},
		      &code.scope, made) != 0)
		abort(); /* every scope that is read can be written */
	struct code again;
	if (code_read(span_str(made), &again) != 0 ||
	    memcmp(&again.scope, &code.scope, sizeof(code.scope)) != 0)
		abort();
	int r = code_prove(&code, (struct code_receipt){7}, &desks, &by);
	if ((r == CODE_WRONG) == (again.proof == code.proof))
		abort();
}

static void check_tries(struct span text)
{
	struct code_tries tries;
	struct code_tries again;
	char first[CODE_TRIES_TEXT_SIZE];

	bool is_readable = code_tries_load(text, SPAN("b"), 9, &tries);
	uint64_t wait_ns = code_tries_wait_ns(&tries, 9);
	if (wait_ns > CODE_TRIES_LONGEST_NS ||
	    (!is_readable && wait_ns != CODE_TRIES_LONGEST_NS))
		abort();
	size_t n = code_tries_format(&tries, first);
	if (n >= sizeof(first) ||
	    !code_tries_load(span_of(first, n), SPAN("b"), 9, &again) ||
	    again.boot_until_ns != tries.boot_until_ns ||
	    again.wrong_count != tries.wrong_count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);

	check_receipt(text);
	check_code(text);
	check_tries(text);
	return 0;
}
