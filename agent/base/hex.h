/* SPDX-License-Identifier: Apache-2.0 */
/* Lower-case hexadecimal, the spelling of host ids, stream ids and digests. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Characters of n bytes in hex, with the terminating NUL. */
#define HEX_SIZE(n) (2 * (n) + 1)

/* Writes HEX_SIZE(size) characters, NUL included. */
void hex_encode(const uint8_t *data, size_t size, char *ret_text)
	__attribute__((nonnull));

/*
 * Reads exactly 2 * size lower- or upper-case digits from a text of `length`
 * characters. Returns 0, or -EINVAL with ret_data unchanged.
 */
int hex_decode(const char *text, size_t length, uint8_t *ret_data, size_t size)
	__attribute__((nonnull, warn_unused_result));
