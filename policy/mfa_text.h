/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mfa_text: the two small files that the PAM module and the daemon share, as
 * lines of `key=value` without blanks around the sign: the login policy as
 * compiled for the module, and the record of one login. Pure: makes and reads
 * text, opens nothing. Reading is strict: an unknown key, a key given twice, a
 * control character or a value that does not fit refuses the whole file.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/mfa.h"
#include "policy/mfa_login.h"
#include "policy/span.h"

#define LOGIN_TEXT_MAX_BYTES 16384

/* Where module and daemon meet. The policy is the daemon's to write, whole;
 * the other file is what was installed, for a terminal that never had one. */
#define LOGIN_RECORDS_DIR	    "/run/sekimori/mfa"
#define LOGIN_POLICY_FILE	    "/var/lib/sekimori/login.policy"
#define LOGIN_POLICY_FILE_INSTALLED "/etc/sekimori/login.policy"

#define LOGIN_ID_CHARS	     32 /* 128 bits in lower-case hex */
#define LOGIN_USER_MAX_BYTES 255
#define LOGIN_HOST_MAX_BYTES 255

enum login_record_kind {
	LOGIN_RECORD_NONE = 0,
	LOGIN_RECORD_EVIDENCE, /* what one PAM transaction proved */
	LOGIN_RECORD_OPEN,     /* a session's leader and what it proved */
	LOGIN_RECORD_DENIED, /* a gate refused, or would have in report mode */
	LOGIN_RECORD_COUNT,
};

/* The folder of a kind below LOGIN_RECORDS_DIR: "ev", "open", "denied"; NULL
 * for what is no kind. In it, names that end in ".new" are being written. */
const char *login_record_folder(enum login_record_kind kind);

/* A process by pid and start time (clock ticks since boot, proc_pid_stat(5)):
 * a pid alone may be another process by now. */
struct login_process {
	uint32_t pid;
	uint64_t start;
};

struct login_record {
	enum login_record_kind kind;
	char id[LOGIN_ID_CHARS + 1];	 /* evidence: its file name */
	char secret[LOGIN_ID_CHARS + 1]; /* evidence: shown by the heir */
	struct login_process process;	 /* leader, in an open record */
	struct login_process parent;
	char user[LOGIN_USER_MAX_BYTES + 1];
	uint32_t uid;
	char service[LOGIN_NAME_MAX_BYTES + 1];
	char tty[LOGIN_NAME_MAX_BYTES + 1];
	char rhost[LOGIN_HOST_MAX_BYTES + 1];
	char session[LOGIN_NAME_MAX_BYTES + 1]; /* XDG_SESSION_ID, a hint */
	char phase[LOGIN_NAME_MAX_BYTES + 1];	/* auth, account, session */
	enum login_outcome outcome;
	bool is_enforced;
	unsigned factors; /* that count */
	uint64_t boot_ns; /* CLOCK_BOOTTIME of writing */
	uint64_t proof_boot_ns;
	uint64_t policy_serial;
	struct mfa_proof proofs[MFA_PROOFS_MAX];
	size_t proof_count;
};

/*
 * Writes the record as text; control characters in strings become '?'.
 * Returns the length, or 0 where `capacity` is too small.
 */
size_t login_record_format(const struct login_record *record, char *ret_text,
			   size_t capacity)
	__attribute__((nonnull, warn_unused_result));

/* Reads a record. 0, or -EINVAL with *ret_record unchanged. */
int login_record_parse(struct span text, struct login_record *ret_record)
	__attribute__((nonnull, warn_unused_result));

/* As the record; the whole policy is written. */
size_t login_policy_format(const struct login_policy *policy, char *ret_text,
			   size_t capacity)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads a policy over the defaults; an `exempt` line replaces the default
 * exemptions as a whole. Lines that begin with '#' and empty lines are
 * skipped. 0, or -EINVAL with *ret_line at the line refused (0: the whole text
 * is too long) and *ret_policy unchanged.
 */
int login_policy_parse(struct span text, struct login_policy *ret_policy,
		       unsigned *ret_line)
	__attribute__((nonnull, warn_unused_result));
