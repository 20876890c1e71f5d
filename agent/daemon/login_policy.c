/* SPDX-License-Identifier: Apache-2.0 */
/* Texts: policy/mfa_text.h, policy/login_switch.h. */
#include "agent/daemon/login_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "policy/mfa_compile.h"
#include "policy/mfa_text.h"

/* Readable by root alone: it says how to come in with one factor. */
#define POLICY_MODE 0600
/* No secret, and sekimorictl shows it to everybody. */
#define SWITCH_MODE 0644

static int open_dir(int root_fd, const char *path)
{
	return open_below(root_fd, path, O_RDONLY | O_DIRECTORY, 0);
}

bool login_policy_has_place(int root_fd)
{
	_cleanup_close_ int dir = open_dir(root_fd, LOGIN_STATE_DIR);

	return dir >= 0;
}

int login_switch_load(int root_fd, struct login_switch *ret_switch)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	int r = read_small_file(root_fd, LOGIN_STATE_DIR "/" LOGIN_SWITCH_NAME,
				LOGIN_SWITCH_MAX_BYTES, &text, &size);
	if (r < 0)
		return r;
	return login_switch_parse(span_of(text, size), ret_switch);
}

int login_switch_save(int root_fd, const struct login_switch *login_switch)
{
	char text[LOGIN_SWITCH_MAX_BYTES];
	_cleanup_close_ int dir = open_dir(root_fd, LOGIN_STATE_DIR);

	if (dir < 0)
		return dir;
	size_t size = login_switch_format(login_switch, text);
	return write_atomic(dir, LOGIN_SWITCH_NAME, text, size, SWITCH_MODE);
}

static bool has_login_rules(const struct ruleset *ruleset)
{
	for (uint32_t i = 0; i < ruleset_rule_count(ruleset); i++)
		if (ruleset_rule(ruleset, i).family == RULES_FAMILY_LOGIN)
			return true;
	return false;
}

static int refuse(const struct ruleset *ruleset, uint32_t rule,
		  enum login_compile_outcome outcome, char *ret_error)
{
	struct rules_rule which = ruleset_rule(ruleset, rule);

	(void)snprintf(ret_error, LOGIN_ERROR_MAX, "%.*s:%u: %s",
		       (int)which.file.len, which.file.ptr, which.line,
		       login_compile_to_str(outcome));
	return -EINVAL;
}

int login_policy_make(const struct ruleset *ruleset,
		      struct login_policy *ret_policy, char *ret_error)
{
	struct login_policy policy;
	uint32_t rule = 0;

	enum login_compile_outcome outcome =
		login_policy_compile(ruleset, &policy, &rule);
	if (outcome != LOGIN_COMPILED)
		return refuse(ruleset, rule, outcome, ret_error);
	if (!has_login_rules(ruleset))
		policy.mode = LOGIN_MODE_OFF;
	*ret_policy = policy;
	return 0;
}

int login_policy_read(int root_fd, struct login_policy *ret_policy)
{
	_cleanup_free_ char *text = NULL;
	unsigned int line = 0;
	size_t size = 0;

	int r = read_small_file(root_fd, LOGIN_STATE_DIR "/" LOGIN_POLICY_NAME,
				LOGIN_TEXT_MAX_BYTES, &text, &size);
	if (r < 0)
		return r;
	return login_policy_parse(span_of(text, size), ret_policy, &line);
}

int login_policy_write(int root_fd, const struct login_policy *policy)
{
	_cleanup_free_ char *old = NULL;
	char text[LOGIN_TEXT_MAX_BYTES];
	size_t old_size = 0;
	_cleanup_close_ int dir = open_dir(root_fd, LOGIN_STATE_DIR);

	if (dir < 0)
		return dir;
	size_t size = login_policy_format(policy, text, sizeof(text));
	if (size == 0)
		return -EFBIG;
	if (read_small_file(dir, LOGIN_POLICY_NAME, LOGIN_TEXT_MAX_BYTES, &old,
			    &old_size) == 0 &&
	    old_size == size && memcmp(old, text, size) == 0)
		return 0;
	return write_atomic(dir, LOGIN_POLICY_NAME, text, size, POLICY_MODE);
}

bool login_policy_has_breakglass(const struct login_policy *policy)
{
	return policy->is_root_console_breakglass ||
	       policy->breakglass_group[0] != '\0';
}
