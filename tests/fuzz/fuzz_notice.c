/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person is told of an event that may be anything: on the desktop and
 * on the console. Whole characters, and on the console nothing that moves a
 * cursor but the ends of our own lines.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/daemon/console.h"
#include "agent/notify/board.h"
#include "agent/notify/notice.h"
#include "policy/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_notice(struct span event)
{
	struct board board = {0};
	struct notice notice;
	char title[NOTICE_TITLE_SIZE], body[NOTICE_BODY_SIZE];
	void *old = NULL;

	notice_make(event, "内線 2345", &notice);
	if (notice.kind == NOTICE_NONE)
		return;
	if (!notice.title[0] || !notice.group[0])
		abort();
	(void)board_add(&board, &notice, 1, &old);
	notice.name[0] = 'x';
	board_texts(board_add(&board, &notice, 2, &old), title, body);
	if (strlen(title) >= sizeof(title) || strlen(body) >= sizeof(body))
		abort();
}

static void check_console(const char *json)
{
	char text[CONSOLE_TEXT_SIZE];

	if (!console_text(json, text))
		return;
	size_t len = strlen(text);
	if (len >= sizeof(text) || len < 2 || text[len - 1] != '\n')
		abort();
	for (size_t at = 0; at < len;) {
		uint32_t c;
		at += utf8_next(text + at, len - at, &c);
		if (utf8_is_invisible(c) && c != '\r' && c != '\n')
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *json = malloc(size + 1);

	if (!json)
		return 0;
	memcpy(json, data, size);
	json[size] = '\0';
	check_notice(span_of(json, size));
	check_console(json);
	free(json);
	return 0;
}
