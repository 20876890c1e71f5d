/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device numbers in text; see devnum.h.
 */
#include "agent/enforce/devnum.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/base/banned.h"

static int parse_part(const char *text, unsigned long limit, char **ret_end,
		      unsigned long *ret_value)
{
	if (*text < '0' || *text > '9') /* no sign, no blank */
		return -EINVAL;
	errno = 0;
	*ret_value = strtoul(text, ret_end, 10);
	return errno != 0 || *ret_value > limit ? -EINVAL : 0;
}

int devnum_parse(const char *text, unsigned int *ret_major,
		 unsigned int *ret_minor)
{
	unsigned long major_number;
	unsigned long minor_number;
	char *end;

	if (parse_part(text, DEVNUM_MAJOR_MAX, &end, &major_number) < 0 ||
	    *end != ':' ||
	    parse_part(end + 1, DEVNUM_MINOR_MAX, &end, &minor_number) < 0 ||
	    *end != '\0')
		return -EINVAL;
	*ret_major = (unsigned int)major_number;
	*ret_minor = (unsigned int)minor_number;
	return 0;
}
