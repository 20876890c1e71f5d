/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_grant: what an event of an exception has that others have not: its
 * rows of the table, and the words of OCSF's class Entity Management (3004).
 * One correlation id ties them to the block that they began with.
 */
#include <string.h>

#include "policy/grant.h"
#include "policy/record_parts.h"

#define ROW(text, activity_number, activity_text, severity)                    \
	.code = (text), .class_uid = OCSF_ENTITY_MANAGEMENT,                   \
	.activity_id = (activity_number), .activity = (activity_text),         \
	.severity_id = (severity), .part = RECORD_PART_GRANT

#define ENDS                                                                   \
	.action_id = OCSF_ACTION_DENIED,                                       \
	.disposition_id = OCSF_DISPOSITION_REVOKED

static const struct record_row rows[] = {
	[RECORD_GRANT_REQUESTED - RECORD_GRANT_FIRST] =
		{
			ROW("grant.requested", 1, "Create", 1),
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.message = "例外が申請されました(%d)",
		},
	[RECORD_GRANT_GRANTED - RECORD_GRANT_FIRST] =
		{
			ROW("grant.granted", 8, "Enable", 2),
			.status_id = 1,
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_APPROVED,
			.message = "例外が許可されました(%d)",
		},
	[RECORD_GRANT_REFUSED - RECORD_GRANT_FIRST] =
		{
			ROW("grant.refused", 3, "Update", 2),
			.status_id = 2,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_REJECTED,
			.message = "例外は認められませんでした(%w)",
		},
	/* The device that is used stands in the middle of this one */
	[RECORD_GRANT_USED - RECORD_GRANT_FIRST] =
		{
			.code = "grant.used",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_ALLOWED,
			.needs = RECORD_NEEDS_DECISION,
			.part = RECORD_PART_GRANT,
			.message = "例外が使われました(%d)",
		},
	[RECORD_GRANT_SUSPENDED - RECORD_GRANT_FIRST] =
		{
			ROW("grant.suspended", 12, "Suspend", 1),
			.status_id = 1,
			ENDS,
			.message = "例外を中断しました(%w)",
		},
	[RECORD_GRANT_RESUMED - RECORD_GRANT_FIRST] =
		{
			ROW("grant.resumed", 13, "Resume", 1),
			.status_id = 1,
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_ALLOWED,
			.message = "例外を再開しました(%d)",
		},
	[RECORD_GRANT_ENDED - RECORD_GRANT_FIRST] =
		{
			ROW("grant.ended", 11, "Deactivate", 1),
			.status_id = 1,
			ENDS,
			.message = "例外が終わりました(%w)",
		},
	[RECORD_GRANT_REVOKED - RECORD_GRANT_FIRST] =
		{
			ROW("grant.revoked", 9, "Disable", 3),
			.status_id = 1,
			ENDS,
			.message = "例外が取り消されました",
		},
};

const struct record_row *record_grant_row(enum record_code code)
{
	size_t i = (size_t)code - RECORD_GRANT_FIRST;

	return code >= RECORD_GRANT_FIRST && i < sizeof(rows) / sizeof(rows[0])
		       ? &rows[i]
		       : NULL;
}

static void put_approvers(struct json_out *out, const char *key,
			  const char *approvers)
{
	json_out_array(out, key);
	for (size_t n = 0; *approvers && n < GRANT_SIGNERS_MAX; n++) {
		size_t len = strcspn(approvers, ",");
		json_out_begin_str(out, NULL);
		json_out_piece_span(out, approvers, len, RECORD_NAME_MAX);
		json_out_end_str(out);
		approvers += len + (approvers[len] == ',');
	}
	json_out_end(out);
}

void record_put_grant(struct json_out *out, const struct record *rec,
		      const struct record_row *row)
{
	const struct record_grant *grant = &rec->u.grant;

	json_out_object(out, "entity");
	json_out_u64(out, "type_id", 5);
	json_out_str(out, "type", "Policy", RECORD_NAME_MAX);
	json_out_str(out, "uid", grant->id, RECORD_NAME_MAX);
	json_out_begin_str(out, "name");
	json_out_piece(out, "例外措置 ", RECORD_NAME_MAX);
	json_out_piece(out, grant->id, RECORD_NAME_MAX);
	json_out_end_str(out);
	json_out_end(out);
	json_out_str(out, "comment", grant->note, RECORD_DETAIL_MAX);
	if (row->disposition_id != OCSF_DISPOSITION_APPROVED &&
	    row->disposition_id != OCSF_DISPOSITION_REJECTED)
		return;
	json_out_array(out, "authorizations");
	json_out_object(out, NULL);
	json_out_str(out, "decision",
		     row->disposition_id == OCSF_DISPOSITION_APPROVED
			     ? "Approved"
			     : "Rejected",
		     RECORD_NAME_MAX);
	json_out_end(out);
	json_out_end(out);
}

static void put_time(struct json_out *out, const char *key, int64_t wall_ms)
{
	if (wall_ms > 0)
		json_out_i64(out, key, wall_ms);
}

void record_put_own_grant(struct json_out *out,
			  const struct record_grant *grant)
{
	json_out_object(out, "grant");
	json_out_str(out, "id", grant->id, RECORD_NAME_MAX);
	json_out_str(out, "state", grant->state, RECORD_WORD_MAX);
	json_out_str(out, "via", grant->via, RECORD_WORD_MAX);
	json_out_str(out, "user", grant->user, RECORD_NAME_MAX);
	json_out_str(out, "device", grant->device, RECORD_NAME_MAX);
	json_out_str(out, "access", grant->access, RECORD_WORD_MAX);
	json_out_str(out, "reason", grant->reason_code, RECORD_NAME_MAX);
	json_out_str(out, "ticket", grant->ticket, RECORD_NAME_MAX);
	json_out_str(out, "requester", grant->requester, RECORD_NAME_MAX);
	if (grant->approvers)
		put_approvers(out, "approvers", grant->approvers);
	if (grant->minutes)
		json_out_u64(out, "minutes", grant->minutes);
	if (grant->uses)
		json_out_u64(out, "uses", grant->uses);
	json_out_u64(out, "use_count", grant->use_count);
	json_out_u64(out, "left_s", grant->left_s);
	put_time(out, "not_before", grant->wall_not_before_ms);
	put_time(out, "not_after", grant->wall_not_after_ms);
	put_time(out, "report_by", grant->wall_report_by_ms);
	json_out_end(out);
}

static const char *access_in_japanese(const char *access)
{
	static const struct {
		const char *word, *text;
	} words[] = {
		{"read-only", "読み取り専用"},
		{"read-write", "読み書き"},
		{"authorise", "機器の使用"},
		{"substitute-factor", "代わりの認証"},
	};

	for (size_t i = 0; access && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, access) == 0)
			return words[i].text;
	return "不明";
}

/* 「読み取り専用・30分・1回」, as it is read out on the telephone. */
void record_put_grant_text(struct json_out *out,
			   const struct record_grant *grant)
{
	json_out_piece(out, access_in_japanese(grant->access), RECORD_WORD_MAX);
	if (grant->minutes) {
		json_out_piece(out, "・", 1);
		json_out_piece_u64(out, grant->minutes);
		json_out_piece(out, "分", 1);
	}
	if (grant->uses) {
		json_out_piece(out, "・", 1);
		json_out_piece_u64(out, grant->uses);
		json_out_piece(out, "回", 1);
	}
}
