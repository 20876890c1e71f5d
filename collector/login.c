/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: constant-time comparison of hashes, and a small table of addresses.
 * When the table is full the address that failed longest ago is forgotten: the
 * token's 125 bits are the wall, the delay only keeps the log readable.
 */
#include "collector/login.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "collector/headers.h"

#include "agent/base/banned.h"

#define FREE_FAILURES 2u
#define WAIT_MAX_S    60u
#define FORGET_MS     (UINT64_C(60) * 60 * 1000)

static struct login_address *find(struct login *login,
				  const uint8_t address[16])
{
	for (size_t i = 0; i < login->used; i++)
		if (memcmp(login->addresses[i].address, address, 16) == 0)
			return &login->addresses[i];
	return NULL;
}

static struct login_address *find_or_add(struct login *login,
					 const uint8_t address[16])
{
	struct login_address *entry = find(login, address);

	if (entry)
		return entry;
	if (login->used < LIMIT_LOGIN_ADDRESSES) {
		entry = &login->addresses[login->used++];
	} else {
		entry = &login->addresses[0];
		for (size_t i = 1; i < login->used; i++)
			if (login->addresses[i].mono_last_ms <
			    entry->mono_last_ms)
				entry = &login->addresses[i];
	}
	*entry = (struct login_address){0};
	memcpy(entry->address, address, sizeof(entry->address));
	return entry;
}

/* 0, LOGIN_NEEDED, -errno. The same work is done for a name that nobody has. */
static int judge(const struct login *login, const char *authorization,
		 struct person *ret_person)
{
	char user[HEADERS_BASIC_SIZE], password[HEADERS_BASIC_SIZE];
	uint8_t hash[SECRET_HASH_BYTES];
	struct person person = {0};
	bool is_same;
	int r;

	if (headers_parse_basic(authorization, user, password) < 0)
		return LOGIN_NEEDED;
	r = login->find(user, &person, login->ctx);
	is_same = secret_hash(password, strlen(password), hash) == 0 &&
		  secret_is_equal(hash, person.token_hash, sizeof(hash));
	explicit_bzero(password, sizeof(password));
	if (r < 0 && r != -ENOENT)
		return r;
	if (r < 0 || !is_same)
		return LOGIN_NEEDED;
	*ret_person = person;
	return 0;
}

static void fail(struct login *login, const uint8_t address[16],
		 uint64_t mono_now_ms)
{
	struct login_address *entry = find_or_add(login, address);
	unsigned int wait_s = 0;

	if (entry->failures < UINT8_MAX)
		entry->failures++;
	entry->mono_last_ms = mono_now_ms;
	if (entry->failures > FREE_FAILURES) {
		unsigned int doublings = entry->failures - FREE_FAILURES - 1;

		wait_s = doublings >= 6 ? WAIT_MAX_S : 1u << doublings;
	}
	entry->mono_until_ms = mono_now_ms + UINT64_C(1000) * wait_s;
}

int login_check(struct login *login, const char *authorization,
		const uint8_t address[16], uint64_t mono_now_ms,
		struct login_answer *ret_answer)
{
	struct login_address *entry = find(login, address);
	int r;

	if (!authorization)
		return LOGIN_NEEDED;
	if (entry && mono_now_ms - entry->mono_last_ms > FORGET_MS)
		entry->failures = 0;
	if (entry && entry->failures > 0 &&
	    mono_now_ms < entry->mono_until_ms) {
		uint64_t wait_ms = entry->mono_until_ms - mono_now_ms;

		ret_answer->wait_s = (unsigned int)((wait_ms + 999) / 1000);
		return LOGIN_LATER;
	}
	r = judge(login, authorization, &ret_answer->person);
	if (r == LOGIN_NEEDED)
		fail(login, address, mono_now_ms);
	else if (r == 0 && entry)
		entry->failures = 0;
	return r;
}
