/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of orders, grants and of the self-test for test_record.c: plausible ones,
 * and ones that are as large as they can be.
 */
#pragma once

#include "policy/record.h"
#include "tests/unit/policy/sample_grant.h"

static inline void sample_order(struct record *rec)
{
	sample_grant(rec);
	if (rec->code == RECORD_ORDER_ACCEPTED ||
	    rec->code == RECORD_ORDER_REJECTED)
		rec->u.order = (struct record_order){
			.action = "tamper-off",
			.serial = 1795132800,
			.signer = "nA1",
			.issuer = "情報政策課",
			.wall_until_ms = 1795140000000,
		};
	if (rec->code == RECORD_ORDER_REJECTED)
		rec->decision.reason = RECORD_REASON_ORDER;
	if (rec->code == RECORD_AGENT_HEARTBEAT) {
		rec->u.health.tamper = "on";
		rec->u.health.wall_proof_ms = 1795132800000;
		rec->u.health.proof_asked = rec->u.health.proof_refused = 3;
	}
	if (rec->code == RECORD_AGENT_SELFTEST)
		rec->u.selftest = (struct record_selftest){
			.closed = 21,
			.untested = 3,
			.open_ways = "kexec",
		};
	if (rec->code == RECORD_KEY_ROTATE)
		rec->u.key = (struct record_key){
			.old_id = "0123456789abcdef",
			.new_id = "fedcba9876543210",
			.public_key = "9c1f9c1f9c1f9c1f",
			.signature = "00ff00ff00ff00ff",
		};
}

static inline void flood_order(struct record *rec, const char *hostile)
{
	flood_grant(rec, hostile);
	if (rec->code == RECORD_ORDER_REJECTED) {
		rec->u.order.action = rec->u.order.signer = hostile;
		rec->u.order.issuer = rec->u.order.error = hostile;
	} else if (rec->code == RECORD_AGENT_SELFTEST) {
		rec->u.selftest.open_ways = hostile;
	}
}
