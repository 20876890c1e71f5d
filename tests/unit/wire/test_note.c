/* SPDX-License-Identifier: Apache-2.0 */
/* Notes, keys and checkpoints: other people's vectors, and what is refused. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/wire/note.h"

/* Of golang.org/x/mod/sumdb/note's documentation. */
#define GO_PUBLIC                                                              \
	"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define GO_PRIVATE                                                             \
	"PRIVATE+KEY+PeterNeumann+c74f20a3+"                                   \
	"AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define GO_TEXT                                                                \
	"If you think cryptography is the answer to your problem,\n"           \
	"then you don't know what your problem is.\n"
#define GO_LINE                                                                \
	"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZ" \
	"InNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

static struct note_key key_of(const char *name, uint8_t type, int salt)
{
	uint8_t seed[NOTE_KEY_SIZE];
	struct note_key key;

	memset(seed, salt, sizeof(seed));
	assert_int_equal(note_key_make(name, type, seed, &key), 0);
	return key;
}

static void gos_note_verifies_and_is_written_the_same(void **state)
{
	struct note_key key, private_key;
	char line[NOTE_LINE_SIZE], text[NOTE_KEY_TEXT_SIZE];
	struct note note;
	uint64_t time_s = 7;

	(void)state;
	assert_int_equal(note_key_read_public(SPAN(GO_PUBLIC), &key), 0);
	assert_int_equal(note_key_read_private(SPAN(GO_PRIVATE), &private_key),
			 0);
	assert_memory_equal(key.public_key, private_key.public_key,
			    NOTE_KEY_SIZE);
	note_key_format(&private_key, false, text);
	assert_string_equal(text, GO_PUBLIC);
	note_key_format(&private_key, true, text);
	assert_string_equal(text, GO_PRIVATE);

	assert_int_equal(note_parse(SPAN(GO_TEXT "\n" GO_LINE), &note), 0);
	assert_int_equal(note.count, 1);
	assert_int_equal(note_verify(&note, &key, &time_s), 0);
	assert_int_equal(time_s, 0);
	assert_int_equal(note_sign(&private_key, SPAN(GO_TEXT), 0, line), 0);
	assert_string_equal(line, GO_LINE);
}

static void a_changed_text_or_key_does_not_verify(void **state)
{
	struct note_key key, other = key_of("PeterNeumann", NOTE_ED25519, 3);
	char whole[] = GO_TEXT "\n" GO_LINE;
	struct note note;
	uint64_t time_s;

	(void)state;
	assert_int_equal(note_key_read_public(SPAN(GO_PUBLIC), &key), 0);
	whole[3] = 'Y';
	assert_int_equal(note_parse(span_str(whole), &note), 0);
	assert_int_equal(note_verify(&note, &key, &time_s), NOTE_FORGED);
	assert_int_equal(note_verify(&note, &other, &time_s), NOTE_UNSIGNED);
	memcpy(other.id, key.id, 4);
	assert_int_equal(note_verify(&note, &other, &time_s), NOTE_FORGED);
}

static void what_is_no_note_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n\n",
		"text\n",
		"text\n\n",
		"text\n" GO_LINE,
		"text\n\n" GO_LINE "\n",
		"text\n\nnot a signature\n",
		"text\n\n\xe2\x80\x94 a b AAAAAAAA\n",
		"text\n\n\xe2\x80\x94 a+b AAAAAAAA\n",
		"text\n\n\xe2\x80\x94 a AAAA\n",     /* no signature */
		"text\n\n\xe2\x80\x94 a AAAAAAA\n",  /* length */
		"text\n\n\xe2\x80\x94 a AAAAAAB=\n", /* left-over bits */
		"text\n\n\xe2\x80\x94 a AAAAAA_-\n", /* the other alphabet */
		"text\n\n\xe2\x80\x94  AAAAAAAA\n",  /* no name */
		"text\n\n- a AAAAAAAA\n",
		"te\xffxt\n\n\xe2\x80\x94 a AAAAAAAA\n",
		"te\txt\n\n\xe2\x80\x94 a AAAAAAAA\n",
		"te\xc0\x80xt\n\n\xe2\x80\x94 a AAAAAAAA\n",
		"te\xed\xa0\x80xt\n\n\xe2\x80\x94 a AAAAAAAA\n",
		"text\n\n\xe2\x80\x94 a AAAAAAAA",
	};
	struct note note;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (note_parse(span_str(bad[i]), &note) != NOTE_MALFORMED)
			fail_msg("row %zu: '%s'", i, bad[i]);
	assert_int_equal(note_parse(SPAN("text\n\n\xe2\x80\x94 a AAAAAAAA\n"),
				    &note),
			 0);
}

static void add(char *text, const char *more)
{
	memcpy(text + strlen(text), more, strlen(more) + 1);
}

static void limits_are_held(void **state)
{
	static char big[NOTE_BYTES_MAX + 2];
	char many[1024] = "text\n\n", name[NOTE_NAME_MAX + 2];
	struct note note;

	(void)state;
	memset(big, 'a', sizeof(big));
	assert_int_equal(note_parse(span_of(big, NOTE_BYTES_MAX + 1), &note),
			 NOTE_TOO_LARGE);
	for (unsigned int i = 0; i < NOTE_SIGNATURES_MAX + 1; i++) {
		if (i == NOTE_SIGNATURES_MAX)
			assert_int_equal(note_parse(span_str(many), &note), 0);
		add(many, "\xe2\x80\x94 a AAAAAAAA\n");
	}
	assert_int_equal(note_parse(span_str(many), &note), NOTE_TOO_LARGE);
	memset(name, 'n', sizeof(name));
	assert_true(note_is_name(span_of(name, NOTE_NAME_MAX)));
	assert_false(note_is_name(span_of(name, NOTE_NAME_MAX + 1)));
}

static void names_have_no_space_and_no_plus(void **state)
{
	static const struct {
		const char *name;
		int is_good;
	} rows[] = {
		{"log.example.lg.jp/kojo", 1},
		{"log.example.lg.jp/\xe6\x83\x85\xe5\xa0\xb1\xe5\xb8\x82", 1},
		{"", 0},
		{"a b", 0},
		{"a+b", 0},
		{"a\nb", 0},
		{"a\x7f", 0},
		{"a\xe3\x80\x80z", 0}, /* ideographic space */
		{"a\xc2\xa0z", 0},     /* no-break space */
		{"a\xe3\x80", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (note_is_name(span_str(rows[i].name)) != rows[i].is_good)
			fail_msg("row %zu", i);
}

static void keys_that_do_not_fit_together_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"PeterNeumann",
		"PeterNeumann+c74f20a3",
		"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
		"LDE4izWy10TW", /* another id */
		"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
		"LDE4izWy10TW",
		"Peter+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
		"LDE4izWy10TW\n",
		"PeterNeumann+c74f20a3+AhpcQcUPDhMQegwxbzhKqiBfsVkmqq/"
		"LDE4izWy10TW",
	};
	struct note_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (note_key_read_public(span_str(bad[i]), &key) !=
		    NOTE_MALFORMED)
			fail_msg("row %zu: '%s'", i, bad[i]);
	assert_int_equal(note_key_read_private(SPAN(GO_PUBLIC), &key),
			 NOTE_MALFORMED);
	assert_int_equal(note_key_read_public(SPAN(GO_PRIVATE), &key),
			 NOTE_MALFORMED);
}

static void a_cosignature_carries_its_time(void **state)
{
	struct note_key log = key_of("log.example/a", NOTE_ED25519, 1);
	struct note_key witness = key_of("witness.pref", NOTE_COSIGNATURE, 2);
	char text[NOTE_CHECKPOINT_SIZE], lines[2][NOTE_LINE_SIZE];
	char whole[4096];
	struct merkle_head head = {.size = 12345};
	struct note_checkpoint checkpoint;
	struct note_signature signature;
	struct note note;
	uint64_t time_s = 0;

	(void)state;
	memset(head.root, 0x5a, sizeof(head.root));
	note_checkpoint_format("log.example/a", &head, text);
	assert_int_equal(note_sign(&log, span_str(text), 0, lines[0]), 0);
	assert_int_equal(
		note_sign(&witness, span_str(text), 1795172301, lines[1]), 0);
	snprintf(whole, sizeof(whole), "%s\n%s%s", text, lines[0], lines[1]);
	assert_int_equal(note_parse(span_str(whole), &note), 0);
	assert_int_equal(note_verify(&note, &log, &time_s), 0);
	assert_int_equal(note_verify(&note, &witness, &time_s), 0);
	assert_int_equal(time_s, 1795172301);
	assert_int_equal(note_line_parse(span_str(lines[1]), &signature), 0);
	assert_int_equal(signature.size, 72);
	assert_int_equal(note_line_parse(span_str(whole), &signature),
			 NOTE_MALFORMED);
	/* Another time is another statement. */
	note.signatures[1].data[7] ^= 1;
	assert_int_equal(note_verify(&note, &witness, &time_s), NOTE_FORGED);

	assert_int_equal(note_checkpoint_parse(note.text, &checkpoint), 0);
	assert_true(span_equals_str(checkpoint.origin, "log.example/a"));
	assert_int_equal(checkpoint.head.size, 12345);
	assert_memory_equal(checkpoint.head.root, head.root, 32);
}

#define ROOT "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo="

static void what_is_no_checkpoint_is_refused(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
		{"o\n0\n" ROOT "\n", 0},
		{"o\n5\n" ROOT "\nextension\n", 0},
		{"o\n9223372036854775807\n" ROOT "\n", 0},
		{"o\n9223372036854775808\n" ROOT "\n", NOTE_MALFORMED},
		{"o\n99999999999999999999\n" ROOT "\n", NOTE_MALFORMED},
		{"o\n05\n" ROOT "\n", NOTE_MALFORMED},
		{"o\n-5\n" ROOT "\n", NOTE_MALFORMED},
		{"o\n+5\n" ROOT "\n", NOTE_MALFORMED},
		{"o\n\n" ROOT "\n", NOTE_MALFORMED},
		{"\n5\n" ROOT "\n", NOTE_MALFORMED},
		{"o\n5\n" ROOT, NOTE_MALFORMED},
		{"o\n5\nWlpa\n", NOTE_MALFORMED},
		{"o\n5\n" ROOT "\n\n", NOTE_MALFORMED},
		{"o\n5\n", NOTE_MALFORMED},
		{"", NOTE_MALFORMED},
	};
	struct note_checkpoint checkpoint;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (note_checkpoint_parse(span_str(rows[i].text),
					  &checkpoint) != rows[i].r)
			fail_msg("row %zu", i);
}

static void an_addition_is_read_up_to_its_note(void **state)
{
	static const struct {
		const char *text;
		int r;
		size_t count;
	} rows[] = {
		{"old 0\n\nnote", 0, 0},
		{"old 7\n" ROOT "\n" ROOT "\n\nnote", 0, 2},
		{"old 7\n" ROOT "\n", NOTE_MALFORMED, 0},
		{"old 07\n\nnote", NOTE_MALFORMED, 0},
		{"old\n\nnote", NOTE_MALFORMED, 0},
		{"new 7\n\nnote", NOTE_MALFORMED, 0},
		{"old 7\nxyz\n\nnote", NOTE_MALFORMED, 0},
		{"", NOTE_MALFORMED, 0},
	};
	static char many[64 * 45 + 64] = "old 7\n";
	struct note_addition addition;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (note_addition_parse(span_str(rows[i].text), &addition) !=
		    rows[i].r)
			fail_msg("row %zu", i);
		if (rows[i].r != 0)
			continue;
		assert_int_equal(addition.proof.count, rows[i].count);
		assert_true(span_equals_str(addition.note_text, "note"));
	}
	for (int i = 0; i < 64; i++)
		add(many, ROOT "\n");
	add(many, "\nnote");
	assert_int_equal(note_addition_parse(span_str(many), &addition),
			 NOTE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gos_note_verifies_and_is_written_the_same),
		cmocka_unit_test(a_changed_text_or_key_does_not_verify),
		cmocka_unit_test(what_is_no_note_is_refused),
		cmocka_unit_test(limits_are_held),
		cmocka_unit_test(names_have_no_space_and_no_plus),
		cmocka_unit_test(keys_that_do_not_fit_together_are_refused),
		cmocka_unit_test(a_cosignature_carries_its_time),
		cmocka_unit_test(what_is_no_checkpoint_is_refused),
		cmocka_unit_test(an_addition_is_read_up_to_its_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
