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

void pipeline_record_usb(struct pipeline *pipeline, struct usb_entry *entry,
			 enum record_code code)
{
	struct record record = {
		.code = code,
		.correlation = entry->plug,
		.usb = &entry->device.fact,
	};

	pipeline_fill_decision(&entry->decision, "usb_authorize",
			       &record.decision);
	record.decision.latency_us = latency_us(&entry->mono_seen_ns);
	pipeline->options.sink.emit(pipeline->options.sink.userdata, &record);
}

void pipeline_record_medium(struct pipeline *pipeline,
			    struct medium_entry *entry, enum record_code code)
{
	struct media_fact fact;
	struct record record = {
		.code = code,
		.correlation = entry->plug,
		.media = &fact,
	};

	pipeline_media_fact(pipeline, entry, &fact);
	pipeline_fill_decision(&entry->decision, "media", &record.decision);
	record.decision.latency_us = latency_us(&entry->mono_seen_ns);
	pipeline->options.sink.emit(pipeline->options.sink.userdata, &record);
}
