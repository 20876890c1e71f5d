/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a rule set: what the parser writes and decide, explain and the
 * printer read. Everything refers by number into the set's own arrays, so a
 * snapshot is a handful of blocks. Private to policy/.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/index.h"
#include "policy/pool.h"
#include "policy/ruleset.h"
#include "policy/vec.h"

/* In the order of the canonical form. */
enum attr_kind {
	ATTR_ID,
	ATTR_SERIAL,
	ATTR_NAME,
	ATTR_MANUFACTURER,
	ATTR_HASH,
	ATTR_PARENT_HASH,
	ATTR_IDENTITY,
	ATTR_VIA_PORT,
	ATTR_WITH_INTERFACE,
	ATTR_CHANNEL,
	ATTR_INTERFACES, /* which of them are authorised; matches nothing */
	ATTR_FAST_TYPING,
	ATTR_BUS,
	ATTR_FS_TYPE,
	ATTR_FS_UUID,
	ATTR_ENCRYPTED,
	ATTR_SIZE,
	ATTR_STICKER, /* data from here … */
	ATTR_OWNER,   /* … to here */
	ATTR_UNTIL,
	ATTR_LOST,
	ATTR_NOEXEC,
	ATTR_EXEC,
	ATTR_IF,
	ATTR_CONNECT_TYPE,
	ATTR_LABEL,
	ATTR_RULE_ID,
	ATTR_MONITOR,
	ATTR_COUNT,
};

enum set_op {
	SET_EQUALS = 0, /* the default, not written */
	SET_ALL_OF,
	SET_ONE_OF,
	SET_NONE_OF,
	SET_EQUALS_ORDERED,
	SET_MATCH_ALL,
	SET_OP_COUNT,
};

/* What the values of an attribute are, and how many numbers each takes. */
enum value_type {
	VALUE_FLAG,	 /* none: the word alone */
	VALUE_STRING,	 /* 1: string number */
	VALUE_TEXT,	 /* 1: string number, one only, no set */
	VALUE_ID,	 /* 2: vendor, product; VALUE_ANY for "*" */
	VALUE_INTERFACE, /* 1: class, subclass, protocol and ANY bits */
	VALUE_CHANNEL,	 /* 1: enum usb_channel */
	VALUE_BUS,	 /* 1: enum media_bus */
	VALUE_SIZE,	 /* 4: minimum and maximum bytes, low half first */
	VALUE_DATE,	 /* 1: date number, see date_number() */
	VALUE_CONDITION, /* index into conditions */
};

#define VALUE_ANY UINT32_MAX
/*
 * Half an id: the number, and in bits 16 to 19 which of its digits, the lowest
 * first, were capital letters: USBGuard prints ids as they were written.
 */
#define ID_NUMBER(half)	       ((half)&0xffffu)
#define ID_IS_CAPITAL(half, n) ((half) >> 16 >> (n)&1u)
#define INTERFACE_ANY_SUBCLASS (1u << 24)
#define INTERFACE_ANY_PROTOCOL (1u << 25)

struct attr {
	uint8_t kind;	/* enum attr_kind */
	uint8_t op;	/* enum set_op */
	uint16_t count; /* values */
	uint32_t first; /* in ruleset.values, or ruleset.conditions for `if` */
};

enum condition_kind {
	CONDITION_TRUE,
	CONDITION_FALSE,
	CONDITION_RANDOM,
	CONDITION_LOCALTIME,
	CONDITION_ALLOWED_MATCHES,
	CONDITION_RULE_APPLIED,
	CONDITION_RULE_EVALUATED,
	CONDITION_MFA, /* ours from here */
	CONDITION_LOCKED,
	CONDITION_USER,
	CONDITION_GROUP,
	CONDITION_WEEKDAY,
	CONDITION_DATE,
	CONDITION_COUNT,
};

/*
 * a and b by kind: random: threshold of 2^32, 1 where always · localtime:
 * first and last second of the day · allowed-matches: query number · rule-*:
 * seconds, low and high half, 0 ever · user, group: first value, count ·
 * weekday: bits, Sunday 0 · date: first and last date number
 */
struct condition {
	uint8_t kind;
	bool is_negated;
	uint32_t argument; /* as written, string number or POOL_NONE */
	uint32_t a;
	uint32_t b;
};

enum rule_flags {
	RULE_MONITOR = 1u << 0,
	RULE_LOST = 1u << 1,
	RULE_EXEC = 1u << 2,
	RULE_PER_INTERFACE = 1u << 3,
	RULE_QUERY = 1u << 4, /* match, device: never decides */
	RULE_FAST_TYPING = 1u << 5,
};

#define RULE_NO_HISTORY UINT32_MAX

struct rule {
	uint32_t attr_first;
	uint32_t line;
	uint32_t history; /* slot, or RULE_NO_HISTORY */
	uint16_t text;
	uint8_t attr_count;
	uint8_t family; /* enum rules_family */
	uint8_t target; /* enum usb_target, media_access or login_kind */
	uint8_t flags;
};

/* A key that may sign grants, with its limits; kept as data. */
struct rules_key {
	uint32_t key_id;
	uint32_t role;
	uint32_t public_key;
	uint32_t max_minutes; /* 0: not limited here */
	uint8_t access;	      /* enum media_access: the most it may give */
	uint8_t approvals;    /* people needed, at least 1 */
};

/* The default holds; that nothing was written is kept for the printer. */
enum unnamed_keyboard {
	UNNAMED_KEYBOARD_DEFAULT = 0,
	UNNAMED_KEYBOARD_HOLD,
	UNNAMED_KEYBOARD_ALLOW,
};

struct ruleset_header {
	bool is_present;
	bool forbids_new_keyboard;
	enum unnamed_keyboard unnamed_keyboard;
	bool wants_tamper;
	bool wants_ledger;
	bool has_mynumber_max;
	uint32_t mynumber_max;
	uint32_t name;
	uint32_t zone;
	uint32_t contact;
	uint64_t serial;
	enum rules_mode mode;
	unsigned floor;
	enum usb_target implicit;
	unsigned channels_named;   /* 1 << enum builtin_channel */
	unsigned channels_allowed; /* … of those */
};

struct ruleset {
	unsigned refs;
	struct ruleset_header header;
	struct pool pool;
	struct vec text_names; /* uint32_t string numbers */
	struct vec rules;      /* struct rule */
	struct vec queries;    /* struct rule, of allowed-matches */
	struct vec attrs;      /* struct attr */
	struct vec values;     /* uint32_t */
	struct vec conditions; /* struct condition */
	struct vec keys;       /* struct rules_key */
	struct vec login;      /* struct login_attr */
	size_t history_count;
	unsigned uses;	/* enum rules_uses */
	uint32_t kinds; /* 1 << attr_kind of all rules and queries */
	struct index usb;
	struct index media;
};

/* The word, the type and the families of an attribute. */
struct attr_info {
	const char *word;
	enum value_type type;
	bool is_extension; /* not USBGuard's */
	bool is_usb;
	bool is_media;
};

const struct attr_info *attr_info(enum attr_kind kind);
bool attr_kind_from_str(struct span word, enum attr_kind *ret_kind)
	__attribute__((nonnull, warn_unused_result));
/* Whether it can keep a rule from matching. */
bool attr_is_matched(enum attr_kind kind);

const char *set_op_to_str(enum set_op op);
bool set_op_from_str(struct span word, enum set_op *ret_op)
	__attribute__((nonnull, warn_unused_result));

const char *condition_to_str(enum condition_kind kind);
bool condition_from_str(struct span word, enum condition_kind *ret_kind)
	__attribute__((nonnull, warn_unused_result));

/* Dates compare as numbers: 2026-11-20 is 20261120. */
static inline uint32_t date_number(uint32_t year, uint32_t month, uint32_t day)
{
	return year * 10000 + month * 100 + day;
}

/* Not the builtin, which is a library call on plain x86-64. */
static inline unsigned bit_count(uint32_t bits)
{
	unsigned count = 0;

	for (; bits; bits &= bits - 1)
		count++;
	return count;
}

static inline const struct rule *rule_at(const struct ruleset *rs, uint32_t n)
{
	return (const struct rule *)rs->rules.data + n;
}

static inline const struct attr *rule_attrs(const struct ruleset *rs,
					    const struct rule *rule)
{
	return (const struct attr *)rs->attrs.data + rule->attr_first;
}

/* NULL where the rule does not have it. */
const struct attr *rule_attr(const struct ruleset *rs, const struct rule *rule,
			     enum attr_kind kind);

static inline const uint32_t *attr_values(const struct ruleset *rs,
					  const struct attr *attr)
{
	return (const uint32_t *)rs->values.data + attr->first;
}

static inline const struct condition *attr_conditions(const struct ruleset *rs,
						      const struct attr *attr)
{
	return (const struct condition *)rs->conditions.data + attr->first;
}

/* The first string value of an attribute of the rule, empty where absent. */
struct span rule_text(const struct ruleset *rs, const struct rule *rule,
		      enum attr_kind kind);

/* Whether the verdict of such a rule gives anything. */
bool rule_gives(const struct rule *rule);
