/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorictl, for the person at the terminal and its administrator. Runs with
 * the caller's rights and needs none: the daemon and polkit decide.
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/clock.h"
#include "agent/ctl/ctl.h"

/*
 * The language of messages. A terminal that was installed without Japanese
 * locales still has LANG=ja_JP.UTF-8 in its sessions: the name alone decides,
 * and C.UTF-8, which glibc always has, gives the character widths.
 */
static bool is_japanese(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < 3; i++) {
		const char *value = secure_getenv(names[i]);
		if (value && value[0])
			return strncmp(value, "ja", 2) == 0;
	}
	return false;
}

int main(int argc, char **argv)
{
	if (!setlocale(LC_ALL, "") ||
	    strcmp(setlocale(LC_CTYPE, NULL), "C") == 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8"); /* else ASCII widths */

	struct ctl ctl = {
		.out = stdout,
		.err = stderr,
		.wall_now_ms = (int64_t)(clock_wall_ns() / NS_PER_MS),
		.is_japanese = is_japanese(),
	};
	int code = ctl_run(&ctl, argc, argv);
	ctl_fini(&ctl);
	return code;
}
