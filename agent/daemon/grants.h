/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions on this terminal: what was asked for, what counts, and what has
 * ended and must never count again. A table and its state file; it knows no
 * loop, no bus and no clock of its own, and enforces nothing: the pipeline asks
 * what a verdict becomes, and whoever changes the table has everything judged
 * again. Only the daemon's loop calls it.
 *
 * A grant's time is its budget of CLOCK_BOOTTIME from the moment it counts; the
 * wall clock can end it earlier (not-after) and never lengthens it. Its use is
 * one plug of the device. It gives only while its person is at work here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/log.h"
#include "agent/daemon/devices.h"
#include "agent/daemon/grant_signed.h"
#include "agent/daemon/recorder.h"
#include "policy/decide.h"
#include "policy/grant.h"

struct ruleset;

#define GRANTS_FILE	   "grants" /* below the state folder */
#define GRANTS_MAX	   64 /* requests, and grants that count or will */
#define GRANTS_OF_USER_MAX 8  /* requests that wait, of one person */
#define GRANTS_GONE_MAX	   512
#define GRANTS_SEEN_MAX	   128 /* more than an inbox has */
#define GRANTS_INBOX_MAX   64  /* texts looked at in one go */
#define GRANTS_DIGEST_SIZE 33  /* half a SHA-256 in hex and NUL */
/* A request waits for its answer so long. */
#define GRANTS_REQUEST_S (UINT64_C(12) * 3600)
/* How often the rest of a budget is kept: a power cut gives back no more. */
#define GRANTS_SAVE_S 60

enum grants_state {
	GRANTS_REQUESTED = 0,
	GRANTS_WAITING, /* for its not-before */
	GRANTS_ACTIVE,
	GRANTS_STATE_COUNT,
};

struct grants_row {
	struct grants_row *next;
	enum grants_state state;
	char text[GRANT_MAX_BYTES]; /* the object; `grant` points into it */
	size_t size;
	struct grant grant;
	char *proof; /* signed texts, blanks in between; NULL: a request */
	char approvers[GRANT_APPROVERS_MAX + 1];
	char correlation[DEVICES_PLUG_SIZE];
	bool is_unproven;     /* kept from before, keys not looked at yet */
	bool is_suspended;    /* its person is not at work */
	bool is_by_code;      /* off-line: no signature */
	uint64_t boot_end_ns; /* active: CLOCK_BOOTTIME of this boot */
	uint32_t use_count;
	char plug[DEVICES_PLUG_SIZE]; /* of the last use */
};

struct grants_options {
	int root_fd; /* borrowed */
	const struct log *log;
	struct record_sink sink;
	/* 32 hex digits and boot id; "" until known, nothing counts then. */
	const char *(*terminal)(void *userdata);
	const char *boot_id;
	/* Who is at work, as the pipeline has it. NULL in tests: `context` of
	 * grants_tick() is all there is. */
	void *userdata;
};

struct grants;

/* Times of one moment. */
struct grants_now {
	uint64_t boot_ns;
	uint64_t wall_s;
};

int grants_new(const struct grants_options *options, struct grants **ret_grants)
	__attribute__((nonnull, warn_unused_result));
/* NULL is fine; saves nothing. */
struct grants *grants_free(struct grants *grants);

/* Reads the state file, once. 0, also when there is none; 1: read already;
 * -EBADMSG: it is not ours, nothing counts and it is replaced by the next
 * change; -ENOENT: the folder is not there yet; other -errno. */
int grants_load(struct grants *grants, struct grants_now now)
	__attribute__((nonnull, warn_unused_result));
/* Writes it: 0 or -errno. Changes are saved as they are made; this is for the
 * rest of the budgets. */
int grants_save(struct grants *grants, struct grants_now now)
	__attribute__((nonnull, warn_unused_result));

/* What somebody asks for. Strings are borrowed. */
struct grants_wish {
	const char *user;
	const char *device; /* as grant_name_*() has it */
	enum grant_access access;
	uint32_t minutes;
	const char *reason;
	const char *ticket;	 /* "" none */
	const char *note;	 /* "" none */
	const char *correlation; /* of the plug; "": the id itself */
	/* What it is, for who decides; NULL: it is not here now */
	const struct usb_fact *usb;
	const struct media_fact *media;
};

/* Named results (> 0) of asking and ending. */
enum grants_outcome {
	GRANTS_INVALID = 1, /* what was asked for is no request */
	GRANTS_FULL = 2,    /* too many wait already */
	GRANTS_UNKNOWN = 3, /* there is no such grant, or not theirs */
};

/* A request is kept and told. 0 and *ret_id (in the row), or an outcome, or
 * -errno: it could not be kept. */
int grants_request(struct grants *grants, const struct grants_wish *wish,
		   struct grants_now now, const char **ret_id)
	__attribute__((nonnull, warn_unused_result));

/*
 * What lies in the inbox: signed texts with blanks in between. Each object is
 * judged once, told, and counts or does not. True: what counts has changed.
 */
bool grants_offer(struct grants *grants, struct span texts,
		  const struct ruleset *ruleset, struct grants_now now)
	__attribute__((nonnull(1), warn_unused_result));

/* A grant that a code gave (policy/code.h): `grant` is complete and its limits
 * were checked. 0; GRANTS_INVALID, GRANTS_FULL; GRANTS_UNKNOWN: its id has
 * ended; -errno. */
int grants_take_code(struct grants *grants, const struct grant *grant,
		     const char *by, const char *correlation,
		     struct grants_now now)
	__attribute__((nonnull, warn_unused_result));

/* Whether that id is, or was, a grant here. */
bool grants_is_spent(const struct grants *grants, const char *id)
	__attribute__((nonnull));

/* A code that gave nothing, told as grant.refused. */
struct grants_refused {
	const char *id, *user, *device, *correlation;
	enum record_reason reason;
};
void grants_tell_code_refused(struct grants *grants,
			      const struct grants_refused *refused)
	__attribute__((nonnull));

/* Ends what has that id, of `user` ("": anybody's). 0, GRANTS_UNKNOWN. */
int grants_end(struct grants *grants, const char *id, const char *user,
	       struct grants_now now)
	__attribute__((nonnull, warn_unused_result));

/* Ends it whoever it is of, for REASON (an alert: GRANT_MYNUMBERS). 0,
 * GRANTS_UNKNOWN. */
int grants_stop(struct grants *grants, const char *id,
		enum record_reason reason, struct grants_now now)
	__attribute__((nonnull, warn_unused_result));

/* The keys of the policy are others now: grants whose keys are gone, or may not
 * give it any more, end. True: something changed. */
bool grants_recheck(struct grants *grants, const struct ruleset *ruleset,
		    struct grants_now now)
	__attribute__((nonnull(1), warn_unused_result));

/* What time and people change: ends, begins, suspends, resumes. CONTEXT is who
 * is at work now; NULL: not known yet, it stays as it was. True: judge again. */
bool grants_tick(struct grants *grants, const struct decide_context *context,
		 struct grants_now now)
	__attribute__((nonnull(1), warn_unused_result));
/* When to call it again (CLOCK_BOOTTIME); 0: not before something happens. */
uint64_t grants_deadline(const struct grants *grants, struct grants_now now)
	__attribute__((nonnull));

/* True when any grant is there, active or not: who is at work matters then. */
bool grants_are_any(const struct grants *grants);

/*
 * What a verdict becomes for the device in that plug: the row that gives most,
 * or NULL (VERDICT unchanged). GRANTS may be NULL. The person is as
 * grants_tick() last saw.
 */
const struct grants_row *grants_raise_usb(const struct grants *grants,
					  const struct usb_fact *fact,
					  const char *plug, uint64_t boot_ns,
					  struct verdict *verdict)
	__attribute__((nonnull(2, 3, 5)));
const struct grants_row *grants_raise_media(const struct grants *grants,
					    const struct media_fact *fact,
					    const char *plug, uint64_t boot_ns,
					    struct verdict *verdict)
	__attribute__((nonnull(2, 3, 5)));
/* How the device of a decision was used: RECORD is one with .decision, and
 * .media or .usb; it is told as grant.used the first time in a plug. */
void grants_use(struct grants *grants, const char *id, const char *plug,
		const struct record *record, struct grants_now now)
	__attribute__((nonnull));
/* The device of that plug is gone: who had used up their uses, ends. */
bool grants_unplugged(struct grants *grants, const char *plug,
		      struct grants_now now)
	__attribute__((nonnull(2), warn_unused_result));

/* By id; all, newest first. NULL: none. */
const struct grants_row *grants_find(const struct grants *grants,
				     const char *id) __attribute__((nonnull));
const struct grants_row *grants_first(const struct grants *grants)
	__attribute__((nonnull));
/* "requested", "waiting", "active", "suspended". */
const char *grants_state_to_str(const struct grants_row *row)
	__attribute__((nonnull, returns_nonnull));
/* Seconds left of its budget; 0 unless active. */
uint64_t grants_left_s(const struct grants_row *row, uint64_t boot_ns)
	__attribute__((nonnull));
