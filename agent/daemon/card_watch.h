/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches the cards in readers while a session hangs on one: a connection to
 * pcscd in the daemon's loop. Where nobody uses a card there is none, so pcscd
 * is not even started. Must not talk to a card, and must not block: a pcscd
 * that hangs only leaves cards unseen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <systemd/sd-event.h>

#include "agent/base/log.h"
#include "agent/sense/token.h"

struct card_watch;

/* CARDS as they lie now, borrowed for the call; NULL: nobody can tell any
 * more (and `why` for people), or they are not wanted any more (NULL). */
typedef void card_watch_fn(void *userdata, const struct token *cards,
			   size_t count, const char *why);

/* ROOT_FD is borrowed. Nothing is opened before it is wanted. 0 or -errno. */
int card_watch_new(sd_event *loop, int root_fd, card_watch_fn *seen,
		   void *userdata, struct card_watch **ret_watch)
	__attribute__((nonnull(1, 3, 5), warn_unused_result));
struct card_watch *card_watch_free(struct card_watch *watch);

/* Begins or ends watching. A connection that fails is tried again every five
 * seconds for as long as it is wanted. */
void card_watch_want(struct card_watch *watch, bool is_wanted)
	__attribute__((nonnull));
