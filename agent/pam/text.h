/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: what the person at the terminal reads, through the conversation of the
 * program that logs in. Japanese first, then English; on the text console
 * (tty1 … tty63), whose font has no kanji, English alone. Never says which
 * factor was right: that would help to guess the password.
 */
#pragma once

#include <security/pam_modules.h>

enum text {
	TEXT_REFUSED = 0, /* two kinds are needed */
	TEXT_REMOTE,	  /* no logins from other machines */
	TEXT_BREAKGLASS,  /* emergency login, recorded, ends */
	TEXT_BROKEN,	  /* the stack is set up wrongly */
	TEXT_COUNT,
};

/*
 * Shows a message, with the contact behind it where that is not empty. Silent
 * with PAM_SILENT. A program without conversation shows nothing.
 */
void text_tell(pam_handle_t *pamh, int flags, enum text text,
	       const char *contact) __attribute__((nonnull));
