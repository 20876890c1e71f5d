/* SPDX-License-Identifier: Apache-2.0 */
/* Six bits a character; see base64url.h. */
#include "agent/wire/base64url.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(const uint8_t *data, size_t size, char *ret_text)
{
	uint32_t bits = 0;
	unsigned count = 0;

	for (size_t i = 0; i < size; i++) {
		bits = bits << 8 | data[i];
		count += 8;
		while (count >= 6) {
			count -= 6;
			*ret_text++ = alphabet[bits >> count & 63];
		}
	}
	if (count > 0)
		*ret_text = alphabet[bits << (6 - count) & 63];
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int base64url_decode(struct span text, uint8_t *ret_data)
{
	uint32_t bits = 0;
	unsigned count = 0;

	if (text.len % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(text.ptr[i]);

		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		*ret_data++ = (uint8_t)(bits >> count);
	}
	return bits & ((1u << count) - 1) ? -EINVAL : 0;
}
