/* SPDX-License-Identifier: Apache-2.0 */
/* Whole sentences in both languages; no sentence is put together from parts. */
#include "agent/pam/text.h"

#include <stdbool.h>
#include <string.h>

#include <security/pam_ext.h>

#include "agent/pam/evidence.h"

#include "agent/base/banned.h"

struct message {
	int style;
	const char *japanese;
	const char *english;
};

static const struct message messages[] = {
	[TEXT_REFUSED] =
		{PAM_ERROR_MSG,
		 "ログインできません。「知識」「所持」「存在（生体）」のうち"
		 "異なる二つの認証が必要です。",
		 "Login refused: two different kinds of proof are needed "
		 "(knowledge, possession, biometrics)."},
	[TEXT_REMOTE] = {PAM_ERROR_MSG,
			 "この端末には、ほかの機器からログインできません。",
			 "Login refused: this terminal takes no logins from "
			 "other machines."},
	[TEXT_BREAKGLASS] =
		{PAM_TEXT_INFO,
		 "緊急用のログインです。時間に限りがあり、記録・通知されます。"
		 "媒体は使えません。",
		 "Emergency login: it ends after a while, it is recorded and "
		 "reported, and media stay blocked."},
	[TEXT_BROKEN] =
		{PAM_ERROR_MSG,
		 "認証の設定に誤りがあるため、この方法は使えません。",
		 "This way of logging in is set up wrongly and cannot be "
		 "used."},
};
_Static_assert(sizeof(messages) / sizeof(*messages) == TEXT_COUNT,
	       "every message has its texts");

static bool is_text_console(const char *tty)
{
	if (strncmp(tty, "/dev/", 5) == 0)
		tty += 5;
	return strncmp(tty, "tty", 3) == 0 && tty[3] >= '0' && tty[3] <= '9';
}

void text_tell(pam_handle_t *pamh, int flags, enum text text,
	       const char *contact)
{
	const struct message *m = &messages[text];
	bool is_english_only = is_text_console(evidence_item(pamh, PAM_TTY));

	if (flags & PAM_SILENT)
		return;
	/* Nobody to talk to is no reason to fail. */
	if (is_english_only)
		(void)pam_prompt(pamh, m->style, NULL, "%s %s", m->english,
				 contact);
	else
		(void)pam_prompt(pamh, m->style, NULL, "%s%s\n%s", m->japanese,
				 contact, m->english);
}
