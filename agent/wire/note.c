/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note: text in and out of notes, keys and checkpoints. The em dash that opens
 * a signature line is U+2014. Base64 is the strict base64url reader's, behind
 * a change of alphabet: one spelling for one run of octets.
 */
#include "agent/wire/note.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "agent/wire/base64url.h"

static const char DASH[] = "\xe2\x80\x94 ";
static const char PRIVATE[] = "PRIVATE+KEY+";
static const char COSIGNATURE[] = "cosignature/v1\ntime ";

#define DASH_LEN       (sizeof(DASH) - 1)
#define ID_HEX	       8u
#define BASE64_MAX     (((NOTE_SIGNATURE_MAX + 4u) + 2) / 3 * 4)
#define TIMESTAMP_SIZE 8u

const char *note_outcome_to_str(int outcome)
{
	switch (outcome) {
	case NOTE_MALFORMED:
		return "malformed";
	case NOTE_TOO_LARGE:
		return "too large";
	case NOTE_UNSIGNED:
		return "not signed by this key";
	case NOTE_FORGED:
		return "the signature is wrong";
	default:
		return "ok";
	}
}

/* ---- base64 --------------------------------------------------------------- */

/* Decodes all of `text`, padding and all; `cap` octets of room. */
static int base64_read(struct span text, uint8_t *ret_data, size_t cap,
		       size_t *ret_size)
{
	char url[BASE64_MAX];
	size_t len = text.len;

	if (len == 0 || len % 4 != 0 || len > sizeof(url))
		return NOTE_MALFORMED;
	if (text.ptr[len - 1] == '=')
		len -= text.ptr[len - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < len; i++) {
		char c = text.ptr[i];

		if (c == '-' || c == '_')
			return NOTE_MALFORMED;
		url[i] = (char)(c == '+' ? '-' : c == '/' ? '_' : c);
	}
	if (BASE64URL_BYTES(len) > cap)
		return NOTE_MALFORMED;
	if (base64url_decode(span_of(url, len), ret_data) < 0)
		return NOTE_MALFORMED;
	*ret_size = BASE64URL_BYTES(len);
	return 0;
}

/* 4 * ceil(size / 3) characters and NUL. */
static void base64_write(const uint8_t *data, size_t size, char *ret_text)
{
	(void)EVP_EncodeBlock((unsigned char *)ret_text, data,
			      (int)size); /* its length is known */
}

void note_hash_format(const uint8_t hash[MERKLE_HASH_SIZE],
		      char ret_text[NOTE_HASH_TEXT_SIZE])
{
	base64_write(hash, MERKLE_HASH_SIZE, ret_text);
}

int note_hash_parse(struct span text, uint8_t ret_hash[MERKLE_HASH_SIZE])
{
	uint8_t data[MERKLE_HASH_SIZE];
	size_t size = 0;

	if (text.len != NOTE_HASH_TEXT_SIZE - 1 ||
	    base64_read(text, data, sizeof(data), &size) != 0 ||
	    size != sizeof(data))
		return NOTE_MALFORMED;
	memcpy(ret_hash, data, sizeof(data));
	return 0;
}

int note_number_parse(struct span text, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 19 ||
	    (text.len > 1 && text.ptr[0] == '0'))
		return NOTE_MALFORMED;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return NOTE_MALFORMED;
		value = value * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	if (value > MERKLE_SIZE_MAX)
		return NOTE_MALFORMED;
	*ret_value = value;
	return 0;
}

/* ---- text ----------------------------------------------------------------- */

/* Octets of the UTF-8 character at `at`, 0 if it is none; *ret_code too. */
static size_t read_char(struct span text, uint32_t *ret_code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t first = (uint8_t)text.ptr[0];
	size_t len = first < 0x80   ? 1
		     : first < 0xc0 ? 0
		     : first < 0xe0 ? 2
		     : first < 0xf0 ? 3
		     : first < 0xf8 ? 4
				    : 0;
	uint32_t code = len == 1 ? first : (uint32_t)first & (0x7fu >> len);

	if (len == 0 || len > text.len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (((uint8_t)text.ptr[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((uint8_t)text.ptr[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	*ret_code = code;
	return len;
}

/* White_Space of Unicode. */
static bool is_space(uint32_t code)
{
	return code == ' ' || (code >= 9 && code <= 13) || code == 0x85 ||
	       code == 0xa0 || code == 0x1680 ||
	       (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
	       code == 0x2029 || code == 0x202f || code == 0x205f ||
	       code == 0x3000;
}

/* UTF-8 without controls other than the newline. */
static bool is_text(struct span text)
{
	uint32_t code = 0;

	while (text.len > 0) {
		size_t len = read_char(text, &code);

		if (len == 0 || (code < 0x20 && code != '\n') || code == 0x7f)
			return false;
		text = span_skip(text, len);
	}
	return true;
}

bool note_is_name(struct span name)
{
	uint32_t code = 0;

	if (name.len == 0 || name.len > NOTE_NAME_MAX || !is_text(name))
		return false;
	while (name.len > 0) {
		size_t len = read_char(name, &code);

		if (code == '+' || is_space(code))
			return false;
		name = span_skip(name, len);
	}
	return true;
}

/* Cuts the line, without its newline, off the front; false: there is none. */
static bool take_line(struct span *text, struct span *ret_line)
{
	const char *end = text->len > 0 ? memchr(text->ptr, '\n', text->len)
					: NULL;

	if (!end)
		return false;
	*ret_line = span_of(text->ptr, (size_t)(end - text->ptr));
	*text = span_skip(*text, ret_line->len + 1);
	return true;
}

static int parse_signature(struct span line,
			   struct note_signature *ret_signature)
{
	struct span dash = span_of(DASH, DASH_LEN);
	uint8_t data[NOTE_SIGNATURE_MAX + 4];
	const char *space;
	size_t size = 0;

	if (!span_starts_with(line, dash))
		return NOTE_MALFORMED;
	line = span_skip(line, dash.len);
	space = line.len > 0 ? memchr(line.ptr, ' ', line.len) : NULL;
	if (!space)
		return NOTE_MALFORMED;
	ret_signature->name = span_of(line.ptr, (size_t)(space - line.ptr));
	line = span_skip(line, ret_signature->name.len + 1);
	if (!note_is_name(ret_signature->name) ||
	    base64_read(line, data, sizeof(data), &size) != 0 || size < 5)
		return NOTE_MALFORMED;
	memcpy(ret_signature->key_id, data, 4);
	memcpy(ret_signature->data, data + 4, size - 4);
	ret_signature->size = size - 4;
	return 0;
}

int note_line_parse(struct span line, struct note_signature *ret_signature)
{
	struct note_signature signature;
	struct span one;

	if (!take_line(&line, &one) || line.len > 0 ||
	    parse_signature(one, &signature) != 0)
		return NOTE_MALFORMED;
	*ret_signature = signature;
	return 0;
}

int note_parse(struct span whole, struct note *ret_note)
{
	static const char blank[] = "\n\n";
	struct span rest, line;
	size_t at;

	if (whole.len > NOTE_BYTES_MAX)
		return NOTE_TOO_LARGE;
	if (whole.len < 4 || !is_text(whole) ||
	    whole.ptr[whole.len - 1] != '\n')
		return NOTE_MALFORMED;
	/* The last empty line parts the text from the signatures. */
	for (at = whole.len - 2; at > 0; at--)
		if (memcmp(whole.ptr + at, blank, 2) == 0)
			break;
	if (at == 0)
		return NOTE_MALFORMED;
	ret_note->text = span_take(whole, at + 1);
	ret_note->count = 0;
	rest = span_skip(whole, at + 2);
	while (take_line(&rest, &line)) {
		if (ret_note->count == NOTE_SIGNATURES_MAX)
			return NOTE_TOO_LARGE;
		if (parse_signature(line,
				    &ret_note->signatures[ret_note->count++]) !=
		    0)
			return NOTE_MALFORMED;
	}
	return ret_note->count > 0 ? 0 : NOTE_MALFORMED;
}

/* ---- keys ----------------------------------------------------------------- */

/* The first 4 octets of SHA-256(name || newline || type || key). */
static int key_id(const struct note_key *key, uint8_t ret_id[4])
{
	uint8_t message[NOTE_NAME_MAX + 2 + NOTE_KEY_SIZE], digest[32];
	size_t len = strlen(key->name);

	memcpy(message, key->name, len);
	message[len] = '\n';
	message[len + 1] = key->type;
	memcpy(message + len + 2, key->public_key, NOTE_KEY_SIZE);
	if (EVP_Digest(message, len + 2 + NOTE_KEY_SIZE, digest, NULL,
		       EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	memcpy(ret_id, digest, 4);
	return 0;
}

static bool is_type(uint8_t type)
{
	return type == NOTE_ED25519 || type == NOTE_COSIGNATURE;
}

int note_key_make(const char *name, uint8_t type,
		  const uint8_t seed[NOTE_KEY_SIZE], struct note_key *ret_key)
{
	size_t size = NOTE_KEY_SIZE;
	EVP_PKEY *key;
	bool is_made;

	*ret_key = (struct note_key){.type = type};
	if (!is_type(type) || !note_is_name(span_str(name)))
		return NOTE_MALFORMED;
	memcpy(ret_key->name, name, strlen(name) + 1);
	memcpy(ret_key->seed, seed, NOTE_KEY_SIZE);
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
					   NOTE_KEY_SIZE);
	is_made = key && EVP_PKEY_get_raw_public_key(key, ret_key->public_key,
						     &size) == 1;
	EVP_PKEY_free(key);
	return is_made ? key_id(ret_key, ret_key->id) : -ENOMEM;
}

void note_key_format(const struct note_key *key, bool is_private,
		     char ret_text[NOTE_KEY_TEXT_SIZE])
{
	uint8_t data[1 + NOTE_KEY_SIZE] = {key->type};
	char base64[(sizeof(data) + 2) / 3 * 4 + 1];

	memcpy(data + 1, is_private ? key->seed : key->public_key,
	       NOTE_KEY_SIZE);
	base64_write(data, sizeof(data), base64);
	(void)snprintf(ret_text, NOTE_KEY_TEXT_SIZE, "%s%s+%02x%02x%02x%02x+%s",
		       is_private ? PRIVATE : "", key->name, key->id[0],
		       key->id[1], key->id[2], key->id[3],
		       base64); /* fits: every part is bounded */
	OPENSSL_cleanse(data, sizeof(data));
	OPENSSL_cleanse(base64, sizeof(base64));
}

/* `<name>+<id>+<base64 of type and 32 octets>` */
static int read_key(struct span text, struct note_key *key, uint8_t *ret_data)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t data[1 + NOTE_KEY_SIZE];
	const char *plus = text.len > 0 ? memchr(text.ptr, '+', text.len)
					: NULL;
	struct span name, id;
	size_t size = 0;

	if (!plus)
		return NOTE_MALFORMED;
	name = span_of(text.ptr, (size_t)(plus - text.ptr));
	text = span_skip(text, name.len + 1);
	id = span_take(text, ID_HEX);
	text = span_skip(text, ID_HEX);
	if (!note_is_name(name) || id.len != ID_HEX || text.len == 0 ||
	    text.ptr[0] != '+' ||
	    base64_read(span_skip(text, 1), data, sizeof(data), &size) != 0 ||
	    size != sizeof(data) || !is_type(data[0]))
		return NOTE_MALFORMED;
	for (size_t i = 0; i < ID_HEX; i++) {
		const char *digit = memchr(digits, id.ptr[i], 16);

		if (!digit)
			return NOTE_MALFORMED;
		key->id[i / 2] = (uint8_t)(key->id[i / 2] << 4 |
					   (digit - digits));
	}
	memcpy(key->name, name.ptr, name.len);
	key->type = data[0];
	memcpy(ret_data, data + 1, NOTE_KEY_SIZE);
	OPENSSL_cleanse(data, sizeof(data));
	return 0;
}

int note_key_read_public(struct span text, struct note_key *ret_key)
{
	struct note_key key = {0};
	uint8_t id[4];
	int r = read_key(text, &key, key.public_key);

	if (r == 0)
		r = key_id(&key, id);
	if (r != 0)
		return r;
	if (memcmp(id, key.id, sizeof(id)) != 0)
		return NOTE_MALFORMED;
	*ret_key = key;
	return 0;
}

int note_key_read_private(struct span text, struct note_key *ret_key)
{
	struct note_key read = {0}, key;
	uint8_t seed[NOTE_KEY_SIZE];
	int r;

	if (!span_starts_with(text, SPAN(PRIVATE)))
		return NOTE_MALFORMED;
	r = read_key(span_skip(text, sizeof(PRIVATE) - 1), &read, seed);
	if (r == 0)
		r = note_key_make(read.name, read.type, seed, &key);
	OPENSSL_cleanse(seed, sizeof(seed));
	if (r != 0)
		return r;
	if (memcmp(read.id, key.id, sizeof(key.id)) == 0)
		*ret_key = key;
	else
		r = NOTE_MALFORMED;
	OPENSSL_cleanse(&key, sizeof(key));
	return r;
}

/* ---- signatures ----------------------------------------------------------- */

/* What is really signed: the text, or the text behind a cosignature's lines. */
struct message {
	char data[NOTE_BYTES_MAX + sizeof(COSIGNATURE) + 32];
	size_t size;
};

static int make_message(uint8_t type, struct span text, uint64_t time_s,
			struct message *message)
{
	int head = 0;

	if (text.len > NOTE_BYTES_MAX)
		return -ENOMEM;
	if (type == NOTE_COSIGNATURE)
		head = snprintf(message->data, sizeof(message->data),
				"%s%" PRIu64 "\n", COSIGNATURE,
				time_s); /* fits */
	memcpy(message->data + head, text.ptr, text.len);
	message->size = (size_t)head + text.len;
	return 0;
}

static int sign(const struct note_key *key, const struct message *message,
		uint8_t ret_signature[NOTE_RAW_SIGNATURE])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
						      key->seed, NOTE_KEY_SIZE);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = NOTE_RAW_SIGNATURE;
	bool ok = pkey && context &&
		  EVP_DigestSignInit(context, NULL, NULL, NULL, pkey) == 1 &&
		  EVP_DigestSign(context, ret_signature, &size,
				 (const unsigned char *)message->data,
				 message->size) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	return ok ? 0 : -ENOMEM;
}

static void put_time(uint64_t time_s, uint8_t out[TIMESTAMP_SIZE])
{
	for (size_t i = 0; i < TIMESTAMP_SIZE; i++)
		out[i] = (uint8_t)(time_s >> (8 * (TIMESTAMP_SIZE - 1 - i)));
}

int note_sign(const struct note_key *key, struct span text, uint64_t time_s,
	      char ret_line[NOTE_LINE_SIZE])
{
	uint8_t data[4 + TIMESTAMP_SIZE + NOTE_RAW_SIGNATURE];
	char base64[(sizeof(data) + 2) / 3 * 4 + 1];
	bool is_timed = key->type == NOTE_COSIGNATURE;
	size_t at = is_timed ? 4 + TIMESTAMP_SIZE : 4;
	struct message message;
	int r = make_message(key->type, text, time_s, &message);

	if (r == 0)
		r = sign(key, &message, data + at);
	if (r < 0)
		return r;
	memcpy(data, key->id, 4);
	if (is_timed)
		put_time(time_s, data + 4);
	base64_write(data, at + NOTE_RAW_SIGNATURE, base64);
	(void)snprintf(ret_line, NOTE_LINE_SIZE, "%s%s %s\n", DASH, key->name,
		       base64); /* fits: every part is bounded */
	return 0;
}

static int check(const struct note_key *key, const struct message *message,
		 const uint8_t signature[NOTE_RAW_SIGNATURE])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
						     key->public_key,
						     NOTE_KEY_SIZE);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_ready = pkey && context &&
			EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) ==
				1;
	bool is_good = is_ready &&
		       EVP_DigestVerify(context, signature, NOTE_RAW_SIGNATURE,
					(const unsigned char *)message->data,
					message->size) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	return is_good ? 0 : is_ready ? NOTE_FORGED : -ENOMEM;
}

static uint64_t get_time(const uint8_t in[TIMESTAMP_SIZE])
{
	uint64_t time_s = 0;

	for (size_t i = 0; i < TIMESTAMP_SIZE; i++)
		time_s = time_s << 8 | in[i];
	return time_s;
}

int note_verify(const struct note *note, const struct note_key *key,
		uint64_t *ret_time_s)
{
	size_t before = key->type == NOTE_COSIGNATURE ? TIMESTAMP_SIZE : 0;

	for (size_t i = 0; i < note->count; i++) {
		const struct note_signature *s = &note->signatures[i];
		struct message message;
		uint64_t time_s;
		int r;

		if (!span_equals_str(s->name, key->name) ||
		    memcmp(s->key_id, key->id, 4) != 0)
			continue;
		if (s->size != before + NOTE_RAW_SIGNATURE)
			return NOTE_FORGED;
		time_s = before ? get_time(s->data) : 0;
		r = make_message(key->type, note->text, time_s, &message);
		if (r == 0)
			r = check(key, &message, s->data + before);
		if (r == 0)
			*ret_time_s = time_s;
		return r;
	}
	return NOTE_UNSIGNED;
}

/* ---- checkpoints ---------------------------------------------------------- */

int note_checkpoint_parse(struct span text,
			  struct note_checkpoint *ret_checkpoint)
{
	struct note_checkpoint c = {0};
	struct span size, root, extension;

	if (!take_line(&text, &c.origin) || !take_line(&text, &size) ||
	    !take_line(&text, &root) || c.origin.len == 0 ||
	    c.origin.len > NOTE_NAME_MAX ||
	    note_number_parse(size, &c.head.size) != 0 ||
	    note_hash_parse(root, c.head.root) != 0)
		return NOTE_MALFORMED;
	while (take_line(&text, &extension))
		if (extension.len == 0)
			return NOTE_MALFORMED;
	if (text.len > 0)
		return NOTE_MALFORMED;
	*ret_checkpoint = c;
	return 0;
}

void note_checkpoint_format(const char *origin, const struct merkle_head *head,
			    char ret_text[NOTE_CHECKPOINT_SIZE])
{
	char root[NOTE_HASH_TEXT_SIZE];

	note_hash_format(head->root, root);
	(void)snprintf(ret_text, NOTE_CHECKPOINT_SIZE, "%s\n%" PRIu64 "\n%s\n",
		       origin, head->size, root); /* origins are bounded */
}

int note_addition_parse(struct span body, struct note_addition *ret_addition)
{
	struct span line;

	if (!take_line(&body, &line) || !span_starts_with(line, SPAN("old ")) ||
	    note_number_parse(span_skip(line, 4), &ret_addition->old_size) != 0)
		return NOTE_MALFORMED;
	ret_addition->proof.count = 0;
	while (take_line(&body, &line)) {
		if (line.len == 0) {
			ret_addition->note_text = body;
			return 0;
		}
		if (ret_addition->proof.count == MERKLE_PROOF_MAX - 1 ||
		    note_hash_parse(
			    line,
			    ret_addition->proof
				    .hashes[ret_addition->proof.count++]) != 0)
			return NOTE_MALFORMED;
	}
	return NOTE_MALFORMED;
}
