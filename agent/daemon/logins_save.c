/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of sessions across a restart, in /run: "since NS", "mode WORD",
 * then a line a session: "session ID PID START STATE CAUSE SINCE PROOF GONE
 * IDLE FACTORS FLAGS", followed by its "token KIND DEVPATH" with "identity
 * TEXT". Root's file, never authority over a leader that is
 * another process.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/buf.h"
#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/daemon/logins_parts.h"

enum flag {
	FLAG_ACTIVE = 1u << 0,
	FLAG_REMOTE = 1u << 1,
	FLAG_HINT_LOCKED = 1u << 2,
	FLAG_FROZEN = 1u << 3,
	FLAG_STALE = 1u << 4,
};

static unsigned int flags_of(const struct mfa_session *s)
{
	return (s->is_active ? FLAG_ACTIVE : 0u) |
	       (s->is_remote ? FLAG_REMOTE : 0u) |
	       (s->is_hint_locked ? FLAG_HINT_LOCKED : 0u) |
	       (s->is_frozen ? FLAG_FROZEN : 0u) |
	       (s->is_stale ? FLAG_STALE : 0u);
}

static bool parse_session(const char *line, struct saved_login *ret_saved)
{
	struct saved_login saved = {0};
	struct mfa_session *m = &saved.mfa;
	unsigned int state = 0, cause = 0, flags = 0;

	/* NOLINTNEXTLINE(cert-err34-c): our own file, and never authority */
	if (sscanf(line,
		   "session %63s %" SCNu32 " %" SCNu64 " %u %u %" SCNu64
		   " %" SCNu64 " %" SCNu64 " %" SCNu64 " %u %u",
		   saved.id, &saved.leader.pid, &saved.leader.start, &state,
		   &cause, &m->since_boot_ns, &m->proof_boot_ns,
		   &m->token_gone_boot_ns, &m->idle_boot_ns, &saved.factors,
		   &flags) != 11 ||
	    state >= MFA_STATE_COUNT || cause >= MFA_CAUSE_COUNT ||
	    saved.leader.start == 0 || saved.factors > MFA_FACTORS_ALL)
		return false;
	m->state = (enum mfa_state)state;
	m->cause = (enum mfa_cause)cause;
	m->is_active = flags & FLAG_ACTIVE;
	m->is_remote = flags & FLAG_REMOTE;
	m->is_hint_locked = flags & FLAG_HINT_LOCKED;
	m->is_frozen = flags & FLAG_FROZEN;
	m->is_stale = flags & FLAG_STALE;
	*ret_saved = saved;
	return true;
}

/* Lines that belong to the session before them. */
static void parse_token(struct logins *logins, const char *line)
{
	struct saved_login *saved =
		logins->saved_count ? &logins->saved[logins->saved_count - 1]
				    : NULL;

	if (!saved)
		return;
	if (strncmp(line, "token ", 6) == 0 && line[6] && line[7] == ' ' &&
	    saved->token_count < LOGIN_TOKENS_MAX) {
		struct token *token = &saved->tokens[saved->token_count++];

		token->kind = line[6] == '1'   ? TOKEN_KEY
			      : line[6] == '3' ? TOKEN_CARD
					       : TOKEN_READER;
		(void)snprintf(token->devpath, sizeof(token->devpath), "%s",
			       line + 8);
	}
	if (strncmp(line, "identity ", 9) == 0 && saved->token_count > 0) {
		struct token *token = &saved->tokens[saved->token_count - 1];

		(void)snprintf(token->identity, sizeof(token->identity), "%s",
			       line + 9);
	}
}

static void parse_head(struct logins *logins, const char *line)
{
	enum login_mode mode;

	if (strncmp(line, "since ", 6) == 0)
		logins->since_boot_ns = strtoull(line + 6, NULL, 10);
	if (strncmp(line, "mode ", 5) == 0 &&
	    login_mode_from_str(span_str(line + 5), &mode)) {
		logins->told_mode = mode;
		logins->has_told_mode = true;
	}
}

static void parse_rest(struct logins *logins, const char *line)
{
	parse_head(logins, line);
	parse_token(logins, line);
}

void logins_load(struct logins *logins)
{
	_cleanup_free_ char *text = NULL;
	size_t lines = 1;

	if (logins->options.run_fd < 0 ||
	    read_small_file(logins->options.run_fd, LOGINS_FILE,
			    LOGINS_FILE_MAX, &text, NULL) < 0)
		return; /* the first of this boot */
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	if (lines > LOGINS_MAX)
		lines = LOGINS_MAX;
	logins->saved = calloc(lines, sizeof(*logins->saved));
	if (!logins->saved)
		return;
	char *next;
	for (char *line = text; line && logins->saved_count < lines;
	     line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (parse_session(line, &logins->saved[logins->saved_count]))
			logins->saved_count++;
		else
			parse_rest(logins, line);
	}
}

bool logins_restore(struct logins *logins, struct login_entry *entry)
{
	for (size_t i = 0; i < logins->saved_count; i++) {
		const struct saved_login *saved = &logins->saved[i];

		if (strcmp(saved->id, entry->session.id) != 0 ||
		    saved->leader.pid != entry->session.leader ||
		    saved->leader.start != entry->session.leader_start)
			continue;
		entry->mfa = saved->mfa;
		entry->factors = saved->factors;
		memcpy(entry->tokens, saved->tokens, sizeof(entry->tokens));
		entry->token_count = saved->token_count;
		entry->was_asked_cards = true; /* or long enough ago */
		for (size_t t = 0; t < entry->token_count; t++) {
			if (entry->tokens[t].kind == TOKEN_CARD)
				entry->has_cards = true;
			if (entry->mfa.token_gone_boot_ns)
				entry->away |= 1u << t;
		}
		return true;
	}
	return false;
}

static int add_entry(struct buf *buf, const struct login_entry *entry)
{
	const struct login_session *s = &entry->session;
	const struct mfa_session *m = &entry->mfa;

	int r = buf_printf(buf,
			   "session %s %" PRIu32 " %" PRIu64 " %u %u %" PRIu64
			   " %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %u\n",
			   s->id, s->leader, s->leader_start, m->state,
			   m->cause, m->since_boot_ns, m->proof_boot_ns,
			   m->token_gone_boot_ns, m->idle_boot_ns,
			   entry->factors, flags_of(m));
	for (size_t i = 0; i < entry->token_count && r == 0; i++)
		r = buf_printf(buf, "token %u %s\nidentity %s\n",
			       entry->tokens[i].kind, entry->tokens[i].devpath,
			       entry->tokens[i].identity);
	return r;
}

int logins_save(struct logins *logins)
{
	_cleanup_buf_ struct buf buf = BUF_INIT(LOGINS_FILE_MAX);

	if (!logins->is_dirty || logins->options.run_fd < 0)
		return 0;
	logins->is_dirty = false;
	int r = buf_printf(&buf, "since %" PRIu64 "\n", logins->since_boot_ns);
	if (r == 0 && logins->has_told_mode)
		r = buf_printf(&buf, "mode %s\n",
			       login_mode_to_str(logins->told_mode));
	for (const struct login_entry *e = logins->first; e && r == 0;
	     e = e->next)
		r = add_entry(&buf, e);
	if (r < 0)
		return r;
	return write_atomic(logins->options.run_fd, LOGINS_FILE, buf.data,
			    buf.size, 0600);
}
