/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed layouts at fixed places; see card.h for where they are written. */
#include "agent/sense/card.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/banned.h"

#define CMD_VERSION	      0x11u
#define CMD_WAIT_READER_STATE 0x13u
#define PROTOCOL_MAJOR	      4u
#define PROTOCOL_MINOR	      4u
#define STATE_PRESENT	      0x04u /* SCARD_PRESENT */
#define READER_NAME_BYTES     128
#define ATR_MAX		      33
#define PREFIX		      "pcsc:"

/* One row of the table. */
enum {
	AT_NAME = 0,
	AT_STATE = 132,
	AT_ATR = 140,
	AT_ATR_LEN = 176,
};

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Size of what follows the head, and the command. */
static size_t put_head(uint8_t *request, uint32_t size, uint32_t command)
{
	put32(request, size);
	put32(request + 4, command);
	return 8;
}

size_t card_ask_version(uint8_t ret_request[CARD_REQUEST_MAX])
{
	size_t at = put_head(ret_request, CARD_VERSION_BYTES, CMD_VERSION);

	put32(ret_request + at, PROTOCOL_MAJOR);
	put32(ret_request + at + 4, PROTOCOL_MINOR);
	put32(ret_request + at + 8, 0);
	return at + CARD_VERSION_BYTES;
}

int card_check_version(const uint8_t answer[CARD_VERSION_BYTES])
{
	bool is_accepted = get32(answer + 8) == 0;

	return is_accepted && get32(answer) == PROTOCOL_MAJOR
		       ? 0
		       : -EPROTONOSUPPORT;
}

size_t card_ask_states(uint8_t ret_request[CARD_REQUEST_MAX])
{
	return put_head(ret_request, 0, CMD_WAIT_READER_STATE);
}

/* The ATR in hexadecimal; "" where pcscd has not read it yet. */
static void write_atr(const uint8_t *row, char ret_hex[2 * ATR_MAX + 1])
{
	uint32_t len = get32(row + AT_ATR_LEN);

	ret_hex[0] = '\0';
	if (len > ATR_MAX)
		return;
	for (uint32_t i = 0; i < len; i++)
		(void)snprintf(ret_hex + 2 * i, 3, "%02x", row[AT_ATR + i]);
}

/* Names are lines in a file of ours: without line ends and controls. */
static bool is_name(const uint8_t *name)
{
	size_t len = strnlen((const char *)name, READER_NAME_BYTES);

	for (size_t i = 0; i < len; i++)
		if (name[i] < 0x20 || name[i] == 0x7f)
			return false;
	return len > 0 && len < READER_NAME_BYTES;
}

size_t card_parse(const uint8_t table[CARD_STATES_BYTES],
		  struct token *ret_cards, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < CARD_READERS_MAX && count < max; i++) {
		const uint8_t *row = table + i * CARD_READER_BYTES;
		const char *name = (const char *)row + AT_NAME;
		char atr[2 * ATR_MAX + 1];

		if (!(get32(row + AT_STATE) & STATE_PRESENT) || !is_name(row))
			continue;
		write_atr(row, atr);
		struct token *card = &ret_cards[count++];
		*card = (struct token){.kind = TOKEN_CARD};
		(void)snprintf(card->devpath, sizeof(card->devpath),
			       PREFIX "%s", name);
		(void)snprintf(card->identity, sizeof(card->identity), "%s %s",
			       name, atr);
	}
	return count;
}

int card_check_event(const uint8_t event[CARD_EVENT_BYTES])
{
	return get32(event + 4) == 0 ? 0 : -ECANCELED;
}
