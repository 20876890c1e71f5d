/* SPDX-License-Identifier: Apache-2.0 */
/* A few slots, looked through each time: there are sixteen. */
#include "agent/notify/board.h"

#include <stdio.h>
#include <string.h>

#include "agent/notify/text.h"

/* What happens to one device in turn replaces what was said of it; denials
 * stay apart from it, for they are counted. */
static bool is_same(const struct board_slot *slot, const struct notice *notice)
{
	bool was_blocked = slot->notice.kind == NOTICE_BLOCKED;
	bool is_blocked = notice->kind == NOTICE_BLOCKED;

	return slot->is_used && was_blocked == is_blocked &&
	       strcmp(slot->notice.group, notice->group) == 0;
}

static struct board_slot *find_slot(struct board *board,
				    const struct notice *notice)
{
	struct board_slot *oldest = &board->slots[0];

	for (size_t i = 0; i < BOARD_SLOTS; i++)
		if (is_same(&board->slots[i], notice))
			return &board->slots[i];
	for (size_t i = 0; i < BOARD_SLOTS; i++) {
		struct board_slot *slot = &board->slots[i];
		if (!slot->is_used)
			return slot;
		/* One that still waits goes last: it was not seen yet */
		if (slot->is_due < oldest->is_due ||
		    (slot->is_due == oldest->is_due &&
		     slot->mono_changed_ms < oldest->mono_changed_ms))
			oldest = slot;
	}
	return oldest;
}

static void add_name(struct board_slot *slot, const char *name)
{
	size_t kept = slot->name_count < BOARD_NAMES ? slot->name_count
						     : BOARD_NAMES;

	if (!name[0])
		return;
	for (size_t i = 0; i < kept; i++)
		if (strcmp(slot->names[i], name) == 0)
			return;
	if (kept < BOARD_NAMES)
		(void)snprintf(slot->names[kept], NOTICE_NAME_SIZE, "%s", name);
	slot->name_count++;
}

struct board_slot *board_add(struct board *board, const struct notice *notice,
			     uint64_t mono_now_ms, void **ret_old)
{
	struct board_slot *slot = find_slot(board, notice);
	bool is_ours = is_same(slot, notice);

	*ret_old = is_ours ? NULL : slot->bubble;
	if (!is_ours) {
		*slot = (struct board_slot){.is_used = true, .is_new = true};
	} else if (!slot->is_due &&
		   mono_now_ms - slot->mono_changed_ms > BOARD_FORGET_MS) {
		/* Seen long ago: it is told as new, in the same bubble */
		slot->is_new = true;
		slot->count = 0;
		slot->name_count = 0;
	}
	slot->notice = *notice;
	slot->count++;
	slot->is_due = true;
	slot->mono_changed_ms = mono_now_ms;
	add_name(slot, notice->name);
	return slot;
}

struct board_slot *board_next(struct board *board, uint64_t mono_now_ms,
			      uint64_t *ret_wait_ms)
{
	uint64_t wait_ms = 0;

	for (size_t i = 0; i < BOARD_SLOTS; i++) {
		struct board_slot *slot = &board->slots[i];
		if (!slot->is_due)
			continue;
		uint64_t due_ms =
			slot->is_new ? 0 : slot->mono_shown_ms + BOARD_QUIET_MS;
		if (due_ms <= mono_now_ms) {
			slot->is_due = slot->is_new = false;
			slot->mono_shown_ms = mono_now_ms;
			return slot;
		}
		if (wait_ms == 0 || due_ms - mono_now_ms < wait_ms)
			wait_ms = due_ms - mono_now_ms;
	}
	*ret_wait_ms = wait_ms;
	return NULL;
}

/* "A, B, C, D and others" */
static void put_names(const struct board_slot *slot, char *text, size_t size)
{
	size_t kept = slot->name_count < BOARD_NAMES ? slot->name_count
						     : BOARD_NAMES;
	size_t len = strlen(text);

	for (size_t i = 0; i < kept && len + 1 < size; i++) {
		(void)snprintf(text + len, size - len, "%s%s",
			       i > 0 ? _(", ") : "", slot->names[i]);
		len = strlen(text);
	}
	if (slot->name_count > kept)
		(void)snprintf(text + len, size - len, "%s", _(" and others"));
}

void board_texts(const struct board_slot *slot,
		 char ret_title[NOTICE_TITLE_SIZE],
		 char ret_body[NOTICE_BODY_SIZE])
{
	const struct notice *notice = &slot->notice;
	size_t len = 0;

	if (notice->kind == NOTICE_BLOCKED && slot->name_count > 1)
		(void)snprintf(ret_title, NOTICE_TITLE_SIZE,
			       _("%zu devices cannot be used"),
			       slot->name_count);
	else
		(void)snprintf(ret_title, NOTICE_TITLE_SIZE, "%s",
			       notice->title);
	text_mend(ret_title);

	ret_body[0] = '\0';
	if (notice->kind == NOTICE_BLOCKED && slot->name_count > 1) {
		put_names(slot, ret_body, NOTICE_BODY_SIZE - 1);
		len = strlen(ret_body);
		ret_body[len++] = '\n';
		ret_body[len] = '\0';
	}
	(void)snprintf(ret_body + len, NOTICE_BODY_SIZE - len, "%s",
		       notice->body);
	len = strlen(ret_body);
	if (notice->kind == NOTICE_BLOCKED && slot->count > slot->name_count &&
	    slot->count > 1)
		(void)snprintf(ret_body + len, NOTICE_BODY_SIZE - len,
			       _("\n%u times"), slot->count);
	text_mend(ret_body);
}
