/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets as a note, a checkpoint, a key and what a witness is sent. What reads
 * must be written the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/wire/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_checkpoint(struct span text)
{
	struct note_checkpoint checkpoint;
	char origin[NOTE_NAME_MAX + 1] = "";
	char again[NOTE_CHECKPOINT_SIZE];

	if (note_checkpoint_parse(text, &checkpoint) != 0)
		return;
	memcpy(origin, checkpoint.origin.ptr, checkpoint.origin.len);
	note_checkpoint_format(origin, &checkpoint.head, again);
	if (strlen(origin) == checkpoint.origin.len &&
	    !span_starts_with(text, span_str(again)))
		abort();
}

static void check_note(struct span whole)
{
	static const struct note_key key = {.name = "a", .type = NOTE_ED25519};
	struct note note;
	uint64_t time_s;

	if (note_parse(whole, &note) != 0)
		return;
	if (note.count == 0 || note.text.ptr[note.text.len - 1] != '\n')
		abort();
	(void)!note_verify(&note, &key, &time_s);
	check_checkpoint(note.text);
}

static void check_key(struct span text)
{
	char again[NOTE_KEY_TEXT_SIZE];
	struct note_key key;

	if (note_key_read_public(text, &key) == 0) {
		note_key_format(&key, false, again);
		if (!span_equals_str(text, again))
			abort();
	}
	if (note_key_read_private(text, &key) == 0) {
		note_key_format(&key, true, again);
		if (!span_equals_str(text, again))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span whole = span_of((const char *)data, size);
	struct note_addition addition;
	struct note_signature signature;

	check_note(whole);
	check_checkpoint(whole);
	check_key(whole);
	(void)!note_line_parse(whole, &signature);
	if (note_addition_parse(whole, &addition) == 0)
		check_note(addition.note_text);
	return 0;
}
