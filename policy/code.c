/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The letters of receipts and codes. Both are words over GF(32), Crockford's
 * letters as its elements; the check character makes
 *   start * a^n + c1 * a^(n-1) + … + cn
 * zero, a = 2 in GF(2)[x] / (x^5 + x^2 + 1). The weights are non-zero, so one
 * wrong letter shows; they differ from each other, so any two letters swapped
 * and any pair of equal letters misheard as another pair show too. Must not
 * touch a key.
 */
#include "policy/code.h"

#include <assert.h>
#include <string.h>

#include "policy/code_parts.h"

#define LETTERS	    "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#define LETTER_BITS 5
#define FIELD_TERM  0x25u /* x^5 + x^2 + 1 */
#define CHECK_START 1u	  /* or a row of zeros would be a word */

static unsigned times_a(unsigned x)
{
	x <<= 1;
	return x & 32 ? x ^ FIELD_TERM : x;
}

static unsigned check_sum(const uint8_t *letters, size_t n)
{
	unsigned sum = CHECK_START;

	for (size_t i = 0; i < n; i++)
		sum = times_a(sum) ^ letters[i];
	return sum;
}

/* n letters of `bits`, most significant first, and the check character. */
static void put_letters(uint64_t bits, size_t n, uint8_t *ret_letters)
{
	for (size_t i = 0; i < n; i++)
		ret_letters[i] = (bits >> (LETTER_BITS * (n - 1 - i))) & 31;
	ret_letters[n] = (uint8_t)times_a(check_sum(ret_letters, n));
}

/* Groups of four; the last has what is left, five at most. */
static void write_groups(const uint8_t *letters, size_t n, char *ret_text)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && i % 4 == 0 &&
		    (n - i > 1 || n == CODE_RECEIPT_CHARS))
			*ret_text++ = '-';
		*ret_text++ = LETTERS[letters[i]];
	}
	*ret_text = '\0';
}

/* Hyphens and spaces as keyboards, input methods and mail programs make them:
 * U+2010 to U+2015, minus, full-width, the long-vowel marks, the middle dot. */
static bool is_separator(uint32_t c)
{
	switch (c) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
	case '-':
	case '.':
	case '_':
	case 0xa0:
	case 0xb7:
	case 0x2212:
	case 0x3000:
	case 0x30fb:
	case 0x30fc:
	case 0xff65:
	case 0xff70:
		return true;
	default:
		return c >= 0x2010 && c <= 0x2015;
	}
}

/* The value of a letter, or -1. */
static int letter_value(uint32_t c)
{
	static const char letters[] = LETTERS;

	if (c >= 'a' && c <= 'z')
		c -= 'a' - 'A';
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	if (c == 0 || c > 'Z')
		return -1;
	const char *at = memchr(letters, (int)c, sizeof(letters) - 1);
	return at ? (int)(at - letters) : -1;
}

/* One character; full-width forms become ASCII. 0 where it is not UTF-8: no
 * letter either way. */
static size_t next_character(struct span text, uint32_t *ret_c)
{
	const uint8_t *p = (const uint8_t *)text.ptr;

	*ret_c = 0;
	if (p[0] < 0x80) {
		*ret_c = p[0];
		return 1;
	}
	if (p[0] < 0xe0 && text.len >= 2 && (p[1] & 0xc0) == 0x80) {
		*ret_c = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
		return 2;
	}
	if ((p[0] & 0xf0) != 0xe0 || text.len < 3 || (p[1] & 0xc0) != 0x80 ||
	    (p[2] & 0xc0) != 0x80)
		return 1;
	uint32_t c = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	*ret_c = c >= 0xff01 && c <= 0xff5e ? c - 0xff01 + '!' : c;
	return 3;
}

/* Exactly n letters and a check character that agrees: their bits. */
static int read_letters(struct span text, size_t n, uint64_t *ret_bits)
{
	uint8_t letters[CODE_CHARS];
	uint64_t bits = 0;
	size_t count = 0;

	assert(n < sizeof(letters));
	if (text.len > CODE_TEXT_MAX_BYTES)
		return CODE_MISSPELT;
	while (text.len > 0) {
		uint32_t c;
		text = span_skip(text, next_character(text, &c));
		if (is_separator(c))
			continue;
		int value = letter_value(c);
		if (value < 0 || count == n + 1)
			return CODE_MISSPELT;
		letters[count++] = (uint8_t)value;
	}
	if (count != n + 1 || check_sum(letters, n + 1) != 0)
		return CODE_MISSPELT;
	for (size_t i = 0; i < n; i++)
		bits = bits << LETTER_BITS | letters[i];
	*ret_bits = bits;
	return 0;
}

size_t code_letters(struct span text)
{
	size_t count = 0;

	while (text.len > 0 && count <= CODE_CHARS) {
		uint32_t c;
		text = span_skip(text, next_character(text, &c));
		count += !is_separator(c);
	}
	return count;
}

void code_receipt_format(struct code_receipt receipt,
			 char ret_text[CODE_RECEIPT_SIZE])
{
	uint8_t letters[CODE_RECEIPT_CHARS];

	put_letters(receipt.number, CODE_RECEIPT_CHARS - 1, letters);
	write_groups(letters, CODE_RECEIPT_CHARS, ret_text);
}

int code_receipt_read(struct span text, struct code_receipt *ret_receipt)
{
	return read_letters(text, CODE_RECEIPT_CHARS - 1, &ret_receipt->number);
}

bool code_scope_to_bits(const struct code_scope *scope, uint16_t *ret_bits)
{
	if (scope->access < GRANT_READ_ONLY ||
	    scope->access > GRANT_SUBSTITUTE_FACTOR || scope->minutes == 0 ||
	    scope->minutes > CODE_MINUTES_MAX ||
	    scope->minutes % CODE_MINUTES_STEP != 0 || scope->uses == 0 ||
	    scope->uses > CODE_USES_MAX)
		return false;
	*ret_bits = (uint16_t)((scope->access - 1) << 10 |
			       (scope->minutes / CODE_MINUTES_STEP - 1) << 3 |
			       (scope->uses - 1));
	return true;
}

static struct code_scope scope_of_bits(unsigned bits)
{
	return (struct code_scope){
		.access = (enum grant_access)((bits >> 10 & 3) + 1),
		.minutes = ((bits >> 3 & 127) + 1) * CODE_MINUTES_STEP,
		.uses = (bits & 7) + 1,
	};
}

void code_write(uint16_t scope_bits, uint64_t proof, char ret_text[CODE_SIZE])
{
	uint8_t letters[CODE_CHARS];

	put_letters((uint64_t)scope_bits << CODE_PROOF_BITS | proof,
		    CODE_CHARS - 1, letters);
	write_groups(letters, CODE_CHARS, ret_text);
}

int code_read(struct span text, struct code *ret_code)
{
	uint64_t bits;
	int r = read_letters(text, CODE_CHARS - 1, &bits);

	if (r != 0)
		return r;
	ret_code->scope = scope_of_bits((unsigned)(bits >> CODE_PROOF_BITS));
	ret_code->proof = bits & ((UINT64_C(1) << CODE_PROOF_BITS) - 1);
	return 0;
}

const char *code_level_to_str(enum code_level level)
{
	switch (level) {
	case CODE_LEVEL_HELPDESK:
		return "helpdesk";
	case CODE_LEVEL_APPROVER:
		return "approver";
	case CODE_LEVEL_NONE:
		break;
	}
	return "none";
}

enum code_level code_level_of_role(struct span role)
{
	if (span_equals_str(role, "helpdesk-code"))
		return CODE_LEVEL_HELPDESK;
	if (span_equals_str(role, "approver-code"))
		return CODE_LEVEL_APPROVER;
	return CODE_LEVEL_NONE;
}
