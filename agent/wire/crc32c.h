/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), as frames and segments carry it.
 * Finds torn and rotten bytes; proves nothing against intent.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* CRC of `size` bytes; uses the CPU's instruction where there is one. */
uint32_t crc32c(const void *data, size_t size) __attribute__((pure));

/* The same without the instruction. For other machines, and for tests. */
uint32_t crc32c_portable(const void *data, size_t size) __attribute__((pure));
