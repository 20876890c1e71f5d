/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: the envelope, in OCSF 1.8.0's words, and the parts of its class.
 * Key order is the order of the calls below; a reader may rely on it for
 * nothing, a person comparing two lines may. Must stay pure (tests/lint).
 */
#include "policy/record.h"

#include <errno.h>
#include <string.h>

#include "policy/record_parts.h"

/* What the extension and its profile are called in metadata. */
#define EXTENSION_UID	  "999"
#define EXTENSION_PROFILE "sekimori/sekimori"
#define OCSF_VERSION	  "1.8.0"

static bool is_set(const char *str)
{
	return str && str[0];
}

static int check_parts(const struct record *rec, const struct record_row *row)
{
	const struct record_terminal *term = rec->terminal;

	if (!term || !is_set(term->uid) || !is_set(term->hostname) ||
	    !is_set(term->os_name) || !is_set(term->version))
		return -EINVAL;
	if (!rec->policy || !is_set(rec->stream) || rec->sequence == 0)
		return -EINVAL;
	if ((row->needs & RECORD_NEEDS_USB) && !rec->usb)
		return -EINVAL;
	if ((row->needs & RECORD_NEEDS_MEDIA) && !rec->media)
		return -EINVAL;
	if ((row->needs & RECORD_NEEDS_GUARD) &&
	    (!rec->guard || !is_set(rec->guard->hook)))
		return -EINVAL;
	if ((row->needs & RECORD_NEEDS_CHANNEL) &&
	    (!rec->channel || !is_set(rec->channel->kind) ||
	     !is_set(rec->channel->name)))
		return -EINVAL;
	if ((row->needs & RECORD_NEEDS_FILE) &&
	    (!rec->file || !is_set(rec->file->path)))
		return -EINVAL;
	if (row->part == RECORD_PART_GRANT &&
	    (!is_set(rec->u.grant.id) || !is_set(rec->u.grant.state)))
		return -EINVAL;
	if ((row->needs & RECORD_NEEDS_DECISION) &&
	    !is_set(rec->decision.layer))
		return -EINVAL;
	return 0;
}

bool record_is_observed(const struct record *rec, const struct record_row *row)
{
	return row->monitor_message && rec->policy->mode == RECORD_MODE_MONITOR;
}

/* A repeated block and an unplanned stop are worse than the first of them. */
static uint64_t severity(const struct record *rec, const struct record_row *row)
{
	if (record_is_observed(rec, row) && row->severity_id > 2)
		return 2;
	if (rec->code == RECORD_USB_DEVICE_BLOCKED && rec->count > 1)
		return 4;
	if (rec->code == RECORD_AGENT_STOP && !rec->u.agent.is_planned)
		return 4;
	if (rec->code == RECORD_AGENT_HEARTBEAT && !rec->u.health.is_compliant)
		return 3;
	return row->severity_id;
}

static void put_uuid(struct json_out *out, const char *key,
		     const uint8_t bytes[static 16])
{
	json_out_begin_str(out, key);
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			json_out_piece(out, "-", 1);
		json_out_piece_hex(out, bytes[i], 2);
	}
	json_out_end_str(out);
}

static void put_metadata(struct json_out *out, const struct record *rec,
			 const struct record_row *row)
{
	const struct record_terminal *term = rec->terminal;

	json_out_object(out, "metadata");
	json_out_str(out, "version", OCSF_VERSION, RECORD_NAME_MAX);
	put_uuid(out, "uid", rec->uid);
	json_out_object(out, "product");
	json_out_str(out, "name", RECORD_PRODUCT, RECORD_NAME_MAX);
	json_out_str(out, "vendor_name", RECORD_VENDOR, RECORD_NAME_MAX);
	json_out_str(out, "version", term->version, RECORD_NAME_MAX);
	json_out_end(out);
	json_out_str(out, "event_code", row->code, RECORD_NAME_MAX);
	json_out_str(out, "log_name", RECORD_VENDOR, RECORD_NAME_MAX);
	json_out_u64(out, "sequence", rec->sequence);
	json_out_str(out, "tenant_uid", term->tenant, RECORD_NAME_MAX);
	json_out_array(out, "profiles");
	json_out_str(out, NULL, "host", RECORD_NAME_MAX);
	json_out_str(out, NULL, "security_control", RECORD_NAME_MAX);
	json_out_str(out, NULL, EXTENSION_PROFILE, RECORD_NAME_MAX);
	json_out_end(out);
	json_out_array(out, "extensions");
	json_out_object(out, NULL);
	json_out_str(out, "name", RECORD_VENDOR, RECORD_NAME_MAX);
	json_out_str(out, "uid", EXTENSION_UID, RECORD_NAME_MAX);
	json_out_str(out, "version", term->version, RECORD_NAME_MAX);
	json_out_end(out);
	json_out_end(out);
	json_out_str(out, "correlation_uid", rec->correlation, RECORD_NAME_MAX);
	json_out_end(out);
}

/* status_detail of what is not a decision. */
static const char *part_detail(const struct record *rec,
			       const struct record_row *row)
{
	switch ((enum record_part)row->part) {
	case RECORD_PART_CHANGE:
		return rec->u.change.error;
	case RECORD_PART_STOP:
		return rec->u.agent.reason;
	case RECORD_PART_ORDER:
		return rec->u.order.error;
	case RECORD_PART_SELFTEST:
		return rec->u.selftest.open_ways;
	case RECORD_PART_HEALTH:
		return rec->u.health.why;
	case RECORD_PART_GAP:
		return rec->u.gap.why;
	case RECORD_PART_FILES:
		return rec->u.files.why;
	case RECORD_PART_NONE:
	case RECORD_PART_KEY:
	case RECORD_PART_ENDING:
	case RECORD_PART_START:
	case RECORD_PART_TAMPER:
	case RECORD_PART_STEP:
	case RECORD_PART_LOGIN:
	case RECORD_PART_GRANT:
		break;
	}
	return NULL;
}

static void put_status(struct json_out *out, const struct record *rec,
		       const struct record_row *row)
{
	const struct record_reason_row *reason =
		record_reason_row(rec->decision.reason);
	bool is_observed = record_is_observed(rec, row);
	const char *detail = rec->decision.detail;

	if (!is_set(detail))
		detail = part_detail(rec, row);
	json_out_u64(out, "status_id", is_observed ? 1 : row->status_id);
	json_out_str(out, "status_code", reason->code, RECORD_NAME_MAX);
	json_out_str(out, "status_detail",
		     is_set(detail) ? detail : reason->detail,
		     RECORD_DETAIL_MAX);
}

/* Profile security_control: what the control did. */
static void put_disposition(struct json_out *out, const struct record *rec,
			    const struct record_row *row)
{
	static const char *const actions[] = {"", "Allowed", "Denied",
					      "Observed", "Modified"};
	bool is_observed = record_is_observed(rec, row);
	uint8_t action = is_observed ? OCSF_ACTION_OBSERVED : row->action_id;

	if (action == OCSF_ACTION_NONE)
		return;
	json_out_u64(out, "action_id", action);
	json_out_str(out, "action", actions[action], RECORD_NAME_MAX);
	json_out_u64(out, "disposition_id",
		     is_observed ? OCSF_DISPOSITION_LOGGED
				 : row->disposition_id);
	if (!is_observed)
		json_out_str(out, "disposition", row->disposition,
			     RECORD_NAME_MAX);
	json_out_bool(out, "is_alert",
		      (row->is_alert && !is_observed) ||
			      rec->decision.reason ==
				      RECORD_REASON_GRANT_MYNUMBERS);
}

static void put_count(struct json_out *out, const struct record *rec)
{
	if (rec->count > 1)
		json_out_u64(out, "count", rec->count);
	else if (rec->wall_first_ms == 0)
		return;
	json_out_i64(out, "start_time", rec->wall_first_ms);
	json_out_i64(out, "end_time", rec->wall_last_ms);
}

static void put_security_state(struct json_out *out, uint64_t state_id,
			       const char *state)
{
	json_out_u64(out, "security_level_id", 2);
	json_out_array(out, "security_states");
	json_out_object(out, NULL);
	json_out_u64(out, "state_id", state_id);
	json_out_str(out, "state", state, RECORD_NAME_MAX);
	json_out_end(out);
	json_out_end(out);
}

/* Class 5019: secure, or at risk and why. */
static void put_config_state(struct json_out *out, const struct record *rec)
{
	bool is_rejected = rec->code == RECORD_POLICY_REJECTED ||
			   rec->code == RECORD_ORDER_REJECTED;

	if (is_rejected)
		put_security_state(out, 2, "Policy mismatch");
	else if (rec->code == RECORD_ORDER_ACCEPTED)
		put_security_state(out, 99, "Signed order");
	else if (rec->code == RECORD_AGENT_SELFTEST &&
		 (rec->u.selftest.open || rec->u.selftest.users_only))
		put_security_state(out, 99, "Ways out open");
	else if (rec->code == RECORD_AGENT_DEGRADED)
		put_security_state(out, 5, "Protection malfunction");
	else if (rec->code == RECORD_CLOCK_UNSYNC)
		put_security_state(out, 99, "Clock unsynchronised");
	else if (rec->code == RECORD_CLOCK_STEP)
		put_security_state(out, 99, "Clock stepped");
	else
		json_out_u64(out, "security_level_id", 1);

	json_out_u64(out, "state_id", is_rejected ? 99 : 2);
	json_out_str(out, "state", is_rejected ? "Rejected" : "Enabled",
		     RECORD_NAME_MAX);
}

/* Class 2004: what was found, by which check, and who did it if known. */
static void put_finding(struct json_out *out, const struct record *rec)
{
	const struct record_tamper *tamper = &rec->u.tamper;

	json_out_u64(out, "confidence_id", 3);
	json_out_object(out, "finding_info");
	put_uuid(out, "uid", rec->uid);
	json_out_begin_str(out, "title");
	json_out_piece(out, "sekimori: ", RECORD_NAME_MAX);
	json_out_piece(out, tamper->kind, RECORD_NAME_MAX);
	json_out_end_str(out);
	json_out_array(out, "types");
	json_out_str(out, NULL, "Tampering", RECORD_NAME_MAX);
	json_out_end(out);
	json_out_object(out, "analytic");
	json_out_u64(out, "type_id", 1);
	json_out_begin_str(out, "name");
	json_out_piece(out, "tamper/", RECORD_NAME_MAX);
	json_out_piece(out, tamper->detected_by, RECORD_NAME_MAX);
	json_out_end_str(out);
	json_out_end(out);
	json_out_end(out);

	if (!rec->process || !rec->process->pid)
		return;
	json_out_array(out, "evidences");
	json_out_object(out, NULL);
	record_put_process(out, rec->process);
	json_out_end(out);
	json_out_end(out);
}

static void put_class(struct json_out *out, const struct record *rec,
		      const struct record_row *row)
{
	if (row->class_uid == OCSF_FILE_SYSTEM_ACTIVITY)
		record_put_file(out, rec, row);
	if (row->class_uid == OCSF_AUTHENTICATION)
		record_put_login(out, rec);
	if (row->class_uid == OCSF_ENTITY_MANAGEMENT)
		record_put_grant(out, rec, row);
	if (row->class_uid == OCSF_CONFIG_STATE_CHANGE)
		put_config_state(out, rec);
	if (row->class_uid == OCSF_DETECTION_FINDING)
		put_finding(out, rec);
	if (row->class_uid == OCSF_EVENT_LOG_ACTIVITY)
		json_out_str(out, "log_name", RECORD_VENDOR, RECORD_NAME_MAX);
	if (row->class_uid == OCSF_APPLICATION_LIFECYCLE) {
		json_out_object(out, "app");
		json_out_str(out, "name", RECORD_PRODUCT, RECORD_NAME_MAX);
		json_out_str(out, "vendor_name", RECORD_VENDOR,
			     RECORD_NAME_MAX);
		json_out_str(out, "version", rec->terminal->version,
			     RECORD_NAME_MAX);
		json_out_end(out);
	}
	record_put_peripheral(out, rec);
}

int record_write(const struct record *rec, char *buf, size_t cap,
		 size_t *ret_len)
{
	const struct record_row *row = record_row(rec->code);
	if (!row)
		return -EINVAL;
	int r = check_parts(rec, row);
	if (r < 0)
		return r;

	struct json_out out;
	json_out_init(&out, buf, cap);
	json_out_object(&out, NULL);
	json_out_u64(&out, "class_uid", row->class_uid);
	json_out_u64(&out, "category_uid", row->class_uid / 1000u);
	json_out_u64(&out, "activity_id", row->activity_id);
	json_out_u64(&out, "type_uid",
		     row->class_uid * 100u + row->activity_id);
	json_out_i64(&out, "time", rec->wall_time_ms);
	json_out_i64(&out, "timezone_offset", rec->timezone_minutes);
	json_out_u64(&out, "severity_id", severity(rec, row));
	record_put_message(&out, rec, row);
	put_metadata(&out, rec, row);
	json_out_str(&out, "activity_name", row->activity, RECORD_NAME_MAX);
	put_status(&out, rec, row);
	put_disposition(&out, rec, row);
	put_count(&out, rec);
	record_put_terminal(&out, rec, row);
	record_put_actor(&out, rec);
	record_put_policy(&out, rec, row);
	put_class(&out, rec, row);
	record_put_own(&out, rec, row);
	json_out_end(&out);
	return json_out_finish(&out, ret_len);
}
