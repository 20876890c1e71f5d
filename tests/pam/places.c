/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Twin of agent/pam/places.c for tests: a temporary folder stands for the
 * machine, the user who runs the test for root, and five people are known.
 * Linked into the test build of the module only.
 */
#include "agent/pam/places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 256

static const struct {
	const char *name;
	uint32_t uid;
} people[] = {
	{"root", 0},	  {"gdm", 110},	    {"sato", 1001},
	{"suzuki", 1002}, {"kinkyu", 1900}, {"kin", 1901},
};

static int find_uid(struct pam_handle *pamh, const char *user,
		    uint32_t *ret_uid)
{
	(void)pamh;
	for (size_t i = 0; i < sizeof(people) / sizeof(*people); i++)
		if (strcmp(people[i].name, user) == 0) {
			*ret_uid = people[i].uid;
			return 0;
		}
	return -ENOENT;
}

static char paths[8][PATH_SIZE];
static const char *policy_files[] = {paths[1], paths[2], NULL};
static const char *module_dirs[] = {paths[3], NULL};
static struct pam_places places = {
	.run_dir = paths[0],
	.policy_files = policy_files,
	.switch_file = paths[7],
	.module_dirs = module_dirs,
	.group_file = paths[4],
	.boot_id_file = paths[5],
	.trust_root = paths[6],
	.find_uid = find_uid,
};

const struct pam_places *pam_places_get(void)
{
	static const char *const names[] = {
		"run/mfa", "var/login.policy", "etc/login.policy",
		"modules", "etc/group",	       "etc/boot_id",
		"",	   "var/login.switch",
	};
	const char *dir = secure_getenv("SEKIMORI_PAM_TEST_DIR");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		snprintf(paths[i], PATH_SIZE, "%s%s%s", dir ? dir : "/nowhere",
			 names[i][0] ? "/" : "", names[i]);
	places.trusted_uid = getuid();
	return &places;
}
