/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note: signed notes (C2SP signed-note) and the two texts they carry here:
 * checkpoints (C2SP tlog-checkpoint) and what a witness adds to them (C2SP
 * tlog-cosignature, cosignature/v1). Ed25519 only. The reader is strict: what
 * it accepts is what a writer would have written, octet for octet.
 *
 * PURE: no I/O, clock or allocation of our own (libcrypto's aside).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/wire/merkle.h"
#include "policy/span.h"

/* Longer notes, names and more signatures are refused. */
#define NOTE_BYTES_MAX	    16384u
#define NOTE_NAME_MAX	    255u
#define NOTE_SIGNATURES_MAX 16u
/* Raw signatures are at most this long; ours are 64 or 72 octets. */
#define NOTE_SIGNATURE_MAX 256u

#define NOTE_ED25519	   0x01 /* signature type of a log */
#define NOTE_COSIGNATURE   0x04 /* cosignature/v1, of a witness */
#define NOTE_KEY_SIZE	   32u
#define NOTE_RAW_SIGNATURE 64u
/* Room for a key as text, private or public, with NUL. */
#define NOTE_KEY_TEXT_SIZE (NOTE_NAME_MAX + 96u)
/* Room for a signature line with its newline and NUL. */
#define NOTE_LINE_SIZE (NOTE_NAME_MAX + 128u)
/* Room for a checkpoint's three lines with NUL. */
#define NOTE_CHECKPOINT_SIZE (NOTE_NAME_MAX + 80u)

enum note_outcome {
	NOTE_MALFORMED = 1, /* not a text of this kind */
	NOTE_TOO_LARGE,	    /* over a limit above */
	NOTE_UNSIGNED,	    /* no signature by this key */
	NOTE_FORGED,	    /* one by its name and id that does not verify */
};

/* One signature line; `name` is borrowed from the note's text. */
struct note_signature {
	struct span name;
	uint8_t key_id[4];
	uint8_t data[NOTE_SIGNATURE_MAX];
	size_t size;
};

struct note {
	struct span text; /* what is signed, its last newline included */
	size_t count;
	struct note_signature signatures[NOTE_SIGNATURES_MAX];
};

/* A key by its name. `seed` is zero in a public one. */
struct note_key {
	char name[NOTE_NAME_MAX + 1];
	uint8_t type;
	uint8_t id[4];
	uint8_t public_key[NOTE_KEY_SIZE];
	uint8_t seed[NOTE_KEY_SIZE];
};

struct note_checkpoint {
	struct span origin; /* borrowed */
	struct merkle_head head;
};

/* "malformed", …; total. For messages. */
const char *note_outcome_to_str(int outcome) __attribute__((returns_nonnull));

/*
 * Is it fit for a key or an origin: valid UTF-8, 1..NOTE_NAME_MAX octets, no
 * control, no space of Unicode, no '+'?
 */
bool note_is_name(struct span name);

/* Reads a note. 0 and *ret_note (borrowing `whole`), malformed, too large. */
int note_parse(struct span whole, struct note *ret_note)
	__attribute__((nonnull(2), warn_unused_result));

/*
 * Makes a key of a 32-octet seed (RFC 8032). 0, NOTE_MALFORMED (name, type) or
 * -ENOMEM; *ret_key is undefined then. The caller cleanses it.
 */
int note_key_make(const char *name, uint8_t type,
		  const uint8_t seed[NOTE_KEY_SIZE], struct note_key *ret_key)
	__attribute__((nonnull, warn_unused_result));

/*
 * Public: `<name>+<id in hex>+<base64 of type and key>`, the vkey of C2SP
 * signed-note. Private: the same with the seed behind `PRIVATE+KEY+`. Reading
 * takes exactly one of the two, without a newline. 0, NOTE_MALFORMED, -ENOMEM.
 */
void note_key_format(const struct note_key *key, bool is_private,
		     char ret_text[NOTE_KEY_TEXT_SIZE])
	__attribute__((nonnull));
int note_key_read_public(struct span text, struct note_key *ret_key)
	__attribute__((nonnull, warn_unused_result));
int note_key_read_private(struct span text, struct note_key *ret_key)
	__attribute__((nonnull, warn_unused_result));

/*
 * The signature line for `text`, which ends in a newline; `time_s` counts for a
 * cosignature only. 0 or -ENOMEM.
 */
int note_sign(const struct note_key *key, struct span text, uint64_t time_s,
	      char ret_line[NOTE_LINE_SIZE])
	__attribute__((nonnull, warn_unused_result));

/*
 * Did `key` sign the note? 0 (and for a cosignature *ret_time_s, else 0),
 * NOTE_UNSIGNED, NOTE_FORGED, -ENOMEM.
 */
int note_verify(const struct note *note, const struct note_key *key,
		uint64_t *ret_time_s)
	__attribute__((nonnull, warn_unused_result));

/* Reads one signature line, with its newline, as part of another's answer. */
int note_line_parse(struct span line, struct note_signature *ret_signature)
	__attribute__((nonnull(2), warn_unused_result));

/*
 * Reads a note's text as a checkpoint; lines after the third are extensions and
 * pass. 0 or NOTE_MALFORMED.
 */
int note_checkpoint_parse(struct span text,
			  struct note_checkpoint *ret_checkpoint)
	__attribute__((nonnull(2), warn_unused_result));
void note_checkpoint_format(const char *origin, const struct merkle_head *head,
			    char ret_text[NOTE_CHECKPOINT_SIZE])
	__attribute__((nonnull));

/* Base64 (RFC 4648 section 4) of a hash, 44 characters and NUL. */
#define NOTE_HASH_TEXT_SIZE 45u
void note_hash_format(const uint8_t hash[MERKLE_HASH_SIZE],
		      char ret_text[NOTE_HASH_TEXT_SIZE])
	__attribute__((nonnull));
/* Exactly 44 characters. 0 or NOTE_MALFORMED. */
int note_hash_parse(struct span text, uint8_t ret_hash[MERKLE_HASH_SIZE])
	__attribute__((nonnull(2), warn_unused_result));

/* Decimal without sign and leading zeros, below 2^63. 0 or NOTE_MALFORMED. */
int note_number_parse(struct span text, uint64_t *ret_value)
	__attribute__((nonnull(2), warn_unused_result));

/*
 * What a log sends to a witness (C2SP tlog-witness add-checkpoint): `old SIZE`,
 * the consistency proof, an empty line and the checkpoint's note. *ret_proof
 * and *ret_note_text; the note is not read. 0 or NOTE_MALFORMED.
 */
struct note_addition {
	uint64_t old_size;
	struct merkle_proof proof;
	struct span note_text; /* borrowed */
};
int note_addition_parse(struct span body, struct note_addition *ret_addition)
	__attribute__((nonnull(2), warn_unused_result));
