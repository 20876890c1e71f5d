/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: the console's HTTP Basic check: a person's name, a token known only by
 * its hash, and growing delays for an address that fails. One thread (the
 * console's); the clock and the people are the caller's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "collector/limits.h"
#include "collector/people.h"

/* One address that failed lately. */
struct login_address {
	uint8_t address[16]; /* IPv6, or IPv4 mapped */
	unsigned int failures;
	uint64_t mono_until_ms; /* no attempt is looked at before */
	uint64_t mono_last_ms;
};

struct login {
	/* people_find() in use; 0, -ENOENT: nobody, or -errno */
	int (*find)(const char *name, struct person *ret_person, void *ctx);
	void *ctx;
	struct login_address addresses[LIMIT_LOGIN_ADDRESSES];
	size_t used;
};

struct login_answer {
	struct person person;
	unsigned int wait_s;
};

enum login_outcome {
	LOGIN_NEEDED = 1, /* none or wrong: 401 */
	LOGIN_LATER,	  /* too many failures: 429 */
};

/*
 * Judges an Authorization header (NULL: none; that is no failure). 0 and
 * ->person, or an enum login_outcome, or -errno of finding; with LOGIN_LATER ->wait_s says how long. The third
 * failure of an address costs a second, each further one twice as much, up to
 * a minute; a success or an hour forgets.
 */
int login_check(struct login *login, const char *authorization,
		const uint8_t address[16], uint64_t mono_now_ms,
		struct login_answer *ret_answer)
	__attribute__((nonnull(1, 3, 5), warn_unused_result));
