/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision says: target or access, the rule that spoke, and why. Plain
 * public values; the spans point into the rule set that was asked and live as
 * long as it does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/span.h"

/* Deny is 0, so that zeroed memory blocks. */
enum usb_target {
	USB_TARGET_BLOCK = 0,
	USB_TARGET_REJECT,
	USB_TARGET_ALLOW,
	USB_TARGET_MATCH,  /* query language only: never a verdict */
	USB_TARGET_DEVICE, /* query language only: never a verdict */
	USB_TARGET_COUNT,
};

enum media_access {
	MEDIA_DENY = 0,
	MEDIA_READ_ONLY,
	MEDIA_READ_WRITE,
	MEDIA_ACCESS_COUNT,
};

/* Why the verdict is what it is; events carry the text of it. */
enum verdict_reason {
	VERDICT_IMPLICIT = 0, /* no rule matched */
	VERDICT_RULE,	      /* a rule matched */
	VERDICT_LOST,	      /* a ledger entry marked lost matched */
	VERDICT_NO_RULESET,   /* there is no policy: deny, keep the lifeline */
	VERDICT_INVALID_DEVICE, /* descriptors or strings refused */
	VERDICT_LIFELINE,  /* allowed: the last keyboard, pointer or reader */
	VERDICT_GRANT,	   /* allowed by a grant */
	VERDICT_HELD,	   /* a keyboard nobody named: waits for a person */
	VERDICT_TYPING,	   /* a keyboard that types as no person does */
	VERDICT_CONFIRMED, /* allowed: a person confirmed the keyboard */
	VERDICT_GLASS,	   /* media: closed while the glass is broken */
	VERDICT_REASON_COUNT,
};

#define VERDICT_NO_RULE UINT32_MAX

struct verdict {
	enum usb_target target;	  /* USB: what is to be done */
	enum media_access access; /* media: what is to be given */
	enum verdict_reason reason;
	uint32_t rule;	     /* 0-based over the rule set, or VERDICT_NO_RULE */
	struct span rule_id; /* rule-id "…", empty where it has none */
	struct span label;   /* label "…" of the rule, empty where none */
	struct span sticker; /* media: the ledger entry's 管理番号 */
	struct span owner;   /* media: the ledger entry's 管理部署 */
	bool is_implicit;
	bool is_monitor;       /* decide and record, touch nothing */
	bool is_noexec;	       /* media: mount noexec (default on) */
	bool is_per_interface; /* ask decide_interface() for each one */
	bool is_keyboard_held; /* its keyboards stay out (policy/hid.h) */
	bool may_type_fast;    /* a reader of codes that types what it read */
};

const char *usb_target_to_str(enum usb_target target);
bool usb_target_from_str(struct span name, enum usb_target *ret_target)
	__attribute__((nonnull, warn_unused_result));
/* "deny", "read-only", "read-write" */
const char *media_access_to_str(enum media_access access);
bool media_access_from_str(struct span name, enum media_access *ret_access)
	__attribute__((nonnull, warn_unused_result));
/* "implicit", "rule", "lost"…: the machine-readable word of an event */
const char *verdict_reason_to_str(enum verdict_reason reason);
