/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A P-256 SubjectPublicKeyInfo (RFC 5480) has one DER form with an
 * uncompressed point: 26 bytes that are always the same, then 04 X Y.
 */
#include "agent/wire/trust.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#define BEGIN	   "-----BEGIN PUBLIC KEY-----"
#define END	   "-----END PUBLIC KEY-----"
#define POINT_SIZE 65u

static const uint8_t prefix[] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
	0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
	0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
};
#define SPKI_SIZE  (sizeof(prefix) + POINT_SIZE)
#define SPKI_CHARS BASE64URL_CHARS(SPKI_SIZE)

void trust_fini(struct trust *trust)
{
	for (size_t i = 0; i < trust->count; i++)
		EVP_PKEY_free(trust->keys[i]);
	trust->count = 0;
}

/* PEM's base64 has another alphabet for two values, padding and lines. */
static bool decode_block(struct span block, uint8_t ret_spki[SPKI_SIZE])
{
	char text[SPKI_CHARS];
	size_t len = 0, padding = 0;

	for (size_t i = 0; i < block.len; i++) {
		char c = block.ptr[i];
		if (c == '\n' || c == '\r')
			continue;
		if (c == '=') {
			padding++;
			continue;
		}
		if (padding > 0 || len == sizeof(text) || c == '-' || c == '_')
			return false;
		text[len++] = c == '+' ? '-' : c == '/' ? '_' : c;
	}
	return len == sizeof(text) && padding == (4 - SPKI_CHARS % 4) % 4 &&
	       base64url_decode(span_of(text, len), ret_spki) == 0;
}

static int take_block(struct span block, struct trust *trust)
{
	uint8_t spki[SPKI_SIZE];

	if (trust->count == TRUST_KEYS_MAX)
		return TRUST_TOO_MANY;
	if (!decode_block(block, spki) ||
	    memcmp(spki, prefix, sizeof(prefix)) != 0 ||
	    spki[sizeof(prefix)] != 0x04)
		return TRUST_MALFORMED;
	EVP_PKEY *key = jws_public_key(spki + sizeof(prefix), POINT_SIZE);
	if (!key)
		return TRUST_MALFORMED;
	trust->keys[trust->count] = key;
	return jws_key_id(key, trust->ids[trust->count++]) < 0 ? TRUST_MALFORMED
							       : 0;
}

static const char *find(struct span text, const char *word)
{
	return text.len ? memmem(text.ptr, text.len, word, strlen(word)) : NULL;
}

static int read_all(struct span pem, struct trust *trust)
{
	struct span rest = pem;
	const char *begin, *end;

	while ((begin = find(rest, BEGIN))) {
		rest = span_skip(rest,
				 (size_t)(begin - rest.ptr) + strlen(BEGIN));
		end = find(rest, END);
		if (!end)
			return TRUST_MALFORMED;
		size_t len = (size_t)(end - rest.ptr);
		int r = take_block(span_take(rest, len), trust);
		if (r != 0)
			return r;
		rest = span_skip(rest, len + strlen(END));
	}
	return trust->count > 0 ? 0 : TRUST_NONE;
}

int trust_read(struct span pem, struct trust *ret_trust)
{
	if (pem.len > TRUST_MAX_BYTES)
		return TRUST_MALFORMED;
	int r = read_all(pem, ret_trust);
	if (r != 0)
		trust_fini(ret_trust);
	return r;
}

int trust_verify(const struct trust *trust, struct span text,
		 struct jws *ret_jws)
{
	struct jws jws;
	int r = jws_read(text, &jws);

	if (r != 0)
		return r;
	r = JWS_OTHER_KEY;
	for (size_t i = 0; i < trust->count; i++)
		if (strcmp(trust->ids[i], jws.kid) == 0)
			r = jws_verify(&jws, trust->keys[i]);
	if (r == 0)
		*ret_jws = jws;
	return r;
}
