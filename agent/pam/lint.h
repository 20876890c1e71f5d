/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint: finds what would let a person in past the gates, before somebody does.
 * Reads the PAM stacks and the files around them below a root descriptor
 * (a fake tree in tests), runs nothing, changes nothing. sekimorictl prints its
 * findings, and the daemon compares its hash.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent/base/buf.h"
#include "policy/digest.h"
#include "policy/mfa_login.h"

#define LINT_SERVICES_MAX 512
#define LINT_TEXT_MAX	  (4u << 20) /* canonical text of all stacks */
#define LINT_FILE_MAX	  (256u << 10)
#define LINT_DIR_MAX	  1024 /* entries of one folder that are looked at */
#define LINT_MESSAGE_SIZE 200

enum lint_code {
	LINT_GATE_MISSING = 0, /* a service that logs in has no gate here */
	LINT_GATE_BYPASS,      /* a way to success does not meet the gate */
	LINT_GATE_REPORT,      /* a gate line that refuses nobody */
	LINT_AFTER_GATE,       /* a factor behind the last auth gate */
	LINT_LINE,	       /* arguments of ours that it would refuse */
	LINT_DENIED_ARGUMENT,  /* a success that would not count */
	LINT_NOT_A_FACTOR,     /* proves nothing of what the line claims */
	LINT_OVERCLAIM,	       /* proves less than the line claims */
	LINT_SELF_ENROLLED,    /* the user can write the enrolment */
	LINT_UNWRAPPED,	       /* a factor module that nobody counts */
	LINT_TOO_FEW,	       /* nobody could prove enough here */
	LINT_MODULE,	       /* missing, or others may change it */
	LINT_FILE_MISSING,
	LINT_FILE_LOOSE,
	LINT_SYNTAX,
	LINT_INCLUDE_EMPTY,
	LINT_INCLUDE_LOOP,
	LINT_TOO_LARGE,
	LINT_OTHER_OPEN,      /* `other` does not refuse */
	LINT_SERVICE_UNKNOWN, /* not gated, and we do not know what it is */
	LINT_AUTOLOGIN,
	LINT_CRON_OPEN, /* users may leave jobs that run without a factor */
	LINT_LINGER,
	LINT_CARD_CONFIG, /* pam_pkcs11.conf, pam_u2f.conf weaken the module */
	LINT_CODE_COUNT,
};

/* "gate-missing" …: the word in events. */
const char *lint_code_to_str(enum lint_code code);

struct lint_finding {
	enum lint_code code;
	bool is_error;	  /* a way in; else it deserves a look */
	char service[64]; /* "" outside PAM */
	char type[16];	  /* "auth" …, "" */
	char file[128];	  /* from the root, "" none */
	unsigned line;	  /* 0 none */
	char what[LINT_MESSAGE_SIZE];
};

/* Where findings go; what does not fit is counted. */
struct lint_report {
	struct lint_finding *findings;
	size_t capacity;
	size_t count;
	size_t dropped;
	size_t error_count; /* among both */
};

struct lint_source {
	int root_fd;
	uid_t trusted_uid; /* 0; another in tests */
	const struct login_policy *policy;
};

/*
 * Whether only the trusted user can change what `path` (absolute, below the
 * root) names: it and all folders above. With a hole (%u, ${USER}) the folders
 * before it are looked at. 0 yes, 1 no, -ENOENT.
 */
int lint_is_roots(const struct lint_source *source, const char *path)
	__attribute__((nonnull));

/*
 * Looks at everything. The canonical text of all effective stacks is appended to
 * `stacks`, for people and for the hash. 0 however much was found, or -ENOMEM,
 * -ENOBUFS.
 */
int lint_run(const struct lint_source *source, struct lint_report *report,
	     struct buf *stacks) __attribute__((nonnull, warn_unused_result));

/* SHA-256 of the canonical text: the same as long as nothing effective
 * changed; comments, spacing and file layout do not count. 0 or -ENOMEM. */
int lint_hash(const struct buf *stacks, char ret_hex[DIGEST_HEX_SIZE])
	__attribute__((nonnull, warn_unused_result));
