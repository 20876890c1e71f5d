/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of the table to records. Only fills in; what is told and when is
 * decided by the callers.
 */
#include "agent/daemon/pipeline.h"

#include "agent/base/clock.h"

void pipeline_fill_decision(const struct decision *decision, const char *layer,
			    struct record_decision *ret_record)
{
	*ret_record = (struct record_decision){
		.rule = span_str(decision->rule_id),
		.rule_file = decision->rule_file[0] ? decision->rule_file
						    : NULL,
		.rule_line = decision->rule_line,
		.layer = layer,
		.reason = decision->reason,
		.detail = decision->detail[0] ? decision->detail : NULL,
		.grant = decision->grant[0] ? decision->grant : NULL,
	};
}

/* Only a first verdict has a time since the plug worth telling. */
static uint32_t latency_us(uint64_t *mono_seen_ns)
{
	uint64_t took = 0;

	if (*mono_seen_ns != 0)
		took = (clock_mono_ns() - *mono_seen_ns) / 1000;
	*mono_seen_ns = 0;
	return took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
}

/* The policy as the terminal has it, but for a rule that is on trial. */
static const struct record_policy *policy_of(const struct pipeline *pipeline,
					     const struct decision *decision,
					     struct record_policy *policy)
{
	const struct bundle *bundle = &pipeline->bundle;

	if (!decision->is_monitor || pipeline->is_monitor)
		return NULL;
	*policy = (struct record_policy){
		.name = bundle->ruleset ? bundle->info.name : NULL,
		.serial = bundle->info.serial,
		.digest = bundle->info.digest,
		.mode = RECORD_MODE_MONITOR,
	};
	return policy;
}

/* What the person reads out on the telephone. NAME is what grants call the
 * device; TEXT keeps the number as long as the record lives. */
static const char *receipt_of(const struct pipeline *pipeline, const char *name,
			      char text[CODE_RECEIPT_SIZE])
{
	text[0] = '\0';
	if (pipeline->options.receipt && !pipeline->is_monitor)
		pipeline->options.receipt(pipeline->options.userdata, name,
					  text);
	return text[0] ? text : NULL;
}

void pipeline_record_usb(struct pipeline *pipeline, struct usb_entry *entry,
			 enum record_code code)
{
	char name[GRANT_DEVICE_SIZE], receipt[CODE_RECEIPT_SIZE];
	struct record_policy policy;
	struct record record = {
		.code = code,
		.correlation = entry->plug,
		.policy = policy_of(pipeline, &entry->decision, &policy),
		.usb = &entry->device.fact,
	};

	pipeline_fill_decision(&entry->decision, "usb_authorize",
			       &record.decision);
	record.decision.latency_us = latency_us(&entry->mono_seen_ns);
	if (code == RECORD_USB_DEVICE_BLOCKED &&
	    grant_name_usb(&entry->device.fact, name))
		record.decision.user_ref = receipt_of(pipeline, name, receipt);
	pipeline->options.sink.emit(pipeline->options.sink.userdata, &record);
}

static void record_medium(struct pipeline *pipeline, struct medium_entry *entry,
			  enum record_code code,
			  const struct record_ending *ending)
{
	char name[GRANT_DEVICE_SIZE], receipt[CODE_RECEIPT_SIZE];
	struct record_policy policy;
	struct media_fact fact;
	struct record record = {
		.code = code,
		.correlation = entry->plug,
		.policy = policy_of(pipeline, &entry->decision, &policy),
		.media = &fact,
	};

	pipeline_media_fact(pipeline, entry, &fact);
	pipeline_fill_decision(&entry->decision, "media", &record.decision);
	if (code == RECORD_MEDIA_DENIED && grant_name_media(&fact, name))
		record.decision.user_ref = receipt_of(pipeline, name, receipt);
	if (ending)
		record.u.ending = *ending;
	else
		record.decision.latency_us = latency_us(&entry->mono_seen_ns);
	pipeline->options.sink.emit(pipeline->options.sink.userdata, &record);
}

void pipeline_record_medium(struct pipeline *pipeline,
			    struct medium_entry *entry, enum record_code code)
{
	record_medium(pipeline, entry, code, NULL);
}

void pipeline_record_ending(struct pipeline *pipeline,
			    struct medium_entry *entry, enum record_code code,
			    const struct record_ending *ending)
{
	record_medium(pipeline, entry, code, ending);
}
