/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: one thing that happened -> one line of OCSF 1.8.0 JSON.
 *
 * This is the contract between the agent and everybody who reads its log: the
 * spool stores these bytes, the collector and sekimorictl show them, an auditor
 * keeps them. Pure: no clock, allocation, file or log; the caller brings every
 * value, time and random bits included. Must not decide anything and must not
 * know how a record is stored or sent.
 *
 * Strings are NUL-terminated, borrowed, and may be NULL or "" (= not known: the
 * field is left out). They may be hostile (descriptors, labels, process names):
 * the writer replaces what is not UTF-8 by U+FFFD, drops controls and other
 * invisible formatting characters, cuts at a limit counted in code points, and
 * says in `sekimori.truncated` how many strings it cut.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/fact.h"
#include "policy/span.h"
#include "policy/verdict.h"

/*
 * A buffer of this size holds any record: the caps below bound every string
 * and array (tests/unit/policy/test_record.c fills all of them).
 */
#define RECORD_MAX_BYTES 40960u

/* Code points kept of one string. Longer ones are cut and counted. */
#define RECORD_NAME_MAX	      126u /* USB string descriptor: 126 UTF-16 units */
#define RECORD_PATH_MAX	      256u /* device node, mount target, executable */
#define RECORD_DETAIL_MAX     256u /* reason, explanation, rule id */
#define RECORD_INTERFACES_MAX 32u  /* class triples listed of one device */
#define RECORD_LAYERS_MAX     12u
#define RECORD_WORD_MAX	      32u /* a flag of a mount, a layer's name */
#define RECORD_FLAGS_MAX      12u
#define RECORD_FILE_PATH_MAX  1000u /* of a file on a medium, from its top */
#define RECORD_HOLDERS_MAX    8u    /* processes named at the end of a medium */
#define RECORD_PROOFS_MAX     8u

/*
 * Every event code there is; the string is record_code_to_str(). The class,
 * activity, severity and disposition of each are rows of record_table.c (OCSF
 * 1.8.0 classes 1001, 1008, 1010, 2004, 5001, 5019, 6002).
 */
enum record_code {
	RECORD_NONE = 0, /* zeroed record: refused by record_write() */

	/* .usb and, but for the removal, .decision */
	RECORD_USB_DEVICE_ALLOWED,
	RECORD_USB_DEVICE_BLOCKED,
	RECORD_USB_DEVICE_REMOVED,
	RECORD_USB_DEVICE_HELD,	 /* a keyboard that waits for a person */
	RECORD_USB_KEYBOARD_CUT, /* it typed as no person does */
	RECORD_LIFELINE_KEPT,	 /* not blocked: it is the last of its kind */

	/* A medium was judged: .media and, but for the removal, .decision */
	RECORD_MEDIA_ALLOWED, /* read-write */
	RECORD_MEDIA_DENIED,
	RECORD_MEDIA_READONLY,
	RECORD_MEDIA_REMOVED,
	/* Access is being taken away, or was: .media, .decision, .u.ending */
	RECORD_MEDIA_ENDING, /* a warning, or it is held: see the stage */
	RECORD_MEDIA_ENDED,

	/* Files on a medium under read-write access, for the 持出簿: .media,
	 * .decision (of the medium), .file and, if known, .process, .actor */
	RECORD_FILE_WRITTEN,
	RECORD_FILE_DELETED,
	RECORD_FILE_RENAMED,
	RECORD_FILE_SUMMARY, /* .u.files: at the end of a mount */

	/* The kernel guard stepped in: .guard, .decision, .process if known */
	RECORD_MOUNT_BLOCKED,
	RECORD_MOUNT_READONLY,
	RECORD_BLOCK_OPEN_BLOCKED,
	RECORD_BLOCK_RAWWRITE_BLOCKED,
	RECORD_SYSFS_WRITE_BLOCKED, /* authorized, bind, … by somebody else */

	RECORD_POLICY_LOADED,	/* .u.change */
	RECORD_POLICY_REJECTED, /* .u.change; the policy in force is unchanged */

	RECORD_AGENT_START,	/* .u.agent */
	RECORD_AGENT_STOP,	/* .u.agent */
	RECORD_AGENT_DEGRADED,	/* .u.health */
	RECORD_AGENT_RECOVERED, /* .u.health: the end of agent.degraded */
	RECORD_AGENT_HEARTBEAT, /* .u.health */
	RECORD_AGENT_TAMPER,	/* .u.tamper, .process */
	RECORD_AGENT_SELFTEST, /* .u.selftest: sekimorictl walked the ways out */
	RECORD_ORDER_ACCEPTED, /* .u.order */
	RECORD_ORDER_REJECTED, /* .u.order; nothing was done */

	/* A way out that is neither a USB device nor a medium: .channel */
	RECORD_CHANNEL_ALLOWED, /* … and .decision */
	RECORD_CHANNEL_BLOCKED, /* … and .decision */
	RECORD_NETWORK_ADDED,	/* an interface; .usb where it hangs on one */
	RECORD_NETWORK_ROUTE,	/* a second default route */

	RECORD_LOG_GAP,	     /* .u.gap */
	RECORD_SPOOL_RESET,  /* .u.gap */
	RECORD_CLOCK_UNSYNC, /* .clock */
	RECORD_CLOCK_STEP,   /* .u.step */
	RECORD_KEY_ROTATE,   /* .u.key */

	/* Logins: .u.login, .actor (rows: record_login.c) */
	RECORD_LOGIN_FIRST,
	RECORD_MFA_SESSION_OK = RECORD_LOGIN_FIRST, /* bound and proven */
	RECORD_MFA_SESSION_DENIED,		    /* a gate refused */
	RECORD_MFA_SESSION_LOCKED,
	RECORD_MFA_SESSION_UNLOCKED,
	RECORD_MFA_SESSION_VIOLATION, /* .decision.reason says which */
	RECORD_MFA_SESSION_ENDED,
	RECORD_MFA_TOKEN_REMOVED,
	RECORD_MFA_STEPUP_OK,
	RECORD_MFA_STEPUP_DENIED,
	RECORD_MFA_BREAKGLASS_USED,
	RECORD_MFA_MODE_CHANGED,
	RECORD_MFA_STACK_CHANGED, /* what PAM really runs */
	RECORD_LOGIN_LAST = RECORD_MFA_STACK_CHANGED,

	/* Exceptions: .u.grant (rows: record_grant.c) */
	RECORD_GRANT_FIRST,
	RECORD_GRANT_REQUESTED = RECORD_GRANT_FIRST,
	RECORD_GRANT_GRANTED,	/* it counts from now on */
	RECORD_GRANT_REFUSED,	/* by the desk, or by us: nothing changed */
	RECORD_GRANT_USED,	/* … and .decision, .media or .usb: one use */
	RECORD_GRANT_SUSPENDED, /* its person is not at work */
	RECORD_GRANT_RESUMED,
	RECORD_GRANT_ENDED,
	RECORD_GRANT_REVOKED,
	RECORD_GRANT_LAST = RECORD_GRANT_REVOKED,

	RECORD_CODE_COUNT_
};

/* In monitor mode a denial is written as observed, not as done. */
enum record_mode { RECORD_MODE_MONITOR = 0, RECORD_MODE_ENFORCE };

enum record_tristate { RECORD_UNKNOWN = 0, RECORD_NO, RECORD_YES };

/* Why, as a stable number in status_code. Its texts: record_reason.c. */
enum record_reason {
	RECORD_REASON_NONE = 0,	   /* no status_code */
	RECORD_REASON_RULE,	   /* SKM-D-0101 a rule says so */
	RECORD_REASON_DEFAULT,	   /* SKM-D-0102 no rule matched */
	RECORD_REASON_DESCRIPTOR,  /* SKM-D-0103 descriptor unreadable, wrong */
	RECORD_REASON_PARENT,	   /* SKM-D-0104 its hub is not authorised */
	RECORD_REASON_UNJUDGED,	   /* SKM-D-0105 not judged (yet) */
	RECORD_REASON_NO_POLICY,   /* SKM-D-0106 no readable policy */
	RECORD_REASON_ENFORCEMENT, /* SKM-D-0107 the kernel did not obey */
	RECORD_REASON_READ_ONLY, /* SKM-D-0108 writing to a read-only medium */
	RECORD_REASON_LIFELINE,	 /* SKM-D-0109 last keyboard, pointer, token */
	RECORD_REASON_LOST,	 /* SKM-D-0110 ledger says it is lost */
	RECORD_REASON_GRANT,	 /* SKM-D-0111 under a grant */
	RECORD_REASON_HELD,	 /* SKM-D-0112 keyboard nobody named */
	RECORD_REASON_TYPING,	 /* SKM-D-0113 types as no person does */
	RECORD_REASON_CONFIRMED, /* SKM-D-0114 a person confirmed it */
	RECORD_REASON_POLICY_SYNTAX,	/* SKM-P-0201 */
	RECORD_REASON_POLICY_SERIAL,	/* SKM-P-0202 serial did not increase */
	RECORD_REASON_POLICY_SIGNATURE, /* SKM-P-0203 */
	RECORD_REASON_POLICY_IO,	/* SKM-P-0204 file cannot be read */
	RECORD_REASON_POLICY_TERMS,	/* SKM-P-0205 another zone or time */
	RECORD_REASON_POLICY_LIFELINE,	/* SKM-P-0206 cuts the lifeline */
	RECORD_REASON_LOGIN_FACTORS,	/* SKM-L-0301 too few kinds proven */
	RECORD_REASON_LOGIN_REMOTE,	/* SKM-L-0302 remote login refused */
	RECORD_REASON_LOGIN_USER,	/* SKM-L-0303 there is no such user */
	RECORD_REASON_LOGIN_UNATTESTED, /* SKM-L-0304 past all gates */
	RECORD_REASON_LOGIN_TOKEN,	/* SKM-L-0305 key or card removed */
	RECORD_REASON_LOGIN_MAX_AGE,	/* SKM-L-0306 proof too old */
	RECORD_REASON_LOGIN_IDLE,	/* SKM-L-0307 */
	RECORD_REASON_LOGIN_SWITCHED,	/* SKM-L-0308 another user in front */
	RECORD_REASON_LOGIN_DEMANDED,	/* SKM-L-0309 by policy or helpdesk */
	RECORD_REASON_LOGIN_BY_USER,	/* SKM-L-0310 the person locked it */
	RECORD_REASON_LOGIN_LOCK,	/* SKM-L-0311 lock without effect */
	RECORD_REASON_LOGIN_UNLOCK,	/* SKM-L-0312 unlocked without proof */
	RECORD_REASON_LOGIN_BREAKGLASS, /* SKM-L-0313 emergency time is over */
	RECORD_REASON_LOGIN_NO_MEDIA,	/* SKM-L-0314 none in an emergency */
	RECORD_REASON_ORDER,		/* SKM-P-0207 order not accepted */
	RECORD_REASON_GRANT_FORGED,	/* SKM-G-0401 no key that may */
	RECORD_REASON_GRANT_MALFORMED,	/* SKM-G-0402 */
	RECORD_REASON_GRANT_TERMINAL,	/* SKM-G-0403 for another terminal */
	RECORD_REASON_GRANT_USER,	/* SKM-G-0404 … user */
	RECORD_REASON_GRANT_DEVICE,	/* SKM-G-0405 … device */
	RECORD_REASON_GRANT_EXPIRED,	/* SKM-G-0406 its time is wrong */
	RECORD_REASON_GRANT_REPLAYED,	/* SKM-G-0407 it was here before */
	RECORD_REASON_GRANT_LIMIT,	/* SKM-G-0408 over its key's limits */
	RECORD_REASON_GRANT_APPROVALS,	/* SKM-G-0409 too few people */
	RECORD_REASON_GRANT_UNSUPPORTED, /* SKM-G-0410 cannot be done here */
	RECORD_REASON_GRANT_FULL,	 /* SKM-G-0411 too many at a time */
	RECORD_REASON_GRANT_DENIED,	 /* SKM-G-0412 the desk said no */
	RECORD_REASON_GRANT_TIME,	 /* SKM-G-0413 its time is over */
	RECORD_REASON_GRANT_USES,	 /* SKM-G-0414 all uses made */
	RECORD_REASON_GRANT_BY_USER,	 /* SKM-G-0415 the person ended it */
	RECORD_REASON_GRANT_REVOKED,	 /* SKM-G-0416 the desk took it back */
	RECORD_REASON_GRANT_KEY,	 /* SKM-G-0417 policy lost its key */
	RECORD_REASON_GRANT_AWAY,	 /* SKM-G-0418 not there, or locked */
	RECORD_REASON_GRANT_MYNUMBERS,	 /* SKM-G-0419 an alert, too */
	RECORD_REASON_GRANT_CODE,	 /* SKM-G-0420 the code is wrong */
	RECORD_REASON_COUNT_
};

/* This machine; does not change while the daemon runs. */
struct record_terminal {
	const char *uid;      /* required: /var/lib/sekimori/terminal.id */
	const char *hostname; /* required */
	const char *tenant;   /* 団体コード, e.g. 999999 */
	const char *org;      /* e.g. 情報市 */
	const char *unit;     /* e.g. 市民課 */
	const char *zone;     /* e.g. mynumber */
	const char *asset;    /* asset label on the case */
	const char *contact;  /* helpdesk, told to the person blocked */
	const char *os_name;  /* required, os-release NAME */
	const char *os_version;
	const char *kernel;   /* uname release */
	const char *boot_uid; /* /proc/sys/kernel/random/boot_id */
	const char *version;  /* required: of sekimori */
};

/* The policy in force; replaced whole when another is loaded. */
struct record_policy {
	const char *name;   /* NULL: no policy could be read */
	uint64_t serial;    /* 0: unsigned local policy */
	const char *digest; /* "sha256:…" over the sources */
	enum record_mode mode;
};

/*
 * The person at the terminal, as far as it is known when the event happens.
 * `user` is the login name (staff number), never a person's name.
 */
struct record_actor {
	const char *user;
	bool has_uid;
	uint32_t uid;
	const char *session; /* logind id, e.g. "c3" */
	const char *tty;
	int64_t wall_since_ms; /* session start, UTC; 0 unknown */
	enum record_tristate is_remote;
	enum record_tristate is_mfa;
};

/* Whose system call was refused. */
struct record_process {
	uint32_t pid; /* 0: unknown, the process is left out */
	bool has_uid;
	uint32_t uid;
	const char *name; /* comm */
	const char *path; /* /proc/PID/exe, when it could still be read */
	/* Who logged in, whatever sudo made of them since (audit). */
	bool has_login_uid;
	uint32_t login_uid;
};

/*
 * What the kernel guard saw. The node is the one that was opened (a partition,
 * say), which need not be known to the policy: then .media is NULL.
 */
struct record_guard {
	const char *hook; /* "cgroup/dev", "lsm/sb_kern_mount", …: required */
	const char *node; /* "/dev/sdb1" */
	uint32_t major;	  /* 0:0: no block device is meant */
	uint32_t minor;
	const char *target; /* mount point or written file, when known */
	const char *flags;  /* "rw", "ro,remount": what was asked for */
};

/* A radio, a Thunderbolt device, a port, a network interface or a route. */
struct record_channel {
	const char *kind;      /* "wifi", "network" …: required */
	const char *name;      /* the kernel's: "rfkill0", "eth1": required */
	const char *model;     /* what people know it by */
	const char *address;   /* hardware address; of a route: the gateway */
	const char *interface; /* of a route */
};

/* A file on a medium: the only place where a file has its name told. */
struct record_file {
	const char *path;  /* from the top of the mount: required */
	const char *to;	   /* renamed: its new path */
	const char *mount; /* where the medium is mounted */
	const char *node;  /* "/dev/sdb1" */
	bool is_directory; /* renamed */
	bool has_size;
	uint64_t size_bytes;
	const char *sha256;   /* 64 hex digits; NULL: not known */
	const char *unhashed; /* written: why there is no SHA-256 */
	uint32_t write_count; /* written: times closed since the last record */
	/* How .actor is known: "login", "process" or "owner" of the file */
	const char *user_by;
	bool has_mynumbers;	 /* written, and read for its SHA-256 */
	uint64_t mynumber_count; /* policy/mynumber.h */
};

struct record_decision {
	struct span rule;      /* rule-id; empty: "implicit" or FILE:LINE */
	const char *rule_file; /* base name of the rules file */
	uint32_t rule_line;    /* 1.., 0 unknown */
	const char *layer;     /* "usb_authorize", "guard", "media": required */
	enum record_reason reason;
	const char *detail;   /* one English line; NULL: the reason's text */
	uint32_t latency_us;  /* event to enforcement; 0 unknown */
	const char *user_ref; /* 受付番号, NULL while there are none */
	const char *grant;    /* id of the grant that gives it; NULL */
};

enum record_layer_state {
	RECORD_LAYER_ABSENT = 0,
	RECORD_LAYER_DEGRADED,
	RECORD_LAYER_OK
};

struct record_layer {
	const char *name; /* "usb_authorize", "cgroup_dev", "lsm", "spool" … */
	enum record_layer_state state;
	const char *detail; /* why it is not ok */
};

struct record_change {
	const char *name; /* of the policy offered; NULL if unreadable */
	uint64_t serial;
	const char *digest;
	const char *signer;   /* key id, NULL unsigned */
	uint64_t from_serial; /* in force before */
	uint32_t rule_count;
	const char *error; /* "10-usb.rules:7:12: expected …" when rejected */
};

struct record_agent {
	uint32_t pid;
	const char *prev_stop; /* start: "clean", "crash", "power", "first" */
	uint64_t gap_s;	       /* start: how long nobody looked */
	uint32_t cold_usb;     /* start: devices judged as present */
	uint32_t cold_media;
	const char
		*code_key;  /* start: the terminal's point, sekimori.code(7) */
	const char *reason; /* stop: "signal", "upgrade", "shutdown" */
	bool is_planned;    /* stop: severity 2, else 4 */
	bool is_held;	    /* stop: the pinned guard goes on denying */
};

struct record_health {
	const char *tier;  /* "T1".."T4" */
	const char *floor; /* lowest tier that policy accepts, or NULL */
	const struct record_layer *layers;
	size_t layer_count;
	uint64_t spool_pending; /* events not yet acked */
	uint64_t spool_oldest_s;
	uint64_t spool_dropped;
	uint64_t uptime_s;
	const char *tamper; /* "on", "off", "lifted" by an order; NULL */
	/* The guard was made to refuse something in each of its layers. */
	int64_t wall_proof_ms; /* 0: not yet */
	uint32_t proof_asked;
	uint32_t proof_refused;
	const char *why; /* degraded: one English line */
	bool is_compliant;
};

struct record_tamper {
	const char *kind;	 /* "sigkill", "unpin", "sysfs", … */
	const char *detected_by; /* "watchdog", "guard", "start" */
	bool is_held;		 /* enforcement went on */
	uint64_t gap_ms;
};

/* What an administrator signed for this terminal alone. */
struct record_order {
	const char *action; /* "tamper-off"; NULL if unreadable */
	uint64_t serial;
	const char *signer; /* key id */
	const char *issuer;
	int64_t wall_until_ms;
	const char *error; /* why it was refused */
};

/* Ways out that were tried, by what came of it. */
struct record_selftest {
	uint32_t closed;
	uint32_t users_only; /* closed, but not for root */
	uint32_t open;
	uint32_t untested;
	const char *open_ways; /* names of those not closed */
};

/* Kinds of events that a summary names; the rest is in its count. */
#define RECORD_FOLDED_MAX 12u

struct record_gap {
	uint64_t first; /* sequence numbers lost, or 0 */
	uint64_t last;
	uint64_t count;
	const char *why;
	const char *old_stream; /* spool.reset */
	/* log.gap: events that were counted instead of kept, and their times.
	 * A count of 0 ends the list. */
	struct {
		enum record_code code;
		uint64_t count;
	} folded[RECORD_FOLDED_MAX];
	int64_t from_ms;
	int64_t to_ms;
};

/* The key that signs the spool's segments is replaced. All in hex. */
struct record_key {
	const char *old_id; /* as in the segment header */
	const char *new_id;
	const char *public_key; /* the new one, raw */
	const char *signature;	/* of the old one, sekimori.spool(5) */
};

struct record_step {
	int64_t step_ms; /* > 0: the clock went forward */
	const char *source;
};

/* What was written to one mount while it lasted. */
struct record_files {
	const char *mount;
	const char *node;
	uint64_t written; /* records of files written */
	uint64_t bytes;	  /* their sizes */
	uint64_t unhashed;
	uint64_t mynumbers; /* in those that were hashed */
	uint64_t deleted;
	uint64_t renamed;
	uint64_t lost;	 /* times the kernel's or our queue was full */
	bool is_partial; /* this file system tells of no name changes */
	const char *why; /* "unmounted", "access ended", "agent stops" */
};

/* Who has something of the medium open. */
struct record_holder {
	uint32_t pid;
	uint32_t uid;
	const char *name; /* comm */
	const char *path; /* one of what it has open */
	bool is_raw;	  /* the device itself */
	bool is_writer;
};

struct record_ending {
	const char *stage;  /* "warned", "held"; or how it ended, see
			     * agent/daemon/ending.h: required */
	const char *access; /* what is left: "deny", "read-only": required */
	uint64_t left_s;    /* until the next step of the end; 0 none */
	uint32_t mount_count;
	bool is_synced; /* everything written is on the medium */
	const struct record_holder *holders;
	size_t holder_count;	/* of the list */
	uint64_t process_count; /* may be more than are listed */
};

/* One factor that was seen to succeed. */
struct record_proof {
	unsigned int factors; /* enum mfa_factor */
	const char *module;   /* "pam_u2f" */
	const char *quality;  /* mfa_quality_to_str() */
};

struct record_login {
	const char *service; /* PAM's name: "login", "gdm-password" */
	const char *rhost;
	const char *phase;    /* of the gate that refused */
	const char *mode;     /* "enforce", "report", "off" */
	const char *state;    /* mfa_state_to_str() */
	const char *trigger;  /* mfa_cause_to_str() */
	const char *reaction; /* what is done about it: "lock", "terminate" */
	unsigned int factors; /* kinds that count */
	bool has_proof_age;
	uint64_t proof_age_s;
	const struct record_proof *proofs;
	size_t proof_count;
	const char *stack_sha256; /* RECORD_MFA_STACK_CHANGED: new hash */
	uint64_t lint_errors;	  /* ways past two factors in it */
};

/* An exception, from request to end; see policy/grant.h. */
struct record_grant {
	const char *id;	   /* required; "unreadable" where it cannot be read */
	const char *state; /* "requested", "active", … : required */
	const char *via;   /* "online", "code" */
	const char *user;
	const char *device;
	const char *access;
	const char *reason_code;
	const char *ticket;
	const char *requester;
	const char *note;
	const char *approvers; /* names of keys, "," in between */
	uint32_t minutes;
	uint32_t uses; /* 0: not counted */
	uint32_t use_count;
	uint64_t left_s; /* of its budget */
	int64_t wall_not_before_ms;
	int64_t wall_not_after_ms;
	int64_t wall_report_by_ms;
};

struct record_clock {
	bool is_synced;
	int64_t offset_ms;
	bool has_offset;
};

struct record {
	enum record_code code;
	int64_t wall_time_ms;	  /* UTC, when it happened */
	int32_t timezone_minutes; /* local offset, east positive: 540 */
	uint64_t sequence;	  /* of the spool; 1.. */
	const char *stream; /* spool stream id, 32 hex: chain id; required */
	uint8_t uid[16];    /* UUIDv7 (RFC 9562), made by the caller */
	const char *correlation; /* one per plug, NULL when there is none */
	struct record_clock clock;

	/* Identical denials of one plug, counted (1 or 0: a single event). The
	 * times of a written file: first write and last close. */
	uint32_t count;
	int64_t wall_first_ms;
	int64_t wall_last_ms;

	const struct record_terminal *terminal; /* required */
	const struct record_policy *policy;	/* required */
	const struct record_actor *actor;	/* NULL: nobody known */
	const struct record_process *process;	/* NULL: not known */
	const struct usb_fact *usb; /* NULL: media->parent, if any */
	const struct media_fact *media;
	const struct record_guard *guard;
	const struct record_channel *channel;
	const struct record_file *file;
	struct record_decision decision;
	union {
		struct record_change change;
		struct record_agent agent;
		struct record_health health;
		struct record_tamper tamper;
		struct record_order order;
		struct record_selftest selftest;
		struct record_gap gap;
		struct record_key key;
		struct record_step step;
		struct record_files files;
		struct record_ending ending;
		struct record_login login;
		struct record_grant grant;
	} u;
};

/*
 * Writes `rec` as one JSON object in UTF-8, fixed key order, no newline, no
 * terminating NUL. `buf` has room for `cap` bytes; RECORD_MAX_BYTES is always
 * enough.
 *
 * Returns 0 and the length in *ret_len. -EINVAL: unknown code, or a part that
 * this code requires is missing (see enum record_code). -ENOBUFS: `cap` is too
 * small. On failure *ret_len is unchanged and what is in `buf` is undefined.
 * Any thread; keeps nothing of `rec`.
 */
int record_write(const struct record *rec, char *buf, size_t cap,
		 size_t *ret_len) __attribute__((nonnull, warn_unused_result));

/* "usb.device.blocked" …; total: "none" for what is not a code. Static. */
const char *record_code_to_str(enum record_code code)
	__attribute__((returns_nonnull));

/* 0 and *ret_code, or -ENOENT (unchanged) when no code has that name. */
int record_code_from_str(const char *str, enum record_code *ret_code)
	__attribute__((nonnull, warn_unused_result));

/* OCSF severity_id that an event of this code has by default, 1..5; 0 none. */
unsigned int record_code_severity(enum record_code code);

/* "SKM-D-0102" …; "" for RECORD_REASON_NONE. Static. */
const char *record_reason_to_str(enum record_reason reason)
	__attribute__((returns_nonnull));

/* 0 and *ret_reason, or -ENOENT (unchanged) when no reason has that number. */
int record_reason_from_str(const char *str, enum record_reason *ret_reason)
	__attribute__((nonnull, warn_unused_result));

/* The reason in words, for a person; "" for RECORD_REASON_NONE. Static. */
const char *record_reason_english(enum record_reason reason)
	__attribute__((returns_nonnull));
const char *record_reason_japanese(enum record_reason reason)
	__attribute__((returns_nonnull));

/* The reason that goes with a verdict's; total. */
enum record_reason record_reason_from_verdict(enum verdict_reason reason);
