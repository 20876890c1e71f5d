/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts and codes: what the check character catches is tried out in full.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "policy/code.h"

#define LETTERS "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

static const struct code_key key_a = {{1, 2, 3}};
static const struct code_key key_b = {{4, 5, 6}};
static const struct code_scope scope_ro = {GRANT_READ_ONLY, 30, 1};

#define HELPDESK                                                               \
	{                                                                      \
		SPAN("hd"), SPAN("helpdesk"), MEDIA_READ_WRITE, 600, 1         \
	}
#define APPROVER                                                               \
	{                                                                      \
		SPAN("ap"), SPAN("approver"), MEDIA_READ_WRITE, 0, 1           \
	}

static struct code_desks both(void)
{
	return (struct code_desks){2,
				   {{CODE_LEVEL_HELPDESK, HELPDESK, key_a},
				    {CODE_LEVEL_APPROVER, APPROVER, key_b}}};
}

static void strip(const char *text, char *ret_letters)
{
	for (; *text; text++)
		if (*text != '-')
			*ret_letters++ = *text;
	*ret_letters = '\0';
}

static unsigned value_of(char letter)
{
	return (unsigned)(strchr(LETTERS, letter) - LETTERS);
}

static bool is_receipt(const char *text)
{
	struct code_receipt receipt;

	return code_receipt_read(span_str(text), &receipt) == 0;
}

static bool is_code(const char *text)
{
	struct code code;

	return code_read(span_str(text), &code) == 0;
}

static unsigned try_all(const char *text, bool (*is_word)(const char *))
{
	char word[32];
	unsigned passed = 0;

	strip(text, word);
	size_t n = strlen(word);
	for (size_t i = 0; i < n; i++) {
		const char was = word[i];
		for (const char *c = LETTERS; *c; c++) {
			word[i] = *c;
			passed += *c != was && is_word(word);
		}
		word[i] = was;
		for (size_t k = i + 1; k < n; k++) {
			if (word[i] == word[k])
				continue;
			const char other = word[k];
			word[i] = other;
			word[k] = was;
			passed += is_word(word);
			/* and two equal letters misheard as another pair */
			word[i] = word[k] = was;
			bool was_word = is_word(word);
			word[i] = word[k] = other;
			passed += was_word && is_word(word);
			word[i] = was;
			word[k] = other;
		}
	}
	assert_true(is_word(word));
	return passed;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void every_wrong_letter_and_every_swap_is_caught(void **state)
{
	uint64_t random = 88172645463325252u;
	char text[CODE_SIZE];

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		struct code_receipt receipt = {next_random(&random) >> 24};
		code_receipt_format(receipt, text);
		assert_int_equal(try_all(text, is_receipt), 0);
		assert_int_equal(code_make(&key_a, receipt, &scope_ro, text),
				 0);
		assert_int_equal(try_all(text, is_code), 0);
	}
}

/*
 * Words are all sums (exclusive or) of a row of zeros' word and a linear code,
 * so an error goes unseen in one word if and only if it does in every word. A
 * wrong letter adds one value in one place; a swap, and a pair of equal
 * letters misheard, the same value in two. All of these, on one word, prove
 * it for all words.
 */
static void check_patterns(const char *text, bool (*is_word)(const char *))
{
	char word[32];

	strip(text, word);
	const size_t n = strlen(word);
	for (size_t i = 0; i < n; i++)
		for (unsigned value = 1; value < 32; value++) {
			const char was = word[i];
			word[i] = LETTERS[value_of(was) ^ value];
			assert_false(is_word(word));
			for (size_t k = i + 1; k < n; k++) {
				const char other = word[k];
				word[k] = LETTERS[value_of(other) ^ value];
				assert_false(is_word(word));
				word[k] = other;
			}
			word[i] = was;
		}
	assert_true(is_word(word));
}

static void no_error_of_one_value_in_one_or_two_places_passes(void **state)
{
	char text[CODE_SIZE];

	(void)state;
	code_receipt_format((struct code_receipt){0}, text);
	check_patterns(text, is_receipt);
	assert_int_equal(code_make(&key_a, (struct code_receipt){0}, &scope_ro,
				   text),
			 0);
	check_patterns(text, is_code);
}

static void a_code_says_its_scope_and_is_proved_by_its_key(void **state)
{
	struct code_desks desks = both();
	struct code_receipt receipt = {0x123456789a};
	const struct code_desk *by;
	struct code code;
	char text[CODE_SIZE];

	(void)state;
	for (unsigned a = GRANT_READ_ONLY; a <= GRANT_SUBSTITUTE_FACTOR; a++)
		for (unsigned m = 5; m <= CODE_MINUTES_MAX; m += 5)
			for (unsigned u = 1; u <= CODE_USES_MAX; u++) {
				const struct code_scope scope = {
					(enum grant_access)a, m, u};
				assert_int_equal(code_make(&key_b, receipt,
							   &scope, text),
						 0);
				assert_int_equal(
					code_read(span_str(text), &code), 0);
				assert_int_equal(code.scope.access, a);
				assert_int_equal(code.scope.minutes, m);
				assert_int_equal(code.scope.uses, u);
				by = NULL;
				assert_int_equal(code_prove(&code, receipt,
							    &desks, &by),
						 m > 480 ? CODE_OVER_LIMIT : 0);
				assert_ptr_equal(by, &desks.desks[1]);
			}
}

static void a_scope_that_has_no_bits_is_refused(void **state)
{
	static const struct code_scope scopes[] = {
		{GRANT_NOTHING, 30, 1},	   {(enum grant_access)5, 30, 1},
		{GRANT_READ_ONLY, 0, 1},   {GRANT_READ_ONLY, 7, 1},
		{GRANT_READ_ONLY, 645, 1}, {GRANT_READ_ONLY, 30, 0},
		{GRANT_READ_ONLY, 30, 9},
	};
	char text[CODE_SIZE] = "unchanged";

	(void)state;
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
		assert_int_equal(code_make(&key_a, (struct code_receipt){1},
					   &scopes[i], text),
				 -EINVAL);
	assert_string_equal(text, "unchanged");
}

static void limits_are_those_of_the_key(void **state)
{
	static const struct {
		struct code_scope scope;
		int by_helpdesk;
	} rows[] = {
		{{GRANT_READ_ONLY, 5, 1}, 0},
		{{GRANT_READ_ONLY, 60, 8}, 0},
		{{GRANT_READ_ONLY, 65, 1}, CODE_OVER_LIMIT},
		{{GRANT_READ_WRITE, 5, 1}, CODE_OVER_LIMIT},
		{{GRANT_AUTHORISE, 5, 1}, CODE_OVER_LIMIT},
		{{GRANT_SUBSTITUTE_FACTOR, 5, 1}, CODE_OVER_LIMIT},
	};
	struct code_desks desks = both();
	struct code_receipt receipt = {7};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct code_desk *by = NULL;
		struct code code;
		char text[CODE_SIZE];

		assert_int_equal(
			code_make(&key_a, receipt, &rows[i].scope, text), 0);
		assert_int_equal(code_read(span_str(text), &code), 0);
		assert_int_equal(code_prove(&code, receipt, &desks, &by),
				 rows[i].by_helpdesk);
		assert_ptr_equal(by, &desks.desks[0]);
		assert_int_equal(
			code_make(&key_b, receipt, &rows[i].scope, text), 0);
		assert_int_equal(code_read(span_str(text), &code), 0);
		assert_int_equal(code_prove(&code, receipt, &desks, &by), 0);
		assert_ptr_equal(by, &desks.desks[1]);
	}
}

static void a_code_is_good_for_one_receipt_and_one_terminal(void **state)
{
	struct code_desks desks = both();
	const struct code_desks none = {0};
	const struct code_desks foreign = {
		1, {{CODE_LEVEL_APPROVER, APPROVER, {{9}}}}};
	struct code_receipt receipt = {1000};
	const struct code_desk *by = NULL;
	struct code code;
	char text[CODE_SIZE];

	(void)state;
	assert_int_equal(code_make(&key_a, receipt, &scope_ro, text), 0);
	assert_int_equal(code_read(span_str(text), &code), 0);
	assert_int_equal(code_prove(&code, (struct code_receipt){1001}, &desks,
				    &by),
			 CODE_WRONG);
	assert_int_equal(code_prove(&code, receipt, &foreign, &by), CODE_WRONG);
	assert_int_equal(code_prove(&code, receipt, &none, &by), CODE_WRONG);
	code.scope.minutes = 35;
	assert_int_equal(code_prove(&code, receipt, &desks, &by), CODE_WRONG);
	code.scope.minutes = 30;
	code.proof ^= 1;
	assert_int_equal(code_prove(&code, receipt, &desks, &by), CODE_WRONG);
	assert_null(by);
	code.proof ^= 1;
	assert_int_equal(code_prove(&code, receipt, &desks, &by), 0);
}

static void a_thousand_wrong_codes_never_pass(void **state)
{
	struct code_desks desks = both();
	uint64_t random = 362436069u;
	const struct code_desk *by = NULL;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct code code = {.scope = scope_ro,
				    .proof = next_random(&random) >> 16};
		assert_int_equal(code_prove(&code, (struct code_receipt){5},
					    &desks, &by),
				 CODE_WRONG);
	}
	assert_null(by);
}

static void reading_forgives_how_people_write(void **state)
{
	static const char *const spellings[] = {
		"EYGB-13JG-B",
		"eygb13jgb",
		" eygb 13jg b\r\n",
		"EYGB-I3JG-B",
		"eygb-l3jg-b",
		"ＥＹＧＢ－１３ＪＧ－Ｂ",
		"ｅｙｇｂー１３ｊｇー\343\200\200ｂ",
		"EYGB–13JG—B",
		"EYGB・13JG.B",
		"E-Y-G-B-1-3-J-G-B",
	};
	struct code_receipt want;

	(void)state;
	assert_int_equal(code_receipt_read(SPAN("EYGB-13JG-B"), &want), 0);
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct code_receipt got = {0};
		assert_int_equal(
			code_receipt_read(span_str(spellings[i]), &got), 0);
		assert_int_equal(got.number, want.number);
	}
	char zeros[CODE_RECEIPT_SIZE];
	code_receipt_format((struct code_receipt){0}, zeros);
	memcpy(zeros, "OOoo-oO0O", 9);
	assert_int_equal(code_receipt_read(span_str(zeros), &want), 0);
	assert_int_equal(want.number, 0);
}

static void what_is_no_word_is_misspelt_and_changes_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		"-",
		"EYGB-13JG",
		"EYGB-13JG-BB",
		"EYGB-13JG-U",
		"EYGB-13JG-*",
		"EYGB-13JG-ア",
		"EYGB-13JG-\xff",
		"EYGB-13JG-\xe3\x80",
		"EYGB-13JG-\xf0\x9f\x98\x80",
		"000000000",
		"0A05-1EVF-W24P0",
		"EYGB-13JG-B"
		"                                                            "
		"                                                            ",
	};
	struct code_receipt receipt = {42};
	struct code code = {.proof = 42};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(code_receipt_read(span_str(texts[i]),
						   &receipt),
				 CODE_MISSPELT);
	assert_int_equal(code_receipt_read(span_of("EYGB\00013JGB", 10),
					   &receipt),
			 CODE_MISSPELT);
	assert_int_equal(code_read(SPAN("EYGB-13JG-B"), &code), CODE_MISSPELT);
	assert_int_equal(receipt.number, 42);
	assert_int_equal(code.proof, 42);
}

static void letters_are_counted_while_they_are_typed(void **state)
{
	(void)state;
	assert_int_equal(code_letters(SPAN("")), 0);
	assert_int_equal(code_letters(SPAN(" - ー　")), 0);
	assert_int_equal(code_letters(SPAN("9a1-ｂ")), 4);
	assert_int_equal(code_letters(SPAN("9A1M-24QX-77ZKD")), CODE_CHARS);
	assert_int_equal(code_letters(SPAN("9A1M-24QX-77ZKD9999")),
			 CODE_CHARS + 1);
}

static void a_receipt_is_bound_to_all_it_stands_for(void **state)
{
	const uint8_t secret[CODE_KEY_BYTES] = {1};
	const uint8_t after_boot[CODE_KEY_BYTES] = {2};
	static char long_text[CODE_FIELD_MAX_BYTES + 1];
	const struct code_subject subjects[] = {
		{SPAN("ab"), SPAN("c"), SPAN("d"), 0},
		{SPAN("a"), SPAN("bc"), SPAN("d"), 0},
		{SPAN("ab"), SPAN("cd"), SPAN(""), 0},
		{SPAN("ab"), SPAN("c"), SPAN("e"), 0},
		{SPAN("ab"), SPAN("c"), SPAN("d"), 1},
	};
	struct code_receipt seen[6];

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(
			code_receipt_make(secret, &subjects[i], &seen[i]), 0);
	assert_int_equal(code_receipt_make(after_boot, &subjects[0], &seen[5]),
			 0);
	for (size_t i = 0; i < 6; i++)
		for (size_t k = i + 1; k < 6; k++)
			assert_true(seen[i].number != seen[k].number);

	struct code_subject subject = subjects[0];
	subject.device = span_of(long_text, sizeof(long_text));
	struct code_receipt unchanged = {42};
	assert_int_equal(code_receipt_make(secret, &subject, &unchanged),
			 -EINVAL);
	assert_int_equal(unchanged.number, 42);
	subject.device.len--;
	assert_int_equal(code_receipt_make(secret, &subject, &unchanged), 0);
}

/* OpenSSL's own HKDF, another implementation than ours. */
static void peer_hkdf(const uint8_t *secret, const char *info, size_t info_size,
		      uint8_t ret_key[CODE_KEY_BYTES])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	char digest[] = "SHA256";
	uint8_t key[CODE_SECRET_BYTES];
	char text[256];
	memcpy(key, secret, sizeof(key));
	memcpy(text, info, info_size);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest,
						 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key,
						  sizeof(key)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, text,
						  info_size),
		OSSL_PARAM_construct_end(),
	};

	assert_int_equal(EVP_KDF_derive(ctx, ret_key, CODE_KEY_BYTES, params),
			 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static void keys_are_hkdf_and_differ_by_level_and_terminal(void **state)
{
	static const char info[] = "sekimori code key v1\0helpdesk\0abc";
	const uint8_t secret[CODE_SECRET_BYTES] = {7, 7, 7};
	uint8_t peer[CODE_KEY_BYTES];
	struct code_key a = {{0}};
	struct code_key b = {{0}};
	struct code_key c = {{0}};

	(void)state;
	assert_int_equal(code_key_derive(secret, CODE_LEVEL_HELPDESK,
					 SPAN("abc"), &a),
			 0);
	assert_int_equal(code_key_derive(secret, CODE_LEVEL_APPROVER,
					 SPAN("abc"), &b),
			 0);
	assert_int_equal(code_key_derive(secret, CODE_LEVEL_HELPDESK,
					 SPAN("abd"), &c),
			 0);
	peer_hkdf(secret, info, sizeof(info) - 1, peer);
	assert_memory_equal(a.bytes, peer, sizeof(peer));
	assert_memory_not_equal(a.bytes, b.bytes, sizeof(peer));
	assert_memory_not_equal(a.bytes, c.bytes, sizeof(peer));
	assert_int_equal(code_key_derive(secret, CODE_LEVEL_NONE, SPAN("abc"),
					 &a),
			 -EINVAL);
	assert_int_equal(code_key_derive(secret, CODE_LEVEL_HELPDESK, SPAN(""),
					 &a),
			 -EINVAL);
	assert_memory_equal(a.bytes, peer, sizeof(peer));
}

static void only_keys_of_the_same_curve_agree(void **state)
{
	EVP_PKEY *p256 = EVP_EC_gen("P-256");
	EVP_PKEY *p384 = EVP_EC_gen("P-384");
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	uint8_t secret[CODE_SECRET_BYTES] = {42};

	(void)state;
	assert_int_equal(code_agree(p256, p384, secret), -EINVAL);
	assert_int_equal(code_agree(p384, p256, secret), -EINVAL);
	assert_int_equal(code_agree(other, p256, secret), -EINVAL);
	assert_int_equal(secret[0], 42);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(other);
}

static void roles_of_the_policy_name_the_level(void **state)
{
	(void)state;
	assert_int_equal(code_level_of_role(SPAN("helpdesk-code")),
			 CODE_LEVEL_HELPDESK);
	assert_int_equal(code_level_of_role(SPAN("approver-code")),
			 CODE_LEVEL_APPROVER);
	assert_int_equal(code_level_of_role(SPAN("helpdesk")), CODE_LEVEL_NONE);
	assert_string_equal(code_level_to_str((enum code_level)99), "none");
}

/* One who needs a second person cannot have asked them by telephone. */
static void a_desk_that_needs_another_gives_nothing(void **state)
{
	struct code_desks desks = both();
	const struct code_desk *by = NULL;
	struct code code;
	char text[CODE_SIZE];

	(void)state;
	desks.desks[1].signer.approvals = 2;
	assert_int_equal(code_make(&key_b, (struct code_receipt){3}, &scope_ro,
				   text),
			 0);
	assert_int_equal(code_read(span_str(text), &code), 0);
	assert_int_equal(code_prove(&code, (struct code_receipt){3}, &desks,
				    &by),
			 CODE_OVER_LIMIT);
	assert_ptr_equal(by, &desks.desks[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_wrong_letter_and_every_swap_is_caught),
		cmocka_unit_test(
			no_error_of_one_value_in_one_or_two_places_passes),
		cmocka_unit_test(
			a_code_says_its_scope_and_is_proved_by_its_key),
		cmocka_unit_test(a_scope_that_has_no_bits_is_refused),
		cmocka_unit_test(limits_are_those_of_the_key),
		cmocka_unit_test(
			a_code_is_good_for_one_receipt_and_one_terminal),
		cmocka_unit_test(a_thousand_wrong_codes_never_pass),
		cmocka_unit_test(reading_forgives_how_people_write),
		cmocka_unit_test(
			what_is_no_word_is_misspelt_and_changes_nothing),
		cmocka_unit_test(letters_are_counted_while_they_are_typed),
		cmocka_unit_test(a_receipt_is_bound_to_all_it_stands_for),
		cmocka_unit_test(
			keys_are_hkdf_and_differ_by_level_and_terminal),
		cmocka_unit_test(only_keys_of_the_same_curve_agree),
		cmocka_unit_test(roles_of_the_policy_name_the_level),
		cmocka_unit_test(a_desk_that_needs_another_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
