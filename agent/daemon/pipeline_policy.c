/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policy is in force: rule files as they are, or, where a trust anchor
 * is pinned, only what is signed. An offer comes into force whole or changes
 * nothing, and is told of either way.
 */
#include "agent/daemon/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/daemon/anchor.h"
#include "agent/daemon/bundle_signed.h"
#include "policy/lifeline.h"

/* A new rule set starts with no history: slot numbers are its own. */
static void renew_history(struct pipeline *pipeline)
{
	free(pipeline->history);
	pipeline->history = NULL;
	pipeline->history_count = 0;

	size_t count = ruleset_history_count(pipeline->bundle.ruleset);
	if (count == 0)
		return;
	pipeline->history = calloc(count, sizeof(*pipeline->history));
	if (pipeline->history)
		pipeline->history_count = count;
}

/* Why an offer was refused, as a number. */
static enum record_reason reason_of(int outcome)
{
	switch (outcome) {
	case BUNDLE_REJECTED:
		return RECORD_REASON_POLICY_SYNTAX;
	case BUNDLE_FORGED:
		return RECORD_REASON_POLICY_SIGNATURE;
	case BUNDLE_OLD:
		return RECORD_REASON_POLICY_SERIAL;
	case BUNDLE_ELSEWHERE:
		return RECORD_REASON_POLICY_TERMS;
	case BUNDLE_LIFELINE:
		return RECORD_REASON_POLICY_LIFELINE;
	case BUNDLE_OK:
		return RECORD_REASON_NONE;
	default:
		return RECORD_REASON_POLICY_IO;
	}
}

static void record_change(struct pipeline *pipeline, int outcome,
			  const struct bundle_info *offer, uint64_t from_serial)
{
	const char *error = pipeline->bundle.error;
	struct record record = {
		.code = outcome == BUNDLE_OK ? RECORD_POLICY_LOADED
					     : RECORD_POLICY_REJECTED,
		.decision.reason = reason_of(outcome),
		.u.change =
			{
				.name = offer->name,
				.serial = offer->serial,
				.digest = offer->digest,
				.signer = offer->signer,
				.from_serial = from_serial,
				.rule_count = offer->rule_count,
				.error = outcome == BUNDLE_OK ? NULL : error,
			},
	};

	pipeline->options.sink.emit(pipeline->options.sink.userdata, &record);
}

static int take(struct pipeline *pipeline, uint64_t from_serial)
{
	failure_clear(pipeline->options.failures, FAILURE_POLICY_REJECTED);
	failure_clear(pipeline->options.failures, FAILURE_POLICY_NONE);
	pipeline->refused[0] = '\0';
	renew_history(pipeline);
	pipeline_apply_mode(pipeline);
	record_change(pipeline, BUNDLE_OK, &pipeline->bundle.info, from_serial);
	pipeline_judge_all(pipeline);
	return BUNDLE_OK;
}

/* Nothing changes but what is known of the refusal. */
static int refuse(struct pipeline *pipeline, int outcome,
		  const struct bundle_info *offer)
{
	struct bundle *bundle = &pipeline->bundle;

	if (outcome < 0)
		(void)bundle_refuse(bundle, outcome, "%s", errno_text(outcome));
	log_error(pipeline->options.log, "policy refused: %s", bundle->error);
	(void)failure_raise(pipeline->options.failures,
			    bundle->ruleset ? FAILURE_POLICY_REJECTED
					    : FAILURE_POLICY_NONE,
			    bundle->error);
	if (!bundle->ruleset)
		pipeline_apply_mode(pipeline);
	record_change(pipeline, outcome, offer, bundle->info.serial);
	return outcome;
}

static int same(struct pipeline *pipeline)
{
	failure_clear(pipeline->options.failures, FAILURE_POLICY_REJECTED);
	pipeline_judge_all(pipeline);
	return BUNDLE_SAME;
}

static int load_files(struct pipeline *pipeline)
{
	struct bundle *bundle = &pipeline->bundle;
	uint64_t from_serial = bundle->info.serial;
	struct bundle_info offer;

	int r = bundle_load(bundle, pipeline->options.root_fd,
			    pipeline->options.rules_dir, &offer);
	if (r == BUNDLE_OK)
		return take(pipeline, from_serial);
	return r == BUNDLE_SAME ? same(pipeline) : refuse(pipeline, r, &offer);
}

/* --- signed policy -------------------------------------------------------- */

/* The zone that a policy must be for: the terminal's own, or the one it came
 * into with the policy in force. */
static void find_zone(const struct pipeline *pipeline, char *ret_zone,
		      size_t size)
{
	const struct bundle *bundle = &pipeline->bundle;

	(void)snprintf(ret_zone, size, "%s",
		       pipeline->options.zone ? pipeline->options.zone : "");
	if (ret_zone[0] || !bundle->ruleset || !bundle->info.signer[0])
		return;
	(void)snprintf(ret_zone, size, "%s", bundle->info.zone);
}

static int judge(struct pipeline *pipeline, struct span text, bool is_kept,
		 struct bundle_info *ret_offer, struct ruleset **ret_ruleset)
{
	char zone[BUNDLE_ZONE_SIZE];
	const struct bundle_terms terms = {
		.trust = &pipeline->store.trust,
		.serial_floor = pipeline->store.floor,
		.zone = zone,
		.wall_now_s = clock_wall_ns() / NS_PER_S,
		.is_kept = is_kept,
	};

	find_zone(pipeline, zone, sizeof(zone));
	if (pipeline->store.error[0])
		return bundle_refuse(&pipeline->bundle, BUNDLE_FORGED,
				     "no key to prove it with: %s",
				     pipeline->store.error);
	return bundle_judge_signed(&pipeline->bundle, text, &terms, ret_offer,
				   ret_ruleset);
}

/* The rule set that counted last counts again. Nothing is proven about the
 * lifeline: no device has been looked at, and none is cut off against it. */
static int load_kept(struct pipeline *pipeline)
{
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	_cleanup_free_ char *text = NULL;
	struct bundle *bundle = &pipeline->bundle;
	uint64_t from_serial = bundle->info.serial;
	struct bundle_info offer = {0};
	size_t size = 0;

	int r = bundle_store_kept(pipeline->options.root_fd, &text, &size);
	if (r < 0)
		r = bundle_refuse(bundle, BUNDLE_UNREADABLE,
				  "no signed policy is kept: %s",
				  errno_text(r));
	else
		r = judge(pipeline, span_of(text, size), true, &offer,
			  &ruleset);
	if (r == BUNDLE_SAME)
		return same(pipeline);
	if (r != 0)
		return refuse(pipeline, r, &offer);
	pipeline->store.floor = offer.serial;
	bundle_put(bundle, &offer, TAKE_PTR(ruleset));
	return take(pipeline, from_serial);
}

static int check_lifeline(struct pipeline *pipeline,
			  const struct ruleset *ruleset)
{
	unsigned int lost = pipeline_prove(pipeline, ruleset);

	if (!lost)
		return 0;
	return bundle_refuse(&pipeline->bundle, BUNDLE_LIFELINE,
			     "signed policy: it would cut off the last%s%s%s",
			     lost & LIFELINE_KEYBOARD ? " keyboard" : "",
			     lost & LIFELINE_POINTER ? " pointer" : "",
			     lost & LIFELINE_READER ? " login token" : "");
}

static int offer_signed(struct pipeline *pipeline, struct span text,
			struct bundle_info *offer)
{
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	uint64_t from_serial = pipeline->bundle.info.serial;

	int r = judge(pipeline, text, false, offer, &ruleset);
	if (r == 0)
		r = check_lifeline(pipeline, ruleset);
	if (r != 0)
		return r;
	/* Kept before it is in force: after a power cut it still is */
	r = bundle_store_keep(pipeline->options.root_fd, text, offer->serial,
			      &pipeline->store);
	if (r < 0)
		return bundle_refuse(&pipeline->bundle, BUNDLE_UNREADABLE,
				     "signed policy: cannot be kept: %s",
				     errno_text(r));
	bundle_put(&pipeline->bundle, offer, TAKE_PTR(ruleset));
	return take(pipeline, from_serial);
}

int pipeline_offer_policy(struct pipeline *pipeline, struct span text,
			  bool is_repeated)
{
	struct bundle_info offer = {0};
	char refused[sizeof(pipeline->refused)];

	int r = bundle_store_read(pipeline->options.root_fd, &pipeline->store);
	if (r < 0)
		return refuse(pipeline, r, &offer);
	anchor_check(pipeline->options.guard, &pipeline->store);
	if (!pipeline->store.is_anchored)
		return bundle_refuse(&pipeline->bundle, BUNDLE_FORGED,
				     "no trust anchor is pinned here "
				     "(/" BUNDLE_ANCHOR ")");
	r = offer_signed(pipeline, text, &offer);
	if (r == BUNDLE_OK)
		return r;
	if (r == BUNDLE_SAME)
		return same(pipeline);
	/* What lies in the inbox is looked at again and again; told once */
	(void)snprintf(refused, sizeof(refused), "%d %s", r, offer.digest);
	if (is_repeated && strcmp(refused, pipeline->refused) == 0)
		return r;
	memcpy(pipeline->refused, refused, sizeof(refused));
	return refuse(pipeline, r, &offer);
}

int pipeline_load_policy(struct pipeline *pipeline)
{
	struct bundle_info none = {0};
	int r = bundle_store_read(pipeline->options.root_fd, &pipeline->store);

	if (r < 0)
		return refuse(pipeline, r, &none);
	anchor_check(pipeline->options.guard, &pipeline->store);
	return pipeline->store.is_anchored ? load_kept(pipeline)
					   : load_files(pipeline);
}
