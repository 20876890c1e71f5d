/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant: an exception as one object, or as nothing: who may use which device
 * where, how, until when and why. The same object asks (request), gives (grant)
 * and ends (deny, revoke). Lines in a fixed order, as in a parcel. PURE; knows
 * nothing of signatures, clocks or terminals: facts are handed in.
 *
 *	sekimori-grant 1
 *	action grant		(request, grant, deny, revoke)
 *	id g-0123456789abcdef	(one exception, one id, from request to end)
 *	issued 1795132800	(Unix time; the terminal refuses what is older
 *				than what it has forgotten)
 *	terminal 00112233445566778899aabbccddeeff
 *	user s012345		(user to report-by: request and grant only)
 *	device usb:…		(or disk:…, or channel:NAME)
 *	access read-only	(or read-write, authorise, substitute-factor)
 *	not-before 1795132800	(may be absent)
 *	not-after 1795140000
 *	minutes 30		(of CLOCK_BOOTTIME, from the first moment)
 *	uses 1			(may be absent: not counted)
 *	reason data-return
 *	ticket HD-2026-031	(may be absent)
 *	requester s012345	(may be absent)
 *	report-by 1795200000	(may be absent: 事後報告 until then)
 *	note 返戻データの受領	(may be absent; deny and revoke need one)
 *	end
 *
 * Who approved is not written: it is whose keys signed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/fact.h"
#include "policy/span.h"
#include "policy/verdict.h"

#define GRANT_TYP	     "sekimori-grant" /* "typ" of the JWS */
#define GRANT_MAX_BYTES	     2048u
#define GRANT_ID_CHARS	     18u /* "g-" and 16 lower hex digits */
#define GRANT_TERMINAL_CHARS 32u
#define GRANT_USER_MAX	     64u
#define GRANT_DEVICE_MAX     96u
#define GRANT_WORD_MAX	     64u /* reason and ticket */
#define GRANT_NOTE_MAX	     256u
#define GRANT_USES_MAX	     1000u
#define GRANT_MINUTES_MAX    10080u /* a week, whatever a key may */
/* not-after from now: a grant is for one use or a few, not for the year. */
#define GRANT_TERM_MAX_S (UINT64_C(31) * 24 * 3600)
/* Signatures of one grant: more people than a policy may ask for. */
#define GRANT_SIGNERS_MAX 9u

/* Of a key of role "helpdesk", whatever the policy's line says. */
#define GRANT_HELPDESK_MINUTES 60u
/* Of one of role "approver", where the line says nothing. */
#define GRANT_APPROVER_MINUTES 480u
#define GRANT_ROLE_HELPDESK    "helpdesk"
#define GRANT_ROLE_APPROVER    "approver"

enum grant_action {
	GRANT_NONE = 0,
	GRANT_REQUEST, /* of the person at the terminal; never signed */
	GRANT_GRANT,
	GRANT_DENY,   /* the request of this id is refused */
	GRANT_REVOKE, /* the grant of this id ends, or never begins */
	GRANT_ACTION_COUNT,
};

enum grant_access {
	GRANT_NOTHING = 0,
	GRANT_READ_ONLY,
	GRANT_READ_WRITE,
	GRANT_AUTHORISE, /* a USB device that is no medium */
	GRANT_SUBSTITUTE_FACTOR,
	GRANT_ACCESS_COUNT,
};

/* Spans are borrowed from the text read, or from who writes. */
struct grant {
	enum grant_action action;
	struct span id;
	uint64_t wall_issued_s;
	struct span terminal;
	struct span user;
	struct span device;
	enum grant_access access;
	uint64_t wall_not_before_s; /* 0: none */
	uint64_t wall_not_after_s;
	uint32_t minutes;
	uint32_t uses; /* 0: not counted */
	struct span reason;
	struct span ticket;
	struct span requester;
	uint64_t wall_report_by_s; /* 0: none */
	struct span note;
};

enum grant_outcome { GRANT_MALFORMED = 1 };

/* "request" …; "none" for anything else. 0 and *ret_action, or -ENOENT. */
const char *grant_action_to_str(enum grant_action action)
	__attribute__((returns_nonnull));
int grant_action_from_str(struct span text, enum grant_action *ret_action)
	__attribute__((nonnull, warn_unused_result));
/* "read-only" …; "nothing" for anything else. 0 and *ret_access, or -ENOENT. */
const char *grant_access_to_str(enum grant_access access)
	__attribute__((returns_nonnull));
int grant_access_from_str(struct span text, enum grant_access *ret_access)
	__attribute__((nonnull, warn_unused_result));

/* Whether TEXT is an id, or names a device as this page has it. */
bool grant_is_id(struct span text);
bool grant_is_device(struct span text);

/*
 * Reads one object. Returns 0, or GRANT_MALFORMED and *ret_why, a static
 * sentence; *ret_grant is undefined then.
 */
int grant_read(struct span text, struct grant *ret_grant, const char **ret_why)
	__attribute__((nonnull, warn_unused_result));

/*
 * Writes one into `cap` bytes (GRANT_MAX_BYTES are enough). Returns 0 and
 * *ret_len, -ENOBUFS, or GRANT_MALFORMED for what could not be read back.
 */
int grant_write(const struct grant *grant, char *buf, size_t cap,
		size_t *ret_len) __attribute__((nonnull, warn_unused_result));

/* --- whose word counts for what ------------------------------------------ */

/* A key of the policy that signed, with its limits. */
struct grant_signer {
	struct span name; /* the key's id in the policy */
	struct span role;
	enum media_access access; /* the most it may give */
	uint32_t max_minutes;	  /* 0: the role's own limit */
	uint32_t approvals;	  /* people that its grants need */
};

/* What a terminal knows when it judges. */
struct grant_terms {
	const char *terminal;
	uint64_t wall_now_s;
	uint64_t issued_floor; /* issued up to then: forgotten, hence refused */
	/* The request of that id, where there is one: what was asked by whom */
	const struct grant *request;
	const struct grant_signer *signers; /* distinct keys, all proven */
	size_t signer_count;
};

/* Why a grant counts for nothing; 0 is that it counts. */
enum grant_refusal {
	GRANT_COUNTS = 0,
	GRANT_OTHER_TERMINAL,
	GRANT_OTHER_USER,
	GRANT_OTHER_DEVICE,
	GRANT_EXPIRED,
	GRANT_TOO_LONG,
	GRANT_OLD,
	GRANT_UNSIGNED,
	GRANT_OVER_ACCESS,
	GRANT_OVER_MINUTES,
	GRANT_APPROVALS,
	GRANT_UNSUPPORTED,
	GRANT_REFUSAL_COUNT,
};

/* A sentence for people; total. */
const char *grant_refusal_to_str(enum grant_refusal refusal)
	__attribute__((returns_nonnull));

/* Whether one key may give GRANT's access for GRANT's minutes: 0, UNSIGNED (no
 * role that may), OVER_ACCESS, OVER_MINUTES. How many are needed is not asked. */
enum grant_refusal grant_check_signer(const struct grant *grant,
				      const struct grant_signer *signer)
	__attribute__((nonnull, warn_unused_result));

/* Whether GRANT (grant, deny or revoke) counts on this terminal now. Replay is
 * the caller's: it knows the ids. */
enum grant_refusal grant_judge(const struct grant *grant,
			       const struct grant_terms *terms)
	__attribute__((nonnull, warn_unused_result));

/* --- what it raises -------------------------------------------------------- */

#define GRANT_DEVICE_SIZE (GRANT_DEVICE_MAX + 1)

/* The name of a USB device, and of a medium: that of its USB device, else of
 * the disk itself. False: there is none, the device says nothing of itself. */
bool grant_name_usb(const struct usb_fact *fact,
		    char ret_name[GRANT_DEVICE_SIZE]) __attribute__((nonnull));
bool grant_name_media(const struct media_fact *fact,
		      char ret_name[GRANT_DEVICE_SIZE])
	__attribute__((nonnull));

/* Whether a grant for DEVICE is for this. */
bool grant_is_for_usb(struct span device, const struct usb_fact *fact)
	__attribute__((nonnull));
bool grant_is_for_media(struct span device, const struct media_fact *fact)
	__attribute__((nonnull));

/* What VERDICT becomes under a grant of ACCESS that is for it: never less.
 * True: it gives more than before. A lost medium, one whose policy is not
 * readable and an emergency login are raised by nothing; a device that is more
 * than a medium is let in by GRANT_AUTHORISE only. */
bool grant_raise_usb(enum grant_access access, const struct usb_fact *fact,
		     struct verdict *verdict) __attribute__((nonnull));
bool grant_raise_media(enum grant_access access, struct verdict *verdict)
	__attribute__((nonnull));
