/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C by SSE4.2 where the CPU has it, else four bits at a time from a
 * table of 16: slower, small enough to be checked by eye, and never the common
 * case. libgcc caches the CPU test before main(), nothing here keeps state.
 */
#include "agent/wire/crc32c.h"

#include <string.h>

/* crc of the 16 nibbles, reflected polynomial 0x82f63b78 */
static const uint32_t nibble_table[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c_portable(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ nibble_table[crc & 15];
		crc = crc >> 4 ^ nibble_table[crc & 15];
	}
	return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(
	const uint8_t *bytes, size_t size)
{
	uint64_t crc = UINT32_MAX;

	for (; size >= 8; bytes += 8, size -= 8) {
		uint64_t word;

		memcpy(&word, bytes, sizeof(word));
		crc = __builtin_ia32_crc32di(crc, word);
	}

	uint32_t rest = (uint32_t)crc;
	for (; size > 0; bytes++, size--)
		rest = __builtin_ia32_crc32qi(rest, *bytes);
	return ~rest;
}
#endif

uint32_t crc32c(const void *data, size_t size)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(data, size);
#endif
	return crc32c_portable(data, size);
}
