/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header lines: what the policy is called, how it is meant, whom to ring, the
 * keys that may sign grants with their limits, and the ways out that are built
 * into the machine. At most one `policy` and
 * one `contact` line in all the texts of a set.
 */
#include "policy/parse.h"

#include <errno.h>

#include "policy/builtin.h"

enum policy_word {
	POLICY_SERIAL,
	POLICY_MODE,
	POLICY_FLOOR,
	POLICY_ZONE,
	POLICY_CONTACT,
	POLICY_IMPLICIT,
	POLICY_NEW_KEYBOARD,
	POLICY_UNNAMED_KEYBOARD,
	POLICY_TAMPER,
	POLICY_MYNUMBER_MAX,
	POLICY_GRANT_MEDIA,
};

static const char *const policy_words[] = {
	[POLICY_SERIAL] = "serial",
	[POLICY_MODE] = "mode",
	[POLICY_FLOOR] = "floor",
	[POLICY_ZONE] = "zone",
	[POLICY_CONTACT] = "contact",
	[POLICY_IMPLICIT] = "implicit",
	[POLICY_NEW_KEYBOARD] = "new-keyboard",
	[POLICY_UNNAMED_KEYBOARD] = "unnamed-keyboard",
	[POLICY_TAMPER] = "tamper",
	[POLICY_MYNUMBER_MAX] = "mynumber-max",
	[POLICY_GRANT_MEDIA] = "grant-media",
	NULL,
};

static const char *const mode_words[] = {"enforce", "monitor", NULL};
static const char *const floor_words[] = {"T1", "T2", "T3", "T4", NULL};
static const char *const implicit_words[] = {"block", "reject", "allow", NULL};
static const char *const keyboard_words[] = {"allow", "deny", NULL};
static const char *const unnamed_words[] = {"hold", "allow", NULL};
static const char *const switch_words[] = {"off", "on", NULL};
static const char *const grant_media_words[] = {"any", "ledger", NULL};

/* Word, then the blank before its value. */
static int parse_word_and_blank(struct parser *p, const char *const *words,
				uint32_t *ret_word)
{
	int r;

	r = parse_choice(p, words, ret_word);
	if (r != 0)
		return r;
	if (lex_blanks(&p->lex) == 0)
		return parse_error(p, p->lex.pos,
				   "expected a blank and a value after '%s'",
				   words[*ret_word]);
	return 0;
}

static int parse_contact_value(struct parser *p)
{
	if (p->rs->header.contact != POOL_NONE)
		return parse_error(p, p->lex.pos, "'contact' is given twice");
	return parse_string(p, &p->rs->header.contact);
}

static int parse_serial(struct parser *p)
{
	if (!lex_number(&p->lex, &p->rs->header.serial))
		return parse_error(p, p->lex.pos, "expected a number");
	return 0;
}

static int parse_mynumber_max(struct parser *p)
{
	struct ruleset_header *header = &p->rs->header;
	size_t pos = p->lex.pos;
	uint64_t number;

	if (!lex_number(&p->lex, &number) || number > UINT32_MAX)
		return parse_error(p, pos, "expected a number");
	header->has_mynumber_max = true;
	header->mynumber_max = (uint32_t)number;
	return 0;
}

static int parse_policy_value(struct parser *p, enum policy_word word)
{
	struct ruleset_header *header = &p->rs->header;
	uint32_t choice = 0;
	int r = 0;

	switch (word) {
	case POLICY_SERIAL:
		return parse_serial(p);
	case POLICY_ZONE:
		return parse_string(p, &header->zone);
	case POLICY_CONTACT:
		return parse_contact_value(p);
	case POLICY_MODE:
		r = parse_choice(p, mode_words, &choice);
		header->mode = (enum rules_mode)choice;
		return r;
	case POLICY_FLOOR:
		r = parse_choice(p, floor_words, &choice);
		header->floor = choice + 1;
		return r;
	case POLICY_IMPLICIT:
		r = parse_choice(p, implicit_words, &choice);
		header->implicit = (enum usb_target)choice;
		return r;
	case POLICY_NEW_KEYBOARD:
		r = parse_choice(p, keyboard_words, &choice);
		header->forbids_new_keyboard = choice == 1;
		return r;
	case POLICY_UNNAMED_KEYBOARD:
		r = parse_choice(p, unnamed_words, &choice);
		header->unnamed_keyboard = choice == 1 ? UNNAMED_KEYBOARD_ALLOW
						       : UNNAMED_KEYBOARD_HOLD;
		return r;
	case POLICY_TAMPER:
		r = parse_choice(p, switch_words, &choice);
		header->wants_tamper = choice == 1;
		return r;
	case POLICY_GRANT_MEDIA:
		r = parse_choice(p, grant_media_words, &choice);
		header->wants_ledger = choice == 1;
		return r;
	case POLICY_MYNUMBER_MAX:
		return parse_mynumber_max(p);
	}
	return -EINVAL;
}

int parse_policy_line(struct parser *p)
{
	unsigned seen = 0;
	int r;

	if (p->rs->header.is_present)
		return parse_error(p, 0, "'policy' is given twice");
	p->rs->header.is_present = true;
	if (lex_blanks(&p->lex) == 0)
		return parse_error(p, p->lex.pos, "expected a name in \"…\"");
	r = parse_string(p, &p->rs->header.name);
	if (r != 0)
		return r;

	for (;;) {
		size_t pos;
		uint32_t word;

		r = parse_separator(p);
		if (r != 0)
			return r;
		if (lex_at_rule_end(&p->lex))
			return 0;
		pos = p->lex.pos;
		r = parse_word_and_blank(p, policy_words, &word);
		if (r != 0)
			return r;
		if (seen & 1u << word)
			return parse_error(p, pos, "'%s' is given twice",
					   policy_words[word]);
		seen |= 1u << word;
		r = parse_policy_value(p, (enum policy_word)word);
		if (r != 0)
			return r;
	}
}

static int parse_line_end(struct parser *p)
{
	lex_blanks(&p->lex);
	if (lex_at_rule_end(&p->lex))
		return 0;
	return parse_error(p, p->lex.pos, "expected the end of the line");
}

int parse_contact_line(struct parser *p)
{
	int r;

	if (lex_blanks(&p->lex) == 0)
		return parse_error(p, p->lex.pos, "expected a text in \"…\"");
	r = parse_contact_value(p);
	if (r != 0)
		return r;
	return parse_line_end(p);
}

enum key_word {
	KEY_ROLE,
	KEY_PUBLIC,
	KEY_ACCESS,
	KEY_MAX_MINUTES,
	KEY_APPROVALS,
};

static const char *const key_words[] = {
	[KEY_ROLE] = "role",	       [KEY_PUBLIC] = "public",
	[KEY_ACCESS] = "access",       [KEY_MAX_MINUTES] = "max-minutes",
	[KEY_APPROVALS] = "approvals", NULL};
static const char *const access_words[] = {"deny", "read-only", "read-write",
					   NULL};

static int parse_key_value(struct parser *p, enum key_word word,
			   struct rules_key *key)
{
	size_t pos = p->lex.pos;
	uint64_t number = 0;
	uint32_t choice = 0;
	int r;

	switch (word) {
	case KEY_ROLE:
		return parse_string(p, &key->role);
	case KEY_PUBLIC:
		return parse_string(p, &key->public_key);
	case KEY_ACCESS:
		r = parse_choice(p, access_words, &choice);
		key->access = (uint8_t)choice;
		return r;
	case KEY_MAX_MINUTES:
		if (!lex_number(&p->lex, &number) || number > 525600)
			return parse_error(p, pos,
					   "expected minutes, at most "
					   "a year of them");
		key->max_minutes = (uint32_t)number;
		return 0;
	case KEY_APPROVALS:
		if (!lex_number(&p->lex, &number) || number < 1 || number > 9)
			return parse_error(p, pos, "expected 1 to 9 people");
		key->approvals = (uint8_t)number;
		return 0;
	}
	return -EINVAL;
}

/* key "ID" role "helpdesk" public "…" [access …] [max-minutes …] … */
int parse_key_line(struct parser *p)
{
	struct rules_key key = {
		.role = POOL_NONE,
		.public_key = POOL_NONE,
		.access = MEDIA_READ_ONLY,
		.approvals = 1,
	};
	int r;

	if (lex_blanks(&p->lex) == 0)
		return parse_error(p, p->lex.pos, "expected a key id in \"…\"");
	r = parse_string(p, &key.key_id);
	if (r != 0)
		return r;
	for (;;) {
		uint32_t word;

		r = parse_separator(p);
		if (r != 0)
			return r;
		if (lex_at_rule_end(&p->lex))
			break;
		r = parse_word_and_blank(p, key_words, &word);
		if (r != 0)
			return r;
		r = parse_key_value(p, (enum key_word)word, &key);
		if (r != 0)
			return r;
	}
	if (key.role == POOL_NONE || key.public_key == POOL_NONE)
		return parse_error(p, 0, "a key needs 'role' and 'public'");
	return vec_append(&p->rs->keys, &key, 1);
}

static const char *const channel_words[] = {"allow", "deny", NULL};

static int parse_one_channel(struct parser *p, bool is_allowed)
{
	struct ruleset_header *header = &p->rs->header;
	struct span word = lex_word(&p->lex);
	enum builtin_channel channel;

	if (!builtin_channel_from_str(word, &channel))
		return parse_error(p, p->lex.pos,
				   "expected wifi, bluetooth, wwan, "
				   "thunderbolt, serial or printer");
	if (header->channels_named & 1u << channel)
		return parse_error(p, p->lex.pos, "'%s' is given twice",
				   builtin_channel_to_str(channel));
	header->channels_named |= 1u << channel;
	if (is_allowed)
		header->channels_allowed |= 1u << channel;
	p->lex.pos += word.len;
	return parse_separator(p);
}

/* channel allow|deny wifi … */
int parse_channel_line(struct parser *p)
{
	uint32_t choice = 0;
	int r;

	if (lex_blanks(&p->lex) == 0)
		return parse_error(p, p->lex.pos, "expected allow or deny");
	r = parse_choice(p, channel_words, &choice);
	if (r != 0)
		return r;
	r = parse_separator(p);
	if (r != 0)
		return r;
	do {
		r = parse_one_channel(p, choice == 0);
		if (r != 0)
			return r;
	} while (!lex_at_rule_end(&p->lex));
	return 0;
}
