/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: the console's HTTP Basic check: user `admin`, a token known only by
 * its hash, and growing delays for an address that fails. One thread (the
 * console's); the clock is the caller's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "collector/limits.h"
#include "collector/secret.h"

/* One address that failed lately. */
struct login_address {
	uint8_t address[16]; /* IPv6, or IPv4 mapped */
	unsigned int failures;
	uint64_t mono_until_ms; /* no attempt is looked at before */
	uint64_t mono_last_ms;
};

struct login {
	uint8_t token_hash[SECRET_HASH_BYTES];
	struct login_address addresses[LIMIT_LOGIN_ADDRESSES];
	size_t used;
};

enum login_outcome {
	LOGIN_NEEDED = 1, /* none or wrong: 401 */
	LOGIN_LATER,	  /* too many failures: 429 */
};

/*
 * Judges an Authorization header (NULL: none; that is no failure). 0, or an
 * enum login_outcome; with LOGIN_LATER *ret_wait_s says how long. The third
 * failure of an address costs a second, each further one twice as much, up to
 * a minute; a success or an hour forgets.
 */
int login_check(struct login *login, const char *authorization,
		const uint8_t address[16], uint64_t mono_now_ms,
		unsigned int *ret_wait_s)
	__attribute__((nonnull(1, 3, 5), warn_unused_result));
