/* SPDX-License-Identifier: Apache-2.0 */
/*
 * _(): a text in the person's language, by gettext. English stands in the
 * source, Japanese in agent/notify/ja.po; text_init() is main()'s.
 *
 * sekimorictl has its Japanese compiled in, for consoles without locales. A
 * desktop has its locale, translators have tools for .po files, and GTK's own
 * words come by gettext too: two languages in one window would be worse.
 */
#pragma once

#include <libintl.h>
#include <stdbool.h>

#define TEXT_DOMAIN "sekimori-notify"

#define _(text)	 gettext(text)
#define N_(text) text

/* Sets the locale of the environment and the folder of translations (NULL: the
 * installed one). */
void text_init(const char *folder);

/* Whether texts come in Japanese: for those that the policy layer has in both
 * languages. */
bool text_is_japanese(void);

/* snprintf() cuts anywhere: takes away the part of a character at the end. */
void text_mend(char *text) __attribute__((nonnull));
