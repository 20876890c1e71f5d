/* SPDX-License-Identifier: Apache-2.0 */
/* Signed texts: RFC 7515's own example, ours, and every way to be refused. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "agent/wire/jws.h"
#include "agent/wire/trust.h"

/* RFC 7515 appendix A.3. */
#define A3_HEADER "eyJhbGciOiJFUzI1NiJ9"
#define A3_PAYLOAD                                                             \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"     \
	"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define A3_SIGNATURE                                                           \
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"     \
	"pmWQxfKTUJqPP3-Kg6NU1Q"
#define A3   A3_HEADER "." A3_PAYLOAD "." A3_SIGNATURE
#define A3_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define A3_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define PAYLOAD                                                                \
	"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://exa"           \
	"mple.com/is_root\":true}"

#define TEXT_MAX 4096

/* The public key of A.3 as PEM text, made from its coordinates. */
static void a3_pem(char pem[512])
{
	static const uint8_t prefix[] = {
		0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
		0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
		0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
	};
	uint8_t spki[91];
	char base64[160];

	memcpy(spki, prefix, sizeof(prefix));
	assert_int_equal(base64url_decode(SPAN(A3_X), spki + 27), 0);
	assert_int_equal(base64url_decode(SPAN(A3_Y), spki + 59), 0);
	EVP_EncodeBlock((unsigned char *)base64, spki, sizeof(spki));
	(void)snprintf(pem, 512,
		       "# RFC 7515\n-----BEGIN PUBLIC KEY-----\n%.64s\n%s\n"
		       "-----END PUBLIC KEY-----\n",
		       base64, base64 + 64);
}

static void a3_trust(struct trust *trust)
{
	char pem[512];

	a3_pem(pem);
	memset(trust, 0, sizeof(*trust));
	assert_int_equal(trust_read(span_str(pem), trust), 0);
	assert_int_equal(trust->count, 1);
}

static EVP_PKEY *new_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_non_null(key);
	return key;
}

/* HEADER as it stands over a payload, with a signature of the right length. */
static struct span text_of(const char *header, char buf[TEXT_MAX])
{
	size_t n = BASE64URL_CHARS(strlen(header));

	base64url_encode((const uint8_t *)header, strlen(header), buf);
	memcpy(buf + n, ".e30." A3_SIGNATURE, sizeof(".e30." A3_SIGNATURE));
	return span_of(buf, strlen(buf));
}

static void the_example_of_rfc_7515_is_read_and_verified(void **state)
{
	_cleanup_trust_ struct trust trust = {0};
	char payload[128];
	struct jws jws;

	(void)state;
	a3_trust(&trust);
	assert_int_equal(jws_read(SPAN(A3), &jws), 0);
	assert_string_equal(jws.kid, "");
	assert_int_equal(jws_verify(&jws, trust.keys[0]), 0);
	assert_int_equal(jws_payload_size(&jws), strlen(PAYLOAD));
	assert_int_equal(jws_payload(&jws, (uint8_t *)payload), 0);
	assert_memory_equal(payload, PAYLOAD, strlen(PAYLOAD));
	/* It has no kid, so nobody says whose it is */
	assert_int_equal(trust_verify(&trust, SPAN(A3), &jws), JWS_OTHER_KEY);
}

static void any_changed_character_is_noticed(void **state)
{
	_cleanup_trust_ struct trust trust = {0};
	char text[] = A3;
	struct jws jws;

	(void)state;
	a3_trust(&trust);
	for (size_t at = 0; at < strlen(text); at++) {
		char was = text[at];

		text[at] = was == 'A' ? 'B' : 'A';
		int r = jws_read(span_str(text), &jws);
		if (r == 0)
			r = jws_verify(&jws, trust.keys[0]);
		assert_int_not_equal(r, 0);
		text[at] = was;
	}
}

static void headers_that_are_not_ours_are_refused(void **state)
{
	static const struct {
		const char *header;
		int outcome;
	} rows[] = {
		{"{\"alg\":\"ES256\"}", 0},
		{" { \"alg\" : \"ES256\" ,\r\n\"kid\":\"k\",\"typ\":\"t\" } ",
		 0},
		{"{\"kid\":\"k\",\"alg\":\"ES256\"}", 0},
		{"{\"alg\":\"none\"}", JWS_BAD_ALGORITHM},
		{"{\"alg\":\"None\"}", JWS_BAD_ALGORITHM},
		{"{\"alg\":\"HS256\"}", JWS_BAD_ALGORITHM},
		{"{\"alg\":\"es256\"}", JWS_BAD_ALGORITHM},
		{"{\"alg\":\"ES256K\"}", JWS_BAD_ALGORITHM},
		{"{\"kid\":\"k\"}", JWS_BAD_ALGORITHM},
		{"{\"alg\":\"ES256\",\"crit\":[\"b64\"]}", JWS_CRITICAL},
		{"{\"crit\":[],\"alg\":\"ES256\"}", JWS_CRITICAL},
		{"{\"alg\":\"ES256\",\"alg\":\"ES256\"}", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\",\"alg\":\"none\"}", JWS_BAD_HEADER},
		{"{\"kid\":\"\",\"kid\":\"b\",\"alg\":\"ES256\"}",
		 JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\",\"jwk\":{}}", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\",\"jku\":\"https://x/\"}", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\",\"x5c\":[]}", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\",\"b64\":false}", JWS_BAD_HEADER},
		{"{\"alg\":\"ES\\u0032\\u0035\\u0036\"}", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\"}}", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\",}", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\"", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256", JWS_BAD_HEADER},
		{"{\"alg\" \"ES256\"}", JWS_BAD_HEADER},
		{"{\"alg\":256}", JWS_BAD_HEADER},
		{"{}", JWS_BAD_HEADER},
		{"[]", JWS_BAD_HEADER},
		{"\"ES256\"", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\",\"kid\":\"a\x1f\"}", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\",\"kid\":\"\xc3\xa9\"}", JWS_BAD_HEADER},
		{"{\"alg\":\"ES256\",\"kid\":\"0123456789012345678901234567890"
		 "123456789012345678901234567890123x\"}",
		 JWS_BAD_HEADER},
	};
	char buf[TEXT_MAX];
	struct jws jws = {.kid = "untouched"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = jws_read(text_of(rows[i].header, buf), &jws);
		if (r != rows[i].outcome)
			fail_msg("%s: %s", rows[i].header,
				 jws_outcome_to_str(r));
		if (r == 0)
			memcpy(jws.kid, "untouched", 10);
		assert_string_equal(jws.kid, "untouched");
	}
}

static void texts_of_another_shape_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		".",
		"..",
		"...",
		A3_HEADER,
		A3_HEADER "." A3_PAYLOAD,
		A3_HEADER "." A3_PAYLOAD ".",
		A3 ".",
		A3 "\n",
		A3 "=",
		" " A3,
		A3_HEADER "=." A3_PAYLOAD "." A3_SIGNATURE,
		A3_HEADER "." A3_PAYLOAD "." A3_SIGNATURE "AA",
		"{\"payload\":\"e30\",\"protected\":\"e30\"}",
	};
	struct jws jws;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(jws_read(span_str(texts[i]), &jws),
				 JWS_MALFORMED);
	/* the payload's own alphabet is looked at when it is taken out */
	char payload[256];
	assert_int_equal(jws_read(SPAN(A3_HEADER ".e3+0." A3_SIGNATURE), &jws),
			 0);
	assert_int_equal(jws_payload(&jws, (uint8_t *)payload), JWS_MALFORMED);
}

static void what_is_too_large_is_refused_before_it_is_read(void **state)
{
	size_t size = JWS_TEXT_MAX_BYTES + 1;
	char *text = malloc(size);
	struct jws jws;

	(void)state;
	assert_non_null(text);
	memset(text, 'A', size);
	assert_int_equal(jws_read(span_of(text, size), &jws), JWS_TOO_LARGE);
	/* a header over its own limit */
	text[1000] = '.';
	memcpy(text + 1001, "e30." A3_SIGNATURE, 4 + 86);
	assert_int_equal(jws_read(span_of(text, 1001 + 4 + 86), &jws),
			 JWS_TOO_LARGE);
	/* a payload one byte over its limit, in a text within its own */
	size_t head = strlen(A3_HEADER) + 1;
	size_t payload = BASE64URL_CHARS((size_t)JWS_PAYLOAD_MAX_BYTES + 1);
	memcpy(text, A3_HEADER ".", head);
	memset(text + head, 'A', payload);
	memcpy(text + head + payload, "." A3_SIGNATURE, 87);
	assert_int_equal(jws_read(span_of(text, head + payload + 87), &jws),
			 JWS_TOO_LARGE);
	free(text);
}

static void what_is_signed_is_verified_and_by_this_key_only(void **state)
{
	EVP_PKEY *key = new_key(), *other = new_key();
	char text[TEXT_MAX], id[JWS_KEY_ID_CHARS + 1], payload[16];
	struct jws_out out = {.text = text, .cap = sizeof(text)};
	struct jws jws;

	(void)state;
	/* often enough for coordinates that begin with 0x00 and with 0x80 */
	for (int i = 0; i < 300; i++) {
		assert_int_equal(jws_sign(key, "test", SPAN("a policy"), &out),
				 0);
		assert_int_equal(jws_read(span_of(text, out.len), &jws), 0);
		assert_int_equal(jws_verify(&jws, key), 0);
	}
	assert_int_equal(jws_verify(&jws, other), JWS_FORGED);
	assert_int_equal(jws_key_id(key, id), 0);
	assert_string_equal(jws.kid, id);
	assert_string_equal(jws.typ, "test");
	assert_int_equal(jws_payload_size(&jws), 8);
	assert_int_equal(jws_payload(&jws, (uint8_t *)payload), 0);
	assert_memory_equal(payload, "a policy", 8);
	memset(jws.signature, 0, sizeof(jws.signature));
	assert_int_equal(jws_verify(&jws, key), JWS_FORGED);
	memset(jws.signature, 0xff, sizeof(jws.signature));
	assert_int_equal(jws_verify(&jws, key), JWS_FORGED);

	size_t exact = out.len;
	out.cap = exact - 1;
	assert_int_equal(jws_sign(key, "test", SPAN("a policy"), &out),
			 -ENOBUFS);
	out.cap = exact;
	assert_int_equal(jws_sign(key, "test", SPAN("a policy"), &out), 0);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void other_kinds_of_keys_are_refused(void **state)
{
	EVP_PKEY *keys[] = {EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"),
			    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
	char text[TEXT_MAX], id[JWS_KEY_ID_CHARS + 1];
	struct jws_out out = {.text = text, .cap = sizeof(text)};
	struct jws jws;

	(void)state;
	assert_int_equal(jws_read(SPAN(A3), &jws), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_non_null(keys[i]);
		assert_int_equal(jws_verify(&jws, keys[i]), -EINVAL);
		assert_int_equal(jws_key_id(keys[i], id), -EINVAL);
		assert_int_equal(jws_sign(keys[i], "t", SPAN("x"), &out),
				 -EINVAL);
		EVP_PKEY_free(keys[i]);
	}
}

/* What OpenSSL writes, which trust_read() must take. */
static size_t put_pem(EVP_PKEY *key, char *text)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	size_t size = (size_t)BIO_get_mem_data(bio, &data);
	memcpy(text, data, size);
	text[size] = '\0';
	BIO_free(bio);
	return size;
}

static void trust_takes_several_keys_and_picks_by_kid(void **state)
{
	EVP_PKEY *keys[5];
	char pem[TEXT_MAX], text[TEXT_MAX];
	size_t len = 0, three = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		keys[i] = new_key();
		len += put_pem(keys[i], pem + len);
		if (i == 2)
			three = len;
	}
	_cleanup_trust_ struct trust trust = {0};
	assert_int_equal(trust_read(span_of(pem, len), &trust), TRUST_TOO_MANY);
	assert_int_equal(trust.count, 0);
	assert_int_equal(trust_read(span_of(pem, three), &trust), 0);
	assert_int_equal(trust.count, 3);
	for (size_t i = 0; i < 5; i++) {
		struct jws_out out = {.text = text, .cap = sizeof(text)};
		struct jws jws;
		assert_int_equal(jws_sign(keys[i], "t", SPAN("x"), &out), 0);
		assert_int_equal(trust_verify(&trust, span_of(text, out.len),
					      &jws),
				 i < 3 ? 0 : JWS_OTHER_KEY);
		EVP_PKEY_free(keys[i]);
	}
}

static void a_key_file_with_anything_else_is_refused(void **state)
{
	_cleanup_trust_ struct trust trust = {0};
	EVP_PKEY *p384 = EVP_EC_gen("P-384");
	char pem[TEXT_MAX];

	(void)state;
	a3_pem(pem);
	assert_int_equal(trust_read(SPAN(""), &trust), TRUST_NONE);
	assert_int_equal(trust_read(SPAN("ES256\n"), &trust), TRUST_NONE);
	assert_int_equal(trust_read(span_of(pem, strlen(pem) - 4), &trust),
			 TRUST_MALFORMED);
	char *at = strstr(pem, "KEY-----\nM") + 40;
	char was = *at;
	*at = '*';
	assert_int_equal(trust_read(span_str(pem), &trust), TRUST_MALFORMED);
	*at = was;
	/* a point that is not on the curve */
	at = strstr(pem, "\n-----END") - 6;
	*at = *at == 'A' ? 'B' : 'A';
	assert_int_equal(trust_read(span_str(pem), &trust), TRUST_MALFORMED);
	(void)put_pem(p384, pem);
	assert_int_equal(trust_read(span_str(pem), &trust), TRUST_MALFORMED);
	assert_int_equal(trust.count, 0);
	EVP_PKEY_free(p384);
}

static void base64url_has_one_spelling(void **state)
{
	static const struct {
		const char *text;
		const char *bytes;
	} rows[] = {
		{"", ""},	 {"Zg", "f"},	      {"Zm8", "fo"},
		{"Zm9v", "foo"}, {"-_8", "\xfb\xff"},
	};
	static const char *const bad[] = {"Z",	  "Zg==",  "Zh",
					  "Zm9",  "Zm9v=", "Zm+v",
					  "Zm/v", "Z g",   "Zm\n8"};
	uint8_t bytes[8];
	char text[8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].bytes);
		assert_int_equal(BASE64URL_CHARS(n), strlen(rows[i].text));
		assert_int_equal(BASE64URL_BYTES(strlen(rows[i].text)), n);
		assert_int_equal(
			base64url_decode(span_str(rows[i].text), bytes), 0);
		assert_memory_equal(bytes, rows[i].bytes, n);
		base64url_encode(bytes, n, text);
		assert_memory_equal(text, rows[i].text, BASE64URL_CHARS(n));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(base64url_decode(span_str(bad[i]), bytes),
				 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_rfc_7515_is_read_and_verified),
		cmocka_unit_test(any_changed_character_is_noticed),
		cmocka_unit_test(headers_that_are_not_ours_are_refused),
		cmocka_unit_test(texts_of_another_shape_are_refused),
		cmocka_unit_test(
			what_is_too_large_is_refused_before_it_is_read),
		cmocka_unit_test(
			what_is_signed_is_verified_and_by_this_key_only),
		cmocka_unit_test(other_kinds_of_keys_are_refused),
		cmocka_unit_test(trust_takes_several_keys_and_picks_by_kid),
		cmocka_unit_test(a_key_file_with_anything_else_is_refused),
		cmocka_unit_test(base64url_has_one_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
