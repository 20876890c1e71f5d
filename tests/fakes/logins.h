/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A made machine with sessions, for tests of logins: the folders of records are
 * real below a temporary root, logind is a struct, the clock a number, the hand
 * of the daemon the dry-run twin. Must not be used outside tests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/clock.h"
#include "agent/daemon/logins.h"
#include "agent/enforce/dry_run.h"
#include "tests/fakes/tree.h"

#define S(seconds)	  ((uint64_t)(seconds)*NS_PER_S)
#define WORLD_RECORDS_MAX 64
#define WORLD_LEADER	  700
#define WORLD_START	  100000 /* ticks: 1000 s after boot */
#define WORLD_BOOT_ID	  "b2c1d7f0-5d3f-4a8a-8d5f-0b9b5f2f4b11"

struct people {
	struct fake_tree tree;
	struct dry_run *hand;
	struct logins *logins;
	struct login_policy policy;
	struct record *records[WORLD_RECORDS_MAX];
	size_t record_count;
	unsigned int looks;
	uint64_t now;
	int run_fd;
};

/* Logins looked at since 500 s, now is 1000 s; sato is uid 1001. cmocka's. */
int people_setup(void **state);
int people_teardown(void **state);

/* How often, and the last one (fails the test without one). */
size_t people_told(const struct people *w, enum record_code code);
const struct record *people_last(const struct people *w, enum record_code code);
/* How often the hand was asked for exactly this. */
size_t people_asked(const struct people *w, const char *line);

/* A new daemon over what the old one left. */
void people_restart(struct people *w);
void people_set_policy(struct people *w);
/* A process in /proc with that cgroup file. */
void people_process(struct people *w, uint32_t pid, uint64_t start,
		    const char *cgroup);

/* sato's on tty2, in front; led by a process that started at WORLD_START. */
struct login_session people_session(const char *id, uint32_t leader);
/* What the gate of that leader records of two factors now. */
struct login_record people_record(uint32_t leader, uint64_t now);
void people_write(struct people *w, const struct login_record *record,
		  const char *name);
void people_open_record(struct people *w, uint32_t leader);
/* Evidence by a process, with an id of that character; read at once. */
void people_evidence(struct people *w, uint32_t pid, char id);

enum mfa_state people_state(const struct people *w, const char *id);
void people_see(struct people *w, const struct login_session *session);
void people_pass(struct people *w, uint64_t seconds);
/* Session "3" of sato, bound. */
struct login_session people_attested(struct people *w);
/* … that locks itself a minute later; another minute passes. */
void people_lock(struct people *w, struct login_session *s);
/* A security key with that name as hidrawN, made or plugged in (its devpath;
 * static buffer), and pulled out with its event. */
const char *people_add_key(struct people *w, unsigned int n, const char *name);
void people_plug_key(struct people *w, unsigned int n, const char *name);
void people_pull_key(struct people *w, unsigned int n);
