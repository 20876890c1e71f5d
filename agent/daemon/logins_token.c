/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which token a session hangs on. A proof does not name its key (pam_u2f tells
 * nobody), so all tokens of the right kind that were there at the proof are
 * its: when one of them goes, the session is taken to be without. That locks
 * once too often where two are plugged in, and never too rarely.
 */
#include <string.h>

#include "agent/daemon/logins_parts.h"

static const struct {
	const char *module;
	enum token_kind kind;
} kinds[] = {
	{"pam_u2f", TOKEN_KEY},
	{"pam_pkcs11", TOKEN_READER},
	{"pam_p11", TOKEN_READER},
};

static bool uses(const struct login_record *record, enum token_kind kind)
{
	for (size_t i = 0; i < record->proof_count; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if (kinds[k].kind == kind &&
			    strcmp(kinds[k].module, record->proofs[i].module) ==
				    0)
				return true;
	return false;
}

void logins_take_tokens(struct logins *logins, struct login_entry *entry)
{
	struct token found[TOKENS_MAX];
	size_t count = token_list(logins->options.root_fd, found, TOKENS_MAX);

	entry->token_count = 0;
	for (size_t i = 0; i < count && entry->token_count < LOGIN_TOKENS_MAX;
	     i++)
		if (uses(&entry->record, found[i].kind))
			entry->tokens[entry->token_count++] = found[i];
	logins->is_dirty = true;
}

static bool is_of(const struct login_entry *entry, const char *devpath)
{
	for (size_t i = 0; i < entry->token_count; i++)
		if (strcmp(entry->tokens[i].devpath, devpath) == 0)
			return true;
	return false;
}

void logins_token_removed(struct logins *logins, const char *devpath,
			  uint64_t boot_now_ns)
{
	const struct mfa_event event = {.kind = MFA_EVENT_TOKEN_REMOVED};

	for (struct login_entry *e = logins->first; e; e = e->next)
		if (is_of(e, devpath))
			logins_step(logins, e, &event, boot_now_ns);
}

/* Only the same one counts, and only before the session was locked for it. */
void logins_token_added(struct logins *logins, const struct token *token,
			uint64_t boot_now_ns)
{
	const struct mfa_event event = {.kind = MFA_EVENT_TOKEN_INSERTED};

	for (struct login_entry *e = logins->first; e; e = e->next)
		for (size_t i = 0; i < e->token_count; i++) {
			struct token *mine = &e->tokens[i];

			if (is_of(e, token->devpath))
				break; /* it never went */
			if (mine->kind != token->kind ||
			    strcmp(mine->identity, token->identity) != 0)
				continue;
			*mine = *token;
			logins->is_dirty = true;
			logins_step(logins, e, &event, boot_now_ns);
			break;
		}
}

/* After a restart, or lost uevents: what has gone meanwhile. */
void logins_check_tokens(struct logins *logins, uint64_t boot_now_ns)
{
	struct token found[TOKENS_MAX];
	size_t count = token_list(logins->options.root_fd, found, TOKENS_MAX);

	for (struct login_entry *e = logins->first; e; e = e->next)
		for (size_t i = 0; i < e->token_count; i++) {
			const char *devpath = e->tokens[i].devpath;
			size_t at = 0;

			while (at < count &&
			       strcmp(found[at].devpath, devpath) != 0)
				at++;
			if (at == count)
				logins_token_removed(logins, devpath,
						     boot_now_ns);
		}
	for (size_t i = 0; i < count; i++)
		logins_token_added(logins, &found[i], boot_now_ns);
}
