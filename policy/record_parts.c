/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_parts: the objects that every event has: which terminal, who, under
 * which policy. Must not leave out what OCSF requires of them.
 */
#include "policy/record_parts.h"

#include <string.h>

/*
 * A finding is compliant or not by what it found; an inventory and a state
 * change say it outright.
 */
static void put_compliance(struct json_out *out, const struct record *rec,
			   const struct record_row *row)
{
	if (row->part == RECORD_PART_CHANGE)
		json_out_bool(out, "is_compliant",
			      rec->code == RECORD_POLICY_LOADED);
	else if (row->part == RECORD_PART_HEALTH)
		json_out_bool(out, "is_compliant", rec->u.health.is_compliant);
}

static void put_policy_members(struct json_out *out,
			       const struct record_policy *policy)
{
	bool has_name = policy->name && policy->name[0];

	json_out_str(out, "name", has_name ? policy->name : "(none)",
		     RECORD_NAME_MAX);
	json_out_begin_str(out, "version");
	json_out_piece_u64(out, policy->serial);
	json_out_end_str(out);
	json_out_bool(out, "is_applied", has_name);
}

/* OCSF agent: what enforces on this device, type 2 Data Loss Prevention. */
static void put_agent_list(struct json_out *out, const struct record *rec)
{
	json_out_i64(out, "last_seen_time", rec->wall_time_ms);
	json_out_array(out, "agent_list");
	json_out_object(out, NULL);
	json_out_str(out, "name", RECORD_PRODUCT, RECORD_NAME_MAX);
	json_out_u64(out, "type_id", 2);
	json_out_str(out, "type", "Data Loss Prevention", RECORD_NAME_MAX);
	json_out_str(out, "version", rec->terminal->version, RECORD_NAME_MAX);
	json_out_str(out, "uid", rec->terminal->uid, RECORD_NAME_MAX);
	json_out_array(out, "policies");
	json_out_object(out, NULL);
	put_policy_members(out, rec->policy);
	json_out_end(out);
	json_out_end(out);
	json_out_end(out);
	json_out_end(out);
}

/* OCSF wants a name or a uid in an organization: without, it is left out. */
static void put_org(struct json_out *out, const struct record_terminal *term)
{
	if ((!term->org || !term->org[0]) &&
	    (!term->tenant || !term->tenant[0]))
		return;
	json_out_object(out, "org");
	json_out_str(out, "name", term->org, RECORD_NAME_MAX);
	json_out_str(out, "uid", term->tenant, RECORD_NAME_MAX);
	json_out_str(out, "ou_name", term->unit, RECORD_NAME_MAX);
	json_out_end(out);
}

void record_put_terminal(struct json_out *out, const struct record *rec,
			 const struct record_row *row)
{
	const struct record_terminal *term = rec->terminal;

	json_out_object(out, "device");
	json_out_u64(out, "type_id", 2);
	json_out_str(out, "type", "Desktop", RECORD_NAME_MAX);
	json_out_str(out, "hostname", term->hostname, RECORD_NAME_MAX);
	json_out_str(out, "uid", term->uid, RECORD_NAME_MAX);
	json_out_str(out, "uid_alt", term->asset, RECORD_NAME_MAX);
	json_out_str(out, "zone", term->zone, RECORD_NAME_MAX);
	json_out_bool(out, "is_managed", true);
	put_compliance(out, rec, row);
	if (row->class_uid == OCSF_INVENTORY_INFO)
		put_agent_list(out, rec);

	json_out_object(out, "os");
	json_out_str(out, "name", term->os_name, RECORD_NAME_MAX);
	json_out_u64(out, "type_id", 200);
	json_out_str(out, "type", "Linux", RECORD_NAME_MAX);
	json_out_str(out, "version", term->os_version, RECORD_NAME_MAX);
	json_out_str(out, "kernel_release", term->kernel, RECORD_NAME_MAX);
	json_out_end(out);

	/* OCSF wants a name or a number; a section alone is no organisation. */
	if ((term->org && term->org[0]) || (term->tenant && term->tenant[0]))
		put_org(out, term);
	json_out_str(out, "boot_uid", term->boot_uid, RECORD_NAME_MAX);
	json_out_end(out);
}

static void put_user(struct json_out *out, const struct record_actor *actor)
{
	bool is_root = actor->has_uid && actor->uid == 0;

	json_out_object(out, "user");
	json_out_str(out, "name", actor->user, RECORD_NAME_MAX);
	if (actor->has_uid) {
		json_out_begin_str(out, "uid");
		json_out_piece_u64(out, actor->uid);
		json_out_end_str(out);
	}
	json_out_u64(out, "type_id", is_root ? 3 : 1);
	json_out_str(out, "type", is_root ? "System" : "User", RECORD_NAME_MAX);
	if (actor->is_mfa != RECORD_UNKNOWN)
		json_out_bool(out, "has_mfa", actor->is_mfa == RECORD_YES);
	json_out_end(out);
}

static void put_session(struct json_out *out, const struct record_actor *actor)
{
	json_out_object(out, "session");
	json_out_str(out, "uid", actor->session, RECORD_NAME_MAX);
	if (actor->is_mfa != RECORD_UNKNOWN)
		json_out_bool(out, "is_mfa", actor->is_mfa == RECORD_YES);
	if (actor->is_remote != RECORD_UNKNOWN)
		json_out_bool(out, "is_remote", actor->is_remote == RECORD_YES);
	if (actor->wall_since_ms > 0)
		json_out_i64(out, "created_time", actor->wall_since_ms);
	json_out_str(out, "terminal", actor->tty, RECORD_NAME_MAX);
	json_out_end(out);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

void record_put_process(struct json_out *out,
			const struct record_process *process)
{
	if (!process || !process->pid)
		return;
	json_out_object(out, "process");
	json_out_u64(out, "pid", process->pid);
	json_out_str(out, "name", process->name, RECORD_NAME_MAX);
	if (process->path && process->path[0]) {
		json_out_object(out, "file");
		json_out_str(out, "name", base_name(process->path),
			     RECORD_NAME_MAX);
		json_out_str(out, "path", process->path, RECORD_PATH_MAX);
		json_out_u64(out, "type_id", 1);
		json_out_end(out);
	}
	if (process->has_uid) {
		json_out_object(out, "user");
		json_out_begin_str(out, "uid");
		json_out_piece_u64(out, process->uid);
		json_out_end_str(out);
		json_out_end(out);
	}
	json_out_end(out);
}

/* OCSF wants one of process, user, session, app_name: the last is always so. */
void record_put_actor(struct json_out *out, const struct record *rec)
{
	const struct record_actor *actor = rec->actor;

	json_out_object(out, "actor");
	if (actor && ((actor->user && actor->user[0]) || actor->has_uid))
		put_user(out, actor);
	if (actor && actor->session && actor->session[0])
		put_session(out, actor);
	record_put_process(out, rec->process);
	json_out_str(out, "app_name", RECORD_PRODUCT, RECORD_NAME_MAX);
	json_out_end(out);
}

void record_put_policy(struct json_out *out, const struct record *rec,
		       const struct record_row *row)
{
	json_out_object(out, "policy");
	if (row->part == RECORD_PART_CHANGE) {
		const struct record_change *change = &rec->u.change;
		bool has_name = change->name && change->name[0];

		json_out_str(out, "name", has_name ? change->name : "(none)",
			     RECORD_NAME_MAX);
		json_out_begin_str(out, "version");
		json_out_piece_u64(out, change->serial);
		json_out_end_str(out);
		json_out_bool(out, "is_applied",
			      rec->code == RECORD_POLICY_LOADED);
	} else {
		put_policy_members(out, rec->policy);
	}
	json_out_end(out);
}
