/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board: which notices share a bubble and how often it may move. Denials of
 * one dock are one bubble with a count, no group pops up more than once in
 * BOARD_QUIET_MS, and no denial is ever dropped: what came meanwhile is shown
 * when the time is over. Pure: the caller has the clock and the bubbles.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/notify/notice.h"

#define BOARD_SLOTS	16
#define BOARD_NAMES	4     /* devices that a bubble names */
#define BOARD_QUIET_MS	2000  /* between two showings of one bubble */
#define BOARD_FORGET_MS 60000 /* after that a bubble begins anew */

struct board_slot {
	bool is_used;
	bool is_due; /* changed since it was shown */
	bool is_new; /* never shown: a new bubble */
	uint64_t mono_shown_ms;
	uint64_t mono_changed_ms;
	uint32_t count;	   /* notices in it */
	size_t name_count; /* distinct devices, the named ones kept */
	char names[BOARD_NAMES][NOTICE_NAME_SIZE];
	struct notice notice; /* the newest */
	void *bubble;	      /* the caller's */
};

/* Zeroed: nothing was told. */
struct board {
	struct board_slot slots[BOARD_SLOTS];
};

/*
 * Takes a notice (not NOTICE_NONE). The slot it went into; where that was
 * another group's, *ret_old is its bubble, to be let go of.
 */
struct board_slot *board_add(struct board *board, const struct notice *notice,
			     uint64_t mono_now_ms, void **ret_old)
	__attribute__((nonnull, returns_nonnull));

/* The next slot that is to be shown now, marked as shown; NULL: none. Then
 * *ret_wait_ms is when to ask again, 0 for not before the next board_add(). */
struct board_slot *board_next(struct board *board, uint64_t mono_now_ms,
			      uint64_t *ret_wait_ms) __attribute__((nonnull));

/* The texts of a slot: those of its newest notice, and for several devices or
 * times how many. */
void board_texts(const struct board_slot *slot,
		 char ret_title[NOTICE_TITLE_SIZE],
		 char ret_body[NOTICE_BODY_SIZE]) __attribute__((nonnull));
