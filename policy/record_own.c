/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_own: the object `sekimori`, our OCSF extension: what no OCSF class
 * has a place for. Present in every event: v, policy_serial, policy_digest,
 * clock, chain. Must not repeat what stands in an OCSF field.
 */
#include "policy/record_parts.h"

#include <string.h>

/* Meaning of the fields below; raised when one changes its meaning. */
#define RECORD_OWN_VERSION 1u

static const char *mode_to_str(enum record_mode mode)
{
	return mode == RECORD_MODE_ENFORCE ? "enforce" : "monitor";
}

const char *record_layer_state_to_str(enum record_layer_state state)
{
	switch (state) {
	case RECORD_LAYER_OK:
		return "ok";
	case RECORD_LAYER_DEGRADED:
		return "degraded";
	case RECORD_LAYER_ABSENT:
		break;
	}
	return "absent";
}

/* The rule's id; else where it stands; else that there was none. */
static void put_rule(struct json_out *out, const struct record_decision *dec)
{
	json_out_begin_str(out, "rule");
	if (dec->rule.len > 0) {
		json_out_piece_span(out, dec->rule.ptr, dec->rule.len,
				    RECORD_DETAIL_MAX);
	} else if (dec->rule_file && dec->rule_file[0]) {
		json_out_piece(out, dec->rule_file, RECORD_DETAIL_MAX);
		json_out_piece(out, ":", 1);
		json_out_piece_u64(out, dec->rule_line);
	} else {
		json_out_piece(out, "implicit", RECORD_NAME_MAX);
	}
	json_out_end_str(out);
}

static void put_decision(struct json_out *out, const struct record *rec)
{
	const struct record_decision *dec = &rec->decision;

	json_out_object(out, "decision");
	put_rule(out, dec);
	json_out_str(out, "file", dec->rule_file, RECORD_NAME_MAX);
	if (dec->rule_line)
		json_out_u64(out, "line", dec->rule_line);
	json_out_str(out, "layer", dec->layer, RECORD_NAME_MAX);
	json_out_str(out, "mode", mode_to_str(rec->policy->mode),
		     RECORD_NAME_MAX);
	json_out_str(out, "grant", dec->grant, RECORD_NAME_MAX);
	if (dec->latency_us)
		json_out_u64(out, "latency_us", dec->latency_us);
	json_out_end(out);
	json_out_str(out, "user_ref", dec->user_ref, RECORD_NAME_MAX);
}

static bool is_same_triple(const struct usb_interface *a,
			   const struct usb_interface *b)
{
	return a->class_code == b->class_code && a->subclass == b->subclass &&
	       a->protocol == b->protocol;
}

/*
 * Class triples, each once, first come first: alternate settings repeat them
 * (a webcam lists 13). Those above the limit count as one cut.
 */
static void put_interfaces(struct json_out *out, const struct usb_fact *usb)
{
	const struct usb_interface *seen[RECORD_INTERFACES_MAX];
	size_t seen_count = 0;

	json_out_array(out, "interfaces");
	for (size_t i = 0; i < usb->interface_count; i++) {
		const struct usb_interface *one = &usb->interfaces[i];
		size_t at = 0;

		while (at < seen_count && !is_same_triple(seen[at], one))
			at++;
		if (at < seen_count)
			continue;
		if (seen_count == RECORD_INTERFACES_MAX) {
			out->truncated++;
			break;
		}
		seen[seen_count++] = one;
		json_out_begin_str(out, NULL);
		json_out_piece_hex(out, one->class_code, 2);
		json_out_piece_hex(out, one->subclass, 2);
		json_out_piece_hex(out, one->protocol, 2);
		json_out_end_str(out);
	}
	json_out_end(out);
}

/* sysfs names nest: "1-4.2" hangs on "1-4", "1-4" on "usb1". */
static void put_parent(struct json_out *out, const char *port)
{
	const char *dot = strrchr(port, '.');
	const char *dash = strchr(port, '-');

	if (!dash)
		return;
	json_out_begin_str(out, "parent");
	if (dot) {
		json_out_piece_span(out, port, (size_t)(dot - port),
				    RECORD_NAME_MAX);
	} else {
		json_out_piece(out, "usb", 3);
		json_out_piece_span(out, port, (size_t)(dash - port),
				    RECORD_NAME_MAX);
	}
	json_out_end_str(out);
}

static void put_usb(struct json_out *out, const struct usb_fact *usb)
{
	json_out_object(out, "usb");
	json_out_str(out, "busport", usb->via_port, RECORD_NAME_MAX);
	put_parent(out, usb->via_port);
	put_interfaces(out, usb);
	json_out_array(out, "channels");
	for (unsigned int c = 0; c < USB_CHANNEL_COUNT; c++)
		if (usb->channels & USB_CHANNEL_BIT(c))
			json_out_str(out, NULL,
				     usb_channel_to_str((enum usb_channel)c),
				     RECORD_NAME_MAX);
	json_out_end(out);
	json_out_str(out, "connect_type", usb->connect_type, RECORD_NAME_MAX);
	json_out_str(out, "hash", usb->hash, RECORD_NAME_MAX);
	json_out_str(out, "parent_hash", usb->parent_hash, RECORD_NAME_MAX);
	json_out_str(out, "identity", usb->identity, RECORD_NAME_MAX);
	json_out_end(out);
}

static void put_media(struct json_out *out, const struct media_fact *media)
{
	json_out_object(out, "media");
	json_out_str(out, "node", media->devname, RECORD_NAME_MAX);
	record_put_devno(out, "dev", media->dev_major, media->dev_minor);
	if (media->diskseq)
		json_out_u64(out, "diskseq", media->diskseq);
	json_out_str(out, "bus", media_bus_to_str(media->bus), RECORD_NAME_MAX);
	json_out_str(out, "model", media->model, RECORD_NAME_MAX);
	json_out_str(out, "serial", media->serial, RECORD_NAME_MAX);
	json_out_str(out, "fs", media->fs_type, RECORD_NAME_MAX);
	json_out_str(out, "label", media->label, RECORD_NAME_MAX);
	json_out_str(out, "fs_uuid", media->fs_uuid, RECORD_NAME_MAX);
	json_out_bool(out, "encrypted", media->is_encrypted);
	if (media->is_size_known)
		json_out_u64(out, "size", media->size_bytes);
	json_out_end(out);
}

/* "rw,nosuid" -> ["rw","nosuid"], at most RECORD_FLAGS_MAX of them. */
static void put_flags(struct json_out *out, const char *key, const char *flags)
{
	if (!flags || !flags[0])
		return;
	json_out_array(out, key);
	for (size_t n = 0; *flags && n < RECORD_FLAGS_MAX; n++) {
		size_t len = strcspn(flags, ",");
		json_out_begin_str(out, NULL);
		json_out_piece_span(out, flags, len, RECORD_WORD_MAX);
		json_out_end_str(out);
		flags += len + (flags[len] == ',');
	}
	out->truncated += *flags != '\0';
	json_out_end(out);
}

static void put_guard(struct json_out *out, const struct record *rec)
{
	const struct record_guard *guard = rec->guard;
	bool is_mount = rec->code == RECORD_MOUNT_BLOCKED ||
			rec->code == RECORD_MOUNT_READONLY;

	json_out_object(out, is_mount ? "mount" : "guard");
	json_out_str(out, "via", guard->hook, RECORD_NAME_MAX);
	if (guard->major || guard->minor)
		record_put_devno(out, "dev", guard->major, guard->minor);
	json_out_str(out, "target", guard->target, RECORD_PATH_MAX);
	if (rec->media)
		json_out_str(out, "fs", rec->media->fs_type, RECORD_NAME_MAX);
	put_flags(out, "requested", guard->flags);
	if (rec->code == RECORD_MOUNT_READONLY)
		put_flags(out, "flags", "ro");
	json_out_end(out);
}

static void put_change(struct json_out *out, const struct record_change *change)
{
	json_out_object(out, "policy");
	json_out_u64(out, "from_serial", change->from_serial);
	json_out_u64(out, "serial", change->serial);
	json_out_str(out, "digest", change->digest, RECORD_NAME_MAX);
	json_out_str(out, "signer", change->signer, RECORD_NAME_MAX);
	json_out_u64(out, "rules", change->rule_count);
	json_out_end(out);
}

static void put_start(struct json_out *out, const struct record_agent *agent)
{
	json_out_object(out, "agent");
	json_out_u64(out, "pid", agent->pid);
	json_out_str(out, "prev_stop", agent->prev_stop, RECORD_NAME_MAX);
	json_out_u64(out, "gap_s", agent->gap_s);
	json_out_object(out, "cold_scan");
	json_out_u64(out, "usb", agent->cold_usb);
	json_out_u64(out, "media", agent->cold_media);
	json_out_end(out);
	json_out_str(out, "code_key", agent->code_key, RECORD_NAME_MAX);
	json_out_end(out);
}

static void put_stop(struct json_out *out, const struct record_agent *agent)
{
	json_out_object(out, "agent");
	json_out_u64(out, "pid", agent->pid);
	json_out_str(out, "reason", agent->reason, RECORD_NAME_MAX);
	json_out_bool(out, "planned", agent->is_planned);
	json_out_bool(out, "lockdown_kept", agent->is_held);
	json_out_end(out);
}

static void put_layers(struct json_out *out, const struct record_health *health)
{
	size_t count = health->layer_count;

	if (count > RECORD_LAYERS_MAX) {
		count = RECORD_LAYERS_MAX;
		out->truncated++;
	}
	json_out_array(out, "layers");
	for (size_t i = 0; i < count; i++) {
		const struct record_layer *layer = &health->layers[i];
		json_out_object(out, NULL);
		json_out_str(out, "name", layer->name, RECORD_WORD_MAX);
		json_out_str(out, "state",
			     record_layer_state_to_str(layer->state),
			     RECORD_NAME_MAX);
		json_out_str(out, "detail", layer->detail, RECORD_NAME_MAX);
		json_out_end(out);
	}
	json_out_end(out);
}

static void put_health(struct json_out *out, const struct record *rec)
{
	const struct record_health *health = &rec->u.health;

	json_out_object(out, "health");
	json_out_str(out, "mode", mode_to_str(rec->policy->mode),
		     RECORD_NAME_MAX);
	json_out_str(out, "tier", health->tier, RECORD_NAME_MAX);
	json_out_str(out, "floor", health->floor, RECORD_NAME_MAX);
	put_layers(out, health);
	json_out_object(out, "queue");
	json_out_u64(out, "pending", health->spool_pending);
	json_out_u64(out, "oldest_s", health->spool_oldest_s);
	json_out_u64(out, "dropped_total", health->spool_dropped);
	json_out_end(out);
	json_out_u64(out, "uptime_s", health->uptime_s);
	json_out_str(out, "tamper", health->tamper, RECORD_NAME_MAX);
	if (health->wall_proof_ms > 0) {
		json_out_object(out, "proof");
		json_out_i64(out, "time", health->wall_proof_ms);
		json_out_u64(out, "asked", health->proof_asked);
		json_out_u64(out, "refused", health->proof_refused);
		json_out_end(out);
	}
	json_out_end(out);
}

static void put_tamper(struct json_out *out, const struct record_tamper *tamper)
{
	json_out_object(out, "tamper");
	json_out_str(out, "kind", tamper->kind, RECORD_NAME_MAX);
	json_out_str(out, "detected_by", tamper->detected_by, RECORD_NAME_MAX);
	json_out_str(out, "enforcement", tamper->is_held ? "held" : "lost",
		     RECORD_NAME_MAX);
	json_out_u64(out, "gap_ms", tamper->gap_ms);
	json_out_end(out);
}

static void put_order(struct json_out *out, const struct record_order *order)
{
	json_out_object(out, "order");
	json_out_str(out, "action", order->action, RECORD_NAME_MAX);
	json_out_u64(out, "serial", order->serial);
	json_out_str(out, "signer", order->signer, RECORD_NAME_MAX);
	json_out_str(out, "issuer", order->issuer, RECORD_NAME_MAX);
	if (order->wall_until_ms > 0)
		json_out_i64(out, "until", order->wall_until_ms);
	json_out_end(out);
}

static void put_selftest(struct json_out *out,
			 const struct record_selftest *selftest)
{
	json_out_object(out, "selftest");
	json_out_u64(out, "closed", selftest->closed);
	json_out_u64(out, "users_only", selftest->users_only);
	json_out_u64(out, "open", selftest->open);
	json_out_u64(out, "untested", selftest->untested);
	json_out_str(out, "open_ways", selftest->open_ways, RECORD_DETAIL_MAX);
	json_out_end(out);
}

static void put_folded(struct json_out *out, const struct record_gap *gap)
{
	if (gap->folded[0].count == 0)
		return;
	json_out_i64(out, "from", gap->from_ms);
	json_out_i64(out, "to", gap->to_ms);
	json_out_object(out, "folded");
	for (size_t i = 0; i < RECORD_FOLDED_MAX && gap->folded[i].count; i++)
		json_out_u64(out, record_code_to_str(gap->folded[i].code),
			     gap->folded[i].count);
	json_out_end(out);
}

static void put_gap(struct json_out *out, const struct record_gap *gap)
{
	json_out_object(out, "gap");
	json_out_u64(out, "first", gap->first);
	json_out_u64(out, "last", gap->last);
	json_out_u64(out, "count", gap->count);
	json_out_str(out, "why", gap->why, RECORD_DETAIL_MAX);
	json_out_str(out, "old_stream", gap->old_stream, RECORD_NAME_MAX);
	put_folded(out, gap);
	json_out_end(out);
}

static void put_key(struct json_out *out, const struct record_key *key)
{
	json_out_object(out, "key");
	json_out_str(out, "old_id", key->old_id, RECORD_DETAIL_MAX);
	json_out_str(out, "new_id", key->new_id, RECORD_DETAIL_MAX);
	json_out_str(out, "public_key", key->public_key, RECORD_DETAIL_MAX);
	json_out_str(out, "signature", key->signature, RECORD_DETAIL_MAX);
	json_out_end(out);
}

static void put_file(struct json_out *out, const struct record_file *file)
{
	json_out_object(out, "file");
	json_out_str(out, "mount", file->mount, RECORD_PATH_MAX);
	json_out_str(out, "node", file->node, RECORD_NAME_MAX);
	json_out_str(out, "unhashed", file->unhashed, RECORD_NAME_MAX);
	if (file->has_mynumbers)
		json_out_u64(out, "mynumbers", file->mynumber_count);
	json_out_u64(out, "writes", file->write_count);
	json_out_str(out, "user_by", file->user_by, RECORD_NAME_MAX);
	json_out_end(out);
}

static void put_files(struct json_out *out, const struct record_files *files)
{
	json_out_object(out, "files");
	json_out_str(out, "mount", files->mount, RECORD_PATH_MAX);
	json_out_str(out, "node", files->node, RECORD_NAME_MAX);
	json_out_u64(out, "written", files->written);
	json_out_u64(out, "bytes", files->bytes);
	json_out_u64(out, "unhashed", files->unhashed);
	json_out_u64(out, "mynumbers", files->mynumbers);
	json_out_u64(out, "deleted", files->deleted);
	json_out_u64(out, "renamed", files->renamed);
	json_out_u64(out, "lost", files->lost);
	json_out_bool(out, "partial", files->is_partial);
	json_out_str(out, "why", files->why, RECORD_NAME_MAX);
	json_out_end(out);
}

static void put_holder(struct json_out *out, const struct record_holder *holder)
{
	json_out_object(out, NULL);
	json_out_u64(out, "pid", holder->pid);
	json_out_u64(out, "uid", holder->uid);
	json_out_str(out, "name", holder->name, RECORD_WORD_MAX);
	json_out_str(out, "path", holder->path, RECORD_PATH_MAX);
	json_out_bool(out, "raw", holder->is_raw);
	json_out_bool(out, "write", holder->is_writer);
	json_out_end(out);
}

static void put_ending(struct json_out *out, const struct record_ending *ending)
{
	size_t count = ending->holder_count;

	if (count > RECORD_HOLDERS_MAX) {
		count = RECORD_HOLDERS_MAX;
		out->truncated++;
	}
	json_out_object(out, "ending");
	json_out_str(out, "stage", ending->stage, RECORD_WORD_MAX);
	json_out_str(out, "access", ending->access, RECORD_WORD_MAX);
	if (ending->left_s)
		json_out_u64(out, "left_s", ending->left_s);
	json_out_u64(out, "mounts", ending->mount_count);
	json_out_bool(out, "synced", ending->is_synced);
	json_out_u64(out, "processes", ending->process_count);
	json_out_array(out, "open");
	for (size_t i = 0; i < count; i++)
		put_holder(out, &ending->holders[i]);
	json_out_end(out);
	json_out_end(out);
}

static void put_part(struct json_out *out, const struct record *rec,
		     const struct record_row *row)
{
	switch ((enum record_part)row->part) {
	case RECORD_PART_CHANGE:
		put_change(out, &rec->u.change);
		break;
	case RECORD_PART_START:
		put_start(out, &rec->u.agent);
		break;
	case RECORD_PART_STOP:
		put_stop(out, &rec->u.agent);
		break;
	case RECORD_PART_HEALTH:
		put_health(out, rec);
		break;
	case RECORD_PART_TAMPER:
		put_tamper(out, &rec->u.tamper);
		break;
	case RECORD_PART_ORDER:
		put_order(out, &rec->u.order);
		break;
	case RECORD_PART_SELFTEST:
		put_selftest(out, &rec->u.selftest);
		break;
	case RECORD_PART_GAP:
		put_gap(out, &rec->u.gap);
		break;
	case RECORD_PART_KEY:
		put_key(out, &rec->u.key);
		break;
	case RECORD_PART_FILES:
		put_files(out, &rec->u.files);
		break;
	case RECORD_PART_ENDING:
		put_ending(out, &rec->u.ending);
		break;
	case RECORD_PART_LOGIN:
		record_put_own_login(out, &rec->u.login);
		break;
	case RECORD_PART_GRANT:
		record_put_own_grant(out, &rec->u.grant);
		break;
	case RECORD_PART_STEP:
	case RECORD_PART_NONE:
		break;
	}
}

static void put_clock(struct json_out *out, const struct record *rec,
		      const struct record_row *row)
{
	json_out_object(out, "clock");
	json_out_bool(out, "synced", rec->clock.is_synced);
	if (rec->clock.has_offset)
		json_out_i64(out, "offset_ms", rec->clock.offset_ms);
	if (row->part == RECORD_PART_STEP) {
		json_out_i64(out, "step_ms", rec->u.step.step_ms);
		json_out_str(out, "source", rec->u.step.source,
			     RECORD_NAME_MAX);
	}
	json_out_end(out);
}

void record_put_own(struct json_out *out, const struct record *rec,
		    const struct record_row *row)
{
	const struct usb_fact *usb = record_usb(rec);

	json_out_object(out, "sekimori");
	json_out_u64(out, "v", RECORD_OWN_VERSION);
	if (row->needs & RECORD_NEEDS_DECISION)
		put_decision(out, rec);
	if (usb)
		put_usb(out, usb);
	if (rec->media)
		put_media(out, rec->media);
	if (rec->channel && ((row->needs & RECORD_NEEDS_CHANNEL) ||
			     row->part == RECORD_PART_TAMPER))
		record_put_channel(out, rec->channel);
	if (row->needs & RECORD_NEEDS_GUARD)
		put_guard(out, rec);
	if (row->needs & RECORD_NEEDS_FILE)
		put_file(out, rec->file);
	put_part(out, rec, row);
	if (rec->process && rec->process->has_login_uid)
		json_out_u64(out, "login_uid", rec->process->login_uid);
	json_out_u64(out, "policy_serial", rec->policy->serial);
	json_out_str(out, "policy_digest", rec->policy->digest,
		     RECORD_NAME_MAX);
	put_clock(out, rec, row);
	json_out_object(out, "chain");
	json_out_str(out, "id", rec->stream, RECORD_NAME_MAX);
	json_out_u64(out, "seq", rec->sequence);
	json_out_end(out);
	/* Last, when every string has been written. */
	if (out->truncated)
		json_out_u64(out, "truncated", out->truncated);
	if (out->altered)
		json_out_u64(out, "altered", out->altered);
	json_out_end(out);
}
