/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: (rule set, fact, context) to verdict. Pure: no clock, no
 * file, no allocation, no errno; all it may change is the history that the
 * caller hands in. Cost does not grow with the number of rules that cannot
 * match, because rules are found by the values they ask for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/fact.h"
#include "policy/ruleset.h"
#include "policy/verdict.h"

/* Local wall time, broken down by the caller (localtime_r and TZ are his). */
struct wall_local {
	int16_t year;	 /* 2026 */
	uint8_t month;	 /* 1..12; 0: the clock cannot be trusted */
	uint8_t day;	 /* 1..31 */
	uint8_t weekday; /* 0 Sunday .. 6 Saturday */
	uint32_t second; /* of the day, 0..86400 */
};

/*
 * When rules with rule-applied or rule-evaluated last were. Slot numbers are
 * the rule set's own: a new snapshot starts with a zeroed history of
 * ruleset_history_count() slots. Times are the context's boot_now_s, plus 1
 * so that 0 is never.
 */
struct decide_history_slot {
	uint64_t applied;
	uint64_t evaluated;
};

/*
 * Everything a verdict depends on besides the fact. Zeroed memory is valid:
 * no session, clock unknown, nothing authorised, no history. With an unknown
 * clock a time condition is neither true nor false and counts against access:
 * a rule that gives does not match, a rule that denies does.
 */
struct decide_context {
	struct wall_local now;
	uint64_t boot_now_s; /* CLOCK_BOOTTIME, seconds */
	uint64_t random;     /* fresh for each decision */
	bool has_session;    /* someone is logged in locally and active */
	bool is_mfa;	     /* … with two factors proven, not too long ago */
	/* … that began with the factors this terminal asks for, however long
	 * ago; where it asks for none yet, any session. For grants only. */
	bool is_proven;
	bool is_locked;
	bool is_glass_broken;	   /* an emergency login is open: no media */
	const char *user;	   /* login name, NULL without a session */
	const char *const *groups; /* of the user */
	size_t group_count;
	/* What allowed-matches() sees. */
	const struct usb_fact *const *authorized;
	size_t authorized_count;
	/* Read and updated by decide_*(); NULL: never applied, not noted. */
	struct decide_history_slot *history;
	size_t history_count;
};

/*
 * Judge a USB device. Always sets *ret_verdict; there is no failure. ruleset
 * NULL gives block for VERDICT_NO_RULESET. fact->is_controller changes
 * nothing here: root hubs are the caller's lifeline.
 */
void decide_usb(const struct ruleset *ruleset, const struct usb_fact *fact,
		const struct decide_context *context,
		struct verdict *ret_verdict) __attribute__((nonnull(2, 3, 4)));

/* Judge a medium; the same contract, `access` is the answer. */
void decide_media(const struct ruleset *ruleset, const struct media_fact *fact,
		  const struct decide_context *context,
		  struct verdict *ret_verdict)
	__attribute__((nonnull(2, 3, 4)));

/*
 * Whether an interface of an allowed device may be authorised. True for every
 * interface unless the rule that spoke has `interfaces { … }`, or keyboards of
 * the device are held (policy/hid.h).
 */
bool decide_interface(const struct ruleset *ruleset,
		      const struct verdict *verdict,
		      const struct usb_interface *interface)
	__attribute__((nonnull(2, 3)));
