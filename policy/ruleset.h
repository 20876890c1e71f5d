/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled policy: an immutable snapshot made from one or several named
 * texts, replaced whole and never changed. Construction allocates, and only
 * construction; it reads no file and no clock. The language is in
 * sekimori.rules(5).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/span.h"
#include "policy/verdict.h"

struct ruleset;

/* One text, usually one file. Borrowed during ruleset_parse() only. */
struct rules_text {
	const char *name; /* for messages; NUL-terminated */
	struct span text;
};

enum rules_severity {
	RULES_ERROR = 0,
	RULES_WARNING, /* loads, but means other than in USBGuard, or never */
};

/* One finding, at FILE:LINE:COL (1-based, columns in bytes). */
struct rules_message {
	uint32_t text; /* index into the texts given */
	uint32_t line;
	uint32_t column;
	enum rules_severity severity;
	char what[200];
};

/*
 * Where findings go: an array of the caller's. What does not fit is counted,
 * not kept.
 */
struct rules_report {
	struct rules_message *messages;
	size_t capacity;
	size_t count;	    /* kept */
	size_t dropped;	    /* found beyond the capacity */
	size_t error_count; /* errors among both */
};

enum ruleset_flags {
	/* Plain USBGuard language: our header, families and words refused. */
	RULESET_USBGUARD = 1u << 0,
	/* Warn where a rule means something else than USBGuard made of it. */
	RULESET_WARN = 1u << 1,
};

enum ruleset_outcome {
	RULESET_OK = 0,
	RULESET_INVALID, /* at least one error; see the report */
};

/*
 * Compile texts, in this order, to a snapshot. Returns 0, RULESET_INVALID (the
 * whole set is refused) or -ENOMEM; *ret_ruleset is unchanged but on 0, then
 * the caller owns one reference. `report` may be NULL. No text at all is a
 * valid, empty rule set: everything is denied.
 */
int ruleset_parse(const struct rules_text *texts, size_t text_count,
		  unsigned flags, struct rules_report *report,
		  struct ruleset **ret_ruleset)
	__attribute__((nonnull(5), warn_unused_result));

/* Shared ownership within one thread. Both accept NULL; unref returns NULL. */
struct ruleset *ruleset_ref(struct ruleset *ruleset);
struct ruleset *ruleset_unref(struct ruleset *ruleset);

static inline void ruleset_unrefp(struct ruleset **ruleset)
{
	*ruleset = ruleset_unref(*ruleset);
}
#define _cleanup_ruleset_ __attribute__((cleanup(ruleset_unrefp)))

/* Deny is 0: a rule set without a header enforces. */
enum rules_mode {
	RULES_MODE_ENFORCE = 0,
	RULES_MODE_MONITOR, /* decide and record, touch nothing */
	RULES_MODE_COUNT,
};

const char *rules_mode_to_str(enum rules_mode mode);

/* Header getters: total on a valid rule set, empty or 0 where not written. */
struct span ruleset_name(const struct ruleset *ruleset);
uint64_t ruleset_serial(const struct ruleset *ruleset);
enum rules_mode ruleset_mode(const struct ruleset *ruleset);
/* 1..4 for T1..T4: the weakest tier the policy accepts; 0 none demanded. */
unsigned ruleset_floor(const struct ruleset *ruleset);
struct span ruleset_zone(const struct ruleset *ruleset);
struct span ruleset_contact(const struct ruleset *ruleset);
/* block and deny, unless `implicit allow|block|reject` says otherwise. */
enum usb_target ruleset_implicit_target(const struct ruleset *ruleset);
/* Whether the last-keyboard admission of an unknown one is forbidden. */
bool ruleset_forbids_new_keyboard(const struct ruleset *ruleset);
/* Whether a keyboard that a rule allows without naming it need not wait. */
bool ruleset_lets_keyboards_in(const struct ruleset *ruleset);
/* Whether tamper protection is wanted: `tamper on`; off where not written. */
bool ruleset_wants_tamper(const struct ruleset *ruleset);

/* Whether a grant opens only media of the ledger (a rule with `sticker` speaks
 * of them today): `grant-media ledger`. */
bool ruleset_wants_ledger(const struct ruleset *ruleset);

/* How many 個人番号 a file that is written under a grant may have before the
 * grant ends: `mynumber-max N`. False, *ret_max unchanged: any number. */
bool ruleset_mynumber_max(const struct ruleset *ruleset, uint32_t *ret_max)
	__attribute__((nonnull, warn_unused_result));

/* A key of the header, as a caller may need it to prove something. */
struct rules_signer {
	struct span name; /* the key's id, as written */
	struct span role;
	struct span public_key;	  /* as written */
	enum media_access access; /* the most it may give */
	uint32_t max_minutes;	  /* 0: not limited here */
	uint32_t approvals;	  /* people needed, at least 1 */
};

/* The keys in order of the texts; false: there are no more than `index`. */
bool ruleset_signer(const struct ruleset *ruleset, size_t index,
		    struct rules_signer *ret_signer)
	__attribute__((nonnull, warn_unused_result));

/* Rules of all families, in order of the texts. */
size_t ruleset_rule_count(const struct ruleset *ruleset);
/* Slots a struct decide_history for this rule set must have. */
size_t ruleset_history_count(const struct ruleset *ruleset);
/* Bytes the snapshot owns. */
size_t ruleset_size_bytes(const struct ruleset *ruleset);
/* Bit n set: some rule of the set uses condition n (enum rules_uses). */
unsigned ruleset_uses(const struct ruleset *ruleset);

/*
 * What a verdict may depend on besides the device: when one of these changes,
 * judge again what is present.
 */
enum rules_uses {
	RULES_USES_TIME = 1u << 0,	 /* localtime, weekday, date, until */
	RULES_USES_SESSION = 1u << 1,	 /* mfa, locked, user, group */
	RULES_USES_AUTHORIZED = 1u << 2, /* allowed-matches */
	RULES_USES_HISTORY = 1u << 3,	 /* rule-applied, rule-evaluated */
	RULES_USES_RANDOM = 1u << 4,
};

enum rules_family {
	RULES_FAMILY_USB = 0,
	RULES_FAMILY_MEDIA,
	RULES_FAMILY_LOGIN,
	RULES_FAMILY_COUNT,
};

/* A rule as messages and events name it. */
struct rules_rule {
	enum rules_family family;
	enum usb_target target;	  /* USB */
	enum media_access access; /* media */
	struct span rule_id;
	struct span label;
	struct span file; /* the text's name */
	uint32_t line;
};

/* index < ruleset_rule_count(). */
struct rules_rule ruleset_rule(const struct ruleset *ruleset, uint32_t index)
	__attribute__((nonnull));

enum rules_format_flags {
	/* bytes outside ASCII as \xHH */
	RULES_FORMAT_ASCII = 1u << 0,
};

/*
 * Canonical form of a rule, without newline, as snprintf() does it: at most
 * capacity - 1 bytes and a NUL are written, the full length is returned.
 */
size_t ruleset_format(const struct ruleset *ruleset, uint32_t index,
		      unsigned flags, char *ret_text, size_t capacity)
	__attribute__((nonnull));

/* The canonical header lines, each with its newline; "" where there is none. */
size_t ruleset_format_header(const struct ruleset *ruleset, char *ret_text,
			     size_t capacity) __attribute__((nonnull));
