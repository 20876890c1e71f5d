/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login_stack: has what people log in by changed? The hash of all effective PAM
 * stacks (agent/pam/lint.h), looked at when a file of /etc/pam.d changed, at
 * each heartbeat and at the start, against the hash that was seen last, by
 * this daemon or the one before. Changes nothing; a change is an event.
 */
#pragma once

#include "policy/record.h"

struct daemon;
struct login_stack;

/* 0, or -errno. Looks once. */
int login_stack_new(struct daemon *daemon, struct login_stack **ret_stack)
	__attribute__((nonnull, warn_unused_result));
struct login_stack *login_stack_free(struct login_stack *stack);

/* Looks now; NULL is allowed. */
void login_stack_look(struct login_stack *stack);

/*
 * The pure half, for tests: compares below `root_fd` and remembers. 1: another
 * hash than the one remembered, and *ret_record tells; 0: the same, or the
 * first ever; or -errno, with nothing remembered. The record's strings point
 * into ret_hash.
 */
#define LOGIN_STACK_FILE "var/lib/sekimori/state/login.stack"
#define LOGIN_STACK_SIZE 65
int login_stack_compare(int root_fd, unsigned int trusted_uid,
			char ret_hash[LOGIN_STACK_SIZE],
			struct record *ret_record)
	__attribute__((nonnull, warn_unused_result));
