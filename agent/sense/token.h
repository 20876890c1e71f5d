/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that prove possession, as sysfs shows them: security keys by their
 * hidraw node (FIDO usage page), card readers by their USB device. Of a card in
 * a reader the kernel knows nothing: agent/sense/card.h.
 * Reads only; must not talk to a token.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/sense/sysfs.h"
#include "agent/sense/uevent.h"

#define TOKEN_IDENTITY_MAX 256
#define TOKENS_MAX	   16 /* looked at; a terminal has one or two */

enum token_kind {
	TOKEN_NONE = 0,
	TOKEN_KEY,    /* FIDO */
	TOKEN_READER, /* of smart cards */
	TOKEN_CARD,   /* in such a reader */
};

struct token {
	enum token_kind kind;
	/* Of the hidraw node, the USB device; for a card: "pcsc:READER". */
	char devpath[SYSFS_PATH_MAX];
	/* The same when it is plugged in again: ids, names, serial. */
	char identity[TOKEN_IDENTITY_MAX];
};

/* All that are there, at most `max`. Returns how many. */
size_t token_list(int root_fd, struct token *ret_tokens, size_t max)
	__attribute__((nonnull, warn_unused_result));

/* What an add event brings. 0, or -ENODEV when that is no token; -errno. */
int token_of_uevent(int root_fd, const struct uevent *event,
		    struct token *ret_token)
	__attribute__((nonnull, warn_unused_result));

/* Whether an event could be the end of a token at its devpath. */
bool token_is_removal(const struct uevent *event) __attribute__((nonnull));
