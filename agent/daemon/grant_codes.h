/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions by telephone in the daemon (sekimori.code(7)): the receipt number
 * of a block, and what a code that answers one gives. A receipt is not kept: it
 * is made again from the devices that are here and the person in front, so a
 * code for a device that has gone, or for another person, is for none. Each
 * receipt is answered once; the next one for the same device is another.
 */
#pragma once

#include "agent/daemon/grants.h"
#include "policy/code.h"

#define GRANT_CODES_SECRET "code.secret" /* below /run/sekimori */
#define GRANT_CODES_TRIES  "code.tries"	 /* below the state folder */
/* Receipts of one device and person in one boot. */
#define GRANT_CODES_ROUNDS 64

struct daemon;
struct grant_codes;

/* Reads the boot's secret, or draws it. 0 or -ENOMEM: without a secret there
 * are no receipts. */
int grant_codes_new(struct daemon *daemon, struct grant_codes **ret_codes)
	__attribute__((nonnull, warn_unused_result));
struct grant_codes *grant_codes_free(struct grant_codes *codes);

/* The receipt number of DEVICE for USER; "" where nobody could answer it: no
 * desk has a key, or nothing is known yet. */
void grant_codes_receipt(struct grant_codes *codes, const char *device,
			 const char *user, char ret_text[CODE_RECEIPT_SIZE])
	__attribute__((nonnull));

/* Named results of a code. */
enum grant_codes_outcome {
	GRANT_CODES_MISSPELT = 1,
	GRANT_CODES_LATER,	/* *ret_wait_s: no try before */
	GRANT_CODES_NO_RECEIPT, /* of no device here and this person */
	GRANT_CODES_WRONG,
	GRANT_CODES_OVER_LIMIT,
	GRANT_CODES_FULL,
};

/* What a code gave, or how long it must be waited. */
struct grant_codes_answer {
	char id[GRANT_ID_CHARS + 1];
	struct code_scope scope;
	uint64_t wait_s;
};

/* The person in front, USER, typed both texts. 0: a grant counts; an outcome;
 * or -errno: the try could not be kept, and was not made. */
int grant_codes_use(struct grant_codes *codes, const char *user,
		    const char *receipt, const char *code,
		    struct grant_codes_answer *ret_answer)
	__attribute__((nonnull, warn_unused_result));
