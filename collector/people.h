/* SPDX-License-Identifier: Apache-2.0 */
/*
 * people: who may use the console, and as what. Each has a name, one role and a
 * token known only by its hash, among the store's named values, so a change
 * counts from the next request on. `admin` is the bootstrap: the token of `init`.
 */
#pragma once

#include "collector/secret.h"
#include "collector/store.h"

enum people_role {
	PEOPLE_AUDITOR = 0, /* reads everything, changes nothing */
	PEOPLE_HELPDESK,    /* hands in what was signed at the desk */
	PEOPLE_APPROVER,
	PEOPLE_ADMINISTRATOR,
	PEOPLE_ROLE_COUNT_,
};
#define PEOPLE_BIT(role) (1u << (role))

#define PEOPLE_NAME_MAX 32u

struct person {
	char name[PEOPLE_NAME_MAX + 1];
	enum people_role role;
	uint8_t token_hash[SECRET_HASH_BYTES];
};

/* "auditor" …; total. */
const char *people_role_to_str(enum people_role role)
	__attribute__((returns_nonnull));
/* 0, or -EINVAL (unchanged). */
int people_role_from_str(const char *text, enum people_role *ret_role)
	__attribute__((nonnull, warn_unused_result));

/* 1 to PEOPLE_NAME_MAX of a-z, 0-9, '.', '_' and '-', a letter first. */
bool people_is_name(const char *name) __attribute__((nonnull));

/* 0; -ENOENT: nobody of this name; -EBADMSG: the store's value is none of ours;
 * -errno. */
int people_find(struct store *store, const char *name,
		struct person *ret_person)
	__attribute__((nonnull, warn_unused_result));

/* In a transaction: puts the person in, or in the place of the one before.
 * people_remove(): -ENOENT where there is nobody. -EINVAL: not for `admin`. */
int people_put(struct store *store, const struct person *person)
	__attribute__((nonnull, warn_unused_result));
int people_remove(struct store *store, const char *name)
	__attribute__((nonnull, warn_unused_result));
