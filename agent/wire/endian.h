/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Little-endian integers at any address. The formats of wire/ are defined byte
 * by byte; no struct is ever laid over a buffer.
 */
#pragma once

#include <stdint.h>

static inline void put_le32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static inline void put_le64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static inline uint32_t get_le32(const uint8_t *at)
{
	uint32_t value = 0;

	for (int i = 3; i >= 0; i--)
		value = value << 8 | at[i];
	return value;
}

static inline uint64_t get_le64(const uint8_t *at)
{
	return (uint64_t)get_le32(at + 4) << 32 | get_le32(at);
}
