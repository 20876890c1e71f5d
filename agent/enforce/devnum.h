/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "MAJOR:MINOR" as sysfs and mountinfo print device numbers. Pure. Internal to
 * agent/enforce.
 */
#pragma once

enum { DEVNUM_MAJOR_MAX = 0xfff, DEVNUM_MINOR_MAX = 0xfffff };

/*
 * The whole of TEXT must be such a number, within the kernel's limits. 0, or
 * -EINVAL and nothing is set.
 */
int devnum_parse(const char *text, unsigned int *ret_major,
		 unsigned int *ret_minor)
	__attribute__((nonnull, warn_unused_result));
