/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to records. Only fills in; what is told and when is the table's.
 */
#include "agent/daemon/grants_parts.h"

#include <stdio.h>
#include <string.h>

#include "agent/base/clock.h"

/* The object's words as strings. */
struct words {
	char id[GRANT_ID_CHARS + 1];
	char user[GRANT_USER_MAX + 1];
	char device[GRANT_DEVICE_SIZE];
	char reason[GRANT_WORD_MAX + 1];
	char ticket[GRANT_WORD_MAX + 1];
	char requester[GRANT_USER_MAX + 1];
	char note[GRANT_NOTE_MAX + 1];
};

static void copy(struct span from, char *to, size_t size)
{
	(void)snprintf(to, size, "%.*s", (int)from.len,
		       from.len ? from.ptr : "");
}

static void fill(const struct grant *grant, struct words *words,
		 struct record_grant *ret_record)
{
	bool is_scoped = grant->action == GRANT_REQUEST ||
			 grant->action == GRANT_GRANT;

	copy(grant->id, words->id, sizeof(words->id));
	copy(grant->user, words->user, sizeof(words->user));
	copy(grant->device, words->device, sizeof(words->device));
	copy(grant->reason, words->reason, sizeof(words->reason));
	copy(grant->ticket, words->ticket, sizeof(words->ticket));
	copy(grant->requester, words->requester, sizeof(words->requester));
	copy(grant->note, words->note, sizeof(words->note));
	*ret_record = (struct record_grant){
		.id = words->id[0] ? words->id : "unreadable",
		.user = words->user,
		.device = words->device,
		.access = is_scoped ? grant_access_to_str(grant->access) : NULL,
		.reason_code = words->reason,
		.ticket = words->ticket,
		.requester = words->requester,
		.note = words->note,
		.minutes = grant->minutes,
		.uses = grant->uses,
		.wall_not_before_ms =
			(int64_t)(grant->wall_not_before_s * MS_PER_S),
		.wall_not_after_ms =
			(int64_t)(grant->wall_not_after_s * MS_PER_S),
		.wall_report_by_ms =
			(int64_t)(grant->wall_report_by_s * MS_PER_S),
	};
}

static void fill_row(const struct grants_row *row, struct grants_now now,
		     struct words *words, struct record_grant *ret_record)
{
	fill(&row->grant, words, ret_record);
	ret_record->state = grants_state_to_str(row);
	ret_record->via = row->is_by_code ? "code" : "online";
	ret_record->approvers = row->approvers[0] ? row->approvers : NULL;
	ret_record->use_count = row->use_count;
	ret_record->left_s = grants_left_s(row, now.boot_ns);
}

static const char *state_after(enum record_code code, const char *state)
{
	if (code == RECORD_GRANT_ENDED)
		return "ended";
	return code == RECORD_GRANT_REVOKED ? "revoked" : state;
}

static void tell(struct grants *grants, const struct grants_row *row,
		 const struct record *of, struct grants_now now)
{
	struct words words;
	struct record_actor actor = {.user = words.user};
	struct record record = *of;

	fill_row(row, now, &words, &record.u.grant);
	record.u.grant.state = state_after(record.code, record.u.grant.state);
	record.correlation = row->correlation;
	/* Whose it is, whoever sits there now */
	if (words.user[0])
		record.actor = &actor;
	grants->options.sink.emit(grants->options.sink.userdata, &record);
}

void grants_tell(struct grants *grants, const struct grants_row *row,
		 enum record_code code, enum record_reason reason,
		 struct grants_now now)
{
	const struct record record = {
		.code = code,
		.decision.reason = reason,
	};

	tell(grants, row, &record, now);
}

void grants_tell_request(struct grants *grants, const struct grants_row *row,
			 const struct grants_wish *wish, struct grants_now now)
{
	const struct record record = {
		.code = RECORD_GRANT_REQUESTED,
		.usb = wish->usb,
		.media = wish->media,
	};

	tell(grants, row, &record, now);
}

void grants_tell_use(struct grants *grants, const struct grants_row *row,
		     const struct record *of, struct grants_now now)
{
	struct words words;
	struct record record = *of;

	record.code = RECORD_GRANT_USED;
	record.correlation = row->correlation;
	record.decision.grant = words.id;
	fill_row(row, now, &words, &record.u.grant);
	grants->options.sink.emit(grants->options.sink.userdata, &record);
}

void grants_tell_refused(struct grants *grants, const struct grant *grant,
			 const char *approvers, enum record_reason reason,
			 const char *detail)
{
	const struct grants_row *row = grants_row_of(grants, grant->id);
	struct words words;
	struct record record = {
		.code = RECORD_GRANT_REFUSED,
		.decision.reason = reason,
		.decision.detail = detail,
	};

	fill(grant, &words, &record.u.grant);
	record.u.grant.state = "refused";
	record.u.grant.via = "online";
	if (approvers && approvers[0])
		record.u.grant.approvers = approvers;
	record.correlation = row ? row->correlation : record.u.grant.id;
	grants->options.sink.emit(grants->options.sink.userdata, &record);
}

void grants_tell_code_refused(struct grants *grants,
			      const struct grants_refused *refused)
{
	struct record_actor actor = {.user = refused->user};
	const struct record record = {
		.code = RECORD_GRANT_REFUSED,
		.correlation = refused->correlation,
		.actor = &actor,
		.decision.reason = refused->reason,
		.u.grant =
			{
				.id = refused->id,
				.state = "refused",
				.via = "code",
				.user = refused->user,
				.device = refused->device,
			},
	};

	grants->options.sink.emit(grants->options.sink.userdata, &record);
}
