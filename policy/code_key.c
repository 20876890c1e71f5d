/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys behind receipts and codes: HMAC-SHA-256 (RFC 2104) and HKDF (RFC
 * 5869) with a single block of output. Every text that goes under a key begins
 * with its own label, so that no output of one purpose serves another. Nothing
 * is kept; what was secret on the stack is cleansed.
 */
#include "policy/code.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "policy/code_parts.h"

#define SUM_BYTES ((size_t)32)

static const char receipt_label[] = "sekimori receipt v1";
static const char proof_label[] = "sekimori code v1";
static const char key_label[] = "sekimori code key v1";

static int mac(const uint8_t *key, size_t key_size, struct span message,
	       uint8_t ret_sum[SUM_BYTES])
{
	unsigned size = 0;

	if (!HMAC(EVP_sha256(), key, (int)key_size,
		  (const unsigned char *)message.ptr, message.len, ret_sum,
		  &size))
		return -ENOMEM;
	return 0;
}

static uint64_t take_bytes(const uint8_t *bytes, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void put_bytes(uint64_t value, size_t n, uint8_t *ret_bytes)
{
	for (size_t i = 0; i < n; i++)
		ret_bytes[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
}

/* A text of any length as 32 bytes, so that fields cannot run together. */
static int put_field(struct span field, uint8_t ret_sum[SUM_BYTES])
{
	unsigned size = 0;

	if (field.len > CODE_FIELD_MAX_BYTES)
		return -EINVAL;
	return EVP_Digest(field.len ? field.ptr : "", field.len, ret_sum, &size,
			  EVP_sha256(), NULL) == 1
		       ? 0
		       : -ENOMEM;
}

int code_receipt_make(const uint8_t boot_secret[CODE_KEY_BYTES],
		      const struct code_subject *subject,
		      struct code_receipt *ret_receipt)
{
	uint8_t message[sizeof(receipt_label) + 4 + 3 * SUM_BYTES];
	uint8_t sum[SUM_BYTES];
	uint8_t *at = message + sizeof(receipt_label);

	memcpy(message, receipt_label, sizeof(receipt_label));
	put_bytes(subject->round, 4, at);
	at += 4;
	int r = put_field(subject->terminal, at);
	if (r == 0)
		r = put_field(subject->device, at + SUM_BYTES);
	if (r == 0)
		r = put_field(subject->user, at + 2 * SUM_BYTES);
	if (r == 0)
		r = mac(boot_secret, CODE_KEY_BYTES,
			span_of((const char *)message, sizeof(message)), sum);
	if (r < 0)
		return r;
	ret_receipt->number = take_bytes(sum, 5);
	return 0;
}

/* RFC 5869, 2.2 and 2.3: one block, so T(1) alone. */
static int hkdf(const uint8_t secret[CODE_SECRET_BYTES], struct span info,
		uint8_t ret_key[SUM_BYTES])
{
	static const uint8_t no_salt[SUM_BYTES];
	uint8_t block[sizeof(key_label) + 16 + CODE_FIELD_MAX_BYTES + 1];
	uint8_t prk[SUM_BYTES];

	int r = mac(no_salt, sizeof(no_salt),
		    span_of((const char *)secret, CODE_SECRET_BYTES), prk);
	if (r < 0)
		return r;
	memcpy(block, info.ptr, info.len);
	block[info.len] = 1;
	r = mac(prk, sizeof(prk), span_of((const char *)block, info.len + 1),
		ret_key);
	OPENSSL_cleanse(prk, sizeof(prk));
	return r;
}

int code_key_derive(const uint8_t secret[CODE_SECRET_BYTES],
		    enum code_level level, struct span terminal,
		    struct code_key *ret_key)
{
	uint8_t info[sizeof(key_label) + 16 + CODE_FIELD_MAX_BYTES];
	struct span word = span_str(code_level_to_str(level));
	struct code_key key = {{0}};

	if (level == CODE_LEVEL_NONE || terminal.len == 0 ||
	    terminal.len > CODE_FIELD_MAX_BYTES)
		return -EINVAL;
	size_t size = sizeof(key_label);
	memcpy(info, key_label, size);
	memcpy(info + size, word.ptr, word.len);
	size += word.len;
	info[size++] = 0;
	memcpy(info + size, terminal.ptr, terminal.len);
	size += terminal.len;
	int r = hkdf(secret, span_of((const char *)info, size), key.bytes);
	if (r == 0)
		*ret_key = key;
	OPENSSL_cleanse(&key, sizeof(key));
	return r;
}

/* HMAC over label, receipt (5 bytes) and scope (2 bytes), its first 48 bits. */
static int make_proof(const struct code_key *key, struct code_receipt receipt,
		      uint16_t scope_bits, uint64_t *ret_proof)
{
	uint8_t message[sizeof(proof_label) + 5 + 2];
	uint8_t sum[SUM_BYTES];

	memcpy(message, proof_label, sizeof(proof_label));
	put_bytes(receipt.number, 5, message + sizeof(proof_label));
	put_bytes(scope_bits, 2, message + sizeof(proof_label) + 5);
	int r = mac(key->bytes, sizeof(key->bytes),
		    span_of((const char *)message, sizeof(message)), sum);
	if (r == 0)
		*ret_proof = take_bytes(sum, CODE_PROOF_BITS / 8);
	OPENSSL_cleanse(sum, sizeof(sum));
	return r;
}

int code_make(const struct code_key *key, struct code_receipt receipt,
	      const struct code_scope *scope, char ret_text[CODE_SIZE])
{
	uint16_t bits;
	uint64_t proof;

	if (!code_scope_to_bits(scope, &bits))
		return -EINVAL;
	int r = make_proof(key, receipt, bits, &proof);
	if (r < 0)
		return r;
	code_write(bits, proof, ret_text);
	return 0;
}

static int is_made_by(const struct code_key *key, const struct code *code,
		      struct code_receipt receipt, bool *ret_is)
{
	uint8_t have[CODE_PROOF_BITS / 8];
	uint8_t want[CODE_PROOF_BITS / 8];
	uint16_t bits;
	uint64_t proof;

	*ret_is = false;
	if (!code_scope_to_bits(&code->scope, &bits))
		return 0;
	int r = make_proof(key, receipt, bits, &proof);
	if (r < 0)
		return r;
	put_bytes(code->proof, sizeof(have), have);
	put_bytes(proof, sizeof(want), want);
	*ret_is = CRYPTO_memcmp(have, want, sizeof(want)) == 0;
	OPENSSL_cleanse(want, sizeof(want));
	return 0;
}

static bool may_give(const struct code_desk *desk, const struct code *code)
{
	const struct grant grant = {
		.action = GRANT_GRANT,
		.access = code->scope.access,
		.minutes = code->scope.minutes,
	};

	return desk->signer.approvals <= 1 &&
	       grant_check_signer(&grant, &desk->signer) == GRANT_COUNTS;
}

int code_prove(const struct code *code, struct code_receipt receipt,
	       const struct code_desks *desks,
	       const struct code_desk **ret_desk)
{
	const struct code_desk *by = NULL;

	assert(desks->count <= CODE_DESKS_MAX);
	for (size_t i = 0; i < desks->count; i++) {
		bool is_made;
		int r = is_made_by(&desks->desks[i].key, code, receipt,
				   &is_made);
		if (r < 0)
			return r;
		if (is_made)
			by = &desks->desks[i];
	}
	if (!by)
		return CODE_WRONG;
	*ret_desk = by;
	return may_give(by, code) ? 0 : CODE_OVER_LIMIT;
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[32] = "";
	size_t len = 0;

	return EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

int code_agree(EVP_PKEY *own, EVP_PKEY *other,
	       uint8_t ret_secret[CODE_SECRET_BYTES])
{
	uint8_t secret[CODE_SECRET_BYTES];
	size_t size = sizeof(secret);

	if (!is_p256(own) || !is_p256(other))
		return -EINVAL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
	bool ok = context && EVP_PKEY_derive_init(context) == 1 &&
		  EVP_PKEY_derive_set_peer(context, other) == 1 &&
		  EVP_PKEY_derive(context, secret, &size) == 1 &&
		  size == sizeof(secret);
	EVP_PKEY_CTX_free(context);
	if (ok)
		memcpy(ret_secret, secret, sizeof(secret));
	OPENSSL_cleanse(secret, sizeof(secret));
	return ok ? 0 : -EIO;
}
