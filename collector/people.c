/* SPDX-License-Identifier: Apache-2.0 */
/*
 * people: "person.NAME" = "ROLE HASH" in hexadecimal; empty once removed. The
 * bootstrap's token is where `init` has put it.
 */
#include "collector/people.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/hex.h"

#include "agent/base/banned.h"

#define ADMIN	  "admin"
#define ADMIN_KEY "console.token"
#define KEY_SIZE  (sizeof("person.") + PEOPLE_NAME_MAX)

static const char *const ROLES[PEOPLE_ROLE_COUNT_] = {
	[PEOPLE_AUDITOR] = "auditor",
	[PEOPLE_HELPDESK] = "helpdesk",
	[PEOPLE_APPROVER] = "approver",
	[PEOPLE_ADMINISTRATOR] = "administrator",
};

const char *people_role_to_str(enum people_role role)
{
	return (unsigned int)role < PEOPLE_ROLE_COUNT_ ? ROLES[role] : "none";
}

int people_role_from_str(const char *text, enum people_role *ret_role)
{
	for (int i = 0; i < PEOPLE_ROLE_COUNT_; i++)
		if (strcmp(ROLES[i], text) == 0) {
			*ret_role = (enum people_role)i;
			return 0;
		}
	return -EINVAL;
}

bool people_is_name(const char *name)
{
	size_t len = strnlen(name, PEOPLE_NAME_MAX + 1);

	return len > 0 && len <= PEOPLE_NAME_MAX && name[0] >= 'a' &&
	       name[0] <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static void make_key(const char *name, char key[KEY_SIZE])
{
	(void)snprintf(key, KEY_SIZE, "person.%s", name); /* fits a name */
}

static int read_hash(const char *text, struct person *person)
{
	return strlen(text) == (size_t)2 * SECRET_HASH_BYTES &&
			       hex_decode(text, strlen(text),
					  person->token_hash,
					  SECRET_HASH_BYTES) == 0
		       ? 0
		       : -EBADMSG;
}

/* "ROLE HASH" */
static int read_value(char *text, struct person *person)
{
	char *space = strchr(text, ' ');

	if (!space)
		return -EBADMSG;
	*space = '\0';
	if (people_role_from_str(text, &person->role) < 0)
		return -EBADMSG;
	return read_hash(space + 1, person);
}

int people_find(struct store *store, const char *name,
		struct person *ret_person)
{
	bool is_admin = strcmp(name, ADMIN) == 0;
	_cleanup_free_ char *text = NULL;
	struct person person = {.role = PEOPLE_ADMINISTRATOR};
	char key[KEY_SIZE];
	int r;

	if (!people_is_name(name))
		return -ENOENT;
	make_key(name, key);
	r = store->ops->meta_get(store, is_admin ? ADMIN_KEY : key, &text);
	if (r == 0 && text[0] == '\0')
		return -ENOENT;
	if (r == 0)
		r = is_admin ? read_hash(text, &person)
			     : read_value(text, &person);
	if (r < 0)
		return r;
	(void)snprintf(person.name, sizeof(person.name), "%s", name);
	*ret_person = person;
	return 0;
}

int people_put(struct store *store, const struct person *person)
{
	char hash[HEX_SIZE(SECRET_HASH_BYTES)];
	char key[KEY_SIZE], value[sizeof(hash) + 32];

	if (!people_is_name(person->name) || strcmp(person->name, ADMIN) == 0)
		return -EINVAL;
	make_key(person->name, key);
	hex_encode(person->token_hash, SECRET_HASH_BYTES, hash);
	(void)snprintf(value, sizeof(value), "%s %s",
		       people_role_to_str(person->role), hash); /* fits */
	return store->ops->meta_set(store, key, value);
}

int people_remove(struct store *store, const char *name)
{
	struct person person;
	char key[KEY_SIZE];
	int r;

	if (!people_is_name(name) || strcmp(name, ADMIN) == 0)
		return -EINVAL;
	r = people_find(store, name, &person);
	if (r < 0 && r != -EBADMSG) /* what cannot be read can go */
		return r;
	make_key(name, key);
	return store->ops->meta_set(store, key, "");
}
