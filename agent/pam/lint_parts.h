/* SPDX-License-Identifier: Apache-2.0 */
/* lint_parts: what the files of the linter share; no interface for others. */
#pragma once

#include "agent/pam/lint.h"
#include "agent/pam/lint_stack.h"

struct lint {
	const struct lint_source *source;
	struct lint_report *report;
	const char *service; /* being looked at, "" outside PAM */
	const char *type;
	int error; /* -ENOMEM once something could not be looked at */
};

/* Adds a finding at a place (NULL: the whole stack); the message is formatted. */
void lint_findf(struct lint *lint, enum lint_code code,
		const struct stack_entry *at, const char *format, ...)
	__attribute__((format(printf, 4, 5), nonnull(1, 4)));

/* What a line of a stack is to us. */
enum lint_kind {
	LINT_KIND_FOREIGN = 0,
	LINT_KIND_GATE,
	LINT_KIND_WRAP,
	LINT_KIND_BAD, /* ours, and refused */
	LINT_KIND_PERMIT,
	LINT_KIND_DENY,
};

enum lint_kind lint_kind_of(const struct stack_entry *entry)
	__attribute__((nonnull));

/*
 * Whether a stack can end so that the program goes on, without a gate having
 * passed: in success, in account also in PAM_NEW_AUTHTOK_REQD. *ret_entry is
 * then the line where such a way leaves (borrowed), or NULL when it runs off
 * the end.
 */
bool lint_can_bypass(const struct stack *stack, enum stack_type type,
		     const struct stack_entry **ret_entry)
	__attribute__((nonnull));

/* Autologin, cron, at, linger, configuration files of factor modules. */
int lint_system(struct lint *lint) __attribute__((nonnull, warn_unused_result));
