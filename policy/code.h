/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code: exceptions by telephone (sekimori.code(7)). A block shows a 受付番号
 * (receipt); the desk answers with a code that only this terminal, for this
 * receipt, takes. Reading, writing and proving of both; pure, libcrypto for
 * HMAC-SHA-256. It must not know what was blocked, keep what was used, or say
 * yes to anything: the daemon holds the open receipts and the limits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/types.h>

#include "policy/grant.h"
#include "policy/span.h"

/* What a person typed or pasted, hyphens and spaces included. */
#define CODE_TEXT_MAX_BYTES 128

#define CODE_RECEIPT_CHARS 9  /* 8 and the check character */
#define CODE_CHARS	   13 /* 12 and the check character */
#define CODE_RECEIPT_SIZE  sizeof("7F2K-91XY-3")
#define CODE_SIZE	   sizeof("9A1M-24QX-77ZKD")

#define CODE_KEY_BYTES	     32
#define CODE_SECRET_BYTES    32
#define CODE_FIELD_MAX_BYTES 512 /* terminal, device, user of a receipt */

/* Scope as it fits the code's 12 bits. */
#define CODE_MINUTES_STEP 5
#define CODE_MINUTES_MAX  640
#define CODE_USES_MAX	  8

/* 40 bits. Zero is as good as any other number. */
struct code_receipt {
	uint64_t number;
};

struct code_scope {
	enum grant_access access;
	unsigned minutes; /* 5, 10 … 640 */
	unsigned uses;	  /* 1 … 8 */
};

/* A code as read: what it asks for, not yet proved. */
struct code {
	struct code_scope scope;
	uint64_t proof; /* 48 bits */
};

/* Whose key made it. Each terminal has one key of each kind. */
enum code_level {
	CODE_LEVEL_NONE = 0,
	CODE_LEVEL_HELPDESK,
	CODE_LEVEL_APPROVER,
};

struct code_key {
	uint8_t bytes[CODE_KEY_BYTES];
};

/* Two desks of each level, while one is being replaced. */
#define CODE_DESKS_MAX 4

/* A key of this terminal, and what the policy lets its desk give. */
struct code_desk {
	enum code_level level;
	struct grant_signer signer; /* role "helpdesk" or "approver" */
	struct code_key key;
};

/* All of a terminal's; none prove nothing. */
struct code_desks {
	size_t count;
	struct code_desk desks[CODE_DESKS_MAX];
};

/* Named outcomes. */
enum code_outcome {
	CODE_MISSPELT = 1, /* length, character or check character */
	CODE_WRONG,	 /* no key of this terminal made it for this receipt */
	CODE_OVER_LIMIT, /* proved, but beyond the limits of its key */
};

/* What a receipt stands for. The texts go in whole; none may be longer than
 * CODE_FIELD_MAX_BYTES. */
struct code_subject {
	struct span terminal; /* terminal.id, 32 hex */
	struct span device;   /* identity of device or channel */
	struct span user;     /* who asks */
	uint32_t round;	      /* another number for the same three */
};

/*
 * The receipt: the first 40 bits of HMAC-SHA-256 under a secret that the
 * daemon draws at each boot and shows to nobody. So nobody can look for a
 * second device with the number of the first, and none outlives the boot. Two
 * open receipts may still meet (2^-40 each): then the caller raises `round`.
 * 0; -EINVAL: a field too long; -ENOMEM.
 */
int code_receipt_make(const uint8_t boot_secret[CODE_KEY_BYTES],
		      const struct code_subject *subject,
		      struct code_receipt *ret_receipt)
	__attribute__((nonnull, warn_unused_result));

/* "7F2K-91XY-3", NUL-terminated. */
void code_receipt_format(struct code_receipt receipt,
			 char ret_text[CODE_RECEIPT_SIZE])
	__attribute__((nonnull));

/*
 * Reads what a person wrote: any case, O as 0, I and L as 1, full-width
 * letters; hyphens, dashes, the long-vowel mark, dots and spaces anywhere. 0,
 * or CODE_MISSPELT with *ret_receipt unchanged.
 */
int code_receipt_read(struct span text, struct code_receipt *ret_receipt)
	__attribute__((nonnull, warn_unused_result));

/*
 * The key of one terminal and level, from the secret that the terminal and the
 * desk have agreed on: HKDF-SHA-256 (RFC 5869), no salt, info "sekimori code
 * key v1", NUL, the level's word, NUL, terminal. 0; -EINVAL: no level, or a
 * terminal of no length or too long; -ENOMEM.
 */
int code_key_derive(const uint8_t secret[CODE_SECRET_BYTES],
		    enum code_level level, struct span terminal,
		    struct code_key *ret_key)
	__attribute__((nonnull, warn_unused_result));

/*
 * The code that answers a receipt, "9A1M-24QX-77ZKD", NUL-terminated. Does
 * not look at limits. 0; -EINVAL: a scope that has no bits; -ENOMEM.
 */
int code_make(const struct code_key *key, struct code_receipt receipt,
	      const struct code_scope *scope, char ret_text[CODE_SIZE])
	__attribute__((nonnull, warn_unused_result));

/* Reads as code_receipt_read() does. 0, or CODE_MISSPELT, *ret_code unchanged.
 * What it says has not been proved: good for showing only. */
int code_read(struct span text, struct code *ret_code)
	__attribute__((nonnull, warn_unused_result));

/*
 * Whether one of the desks made the code for this receipt, and may give what it
 * says (grant_check_signer(); one who needs others' approval gives nothing by
 * telephone). Constant time in the proof. 0 and *ret_desk, borrowed;
 * CODE_WRONG; CODE_OVER_LIMIT, *ret_desk set too; -ENOMEM. Count the try
 * first: code_tries_spend().
 */
int code_prove(const struct code *code, struct code_receipt receipt,
	       const struct code_desks *desks,
	       const struct code_desk **ret_desk)
	__attribute__((nonnull, warn_unused_result));

/*
 * The secret of a terminal and a desk: ECDH on P-256, the x of the common
 * point (SEC 1, 3.3.1). Either side gives its own key pair and the public key
 * of the other; both get the same. 0; -EINVAL: keys of another kind; -EIO: a
 * token refused, or no memory.
 */
int code_agree(EVP_PKEY *own, EVP_PKEY *other,
	       uint8_t ret_secret[CODE_SECRET_BYTES])
	__attribute__((nonnull, warn_unused_result));

/* How many letters stand in a text, separators not counted: to tell one that
 * is being typed from one that is wrong. At most CODE_CHARS + 1 are counted. */
size_t code_letters(struct span text);

/* "helpdesk" "approver"; "none". Total, static. */
const char *code_level_to_str(enum code_level level)
	__attribute__((returns_nonnull));
/* Of the policy's roles "helpdesk-code" and "approver-code"; none of others. */
enum code_level code_level_of_role(struct span role);
