/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a text apart and putting one together; the signature itself is
 * libcrypto's, which wants DER where JWS has r and s side by side.
 */
#include "agent/wire/jws.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define COORDINATE_SIZE 32u
#define POINT_MAX_BYTES (1 + 2 * COORDINATE_SIZE)
/* SEQUENCE of two INTEGERs of at most 33 bytes. */
#define DER_MAX_BYTES 72u

static const char *const outcomes[] = {
	[JWS_OK] = "signed",
	[JWS_TOO_LARGE] = "too large",
	[JWS_MALFORMED] = "not a signed text (JWS)",
	[JWS_BAD_HEADER] = "the signature's header is not of the known form",
	[JWS_BAD_ALGORITHM] = "not signed with ES256",
	[JWS_CRITICAL] = "the signature's header asks for an extension",
	[JWS_OTHER_KEY] = "signed with a key that is not trusted",
	[JWS_FORGED] = "the signature is wrong",
};
_Static_assert(sizeof(outcomes) / sizeof(outcomes[0]) == JWS_OUTCOME_COUNT_,
	       "a sentence for each outcome");

const char *jws_outcome_to_str(int outcome)
{
	if (outcome < 0 || outcome >= JWS_OUTCOME_COUNT_)
		return "unknown";
	return outcomes[outcome];
}

/* --- the header: {"alg":"ES256","kid":"…","typ":"…"} ---------------------- */

static void skip_space(struct span *rest)
{
	while (rest->len > 0 && memchr(" \t\r\n", rest->ptr[0], 4))
		*rest = span_skip(*rest, 1);
}

static bool take_char(struct span *rest, char c)
{
	skip_space(rest);
	if (rest->len == 0 || rest->ptr[0] != c)
		return false;
	*rest = span_skip(*rest, 1);
	return true;
}

/* Printable ASCII without escapes: all that our own headers have. */
static bool take_string(struct span *rest, struct span *ret_string)
{
	size_t n = 0;

	if (!take_char(rest, '"'))
		return false;
	while (n < rest->len && rest->ptr[n] != '"') {
		if (rest->ptr[n] < 0x20 || rest->ptr[n] > 0x7e ||
		    rest->ptr[n] == '\\')
			return false;
		n++;
	}
	if (n == rest->len)
		return false;
	*ret_string = span_take(*rest, n);
	*rest = span_skip(*rest, n + 1);
	return true;
}

struct header {
	struct span alg, kid, typ;
};

/* One member, in place of an empty one: a name twice is refused. */
static int take_member(struct span *rest, struct header *header)
{
	struct span name, value, *place;

	if (!take_string(rest, &name))
		return JWS_BAD_HEADER;
	if (span_equals_str(name, "crit"))
		return JWS_CRITICAL;
	place = span_equals_str(name, "alg")   ? &header->alg
		: span_equals_str(name, "kid") ? &header->kid
		: span_equals_str(name, "typ") ? &header->typ
					       : NULL;
	if (!place || place->ptr || !take_char(rest, ':') ||
	    !take_string(rest, &value) || value.len > JWS_WORD_MAX)
		return JWS_BAD_HEADER;
	*place = value;
	return 0;
}

static int read_header(struct span text, struct header *ret_header)
{
	struct span rest = text;
	int r;

	if (!take_char(&rest, '{'))
		return JWS_BAD_HEADER;
	do {
		r = take_member(&rest, ret_header);
		if (r != 0)
			return r;
	} while (take_char(&rest, ','));
	if (!take_char(&rest, '}'))
		return JWS_BAD_HEADER;
	skip_space(&rest);
	if (rest.len > 0)
		return JWS_BAD_HEADER;
	return span_equals_str(ret_header->alg, "ES256") ? 0
							 : JWS_BAD_ALGORITHM;
}

/* --- the text ------------------------------------------------------------- */

/* Up to the next dot, which is taken too; the rest where there is none. */
static struct span take_part(struct span *rest, bool *ret_has_dot)
{
	const char *dot = rest->len ? memchr(rest->ptr, '.', rest->len) : NULL;
	size_t len = dot ? (size_t)(dot - rest->ptr) : rest->len;
	struct span part = span_take(*rest, len);

	*ret_has_dot = dot != NULL;
	*rest = span_skip(*rest, len + 1);
	return part;
}

static void copy_word(struct span from, char *to)
{
	if (from.len > 0)
		memcpy(to, from.ptr, from.len);
	to[from.len] = '\0';
}

int jws_read(struct span text, struct jws *ret_jws)
{
	uint8_t json[JWS_HEADER_MAX_BYTES];
	struct header header = {{0}, {0}, {0}};
	struct span rest = text;
	struct jws jws = {.input = text};
	bool has_first, has_second, has_third;

	if (text.len > JWS_TEXT_MAX_BYTES)
		return JWS_TOO_LARGE;
	struct span head = take_part(&rest, &has_first);
	jws.payload = take_part(&rest, &has_second);
	struct span signature = take_part(&rest, &has_third);
	if (!has_first || !has_second || has_third ||
	    signature.len != BASE64URL_CHARS(JWS_SIGNATURE_SIZE))
		return JWS_MALFORMED;
	if (BASE64URL_BYTES(head.len) > sizeof(json) ||
	    BASE64URL_BYTES(jws.payload.len) > JWS_PAYLOAD_MAX_BYTES)
		return JWS_TOO_LARGE;
	if (base64url_decode(head, json) < 0 ||
	    base64url_decode(signature, jws.signature) < 0)
		return JWS_MALFORMED;
	jws.input.len = head.len + 1 + jws.payload.len;

	int r = read_header(span_of((const char *)json,
				    BASE64URL_BYTES(head.len)),
			    &header);
	if (r != 0)
		return r;
	copy_word(header.kid, jws.kid);
	copy_word(header.typ, jws.typ);
	*ret_jws = jws;
	return 0;
}

size_t jws_payload_size(const struct jws *jws)
{
	return BASE64URL_BYTES(jws->payload.len);
}

int jws_payload(const struct jws *jws, uint8_t *ret_data)
{
	return base64url_decode(jws->payload, ret_data) < 0 ? JWS_MALFORMED : 0;
}

/* --- the signature -------------------------------------------------------- */

static bool is_p256(const EVP_PKEY *key)
{
	char group[32] = "";
	size_t len = 0;

	return EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

/* An unsigned number as a DER INTEGER; returns its end. */
static uint8_t *put_integer(uint8_t *at, const uint8_t *number)
{
	size_t size = COORDINATE_SIZE;

	while (size > 1 && number[0] == 0) {
		number++;
		size--;
	}
	bool has_sign = number[0] & 0x80;
	*at++ = 0x02;
	*at++ = (uint8_t)(size + has_sign);
	if (has_sign)
		*at++ = 0;
	memcpy(at, number, size);
	return at + size;
}

static size_t to_der(const uint8_t raw[JWS_SIGNATURE_SIZE],
		     uint8_t der[DER_MAX_BYTES])
{
	uint8_t *end = put_integer(der + 2, raw);

	end = put_integer(end, raw + COORDINATE_SIZE);
	der[0] = 0x30;
	der[1] = (uint8_t)(end - der - 2);
	return (size_t)(end - der);
}

/* The next DER INTEGER as 32 bytes, or false. */
static bool take_integer(struct span *rest, uint8_t *ret_number)
{
	if (rest->len < 3 || rest->ptr[0] != 0x02)
		return false;
	struct span number = span_take(span_skip(*rest, 2),
				       (uint8_t)rest->ptr[1]);
	if (number.len == 0 || number.len != (uint8_t)rest->ptr[1])
		return false;
	*rest = span_skip(*rest, 2 + number.len);
	if (number.len > 1 && number.ptr[0] == 0)
		number = span_skip(number, 1);
	if (number.len > COORDINATE_SIZE)
		return false;
	memset(ret_number, 0, COORDINATE_SIZE);
	memcpy(ret_number + COORDINATE_SIZE - number.len, number.ptr,
	       number.len);
	return true;
}

static bool from_der(const uint8_t *der, size_t len,
		     uint8_t ret_raw[JWS_SIGNATURE_SIZE])
{
	struct span rest = span_of((const char *)der, len);

	if (len < 2 || der[0] != 0x30 || der[1] != len - 2)
		return false;
	rest = span_skip(rest, 2);
	return take_integer(&rest, ret_raw) &&
	       take_integer(&rest, ret_raw + COORDINATE_SIZE) && rest.len == 0;
}

int jws_verify(const struct jws *jws, EVP_PKEY *key)
{
	uint8_t der[DER_MAX_BYTES];

	if (!is_p256(key))
		return -EINVAL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context)
		return -ENOMEM;
	size_t len = to_der(jws->signature, der);
	bool ok = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL,
				       key) == 1 &&
		  EVP_DigestVerify(context, der, len,
				   (const uint8_t *)jws->input.ptr,
				   jws->input.len) == 1;
	EVP_MD_CTX_free(context);
	return ok ? 0 : JWS_FORGED;
}

static int sign(EVP_PKEY *key, struct span input,
		uint8_t ret_raw[JWS_SIGNATURE_SIZE])
{
	/* A token may ask for more room than it then uses */
	uint8_t der[2 * DER_MAX_BYTES];
	size_t len = sizeof(der);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context)
		return -ENOMEM;
	bool ok = EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) ==
			  1 &&
		  EVP_DigestSign(context, der, &len, (const uint8_t *)input.ptr,
				 input.len) == 1;
	EVP_MD_CTX_free(context);
	return ok && from_der(der, len, ret_raw) ? 0 : -EIO;
}

static void put_part(struct jws_out *out, const void *data, size_t size)
{
	base64url_encode(data, size, out->text + out->len);
	out->len += BASE64URL_CHARS(size);
}

int jws_sign(EVP_PKEY *key, const char *typ, struct span payload,
	     struct jws_out *out)
{
	char header[JWS_HEADER_MAX_BYTES], kid[JWS_KEY_ID_CHARS + 1];
	uint8_t raw[JWS_SIGNATURE_SIZE];

	if (payload.len > JWS_PAYLOAD_MAX_BYTES)
		return JWS_TOO_LARGE;
	int r = jws_key_id(key, kid);
	if (r < 0)
		return r;
	int head = snprintf(header, sizeof(header),
			    "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%s\"}",
			    kid, typ);
	if (head < 0 || (size_t)head >= sizeof(header))
		return -EINVAL;
	if (out->cap < BASE64URL_CHARS((size_t)head) +
			       BASE64URL_CHARS(payload.len) +
			       BASE64URL_CHARS(sizeof(raw)) + 2)
		return -ENOBUFS;

	out->len = 0;
	put_part(out, header, (size_t)head);
	out->text[out->len++] = '.';
	put_part(out, payload.ptr, payload.len);
	r = sign(key, span_of(out->text, out->len), raw);
	if (r < 0)
		return r;
	out->text[out->len++] = '.';
	put_part(out, raw, sizeof(raw));
	return 0;
}

/* --- the key's name ------------------------------------------------------- */

EVP_PKEY *jws_public_key(const uint8_t *point, size_t size)
{
	uint8_t copy[POINT_MAX_BYTES];
	char group[] = "prime256v1";

	if (size > sizeof(copy))
		return NULL;
	memcpy(copy, point, size);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy,
						  size),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static bool coordinate(const EVP_PKEY *key, const char *name,
		       char ret_text[BASE64URL_CHARS(COORDINATE_SIZE)])
{
	uint8_t bytes[COORDINATE_SIZE];
	BIGNUM *number = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
		  BN_bn2binpad(number, bytes, sizeof(bytes)) ==
			  (int)sizeof(bytes);

	BN_free(number);
	if (ok)
		base64url_encode(bytes, sizeof(bytes), ret_text);
	return ok;
}

static bool get_point(const EVP_PKEY *key, uint8_t ret_point[POINT_MAX_BYTES],
		      size_t *ret_size)
{
	return is_p256(key) &&
	       EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
					       ret_point, POINT_MAX_BYTES,
					       ret_size) == 1;
}

int jws_point(const EVP_PKEY *key, char ret_point[JWS_POINT_CHARS + 1])
{
	uint8_t point[POINT_MAX_BYTES];
	size_t size = 0;

	if (!get_point(key, point, &size) || size <= COORDINATE_SIZE)
		return -EINVAL;
	/* Uncompressed it ends with y, whose last bit is the sign */
	if (point[0] == 4)
		point[0] = (uint8_t)(2 | (point[size - 1] & 1));
	base64url_encode(point, 1 + COORDINATE_SIZE, ret_point);
	ret_point[JWS_POINT_CHARS] = '\0';
	return 0;
}

/* A key that lives in a token tells its point, and perhaps only compressed;
 * a public key made from it tells both coordinates. */
static bool coordinates(const EVP_PKEY *key, char *ret_x, char *ret_y)
{
	uint8_t point[POINT_MAX_BYTES];
	size_t size = 0;

	if (!get_point(key, point, &size))
		return false;
	EVP_PKEY *public = jws_public_key(point, size);
	bool ok = public &&
		  coordinate(public, OSSL_PKEY_PARAM_EC_PUB_X, ret_x) &&
		  coordinate(public, OSSL_PKEY_PARAM_EC_PUB_Y, ret_y);
	EVP_PKEY_free(public);
	return ok;
}

int jws_key_id(const EVP_PKEY *key, char ret_id[JWS_KEY_ID_CHARS + 1])
{
	char x[JWS_KEY_ID_CHARS], y[JWS_KEY_ID_CHARS], jwk[256];
	uint8_t digest[32];

	if (!coordinates(key, x, y))
		return -EINVAL;
	/* RFC 7638 §3.2: these members, in this order, no blanks */
	int n = snprintf(jwk, sizeof(jwk),
			 "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%.43s\","
			 "\"y\":\"%.43s\"}",
			 x, y);
	if (EVP_Digest(jwk, (size_t)n, digest, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	base64url_encode(digest, sizeof(digest), ret_id);
	ret_id[JWS_KEY_ID_CHARS] = '\0';
	return 0;
}
