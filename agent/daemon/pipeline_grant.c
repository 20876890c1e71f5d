/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a grant meets a decision: after policy has spoken, before anything is
 * done about it. What a grant may raise is decided in policy/grant_judge.c.
 */
#include "agent/daemon/pipeline.h"

#include <stdio.h>
#include <string.h>

#include "agent/base/clock.h"
#include "agent/daemon/grants.h"

static struct grants_now now(void)
{
	return (struct grants_now){
		.boot_ns = clock_boot_ns(),
		.wall_s = clock_wall_ns() / NS_PER_S,
	};
}

const struct grants_row *pipeline_decide_usb_granted(
	struct pipeline *pipeline, const struct usb_entry *entry,
	struct verdict *ret_verdict)
{
	pipeline_decide_usb(pipeline, entry, ret_verdict);
	if (entry->outcome != 0 || pipeline_is_blind(pipeline))
		return NULL;
	const struct grants_row *row =
		grants_raise_usb(pipeline->options.grants, &entry->device.fact,
				 entry->plug, clock_boot_ns(), ret_verdict);
	/* A keyboard in it waits for a person even so */
	if (row)
		pipeline_judge_keyboard(pipeline, entry, ret_verdict);
	return row;
}

bool pipeline_may_grant(const struct pipeline *pipeline,
			const struct verdict *verdict)
{
	const struct ruleset *ruleset = pipeline->bundle.ruleset;

	return !ruleset || !ruleset_wants_ledger(ruleset) ||
	       verdict->sticker.len > 0;
}

void pipeline_take_grant(const struct grants_row *grant,
			 struct decision *decision)
{
	decision->grant[0] = '\0';
	if (!grant)
		return;
	(void)snprintf(decision->grant, sizeof(decision->grant), "%.*s",
		       (int)grant->grant.id.len, grant->grant.id.ptr);
}

static bool is_granted(const struct pipeline *pipeline,
		       const struct decision *decision)
{
	return pipeline->options.grants && decision->grant[0] != '\0' &&
	       !pipeline->is_monitor;
}

void pipeline_use_usb(struct pipeline *pipeline, struct usb_entry *entry)
{
	struct record record = {.usb = &entry->device.fact};

	/* A stick is used when its medium is */
	if (!is_granted(pipeline, &entry->decision) ||
	    entry->state != DEVICE_AUTHORISED ||
	    entry->device.fact.channels == USB_CHANNEL_BIT(USB_CHANNEL_STORAGE))
		return;
	pipeline_fill_decision(&entry->decision, "usb_authorize",
			       &record.decision);
	grants_use(pipeline->options.grants, entry->decision.grant, entry->plug,
		   &record, now());
}

void pipeline_use_medium(struct pipeline *pipeline, struct medium_entry *entry)
{
	struct media_fact fact;
	struct record record = {.media = &fact};

	if (!is_granted(pipeline, &entry->decision) || entry->is_ending ||
	    entry->access == MEDIA_DENY ||
	    entry->access != entry->decision.access)
		return;
	pipeline_media_fact(pipeline, entry, &fact);
	pipeline_fill_decision(&entry->decision, "media", &record.decision);
	grants_use(pipeline->options.grants, entry->decision.grant, entry->plug,
		   &record, now());
}

void pipeline_leave_grant(struct pipeline *pipeline, const char *plug)
{
	/* Nothing is judged: what used it is gone */
	(void)!grants_unplugged(pipeline->options.grants, plug, now());
}

uint64_t pipeline_grant_end(const struct pipeline *pipeline,
			    const struct decision *decision)
{
	if (!is_granted(pipeline, decision))
		return 0;
	const struct grants_row *row = grants_find(pipeline->options.grants,
						   decision->grant);
	/* The grant ends first, and then what is used under it */
	return row && row->state == GRANTS_ACTIVE
		       ? row->boot_end_ns + 50 * NS_PER_MS
		       : 0;
}
