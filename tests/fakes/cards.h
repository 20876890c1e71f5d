/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of pcscd's table of readers, for tests alone. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/sense/card.h"

#define CARD_ABSENT  0x02u
#define CARD_PRESENT 0x04u

/* Row I of the table: a reader, its state, and an ATR of LEN times 0x3b. */
static inline void fake_reader(uint8_t *table, size_t i, const char *name,
			       uint32_t state, uint32_t len)
{
	uint8_t *row = table + i * CARD_READER_BYTES;

	memset(row, 0, CARD_READER_BYTES);
	memcpy(row, name, strlen(name));
	memcpy(row + 132, &state, sizeof(state));
	memset(row + 140, 0x3b, len < 33 ? len : 33);
	memcpy(row + 176, &len, sizeof(len));
}
