/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose word counts for what, and what it raises; see grant.h. The limits hold
 * whatever a console says: they stand in the policy and are applied here.
 */
#include "policy/grant.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "policy/digest.h"

static const char *const refusals[] = {
	[GRANT_COUNTS] = "it counts",
	[GRANT_OTHER_TERMINAL] = "it is for another terminal",
	[GRANT_OTHER_USER] = "it is for another user than the one who asked",
	[GRANT_OTHER_DEVICE] = "it is for another device than was asked for",
	[GRANT_EXPIRED] = "it has expired",
	[GRANT_TOO_LONG] = "it ends too late: 31 days are the most",
	[GRANT_OLD] = "it was issued before what is still remembered here",
	[GRANT_UNSIGNED] = "no key that may give grants has signed it",
	[GRANT_OVER_ACCESS] = "its key may not give this access",
	[GRANT_OVER_MINUTES] = "its key may not give this long",
	[GRANT_APPROVALS] = "more people must approve it",
	[GRANT_UNSUPPORTED] = "this terminal cannot do that",
};
static_assert(sizeof(refusals) / sizeof(refusals[0]) == GRANT_REFUSAL_COUNT,
	      "one sentence for each refusal");

const char *grant_refusal_to_str(enum grant_refusal refusal)
{
	return (unsigned int)refusal < GRANT_REFUSAL_COUNT
		       ? refusals[refusal]
		       : refusals[GRANT_UNSIGNED];
}

/* --- limits ---------------------------------------------------------------- */

static bool is_helpdesk(const struct grant_signer *signer)
{
	return span_equals_str(signer->role, GRANT_ROLE_HELPDESK);
}

static bool may_sign(const struct grant_signer *signer)
{
	return is_helpdesk(signer) ||
	       span_equals_str(signer->role, GRANT_ROLE_APPROVER);
}

static uint32_t minutes_of(const struct grant_signer *signer)
{
	uint32_t most = is_helpdesk(signer) ? GRANT_HELPDESK_MINUTES
					    : GRANT_APPROVER_MINUTES;

	if (signer->max_minutes == 0)
		return most;
	/* A helpdesk key cannot be widened by a slip in the policy */
	if (is_helpdesk(signer) && signer->max_minutes > most)
		return most;
	return signer->max_minutes;
}

static bool may_give(const struct grant_signer *signer,
		     enum grant_access access)
{
	enum media_access most = signer->access;

	if (is_helpdesk(signer) && most > MEDIA_READ_ONLY)
		most = MEDIA_READ_ONLY;
	switch (access) {
	case GRANT_READ_ONLY:
		return most >= MEDIA_READ_ONLY;
	case GRANT_READ_WRITE:
	case GRANT_AUTHORISE: /* a whole device can be a way out */
		return most >= MEDIA_READ_WRITE;
	case GRANT_SUBSTITUTE_FACTOR:
		return !is_helpdesk(signer);
	case GRANT_NOTHING:
	case GRANT_ACCESS_COUNT:
		break;
	}
	return false;
}

enum grant_refusal grant_check_signer(const struct grant *grant,
				      const struct grant_signer *signer)
{
	if (!may_sign(signer))
		return GRANT_UNSIGNED;
	if (!may_give(signer, grant->access))
		return GRANT_OVER_ACCESS;
	if (grant->minutes > minutes_of(signer))
		return GRANT_OVER_MINUTES;
	return GRANT_COUNTS;
}

/* Enough of those who may: as many as the least demanding of them needs. What
 * those who may not are told is what the first of them lacks. */
static enum grant_refusal check_signers(const struct grant *grant,
					const struct grant_terms *terms)
{
	enum grant_refusal first = GRANT_UNSIGNED;
	uint32_t have = 0, need = UINT32_MAX;

	for (size_t i = 0; i < terms->signer_count; i++) {
		const struct grant_signer *signer = &terms->signers[i];
		enum grant_refusal refusal = grant_check_signer(grant, signer);

		if (refusal != GRANT_COUNTS) {
			if (first == GRANT_UNSIGNED)
				first = refusal;
			continue;
		}
		have++;
		if (signer->approvals < need)
			need = signer->approvals;
	}
	if (have == 0)
		return first;
	return have >= need ? GRANT_COUNTS : GRANT_APPROVALS;
}

/* To take away, every key that may give anything is enough. */
static enum grant_refusal check_taker(const struct grant_terms *terms)
{
	for (size_t i = 0; i < terms->signer_count; i++)
		if (may_sign(&terms->signers[i]))
			return GRANT_COUNTS;
	return GRANT_UNSIGNED;
}

static enum grant_refusal check_times(const struct grant *grant,
				      const struct grant_terms *terms)
{
	uint64_t now = terms->wall_now_s;

	if (now >= grant->wall_not_after_s)
		return GRANT_EXPIRED;
	if (grant->wall_not_after_s - now > GRANT_TERM_MAX_S)
		return GRANT_TOO_LONG;
	return GRANT_COUNTS;
}

static enum grant_refusal check_request(const struct grant *grant,
					const struct grant *request)
{
	if (!request)
		return GRANT_COUNTS;
	if (!span_equals(grant->user, request->user))
		return GRANT_OTHER_USER;
	if (!span_equals(grant->device, request->device))
		return GRANT_OTHER_DEVICE;
	return GRANT_COUNTS;
}

enum grant_refusal grant_judge(const struct grant *grant,
			       const struct grant_terms *terms)
{
	enum grant_refusal refusal = GRANT_COUNTS;

	/* Whose it is first: what a stranger says is not looked at */
	if (grant->action != GRANT_GRANT)
		refusal = grant->action == GRANT_REQUEST ? GRANT_UNSIGNED
							 : check_taker(terms);
	else
		refusal = check_signers(grant, terms);
	if (refusal != GRANT_COUNTS)
		return refusal;
	if (!span_equals_str(grant->terminal, terms->terminal))
		return GRANT_OTHER_TERMINAL;
	/* To take away is never too old */
	if (grant->action != GRANT_GRANT)
		return GRANT_COUNTS;
	if (grant->wall_issued_s <= terms->issued_floor)
		return GRANT_OLD;
	refusal = check_times(grant, terms);
	if (refusal == GRANT_COUNTS)
		refusal = check_request(grant, terms->request);
	if (refusal == GRANT_COUNTS && grant->access == GRANT_SUBSTITUTE_FACTOR)
		refusal = GRANT_UNSUPPORTED;
	return refusal;
}

/* --- devices --------------------------------------------------------------- */

bool grant_name_usb(const struct usb_fact *fact,
		    char ret_name[GRANT_DEVICE_SIZE])
{
	if (fact->identity[0] == '\0')
		return false;
	int n = snprintf(ret_name, GRANT_DEVICE_SIZE, "usb:%s", fact->identity);
	return n > 0 && (size_t)n < GRANT_DEVICE_SIZE;
}

/* What a card, a disc or a disk says of itself; one that says nothing but its
 * kind cannot be told from another, and has no name. */
static bool name_disk(const struct media_fact *fact,
		      char ret_name[GRANT_DEVICE_SIZE])
{
	char text[4 * (MEDIA_STRING_MAX_BYTES + 1)], hex[DIGEST_HEX_SIZE];

	if (!fact->serial[0] && !fact->fs_uuid[0])
		return false;
	int n = snprintf(text, sizeof(text), "%s\n%s\n%s\n%s",
			 media_bus_to_str(fact->bus), fact->model, fact->serial,
			 fact->fs_uuid);
	if (n < 0 || (size_t)n >= sizeof(text) ||
	    digest_sha256(span_of(text, (size_t)n), hex) != 0)
		return false;
	(void)snprintf(ret_name, GRANT_DEVICE_SIZE, "disk:%s", hex);
	return true;
}

bool grant_name_media(const struct media_fact *fact,
		      char ret_name[GRANT_DEVICE_SIZE])
{
	return fact->parent ? grant_name_usb(fact->parent, ret_name)
			    : name_disk(fact, ret_name);
}

/* A device all of whose ways are in the one channel. */
static bool is_channel(struct span device, const struct usb_fact *fact)
{
	enum usb_channel channel;

	return span_starts_with(device, SPAN("channel:")) &&
	       usb_channel_from_str(span_skip(device, 8), &channel) &&
	       fact->channels == USB_CHANNEL_BIT(channel);
}

bool grant_is_for_usb(struct span device, const struct usb_fact *fact)
{
	char name[GRANT_DEVICE_SIZE];

	return is_channel(device, fact) ||
	       (grant_name_usb(fact, name) && span_equals_str(device, name));
}

bool grant_is_for_media(struct span device, const struct media_fact *fact)
{
	char name[GRANT_DEVICE_SIZE];

	if (fact->parent && is_channel(device, fact->parent))
		return true;
	if (!fact->parent && span_equals_str(device, "channel:storage"))
		return true;
	return grant_name_media(fact, name) && span_equals_str(device, name);
}

/* --- verdicts -------------------------------------------------------------- */

static bool is_final(const struct verdict *verdict)
{
	return verdict->reason == VERDICT_LOST ||
	       verdict->reason == VERDICT_NO_RULESET ||
	       verdict->reason == VERDICT_INVALID_DEVICE ||
	       verdict->reason == VERDICT_TYPING ||
	       verdict->reason == VERDICT_GLASS;
}

bool grant_raise_usb(enum grant_access access, const struct usb_fact *fact,
		     struct verdict *verdict)
{
	bool is_medium = fact->channels == USB_CHANNEL_BIT(USB_CHANNEL_STORAGE);

	if (is_final(verdict) || verdict->target == USB_TARGET_ALLOW)
		return false;
	if (access != GRANT_AUTHORISE &&
	    !(is_medium &&
	      (access == GRANT_READ_ONLY || access == GRANT_READ_WRITE)))
		return false;
	verdict->target = USB_TARGET_ALLOW;
	verdict->reason = VERDICT_GRANT;
	return true;
}

bool grant_raise_media(enum grant_access access, struct verdict *verdict)
{
	enum media_access given = MEDIA_DENY;

	if (access == GRANT_READ_ONLY)
		given = MEDIA_READ_ONLY;
	else if (access == GRANT_READ_WRITE)
		given = MEDIA_READ_WRITE;
	if (is_final(verdict) || verdict->access >= given)
		return false;
	verdict->access = given;
	verdict->reason = VERDICT_GRANT;
	return true;
}
