/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the inbox brings: grants, denials, revocations. Its writer is not
 * trusted: every object is proven and judged, once, and one that does not count
 * changes nothing. A revocation wins, whichever comes first.
 */
#include "agent/daemon/grants_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/hex.h"

/* The texts of one object, blanks in between. */
struct offer {
	struct span payload; /* base64url, as it stands in the first */
	char *texts;	     /* owned */
	size_t size;
};

struct offers {
	struct offer list[GRANTS_INBOX_MAX];
	size_t count;
};

static void free_offers(struct offers *offers)
{
	for (size_t i = 0; i < offers->count; i++)
		free(offers->list[i].texts);
}

static struct offer *offer_of(struct offers *offers, struct span payload)
{
	for (size_t i = 0; payload.len > 0 && i < offers->count; i++)
		if (span_equals(offers->list[i].payload, payload))
			return &offers->list[i];
	if (offers->count == GRANTS_INBOX_MAX)
		return NULL;
	struct offer *offer = &offers->list[offers->count++];
	*offer = (struct offer){.payload = payload};
	return offer;
}

static int add_text(struct offer *offer, struct span text)
{
	char *texts = realloc(offer->texts, offer->size + text.len + 2);

	if (!texts)
		return -ENOMEM;
	offer->texts = texts;
	if (offer->size > 0)
		texts[offer->size++] = ' ';
	memcpy(texts + offer->size, text.ptr, text.len);
	offer->size += text.len;
	texts[offer->size] = '\0';
	return 0;
}

/* Texts of one payload belong together. What is too long is cut: it cannot be
 * one of ours, and is told as what it is. */
static int gather(struct span texts, struct offers *offers)
{
	struct span text;

	for (size_t n = 0;
	     n < GRANTS_INBOX_MAX && (text = grant_next_text(&texts)).len > 0;
	     n++) {
		struct span kept = span_take(text, GRANT_TEXT_MAX);
		struct offer *offer = offer_of(offers, grant_payload_of(text));
		if (!offer)
			return 0;
		int r = add_text(offer, kept);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_new(struct grants *grants, const struct offer *offer)
{
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(offer->texts, offer->size, digest, NULL, EVP_sha256(),
		       NULL) != 1)
		return false;
	hex_encode(digest, (GRANTS_DIGEST_SIZE - 1) / 2, hex);
	return grants_note_seen(grants, hex);
}

static enum record_reason reason_of(enum grant_refusal refusal)
{
	switch (refusal) {
	case GRANT_OTHER_TERMINAL:
		return RECORD_REASON_GRANT_TERMINAL;
	case GRANT_OTHER_USER:
		return RECORD_REASON_GRANT_USER;
	case GRANT_OTHER_DEVICE:
		return RECORD_REASON_GRANT_DEVICE;
	case GRANT_EXPIRED:
	case GRANT_TOO_LONG:
		return RECORD_REASON_GRANT_EXPIRED;
	case GRANT_OLD:
		return RECORD_REASON_GRANT_REPLAYED;
	case GRANT_OVER_ACCESS:
	case GRANT_OVER_MINUTES:
		return RECORD_REASON_GRANT_LIMIT;
	case GRANT_APPROVALS:
		return RECORD_REASON_GRANT_APPROVALS;
	case GRANT_UNSUPPORTED:
		return RECORD_REASON_GRANT_UNSUPPORTED;
	case GRANT_UNSIGNED:
	case GRANT_COUNTS:
	case GRANT_REFUSAL_COUNT:
		break;
	}
	return RECORD_REASON_GRANT_FORGED;
}

static bool refuse(struct grants *grants, const struct grant_proof *proof,
		   enum record_reason reason, const char *detail)
{
	log_warning(grants->options.log, "a grant does not count: %s",
		    detail ? detail : record_reason_english(reason));
	grants_tell_refused(grants, &proof->grant, proof->approvers, reason,
			    detail);
	return false;
}

static bool take_grant(struct grants *grants, struct grant_proof *proof,
		       struct offer *offer, struct grants_now now)
{
	struct grants_row *before = grants_row_of(grants, proof->grant.id);

	if (before && before->state != GRANTS_REQUESTED)
		return refuse(grants, proof, RECORD_REASON_GRANT_REPLAYED,
			      NULL);
	struct grants_row *row =
		grants_add(grants, span_of(proof->payload, proof->size));
	if (!row)
		return refuse(grants, proof, RECORD_REASON_GRANT_FULL, NULL);
	row->proof = TAKE_PTR(offer->texts);
	memcpy(row->approvers, proof->approvers, sizeof(row->approvers));
	if (before) {
		memcpy(row->correlation, before->correlation,
		       sizeof(row->correlation));
		grants_drop(grants, before);
	} else {
		memcpy(row->correlation, row->grant.id.ptr, row->grant.id.len);
	}
	row->state = GRANTS_WAITING;
	if (row->grant.wall_not_before_s <= now.wall_s) {
		grants_activate(row, 60 * NS_PER_S * row->grant.minutes, now);
		grants_tell(grants, row, RECORD_GRANT_GRANTED,
			    RECORD_REASON_NONE, now);
	}
	return true;
}

/* A desk whose clock is years ahead must not shut out all that comes later: the
 * time stands for "not again", no more. */
static void note_gone(struct grants *grants, const struct grant *grant,
		      struct grants_now now)
{
	uint64_t latest = now.wall_s + GRANT_TERM_MAX_S;

	grants_note_gone(grants, grant->id,
			 grant->wall_issued_s < latest ? grant->wall_issued_s
						       : latest);
}

/* The desk's no ends the request; nothing else. */
static bool take_denial(struct grants *grants, const struct grant_proof *proof,
			struct grants_now now)
{
	struct grants_row *row = grants_row_of(grants, proof->grant.id);
	char note[GRANT_NOTE_MAX + 1] = "";

	if (row && row->state != GRANTS_REQUESTED)
		return refuse(grants, proof, RECORD_REASON_GRANT_REPLAYED,
			      NULL);
	memcpy(note, proof->grant.note.ptr, proof->grant.note.len);
	grants_tell_refused(grants, row ? &row->grant : &proof->grant,
			    proof->approvers, RECORD_REASON_GRANT_DENIED, note);
	note_gone(grants, &proof->grant, now);
	if (row)
		grants_drop(grants, row);
	return false;
}

static bool take_revocation(struct grants *grants,
			    const struct grant_proof *proof,
			    struct grants_now now)
{
	struct grants_row *row = grants_row_of(grants, proof->grant.id);

	if (row) {
		grants_finish(grants, row, RECORD_GRANT_REVOKED,
			      RECORD_REASON_GRANT_REVOKED, now);
		return true;
	}
	/* It came before its grant: that one will never count */
	note_gone(grants, &proof->grant, now);
	return false;
}

static bool take(struct grants *grants, struct grant_proof *proof,
		 struct offer *offer, struct grants_now now)
{
	const struct grants_row *asked = grants_row_of(grants, proof->grant.id);
	const struct grant_terms terms = {
		.terminal = grants->options.terminal(grants->options.userdata),
		.wall_now_s = now.wall_s,
		.issued_floor = grants->issued_floor,
		.request = asked && asked->state == GRANTS_REQUESTED
				   ? &asked->grant
				   : NULL,
		.signers = proof->signers,
		.signer_count = proof->signer_count,
	};
	enum grant_refusal refusal = grant_judge(&proof->grant, &terms);

	if (refusal != GRANT_COUNTS)
		return refuse(grants, proof, reason_of(refusal),
			      grant_refusal_to_str(refusal));
	if (proof->grant.action == GRANT_REVOKE)
		return take_revocation(grants, proof, now);
	if (grants_is_gone(grants, proof->grant.id))
		return refuse(grants, proof, RECORD_REASON_GRANT_REPLAYED,
			      NULL);
	if (proof->grant.action == GRANT_DENY)
		return take_denial(grants, proof, now);
	return take_grant(grants, proof, offer, now);
}

static bool look(struct grants *grants, struct offer *offer,
		 const struct ruleset *ruleset, struct grants_now now)
{
	_cleanup_free_ struct grant_proof *proof = calloc(1, sizeof(*proof));

	if (!proof)
		return false;
	int r = grant_prove(span_of(offer->texts, offer->size), ruleset, proof);
	if (r < 0)
		return false;
	if (r > 0)
		return refuse(grants, proof,
			      r == GRANT_FORGED ? RECORD_REASON_GRANT_FORGED
						: RECORD_REASON_GRANT_MALFORMED,
			      proof->why);
	return take(grants, proof, offer, now);
}

bool grants_offer(struct grants *grants, struct span texts,
		  const struct ruleset *ruleset, struct grants_now now)
{
	_cleanup_free_ struct offers *offers = calloc(1, sizeof(*offers));
	bool is_changed = false, is_news = false;

	/* Without policy there are no keys: looked at again when there is */
	if (!offers || !grants->is_loaded || !ruleset)
		return false;
	if (gather(texts, offers) == 0) {
		for (size_t i = 0; i < offers->count; i++) {
			if (!is_new(grants, &offers->list[i]))
				continue;
			is_news = true;
			is_changed |= look(grants, &offers->list[i], ruleset,
					   now);
		}
	}
	free_offers(offers);
	int r = is_news ? grants_save(grants, now) : 0;
	if (r < 0)
		log_error(grants->options.log, "cannot keep the grants: %s",
			  errno_text(r));
	return is_changed;
}

/* Whether the keys of the policy still give it. Its times are not looked at
 * again: they were when it came, and end it by themselves. */
static bool still_counts(const struct grants *grants,
			 const struct grants_row *row,
			 const struct ruleset *ruleset)
{
	_cleanup_free_ struct grant_proof *proof = calloc(1, sizeof(*proof));
	const char *here = grants->options.terminal(grants->options.userdata);
	char there[GRANT_TERMINAL_CHARS + 1] = "";
	struct grant_terms terms = {
		.terminal = here[0] ? here : there,
		.wall_now_s = row->grant.wall_not_after_s - 1,
	};

	/* Early at boot the terminal's own id is not there; asked again later */
	memcpy(there, row->grant.terminal.ptr, GRANT_TERMINAL_CHARS);
	if (!proof || !row->proof ||
	    grant_prove(span_str(row->proof), ruleset, proof) != 0 ||
	    !span_equals(span_of(proof->payload, proof->size),
			 span_of(row->text, row->size)))
		return false;
	terms.signers = proof->signers;
	terms.signer_count = proof->signer_count;
	return grant_judge(&proof->grant, &terms) == GRANT_COUNTS;
}

bool grants_recheck(struct grants *grants, const struct ruleset *ruleset,
		    struct grants_now now)
{
	bool is_changed = false;
	struct grants_row *next;

	for (struct grants_row *row = grants->first; ruleset && row;
	     row = next) {
		next = row->next;
		if (row->state == GRANTS_REQUESTED || row->is_by_code)
			continue;
		if (still_counts(grants, row, ruleset)) {
			is_changed |= row->is_unproven;
			row->is_unproven = false;
			continue;
		}
		grants_finish(grants, row, RECORD_GRANT_ENDED,
			      RECORD_REASON_GRANT_KEY, now);
		is_changed = true;
	}
	if (is_changed)
		(void)!grants_save(grants, now); /* the next change does */
	return is_changed;
}
