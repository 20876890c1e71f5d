/* SPDX-License-Identifier: Apache-2.0 */
/* Reads with policy/code.h, proves nothing. */
#include "agent/notify/scope.h"

#include <stdio.h>
#include <string.h>

#include "agent/notify/text.h"
#include "policy/code.h"

const char *scope_access(enum grant_access access)
{
	switch (access) {
	case GRANT_READ_ONLY:
		return _("read-only");
	case GRANT_READ_WRITE:
		return _("read and write");
	case GRANT_AUTHORISE:
		return _("use of the device");
	case GRANT_SUBSTITUTE_FACTOR:
		return _("login without one factor");
	case GRANT_NOTHING:
	case GRANT_ACCESS_COUNT:
		break;
	}
	return _("nothing");
}

bool scope_of_typed(const char *receipt, const char *code, char *ret_text,
		    size_t size)
{
	struct code_receipt number;
	struct code read;

	ret_text[0] = '\0';
	if (code_letters(span_str(code)) < CODE_CHARS)
		return false;
	if (code_read(span_str(code), &read) != 0) {
		(void)snprintf(ret_text, size, "%s",
			       _("A letter of the code is wrong. Please "
				 "compare it again."));
		return false;
	}
	if (code_receipt_read(span_str(receipt), &number) != 0) {
		(void)snprintf(ret_text, size, "%s",
			       _("The receipt number is not complete, or a "
				 "letter is wrong."));
		return false;
	}
	(void)snprintf(ret_text, size,
		       _("This code gives: %s, %u minutes, %u×"),
		       scope_access(read.scope.access), read.scope.minutes,
		       read.scope.uses);
	return true;
}
