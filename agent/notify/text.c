/* SPDX-License-Identifier: Apache-2.0 */
/* The locale, once; see text.h. */
#include "agent/notify/text.h"

#include <locale.h>
#include <stddef.h>
#include <string.h>

void text_init(const char *folder)
{
	/* A locale that was never generated: UTF-8 at least, for LANGUAGE */
	if (!setlocale(LC_ALL, ""))
		(void)setlocale(LC_ALL, "C.UTF-8");
	(void)bindtextdomain(TEXT_DOMAIN, folder ? folder : SEKIMORI_LOCALE);
	(void)bind_textdomain_codeset(TEXT_DOMAIN, "UTF-8");
	(void)textdomain(TEXT_DOMAIN);
}

bool text_is_japanese(void)
{
	/* TRANSLATORS: the code of your language, "ja" for Japanese */
	return strcmp(_("en"), "ja") == 0;
}

void text_mend(char *text)
{
	size_t len = strlen(text);
	size_t rest = 0; /* bytes that go on with a character */

	while (rest < 3 && rest < len &&
	       ((unsigned char)text[len - 1 - rest] & 0xc0) == 0x80)
		rest++;
	if (rest == len)
		return;
	unsigned char lead = (unsigned char)text[len - 1 - rest];
	size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0;
	if (rest < want)
		text[len - 1 - rest] = '\0';
}
