/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: what the commands of `sekimorictl login` share: the policy as the PAM
 * module reads it, the people of the local files, and the linter's run. Reads
 * files below a root; only login_mode.c writes, and only the switch. Internal
 * to agent/ctl.
 */
#pragma once

#include <stdbool.h>

#include "agent/ctl/ctl.h"
#include "agent/pam/lint.h"
#include "policy/login_switch.h"
#include "policy/mfa_login.h"

#define LOGIN_PEOPLE_FILE_MAX (4u << 20) /* passwd, shadow, group */
#define LOGIN_ENROLMENT_MAX   (1u << 20) /* a file of keys or codes */
#define LOGIN_FINDINGS_MAX    256u
#define LOGIN_JSON_MAX	      (256u << 10)

/* This machine as far as logins go. */
struct login_view {
	int root_fd; /* owned */
	uid_t trusted_uid;
	struct login_policy policy; /* with the switch applied */
	bool has_policy;
	bool has_switch;
	char boot_id[LOGIN_BOOT_ID_SIZE];
	uint64_t boot_now_ns;
};

/*
 * Opens the root and reads policy, switch and boot id. CTL_OK, or CTL_FAILED
 * after telling. login_view_close() in any case.
 */
int login_view_open(const struct ctl *ctl, struct login_view *ret_view)
	__attribute__((nonnull, warn_unused_result));
void login_view_close(struct login_view *view) __attribute__((nonnull));
#define _cleanup_login_view_ __attribute__((cleanup(login_view_close)))

/* The mode that holds now, switch and trial taken into account. */
enum login_mode login_view_mode(const struct login_view *view)
	__attribute__((nonnull));

/* CTL_OK for root (or another root in tests), or CTL_FAILED after telling. */
int login_want_root(const struct ctl *ctl) __attribute__((nonnull));

/* "enforcing", "on trial …", as people say it. */
void login_print_mode(const struct ctl *ctl, const struct login_view *view)
	__attribute__((nonnull));

/* ---- people (login_people.c) --------------------------------------------- */

struct login_person {
	char name[64];
	uint32_t uid;
	bool has_shell;	   /* not nologin, not false */
	bool has_password; /* set and not locked */
};

/* 0, -ENOENT when the local files have no such user, or -errno. */
int login_person_find(const struct login_view *view, const char *name,
		      struct login_person *ret_person)
	__attribute__((nonnull, warn_unused_result));

/* Calls fn for every person: uid 1000 to 59999 with a shell. 0 or -errno. */
typedef int (*login_person_fn)(void *data, const struct login_person *person);
int login_people_each(const struct login_view *view, login_person_fn fn,
		      void *data)
	__attribute__((nonnull(1, 2), warn_unused_result));

/* Whether somebody could break the glass: root with a password on the console,
 * or a member of the sealed group with one. */
bool login_has_breakglass(const struct login_view *view)
	__attribute__((nonnull));
/* Whether that is a member of the sealed group, for emergencies alone. */
bool login_is_sealed(const struct login_view *view, const char *name)
	__attribute__((nonnull));

/* ---- one person's factors (login_try.c) ----------------------------------- */

enum login_enrolled {
	LOGIN_ENROLLED_NO = 0,
	LOGIN_ENROLLED_YES,
	LOGIN_ENROLLED_UNKNOWN, /* only the module could tell */
};

/* One wrap line, for one person. */
struct login_try_line {
	char module[MFA_MODULE_NAME_MAX + 1];
	unsigned factors; /* it would count as; 0: it would not count */
	enum login_enrolled enrolled;
	enum mfa_quality quality;
};

struct login_try {
	struct login_try_line lines[MFA_PROOFS_MAX];
	size_t line_count;
	bool is_enough;	  /* with what is enrolled */
	bool is_possible; /* were the unknown ones enrolled */
	bool has_gate;	  /* a gate is in the auth stack at all */
};

/* The factors that `person` could prove to `service`. 0 or -errno. */
int login_try_person(const struct login_view *view, const char *service,
		     const struct login_person *person,
		     struct login_try *ret_try)
	__attribute__((nonnull, warn_unused_result));

/* ---- the subcommands ------------------------------------------------------ */

/* Runs the linter as if the policy enforced. Findings are owned by the caller
 * (free()). CTL_OK, or CTL_FAILED after telling. */
int login_lint_run(const struct ctl *ctl, const struct login_view *view,
		   struct lint_report *ret_report,
		   char ret_hash[DIGEST_HEX_SIZE])
	__attribute__((nonnull, warn_unused_result));
/* One finding, one line. */
void login_lint_print(const struct ctl *ctl, const struct lint_finding *finding,
		      FILE *to) __attribute__((nonnull));

int login_lint(struct ctl *ctl, int argc, char **argv);
int login_status(struct ctl *ctl, int argc, char **argv);
int login_test(struct ctl *ctl, int argc, char **argv);
int login_enforce(struct ctl *ctl, int argc, char **argv);
int login_confirm(struct ctl *ctl, int argc, char **argv);
int login_report(struct ctl *ctl, int argc, char **argv);
int login_prove(struct ctl *ctl, int argc, char **argv);
