/* SPDX-License-Identifier: Apache-2.0 */
/* status: one screen for a person: enrolled where, until when, how far. */
#pragma once

#include <stdbool.h>

enum status_outcome {
	STATUS_NOT_ENROLLED = 1,
	STATUS_FAILING, /* the newest try failed */
};

/* Prints to stdout. 0 when shipping goes well, an outcome above, or -errno. */
int status_print(int root_fd, bool is_japanese)
	__attribute__((warn_unused_result));
