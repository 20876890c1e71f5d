/* SPDX-License-Identifier: Apache-2.0 */
/* Must fail: a decision that reads a clock and a file. */
#include <stdio.h>
#include <time.h>

int decide_impurely(void)
{
	FILE *f = fopen("/etc/hostname", "re");

	return f != NULL && time(NULL) > 0;
}
