/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every session of logind with what is known of it: who leads it, what its
 * gate recorded, and the state machine of policy/mfa_session.h. Facts in,
 * actions and events out; it knows no loop, no bus and no clock, so that tests
 * drive it with made sessions. What it must never do: believe a session's own
 * word (LockedHint, IdleHint) for being safe, or act on a session by pid.
 *
 * Times are CLOCK_BOOTTIME in nanoseconds. Only the daemon's loop calls it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/log.h"
#include "agent/daemon/recorder.h"
#include "agent/enforce/lock.h"
#include "agent/sense/login.h"
#include "agent/sense/token.h"
#include "policy/decide.h"
#include "policy/mfa_session.h"
#include "policy/mfa_text.h"

#define LOGINS_MAX	 1024
#define LOGIN_TOKENS_MAX 4	  /* of one session */
#define LOGINS_FILE	 "logins" /* below /run/sekimori */
#define LOGINS_FILE_MAX	 ((size_t)256 * 1024)

struct logins_options {
	int root_fd; /* borrowed */
	int run_fd;  /* borrowed; -1: nothing is remembered */
	const struct log *log;
	struct record_sink sink;
	struct lock lock;
	/* The rules in force, for events of what was only watched. May be
	 * NULL. */
	struct record_policy (*policy)(void *userdata);
	/* Asks logind about a session again; logins_seen() will answer. May be
	 * NULL. */
	void (*look)(void *userdata, const char *id);
	void *userdata;
};

struct login_entry {
	struct login_entry *next;
	struct login_session session;
	struct login_record record;
	bool has_record;
	struct mfa_session mfa;
	struct token tokens[LOGIN_TOKENS_MAX];
	size_t token_count;
	unsigned int away;    /* bit N: tokens[N] went, and may come back */
	bool was_asked_cards; /* pcscd answered once since the proof */
	bool has_cards;	      /* what lay in the readers is among them */
	unsigned int factors; /* kinds proven last */
	uint64_t idle_check_boot_ns; /* a text console: look then; 0 */
};

struct logins;

/* Reads what the daemon before us left. 0 or -ENOMEM. */
int logins_new(const struct logins_options *options, struct logins **ret_logins)
	__attribute__((nonnull, warn_unused_result));
struct logins *logins_free(struct logins *logins);

/*
 * Another login policy is in force. Sessions that were there while nothing was
 * asked of anybody may go on until their next lock.
 */
void logins_set_policy(struct logins *logins, const struct login_policy *policy,
		       uint64_t boot_now_ns) __attribute__((nonnull));
const struct login_policy *logins_policy(const struct logins *logins)
	__attribute__((nonnull, returns_nonnull));
enum login_mode logins_mode(const struct logins *logins, uint64_t boot_now_ns)
	__attribute__((nonnull));

/* logind shows a session, or has something new about it. */
void logins_seen(struct logins *logins, const struct login_session *session,
		 uint64_t boot_now_ns) __attribute__((nonnull));
void logins_gone(struct logins *logins, const char *id, uint64_t boot_now_ns)
	__attribute__((nonnull));
/* logind has shown all there are: what was not among them is gone. */
void logins_listed(struct logins *logins, uint64_t boot_now_ns)
	__attribute__((nonnull));

/* Whether it has, since the bus was there: who is at work is known. */
bool logins_are_listed(const struct logins *logins) __attribute__((nonnull));

/* A token has gone; one was plugged in. Putting it back proves nothing: it only
 * ends the wait for it to come back. */
void logins_token_removed(struct logins *logins, const char *devpath,
			  uint64_t boot_now_ns) __attribute__((nonnull));
void logins_token_added(struct logins *logins, const struct token *token,
			uint64_t boot_now_ns) __attribute__((nonnull));
/* The cards that lie in readers now; NULL: nobody can tell. A session that was
 * proven by a card hangs on those of the first answer after its proof. */
void logins_cards(struct logins *logins, const struct token *cards,
		  size_t count, uint64_t boot_now_ns)
	__attribute__((nonnull(1)));
/* Whether a session hangs on a card and policy cares, so that somebody should
 * look. */
bool logins_wants_cards(const struct logins *logins) __attribute__((nonnull));
/* Events were lost, or nobody was there to take them: looks at all tokens. */
void logins_check_tokens(struct logins *logins, uint64_t boot_now_ns)
	__attribute__((nonnull));

/* Reads the folders of records. */
void logins_read_records(struct logins *logins, uint64_t boot_now_ns)
	__attribute__((nonnull));

/* Applies deadlines that have passed, and when the next one is; 0: none. */
void logins_tick(struct logins *logins, uint64_t boot_now_ns)
	__attribute__((nonnull));
uint64_t logins_deadline(const struct logins *logins) __attribute__((nonnull));

/* Saves what a restart must know, when something changed. 0 or -errno. */
int logins_save(struct logins *logins)
	__attribute__((nonnull, warn_unused_result));

/* True once after the answer of logins_context() may have changed. */
bool logins_take_change(struct logins *logins) __attribute__((nonnull));

/*
 * polkit says that the user proved himself just now: looks for the evidence that
 * its PAM stack left. 0: his session has a fresh proof; LOGINS_NOT_PROVEN: polkit
 * asked for less than two factors, or he has no local session in front.
 */
enum { LOGINS_NOT_PROVEN = 1 };
int logins_step_up(struct logins *logins, uint32_t uid, uint64_t boot_now_ns)
	__attribute__((nonnull, warn_unused_result));

/*
 * Who sits at the machine, for decisions about devices and media: the active
 * local session in front. Everything set is borrowed until the next call into
 * logins; the rest of *context is left alone.
 */
void logins_context(struct logins *logins, uint64_t boot_now_ns,
		    struct decide_context *context) __attribute__((nonnull));

/* Whether a session of somebody who broke the glass is open. */
bool logins_is_glass_broken(const struct logins *logins)
	__attribute__((nonnull));

/* The same person for a record; false: nobody. Strings are borrowed. */
bool logins_actor(const struct logins *logins, uint64_t boot_now_ns,
		  struct record_actor *ret_actor) __attribute__((nonnull));

/* The sessions, newest first; NULL ends. */
const struct login_entry *logins_first(const struct logins *logins)
	__attribute__((nonnull));
/* The session with this id, or NULL. */
const struct login_entry *logins_find(const struct logins *logins,
				      const char *id) __attribute__((nonnull));
