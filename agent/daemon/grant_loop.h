/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants in the daemon's loop: the state file, the inbox, the next deadline
 * (one CLOCK_BOOTTIME timer, so that suspend counts), who is at work, and
 * judging again what a change of these changes. What counts is decided in
 * grants.c. NULL is fine for every function but the first two.
 */
#pragma once

#include <stdbool.h>

#include "agent/daemon/grants.h"

/* The name in the inbox: signed texts with blanks in between. */
#define GRANT_INBOX_FILE "grants.jws"

struct daemon;
struct grant_loop;

/* 0 or -errno. Before the pipeline is made. */
int grant_loop_new(struct daemon *daemon, struct grant_loop **ret_loop)
	__attribute__((nonnull, warn_unused_result));
struct grants *grant_loop_grants(struct grant_loop *loop)
	__attribute__((nonnull, returns_nonnull));
struct grant_loop *grant_loop_free(struct grant_loop *loop);

/* The state folder may be there now. */
void grant_loop_load(struct grant_loop *loop);
/* Keeps what is left of the budgets: the daemon ends. */
void grant_loop_save(struct grant_loop *loop);
/* Looks at what lies in the inbox. */
void grant_loop_inbox(struct grant_loop *loop);
/* Somebody came, went, locked or proved themselves. */
void grant_loop_people(struct grant_loop *loop);
/* What counts has changed: everything is judged again at the end of the turn. */
void grant_loop_changed(struct grant_loop *loop);
/* A file with COUNT 個人番号 was written under that grant: policy may end it. */
void grant_loop_mynumbers(struct grant_loop *loop, const char *grant,
			  uint64_t count);
/* After each turn of the loop. */
void grant_loop_turn(struct grant_loop *loop);

/* This moment, on both clocks. */
struct grants_now grant_loop_now(void);
