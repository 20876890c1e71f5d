/* SPDX-License-Identifier: Apache-2.0 */
/* logins_parts: what the files of logins share; no interface for others. */
#pragma once

#include "agent/base/group.h"
#include "agent/daemon/logins.h"

#define LOGINS_SEEN_MAX 64

/* A session as the daemon before us left it. */
struct saved_login {
	char id[LOGIN_SESSION_ID_SIZE];
	struct login_process leader;
	struct mfa_session mfa;
	unsigned int factors;
	struct token tokens[LOGIN_TOKENS_MAX];
	size_t token_count;
};

struct logins {
	struct logins_options options;
	struct login_policy policy;
	char boot_id[LOGIN_BOOT_ID_SIZE];
	struct login_entry *first;
	unsigned int count;
	/* Since when logins are looked at in this boot; 0: they are not. */
	uint64_t since_boot_ns;
	enum login_mode told_mode;
	bool has_told_mode;
	bool is_dirty;
	bool has_changed;	      /* logins_take_change() */
	bool is_listed;		      /* logins_are_listed() */
	uint64_t fresh_until_boot_ns; /* of the proof that was lent; 0 */

	struct saved_login *saved;
	size_t saved_count;

	/* Evidence that was read, a ring: the module takes the files away. */
	char seen[LOGINS_SEEN_MAX][LOGIN_ID_CHARS + 1];
	size_t seen_next;

	struct token cards[TOKENS_MAX]; /* logins_cards() */
	size_t card_count;
	bool has_cards;

	/* What logins_context() lends. */
	const char *groups[GROUP_NAMES_MAX];
	struct group_names group_names;
};

/* One event for a session: step, act, record. */
void logins_step(struct logins *logins, struct login_entry *entry,
		 const struct mfa_event *event, uint64_t boot_now_ns)
	__attribute__((nonnull));

/* logins_bind.c */

/* Looks for a session's record and binds it when there is one. */
void logins_bind(struct logins *logins, struct login_entry *entry,
		 uint64_t boot_now_ns) __attribute__((nonnull));
/* Reads the record of its leader. */
bool logins_find_record(struct logins *logins, struct login_entry *entry)
	__attribute__((nonnull));
/* Time is up for a session without a record: whether it is a way in that
 * needs none (root on the physical console). */
bool logins_bind_breakglass(struct logins *logins, struct login_entry *entry,
			    uint64_t boot_now_ns) __attribute__((nonnull));

/* logins_token.c: the tokens of the session's proofs, as they are now. */
void logins_take_tokens(struct logins *logins, struct login_entry *entry,
			uint64_t boot_now_ns) __attribute__((nonnull));

/* logins_tell.c */

/* Records what a step says. */
void logins_tell(struct logins *logins, const struct login_entry *entry,
		 const struct mfa_step *step, uint64_t boot_now_ns)
	__attribute__((nonnull));
void logins_tell_denied(struct logins *logins, const struct login_record *from,
			uint64_t boot_now_ns) __attribute__((nonnull));
void logins_tell_step_up_denied(struct logins *logins,
				const struct login_entry *entry,
				uint64_t boot_now_ns) __attribute__((nonnull));
void logins_tell_mode(struct logins *logins, enum login_mode mode)
	__attribute__((nonnull));

/* logins_save.c */

void logins_load(struct logins *logins) __attribute__((nonnull));
/* Takes back what was saved of a session. */
bool logins_restore(struct logins *logins, struct login_entry *entry)
	__attribute__((nonnull));
