/* SPDX-License-Identifier: Apache-2.0 */
/* Three keys; each at most once. */
#include "policy/login_switch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The text before the sign, which is taken too; all of it where there is
 * none. */
static struct span cut(struct span *text, char sign)
{
	struct span head = *text;
	const char *at = text->len ? memchr(text->ptr, sign, text->len) : NULL;

	if (at)
		head.len = (size_t)(at - text->ptr);
	*text = span_skip(*text, head.len + (at != NULL));
	return head;
}

static bool read_ns(struct span value, uint64_t *ret_ns)
{
	uint64_t ns = 0;

	if (value.len == 0 || value.len > 19)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		unsigned digit = (unsigned)(unsigned char)value.ptr[i] - '0';

		if (digit > 9)
			return false;
		ns = ns * 10 + digit;
	}
	*ret_ns = ns;
	return true;
}

/* A UUID as the kernel writes it, or nothing. */
static bool read_boot_id(struct span value, char *ret_id)
{
	if (value.len >= LOGIN_BOOT_ID_SIZE)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (!memchr("0123456789abcdef-", value.ptr[i], 17))
			return false;
	if (value.len > 0)
		memcpy(ret_id, value.ptr, value.len);
	ret_id[value.len] = '\0';
	return true;
}

int login_switch_parse(struct span text, struct login_switch *ret_switch)
{
	struct login_switch sw = {.mode = LOGIN_MODE_ENFORCE};
	bool has_mode = false, has_until = false, has_boot = false;

	if (text.len > LOGIN_SWITCH_MAX_BYTES)
		return -EINVAL;
	while (text.len > 0) {
		struct span value = cut(&text, '\n');
		struct span key = cut(&value, '=');
		bool *seen = NULL;
		bool is_read = false;

		if (span_equals_str(key, "mode")) {
			seen = &has_mode;
			is_read = login_mode_from_str(value, &sw.mode) &&
				  sw.mode != LOGIN_MODE_OFF;
		} else if (span_equals_str(key, "trial_until_boot_ns")) {
			seen = &has_until;
			is_read = read_ns(value, &sw.trial_until_boot_ns);
		} else if (span_equals_str(key, "trial_boot_id")) {
			seen = &has_boot;
			is_read = read_boot_id(value, sw.trial_boot_id);
		}
		if (!is_read || *seen)
			return -EINVAL;
		*seen = true;
	}
	if (!has_mode)
		return -EINVAL;
	*ret_switch = sw;
	return 0;
}

size_t login_switch_format(const struct login_switch *sw,
			   char ret_text[LOGIN_SWITCH_MAX_BYTES])
{
	int n = snprintf(ret_text, LOGIN_SWITCH_MAX_BYTES,
			 "mode=%s\ntrial_until_boot_ns=%" PRIu64
			 "\ntrial_boot_id=%s\n",
			 login_mode_to_str(sw->mode), sw->trial_until_boot_ns,
			 sw->trial_boot_id);

	return (size_t)n;
}

void login_switch_apply(const struct login_switch *sw,
			struct login_policy *policy)
{
	if (sw->mode > policy->mode)
		policy->mode = sw->mode;
	if (sw->trial_until_boot_ns == 0 || sw->mode != LOGIN_MODE_ENFORCE)
		return;
	policy->trial_until_boot_ns = sw->trial_until_boot_ns;
	memcpy(policy->trial_boot_id, sw->trial_boot_id,
	       sizeof(policy->trial_boot_id));
}
