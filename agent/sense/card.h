/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards in readers, as pcscd tells them to its clients on its socket: the
 * messages of protocol 4.4 (src/winscard_msg.h and src/eventhandler.h of
 * pcsc-lite; spoken by 1.8.24 to 2.2, accepted by later ones). All numbers are
 * in the machine's own order. Pure: builds requests and parses answers; never
 * talks to a card, so a wait costs pcscd nothing and disturbs nobody.
 *
 * A client says its version, then asks to wait: the answer is the table of
 * readers at once, then one small message when something in it has changed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/sense/token.h"

#define CARD_SOCKET	   "run/pcscd/pcscd.comm" /* below the root */
#define CARD_REQUEST_MAX   20
#define CARD_VERSION_BYTES 12
#define CARD_READER_BYTES  184
#define CARD_READERS_MAX   16
#define CARD_STATES_BYTES  ((size_t)CARD_READER_BYTES * CARD_READERS_MAX)
#define CARD_EVENT_BYTES   8

/* The first request; returns its length. The answer has CARD_VERSION_BYTES. */
size_t card_ask_version(uint8_t ret_request[CARD_REQUEST_MAX])
	__attribute__((nonnull));
/* 0, or -EPROTONOSUPPORT: pcscd speaks another protocol. */
int card_check_version(const uint8_t answer[CARD_VERSION_BYTES])
	__attribute__((nonnull, warn_unused_result));

/* Asks for the table, CARD_STATES_BYTES, and after it for one event of
 * CARD_EVENT_BYTES at the next change; returns the request's length. */
size_t card_ask_states(uint8_t ret_request[CARD_REQUEST_MAX])
	__attribute__((nonnull));

/* The cards that lie in readers, at most `max` of them. The identity is reader
 * and ATR: the same kind of card in the same reader. Returns how many; a row
 * that pcscd would not write is left out. */
size_t card_parse(const uint8_t table[CARD_STATES_BYTES],
		  struct token *ret_cards, size_t max)
	__attribute__((nonnull, warn_unused_result));

/* 0, or -ECANCELED: pcscd says that nothing more will come. */
int card_check_event(const uint8_t event[CARD_EVENT_BYTES])
	__attribute__((nonnull, warn_unused_result));
