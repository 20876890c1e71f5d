/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon does when something goes wrong: one table from condition to
 * reaction, with a counter each. The places that meet a condition name it and
 * go on as the table says; none of them decides by itself to let something
 * through. Must not log or record: the daemon does, from here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum failure_reaction {
	FAILURE_DENY = 0, /* this device or access stays refused */
	FAILURE_OBSERVE,  /* counted and told; nothing else changes */
	FAILURE_DEGRADE,  /* the terminal reports itself degraded */
	FAILURE_EXIT,	  /* the daemon cannot do its work; systemd restarts */
	FAILURE_REACTION_COUNT_,
};

enum failure_kind {
	FAILURE_DESCRIPTOR = 0, /* device unreadable or malformed */
	FAILURE_USB_WRITE,	/* the kernel refused an authorisation */
	FAILURE_MEDIA_WRITE,	/* a medium could not be opened as decided */
	FAILURE_CHANNEL_WRITE,	/* a radio or port is not as decided */
	FAILURE_PROBE,		/* the probe crashed, hung or lied */
	FAILURE_DEVICES_FULL,	/* more devices than the table holds */
	FAILURE_UEVENT_LOST,	/* the kernel dropped uevents: scan again */
	FAILURE_GUARD_ABSENT,	/* no BPF layer at all: tier T4 */
	FAILURE_GUARD_LOST,	/* a layer that worked does no more */
	FAILURE_GUARD_DROPPED,	/* the guard's ring was full */
	FAILURE_TAMPER,	     /* policy wants protection that is not to be had */
	FAILURE_TIER_FLOOR,  /* below the tier that policy demands */
	FAILURE_USB_DEFAULT, /* authorized_default could not be set */
	FAILURE_SYSFS,	     /* what is plugged in cannot be seen */
	FAILURE_POLICY_REJECTED, /* the newest policy has an error */
	FAILURE_POLICY_NONE,	 /* no policy at all: media denied */
	FAILURE_CONFIG,		 /* agent.conf has an error: defaults */
	FAILURE_SPOOL_ABSENT,	 /* not opened (yet) */
	FAILURE_SPOOL_WRITE,	 /* full or the disk fails */
	FAILURE_RECORD_DROPPED,	 /* memory queue was full */
	FAILURE_BUS,		 /* no D-Bus (yet) */
	FAILURE_LOGIN_POLICY,	 /* login rules not in force, or not written */
	FAILURE_CARDS,		 /* a card in use cannot be watched */
	FAILURE_LOOP,		 /* the event loop itself */
	FAILURE_KIND_COUNT_,
};

struct failure_row {
	const char *name; /* metric name, stable */
	enum failure_reaction reaction;
	const char *text; /* one English line for people */
};

#define FAILURE_DETAIL_MAX 160

struct failures {
	uint64_t counts[FAILURE_KIND_COUNT_];
	bool active[FAILURE_KIND_COUNT_]; /* holds now */
	char detail[FAILURE_KIND_COUNT_][FAILURE_DETAIL_MAX];
	bool has_changed; /* since failure_take_change() */
};

/* The table's row; total. */
const struct failure_row *failure_row(enum failure_kind kind)
	__attribute__((returns_nonnull));
const char *failure_reaction_to_str(enum failure_reaction reaction)
	__attribute__((returns_nonnull));

/* Counts one occurrence of a condition that has no end of its own. */
enum failure_reaction failure_count(struct failures *failures,
				    enum failure_kind kind)
	__attribute__((nonnull));

/* A condition holds from now on; DETAIL may be NULL. Counted when it begins. */
enum failure_reaction failure_raise(struct failures *failures,
				    enum failure_kind kind, const char *detail)
	__attribute__((nonnull(1)));

/* It holds no more; nothing happens when it did not. */
void failure_clear(struct failures *failures, enum failure_kind kind)
	__attribute__((nonnull));

/* Whether a condition with reaction "degrade" holds; its line in *ret_why
 * (detail or the row's text; "" when none), valid until the next change. */
bool failure_is_degraded(const struct failures *failures, const char **ret_why)
	__attribute__((nonnull));

/* True once after the degraded state or its reason may have changed. */
bool failure_take_change(struct failures *failures) __attribute__((nonnull));
