/* SPDX-License-Identifier: Apache-2.0 */
/* pcscd's table of readers: whatever it says, names are lines and end. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/sense/card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t table[CARD_STATES_BYTES] = {0};
	struct token cards[CARD_READERS_MAX];

	memcpy(table, data, size < sizeof(table) ? size : sizeof(table));
	size_t count = card_parse(table, cards, CARD_READERS_MAX);
	assert(count <= CARD_READERS_MAX);
	for (size_t i = 0; i < count; i++) {
		assert(memchr(cards[i].devpath, '\0',
			      sizeof(cards[i].devpath)));
		assert(memchr(cards[i].identity, '\0',
			      sizeof(cards[i].identity)));
		assert(!strpbrk(cards[i].devpath, "\n\r"));
		assert(!strpbrk(cards[i].identity, "\n\r"));
	}
	return 0;
}
