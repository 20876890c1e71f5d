/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample_grant: what a record of an exception holds, for test_record.c alone:
 * one as it comes, and one longer than every limit.
 */
#pragma once

#include "policy/record.h"

static void sample_grant(struct record *rec)
{
	if (rec->code < RECORD_GRANT_FIRST)
		return;
	if (rec->code == RECORD_GRANT_REFUSED)
		rec->decision.reason = RECORD_REASON_GRANT_LIMIT;
	else if (rec->code == RECORD_GRANT_ENDED)
		rec->decision.reason = RECORD_REASON_GRANT_TIME;
	else if (rec->code == RECORD_GRANT_REVOKED)
		rec->decision.reason = RECORD_REASON_GRANT_REVOKED;
	else if (rec->code == RECORD_GRANT_SUSPENDED)
		rec->decision.reason = RECORD_REASON_GRANT_AWAY;
	else
		rec->decision.reason = RECORD_REASON_GRANT;
	if (rec->code == RECORD_GRANT_USED)
		rec->decision.grant = "g-0123456789abcdef";
	rec->u.grant = (struct record_grant){
		.id = "g-0123456789abcdef",
		.state = "active",
		.via = "online",
		.user = "s012345",
		.device = "usb:q0WZk+Abc/=",
		.access = "read-only",
		.reason_code = "data-return",
		.ticket = "HD-2026-031",
		.requester = "s012345",
		.note = "返戻データの受領",
		.approvers = "helpdesk-1,a-2",
		.minutes = 30,
		.uses = 1,
		.use_count = 1,
		.left_s = 1799,
		.wall_not_after_ms = 1795140000000,
		.wall_report_by_ms = 1795200000000,
	};
}

static void flood_grant(struct record *rec, const char *h)
{
	struct record_grant *grant = &rec->u.grant;

	if (rec->code != RECORD_GRANT_USED)
		return;
	grant->id = grant->state = grant->via = grant->user = h;
	grant->device = grant->access = grant->reason_code = h;
	grant->ticket = grant->requester = grant->note = h;
	grant->approvers = h;
	grant->minutes = grant->uses = grant->use_count = UINT32_MAX;
	grant->left_s = UINT64_MAX;
	grant->wall_not_before_ms = grant->wall_not_after_ms = INT64_MAX;
	grant->wall_report_by_ms = INT64_MAX;
}
