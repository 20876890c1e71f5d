/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret: tokens, hashes and base64. The decoders take hostile text: they
 * are bounded by the caller's buffer and accept one spelling of each value.
 */
#include "collector/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* Crockford's base32, lower case: no i, l, o, u to misread over the phone. */
static const char ALPHABET[] = "0123456789abcdefghjkmnpqrstvwxyz";

int secret_token_new(char ret_token[static SECRET_TOKEN_SIZE])
{
	uint8_t random[25];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	for (size_t i = 0, at = 0; i < sizeof(random); i++) {
		if (i > 0 && i % 5 == 0)
			ret_token[at++] = '-';
		ret_token[at++] = ALPHABET[random[i] & 31];
	}
	ret_token[SECRET_TOKEN_SIZE - 1] = '\0';
	return 0;
}

int secret_hash(const void *data, size_t len,
		uint8_t ret_hash[static SECRET_HASH_BYTES])
{
	if (!EVP_Digest(data, len, ret_hash, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	return 0;
}

bool secret_is_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

int secret_to_base64(const uint8_t *data, size_t len, char **ret_text)
{
	char *text = malloc((len + 2) / 3 * 4 + 1);

	if (!text)
		return -ENOMEM;
	(void)EVP_EncodeBlock((unsigned char *)text, data,
			      (int)len); /* length is known */
	*ret_text = text;
	return 0;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_blank(char c)
{
	return c == '\r' || c == '\n' || c == ' ' || c == '\t';
}

ssize_t secret_from_base64(const char *text, size_t len, uint8_t *buf,
			   size_t cap)
{
	uint32_t bits = 0;
	unsigned int have = 0, pads = 0;
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		int value;

		if (is_blank(text[i]))
			continue;
		if (text[i] == '=') {
			pads++;
			continue;
		}
		value = base64_value(text[i]);
		if (value < 0 || pads > 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		if (++have < 4)
			continue;
		if (cap - at < 3)
			return -EMSGSIZE;
		buf[at++] = (uint8_t)(bits >> 16);
		buf[at++] = (uint8_t)(bits >> 8);
		buf[at++] = (uint8_t)bits;
		bits = have = 0;
	}

	/* The last group: 2 digits carry one octet, 3 carry two. */
	if (have == 0)
		return pads == 0 ? (ssize_t)at : -EINVAL;
	if (have == 1 || have + pads != 4)
		return -EINVAL;
	if ((have == 2 && (bits & 15)) || (have == 3 && (bits & 3)))
		return -EINVAL;
	if (cap - at < have - 1)
		return -EMSGSIZE;
	bits <<= 6 * (4 - have);
	buf[at++] = (uint8_t)(bits >> 16);
	if (have == 3)
		buf[at++] = (uint8_t)(bits >> 8);
	return (ssize_t)at;
}
