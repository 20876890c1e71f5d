/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a rule will take access away by itself: `until`, dates, weekdays and
 * hours. Not read off the rules, but judged for the minutes to come, so that
 * it is right for every condition there is.
 */
#include "agent/daemon/pipeline.h"

#include "agent/base/clock.h"

#define STEP_S 60

static enum media_access access_in(struct pipeline *pipeline,
				   const struct media_fact *fact,
				   struct decide_context *context,
				   uint32_t in_s)
{
	struct verdict verdict;

	pipeline_local_time(clock_wall_ns() / NS_PER_S + in_s, &context->now);
	decide_media(pipeline->bundle.ruleset, fact, context, &verdict);
	return verdict.is_monitor ? MEDIA_READ_WRITE : verdict.access;
}

uint32_t pipeline_media_lasts(struct pipeline *pipeline,
			      const struct medium_entry *entry,
			      uint32_t horizon_s)
{
	struct decide_context context;
	struct media_fact fact;
	uint32_t lasts = 0, ends = STEP_S;

	if (!pipeline->bundle.ruleset || pipeline->is_monitor ||
	    entry->decision.access == MEDIA_DENY ||
	    !(ruleset_uses(pipeline->bundle.ruleset) & RULES_USES_TIME))
		return 0;
	pipeline_media_fact(pipeline, entry, &fact);
	pipeline_context(pipeline, &context);
	context.history = NULL; /* looking is not applying */
	context.history_count = 0;
	enum media_access now = access_in(pipeline, &fact, &context, 0);
	while (ends <= horizon_s &&
	       access_in(pipeline, &fact, &context, ends) >= now) {
		lasts = ends;
		ends += STEP_S;
	}
	if (ends > horizon_s)
		return 0;
	/* Less at ENDS, not yet at LASTS: the second in between */
	while (ends - lasts > 1) {
		uint32_t middle = lasts + (ends - lasts) / 2;
		if (access_in(pipeline, &fact, &context, middle) < now)
			ends = middle;
		else
			lasts = middle;
	}
	return ends;
}
