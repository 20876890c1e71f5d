/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which token a session hangs on. A proof does not name its key (pam_u2f tells
 * nobody), so all tokens of the right kind that were there at the proof are
 * its: when one of them goes, the session is taken to be without. That locks
 * once too often where two are plugged in, and never too rarely.
 */
#include <string.h>

#include "agent/base/clock.h"
#include "agent/daemon/logins_parts.h"

#define CARDS_WAIT_NS (UINT64_C(15) * NS_PER_S)

static const struct {
	const char *module;
	enum token_kind kind;
} kinds[] = {
	{"pam_u2f", TOKEN_KEY},
	{"pam_pkcs11", TOKEN_READER},
	{"pam_p11", TOKEN_READER},
	{"pam_sss", TOKEN_READER},
};

static bool uses(const struct login_record *record, enum token_kind kind)
{
	for (size_t i = 0; i < record->proof_count; i++) {
		const struct mfa_proof *proof = &record->proofs[i];

		/* pam_sss with a password is no token */
		if (!(proof->factors & MFA_POSSESSION))
			continue;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if (kinds[k].kind == kind &&
			    strcmp(kinds[k].module, proof->module) == 0)
				return true;
	}
	return false;
}

static void add_token(struct logins *logins, struct login_entry *entry,
		      const struct token *token)
{
	if (entry->token_count == LOGIN_TOKENS_MAX)
		return;
	entry->tokens[entry->token_count++] = *token;
	logins->is_dirty = true;
}

/*
 * Those of now, or of the next answer. A pcscd that was started just now says
 * of every reader first that it is empty; what is put in later is not the card
 * that somebody logged in with.
 */
static void take_cards(struct logins *logins, struct login_entry *entry,
		       uint64_t now)
{
	uint64_t until = entry->record.proof_boot_ns + CARDS_WAIT_NS;

	if (!logins->has_cards || !uses(&entry->record, TOKEN_READER))
		return;
	bool is_late = entry->was_asked_cards && now > until;
	entry->was_asked_cards = true;
	entry->has_cards = is_late || logins->card_count > 0;
	for (size_t i = 0; i < logins->card_count && !is_late; i++)
		add_token(logins, entry, &logins->cards[i]);
}

void logins_take_tokens(struct logins *logins, struct login_entry *entry,
			uint64_t boot_now_ns)
{
	struct token found[TOKENS_MAX];
	size_t count = token_list(logins->options.root_fd, found, TOKENS_MAX);

	entry->token_count = 0;
	entry->away = 0;
	entry->has_cards = entry->was_asked_cards = false;
	/* Cards first: without its card a reader says nothing */
	take_cards(logins, entry, boot_now_ns);
	for (size_t i = 0; i < count; i++)
		if (uses(&entry->record, found[i].kind))
			add_token(logins, entry, &found[i]);
	logins->is_dirty = true;
}

/* Its token i, if that is one that lies there. */
static bool is_at(const struct login_entry *entry, size_t i,
		  const char *devpath)
{
	return strcmp(entry->tokens[i].devpath, devpath) == 0;
}

static bool is_away(const struct login_entry *entry, size_t i)
{
	return entry->away & 1u << i;
}

void logins_token_removed(struct logins *logins, const char *devpath,
			  uint64_t boot_now_ns)
{
	const struct mfa_event event = {.kind = MFA_EVENT_TOKEN_REMOVED};

	for (struct login_entry *e = logins->first; e; e = e->next)
		for (size_t i = 0; i < e->token_count; i++) {
			if (!is_at(e, i, devpath))
				continue;
			e->away |= 1u << i;
			logins_step(logins, e, &event, boot_now_ns);
		}
}

/* Which of those that are away this one is; token_count: none. */
static size_t find_away(const struct login_entry *entry,
			const struct token *token)
{
	size_t i = 0;

	while (i < entry->token_count &&
	       !(is_away(entry, i) && entry->tokens[i].kind == token->kind &&
		 strcmp(entry->tokens[i].identity, token->identity) == 0))
		i++;
	return i;
}

/* Only the same one counts, only when it had gone, and only before the session
 * was locked for it: its twin beside it stands in for nothing. */
void logins_token_added(struct logins *logins, const struct token *token,
			uint64_t boot_now_ns)
{
	const struct mfa_event event = {.kind = MFA_EVENT_TOKEN_INSERTED};

	for (struct login_entry *e = logins->first; e; e = e->next) {
		size_t i = find_away(e, token);

		if (i == e->token_count)
			continue;
		e->tokens[i] = *token;
		e->away &= ~(1u << i);
		logins->is_dirty = true;
		if (e->away == 0)
			logins_step(logins, e, &event, boot_now_ns);
	}
}

/* --- all of a kind at once --------------------------------------------------
 */

static bool is_among(const struct token *tokens, size_t count,
		     const struct token *wanted)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(tokens[i].devpath, wanted->devpath) == 0 &&
		    strcmp(tokens[i].identity, wanted->identity) == 0)
			return true;
	return false;
}

/* What there is now of cards, or of everything else. */
static void compare(struct logins *logins, bool is_of_cards,
		    const struct token *found, size_t count, uint64_t now)
{
	for (struct login_entry *e = logins->first; e; e = e->next)
		for (size_t i = 0; i < e->token_count; i++) {
			const struct token *mine = &e->tokens[i];

			if ((mine->kind == TOKEN_CARD) == is_of_cards &&
			    !is_among(found, count, mine))
				logins_token_removed(logins, mine->devpath,
						     now);
		}
	for (size_t i = 0; i < count; i++)
		logins_token_added(logins, &found[i], now);
}

/* After a restart, or lost uevents: what has gone meanwhile. */
void logins_check_tokens(struct logins *logins, uint64_t boot_now_ns)
{
	struct token found[TOKENS_MAX];
	size_t count = token_list(logins->options.root_fd, found, TOKENS_MAX);

	compare(logins, false, found, count, boot_now_ns);
}

void logins_cards(struct logins *logins, const struct token *cards,
		  size_t count, uint64_t boot_now_ns)
{
	logins->has_cards = cards != NULL;
	logins->card_count = 0;
	if (!cards)
		return;
	for (size_t i = 0; i < count && i < TOKENS_MAX; i++)
		logins->cards[logins->card_count++] = cards[i];
	compare(logins, true, logins->cards, logins->card_count, boot_now_ns);
	for (struct login_entry *e = logins->first; e; e = e->next)
		if (!e->has_cards)
			take_cards(logins, e, boot_now_ns);
}

bool logins_wants_cards(const struct logins *logins)
{
	if (logins->policy.mode == LOGIN_MODE_OFF ||
	    logins->policy.on_token_removed == LOGIN_REACT_REPORT)
		return false;
	for (const struct login_entry *e = logins->first; e; e = e->next)
		if (uses(&e->record, TOKEN_READER))
			return true;
	return false;
}
