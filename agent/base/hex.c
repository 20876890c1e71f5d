/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal in both directions; knows nothing about what the bytes mean. */
#include "agent/base/hex.h"

#include <errno.h>

#include "agent/base/banned.h"

void hex_encode(const uint8_t *data, size_t size, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		ret_text[2 * i] = digits[data[i] >> 4];
		ret_text[2 * i + 1] = digits[data[i] & 0x0f];
	}
	ret_text[2 * size] = '\0';
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(const char *text, size_t length, uint8_t *ret_data, size_t size)
{
	if (length != 2 * size)
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		if (digit_value(text[i]) < 0)
			return -EINVAL;

	for (size_t i = 0; i < size; i++)
		ret_data[i] = (uint8_t)((unsigned)digit_value(text[2 * i])
						<< 4 |
					(unsigned)digit_value(text[2 * i + 1]));
	return 0;
}
