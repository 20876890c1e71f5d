/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori.code(7) and the code say the same: every line of the page's vectors,
 * which another implementation wrote, is computed again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "agent/wire/base64url.h"
#include "agent/wire/jws.h"
#include "policy/code.h"

#define PAGE "pkg/man/sekimori.code.7"

struct page {
	EVP_PKEY *pairs[3]; /* by level; the terminal's is 0 */
	EVP_PKEY *points[3];
	struct code_key keys[3];
	uint8_t secrets[3][CODE_SECRET_BYTES];
	uint8_t boot[CODE_KEY_BYTES];
	char terminal[33];
	unsigned receipts;
	unsigned codes;
};

static void from_hex(const char *hex, uint8_t *ret_bytes)
{
	assert_int_equal(strlen(hex), 64);
	for (size_t i = 0; i < 32; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		ret_bytes[i] = (uint8_t)byte;
	}
}

static enum code_level level_of(const char *word)
{
	if (strcmp(word, "helpdesk") == 0)
		return CODE_LEVEL_HELPDESK;
	assert_string_equal(word, "approver");
	return CODE_LEVEL_APPROVER;
}

/* 0 for the terminal's own. */
static void take_pair(struct page *page, unsigned who, const char *hex)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	char group[] = "prime256v1";
	BIGNUM *number = NULL;
	uint8_t native[32];

	assert_true(BN_hex2bn(&number, hex) == 64);
	assert_int_equal(BN_bn2nativepad(number, native, 32), 32);
	BN_free(number);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 group, 0),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, 32),
		OSSL_PARAM_construct_end(),
	};
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &page->pairs[who],
					   EVP_PKEY_KEYPAIR, params),
			 1);
	EVP_PKEY_CTX_free(context);
}

static void take_point(struct page *page, unsigned who, const char *text)
{
	uint8_t point[33];

	assert_int_equal(strlen(text), 44);
	assert_int_equal(base64url_decode(span_str(text), point), 0);
	page->points[who] = jws_public_key(point, sizeof(point));
	assert_non_null(page->points[who]);
}

static void check_secret(struct page *page, char *const *word)
{
	enum code_level level = level_of(word[1]);
	uint8_t by_desk[CODE_SECRET_BYTES];

	from_hex(word[2], page->secrets[level]);
	assert_int_equal(
		code_agree(page->pairs[level], page->points[0], by_desk), 0);
	assert_memory_equal(by_desk, page->secrets[level], 32);
	assert_int_equal(
		code_agree(page->pairs[0], page->points[level], by_desk), 0);
	assert_memory_equal(by_desk, page->secrets[level], 32);
}

static void check_key(struct page *page, char *const *word)
{
	enum code_level level = level_of(word[1]);
	struct code_key want;

	from_hex(word[2], want.bytes);
	assert_int_equal(code_key_derive(page->secrets[level], level,
					 span_str(page->terminal),
					 &page->keys[level]),
			 0);
	assert_memory_equal(page->keys[level].bytes, want.bytes, 32);
}

static void check_receipt(struct page *page, char *const *word)
{
	const struct code_subject subject = {
		span_str(page->terminal), span_str(word[1]), span_str(word[2]),
		(uint32_t)strtoul(word[3], NULL, 10)};
	struct code_receipt receipt;
	char text[CODE_RECEIPT_SIZE];

	assert_int_equal(code_receipt_make(page->boot, &subject, &receipt), 0);
	code_receipt_format(receipt, text);
	assert_string_equal(text, word[4]);
	page->receipts++;
}

static void check_code(struct page *page, char *const *word)
{
	enum code_level level = level_of(word[1]);
	struct code_scope scope = {
		.minutes = (unsigned)strtoul(word[4], NULL, 10),
		.uses = (unsigned)strtoul(word[5], NULL, 10)};
	struct code_receipt receipt;
	char text[CODE_SIZE];

	assert_int_equal(code_receipt_read(span_str(word[2]), &receipt), 0);
	assert_int_equal(
		grant_access_from_str(span_str(word[3]), &scope.access), 0);
	assert_int_equal(code_make(&page->keys[level], receipt, &scope, text),
			 0);
	assert_string_equal(text, word[6]);
	page->codes++;
}

static void check_line(struct page *page, char *line)
{
	char *word[8] = {NULL};
	size_t n = 0;

	for (char *at = strtok_r(line, " \n", &line); at && n < 8;
	     at = strtok_r(NULL, " \n", &line))
		word[n++] = at;
	if (n == 2 && strcmp(word[0], "terminal-private") == 0)
		take_pair(page, 0, word[1]);
	else if (n == 2 && strcmp(word[0], "terminal-public") == 0)
		take_point(page, 0, word[1]);
	else if (n == 3 && strcmp(word[0], "desk-private") == 0)
		take_pair(page, level_of(word[1]), word[2]);
	else if (n == 3 && strcmp(word[0], "desk-public") == 0)
		take_point(page, level_of(word[1]), word[2]);
	else if (n == 3 && strcmp(word[0], "secret") == 0)
		check_secret(page, word);
	else if (n == 2 && strcmp(word[0], "terminal") == 0)
		(void)snprintf(page->terminal, sizeof(page->terminal), "%s",
			       word[1]);
	else if (n == 3 && strcmp(word[0], "key") == 0)
		check_key(page, word);
	else if (n == 2 && strcmp(word[0], "boot-secret") == 0)
		from_hex(word[1], page->boot);
	else if (n == 5 && strcmp(word[0], "receipt") == 0)
		check_receipt(page, word);
	else if (n == 7 && strcmp(word[0], "code") == 0)
		check_code(page, word);
	else
		fail_msg("not a vector: %s", word[0] ? word[0] : "(empty)");
}

static void the_page_and_the_code_agree(void **state)
{
	FILE *file = fopen(PAGE, "re");
	struct page page = {0};
	char line[512];
	bool is_inside = false;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, ".\\\" vectors", 11) == 0)
			is_inside = true;
		else if (strncmp(line, ".Ed", 3) == 0)
			is_inside = false;
		else if (is_inside && line[0] != '.')
			check_line(&page, line);
	}
	(void)fclose(file);
	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY_free(page.pairs[i]);
		EVP_PKEY_free(page.points[i]);
	}
	assert_int_equal(page.receipts, 3);
	assert_int_equal(page.codes, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_and_the_code_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
