/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as it is: constants. See tests/pam/places.c for the twin. */
#include "agent/pam/places.h"

#include <errno.h>
#include <pwd.h>
#include <stddef.h>

#include <security/pam_modules.h>
#include <security/pam_modutil.h>

#include "policy/login_switch.h"
#include "policy/mfa_text.h"

#include "agent/base/banned.h"

static const char *const policy_files[] = {
	LOGIN_POLICY_FILE,
	LOGIN_POLICY_FILE_INSTALLED,
	NULL,
};

static const char *const module_dirs[] = {
	"/usr/lib/x86_64-linux-gnu/security",
	"/lib/x86_64-linux-gnu/security",
	"/usr/lib/aarch64-linux-gnu/security",
	"/lib/aarch64-linux-gnu/security",
	"/usr/lib64/security",
	"/lib64/security",
	"/usr/lib/security",
	"/lib/security",
	NULL,
};

static int find_uid(struct pam_handle *pamh, const char *user,
		    uint32_t *ret_uid)
{
	const struct passwd *entry = pam_modutil_getpwnam(pamh, user);

	if (!entry)
		return -ENOENT;
	*ret_uid = entry->pw_uid;
	return 0;
}

static const struct pam_places machine = {
	.run_dir = LOGIN_RECORDS_DIR,
	.policy_files = policy_files,
	.switch_file = LOGIN_SWITCH_FILE,
	.module_dirs = module_dirs,
	.group_file = "/etc/group",
	.boot_id_file = "/proc/sys/kernel/random/boot_id",
	.trust_root = "/",
	.trusted_uid = 0,
	.find_uid = find_uid,
};

const struct pam_places *pam_places_get(void)
{
	return &machine;
}
