/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State to dictionaries. A key that is not known is left out. Strings that
 * came from devices are made valid UTF-8 first: D-Bus refuses others.
 */
#include "agent/daemon/control_answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/daemon/answer.h"
#include "agent/daemon/context.h"
#include "agent/daemon/control_channels.h"
#include "agent/daemon/health.h"
#include "agent/daemon/tamper.h"
#include "policy/explain.h"

#define NODES_MAX 8

/* --- Status --------------------------------------------------------------- */

static void put_layers(struct answer *answer,
		       const struct record_health *health)
{
	static const char *const states[] = {
		[RECORD_LAYER_ABSENT] = "absent",
		[RECORD_LAYER_DEGRADED] = "degraded",
		[RECORD_LAYER_OK] = "ok",
	};

	answer_open_rows(answer, "layers");
	for (size_t i = 0; i < health->layer_count; i++) {
		const struct record_layer *layer = &health->layers[i];
		answer_put_row(answer, layer->name, states[layer->state],
			       layer->detail ? layer->detail : "");
	}
	answer_close_rows(answer);
}

static void put_policy(struct answer *answer, const struct daemon *daemon)
{
	const struct bundle *bundle = &daemon->pipeline.bundle;

	answer_put_text(answer, "mode",
			daemon->pipeline.is_monitor ? "monitor" : "enforce");
	answer_put_text(answer, "policy-error", bundle->error);
	answer_put_bool(answer, "policy-anchored",
			daemon->pipeline.store.is_anchored);
	if (!bundle->ruleset)
		return;
	answer_put_text(answer, "policy-name",
			bundle->info.name[0] ? bundle->info.name : "local");
	answer_put_u64(answer, "policy-serial", bundle->info.serial);
	answer_put_text(answer, "policy-digest", bundle->info.digest);
	answer_put_u64(answer, "policy-loaded", bundle->info.wall_loaded_ms);
	answer_put_u32(answer, "policy-rules", bundle->info.rule_count);
	answer_put_text(answer, "policy-signer", bundle->info.signer);
	answer_put_text(answer, "policy-zone", bundle->info.zone);
	if (bundle->info.wall_until_s)
		answer_put_u64(answer, "policy-until",
			       bundle->info.wall_until_s * MS_PER_S);
}

static void put_spool(struct answer *answer,
		      const struct recorder_status *status)
{
	const struct spool_stats *spool = &status->spool;

	if (status->is_open) {
		answer_put_text(answer, "spool-stream", status->stream);
		answer_put_u64(answer, "spool-last", spool->durable_seq);
		answer_put_u64(answer, "spool-acked", spool->acked_seq);
		answer_put_u64(answer, "spool-bytes", spool->bytes);
		if (spool->oldest_unacked_wall_ns > 0)
			answer_put_u64(answer, "spool-oldest",
				       spool->oldest_unacked_wall_ns /
					       NS_PER_MS);
	}
	if (!status->has_cursor)
		return;
	answer_put_u64(answer, "contact-last",
		       status->cursor.wall_contact_s * 1000);
	answer_put_text(answer, "contact-error", status->cursor.error);
}

static void put_counts(struct answer *answer, const struct devices *devices)
{
	uint32_t authorised = 0, blocked = 0;

	for (const struct usb_entry *usb = devices->usb; usb; usb = usb->next) {
		if (usb->device.fact.is_controller)
			continue;
		authorised += usb->state == DEVICE_AUTHORISED;
		blocked += usb->state == DEVICE_BLOCKED;
	}
	for (const struct medium_entry *m = devices->media; m; m = m->next) {
		authorised += m->state == DEVICE_AUTHORISED;
		blocked += m->state == DEVICE_BLOCKED;
	}
	answer_put_u32(answer, "devices-authorised", authorised);
	answer_put_u32(answer, "devices-blocked", blocked);
}

static void put_contact(struct answer *answer, const struct daemon *daemon)
{
	const struct ruleset *ruleset = daemon->pipeline.bundle.ruleset;
	struct span contact = span_str(daemon->config.contact);

	if (span_is_empty(contact) && ruleset)
		contact = ruleset_contact(ruleset);
	answer_put_span(answer, "contact", contact);
}

int answer_status(struct daemon *daemon, sd_bus_message *reply)
{
	struct answer answer = {.reply = reply};
	const struct record_terminal *terminal;
	struct health health;
	const char *why;

	recorder_read_cursor(daemon->recorder);
	health_read(daemon, &health);
	terminal = recorder_terminal(daemon->recorder);

	answer_open(&answer, "{sv}");
	answer_put_text(&answer, "version", SEKIMORI_VERSION);
	answer_put_text(&answer, "terminal", terminal->uid);
	answer_put_text(&answer, "hostname", terminal->hostname);
	answer_put_u64(&answer, "started", daemon->wall_started_ms);
	answer_put_text(&answer, "state", health_state(daemon));
	if (failure_is_degraded(&daemon->failures, &why))
		answer_put_text(&answer, "state-why", why);
	answer_put_text(&answer, "tier", health.tier);
	answer_put_text(&answer, "floor", health.floor);
	answer_put_text(&answer, "tamper", health.record.tamper);
	answer_put_u64(&answer, "tamper-until", tamper_lifted_until_ms(daemon));
	put_policy(&answer, daemon);
	put_layers(&answer, &health.record);
	control_channels_status(&answer, &daemon->pipeline);
	put_spool(&answer, &health.recorder);
	answer_put_text(&answer, "collector", daemon->config.collector);
	put_contact(&answer, daemon);
	put_counts(&answer, &daemon->pipeline.devices);
	answer_close(&answer);
	return answer.error;
}

/* --- devices -------------------------------------------------------------- */

static void put_channels(struct answer *answer, const struct usb_fact *fact)
{
	char *list[USB_CHANNEL_COUNT + 1] = {NULL};
	char texts[USB_CHANNEL_COUNT][24];
	size_t count = 0;

	for (unsigned int i = 0; i < USB_CHANNEL_COUNT; i++) {
		if (!(fact->channels & USB_CHANNEL_BIT(i)))
			continue;
		(void)snprintf(texts[count], sizeof(texts[0]), "%s",
			       usb_channel_to_str((enum usb_channel)i));
		list[count] = texts[count];
		count++;
	}
	answer_put_strings(answer, "channels", list);
}

static void put_interfaces(struct answer *answer, const struct usb_fact *fact)
{
	char *list[RECORD_INTERFACES_MAX + 1] = {NULL};
	char texts[RECORD_INTERFACES_MAX][12];
	size_t count = fact->interface_count;

	if (count > RECORD_INTERFACES_MAX)
		count = RECORD_INTERFACES_MAX;
	for (size_t i = 0; i < count; i++) {
		const struct usb_interface *interface = &fact->interfaces[i];
		(void)snprintf(texts[i], sizeof(texts[0]), "%02x:%02x:%02x",
			       interface->class_code, interface->subclass,
			       interface->protocol);
		list[i] = texts[i];
	}
	answer_put_strings(answer, "interfaces", list);
}

static void put_usb_identity(struct answer *answer, const struct usb_fact *fact)
{
	char id[16];

	answer_put_text(answer, "port", fact->via_port);
	if (!(fact->has & USB_HAS_ID))
		return; /* a device that could not be read */
	(void)snprintf(id, sizeof(id), "%04x:%04x", fact->vendor_id,
		       fact->product_id);
	answer_put_text(answer, "vid-pid", id);
	answer_put_text(answer, "manufacturer", fact->manufacturer);
	answer_put_text(answer, "hash", fact->hash);
	put_channels(answer, fact);
	put_interfaces(answer, fact);
}

/* The rule by its id, else by where it stands, as records have it. */
static void put_reason(struct answer *answer, const struct decision *decision)
{
	char place[sizeof(decision->rule_file) + 12];

	(void)snprintf(place, sizeof(place), "%s:%u", decision->rule_file,
		       decision->rule_line);
	answer_put_text(answer, "rule",
			decision->rule == VERDICT_NO_RULE ? "implicit"
			: decision->rule_id[0]		  ? decision->rule_id
							  : place);
	answer_put_text(answer, "reason",
			decision->detail[0]
				? decision->detail
				: record_reason_english(decision->reason));
	answer_put_text(answer, "reason-code",
			record_reason_to_str(decision->reason));
}

static void put_usb(struct answer *answer, const struct usb_entry *usb)
{
	const struct usb_fact *fact = &usb->device.fact;

	answer_put_text(answer, "id", fact->via_port);
	answer_put_text(answer, "kind", "usb");
	answer_put_text(answer, "state", device_state_to_str(usb->state));
	put_usb_identity(answer, fact);
	answer_put_text(answer, "name", fact->name);
	answer_put_text(answer, "serial", fact->serial);
	put_reason(answer, &usb->decision);
	answer_put_text(answer, "grant", usb->decision.grant);
	answer_put_bool(answer, "lifeline", usb->is_lifeline);
	if (usb->is_keyboard_held)
		answer_put_bool(answer, "waits", true);
}

static void put_nodes(struct answer *answer, const struct daemon *daemon,
		      const struct medium_entry *medium)
{
	struct block_partition parts[BLOCK_PARTITIONS_MAX];
	char texts[NODES_MAX + 1][BLOCK_NAME_MAX + 8];
	char *list[NODES_MAX + 2] = {NULL};
	unsigned int count = 0;

	(void)snprintf(texts[0], sizeof(texts[0]), "/dev/%s",
		       medium->disk.name);
	list[0] = texts[0];
	if (block_partitions(daemon->root_fd, &medium->disk, parts, &count) < 0)
		count = 0;
	for (unsigned int i = 0; i < count && i < NODES_MAX; i++) {
		(void)snprintf(texts[i + 1], sizeof(texts[0]), "/dev/%s",
			       parts[i].name);
		list[i + 1] = texts[i + 1];
	}
	answer_put_strings(answer, "nodes", list);
}

static void put_medium(struct answer *answer, const struct daemon *daemon,
		       const struct medium_entry *medium)
{
	static const char *const accesses[] = {
		[MEDIA_DENY] = "none",
		[MEDIA_READ_ONLY] = "read-only",
		[MEDIA_READ_WRITE] = "read-write",
	};
	const struct usb_entry *parent = NULL;

	if (medium->disk.usb_devpath[0])
		parent = devices_usb(&daemon->pipeline.devices,
				     medium->disk.usb_devpath);
	answer_put_text(answer, "id", medium->disk.name);
	answer_put_text(answer, "kind", "medium");
	answer_put_text(answer, "state", device_state_to_str(medium->state));
	answer_put_text(answer, "access", accesses[medium->access]);
	if (parent)
		put_usb_identity(answer, &parent->device.fact);
	answer_put_text(answer, "name",
			medium->disk.model[0] ? medium->disk.model
			: parent	      ? parent->device.fact.name
					      : "");
	answer_put_text(answer, "serial",
			parent ? parent->device.fact.serial
			       : medium->disk.serial);
	put_nodes(answer, daemon, medium);
	answer_put_text(answer, "fs-type", medium->fs_type);
	answer_put_text(answer, "label", medium->label);
	if (medium->disk.size_bytes > 0)
		answer_put_u64(answer, "size", medium->disk.size_bytes);
	put_reason(answer, &medium->decision);
	answer_put_text(answer, "grant", medium->decision.grant);
	answer_put_bool(answer, "lifeline", false);
}

int answer_devices(struct daemon *daemon, sd_bus_message *reply)
{
	const struct devices *devices = &daemon->pipeline.devices;
	struct answer answer = {.reply = reply};

	answer_note(&answer,
		    sd_bus_message_open_container(reply, 'a', "a{sv}"));
	for (const struct usb_entry *usb = devices->usb; usb; usb = usb->next) {
		if (usb->device.fact.is_controller)
			continue;
		answer_open(&answer, "{sv}");
		put_usb(&answer, usb);
		answer_close(&answer);
	}
	for (const struct medium_entry *m = devices->media; m; m = m->next) {
		answer_open(&answer, "{sv}");
		put_medium(&answer, daemon, m);
		answer_close(&answer);
	}
	control_channels_list(&answer, &daemon->pipeline);
	answer_close(&answer);
	return answer.error;
}

/* --- Explain -------------------------------------------------------------- */

static struct usb_entry *find_by_id(const struct devices *devices,
				    const char *name, char *ret_ids,
				    unsigned int *ret_count)
{
	struct usb_entry *found = NULL;
	size_t used = 0;

	*ret_count = 0;
	ret_ids[0] = '\0';
	for (struct usb_entry *usb = devices->usb; usb; usb = usb->next) {
		char id[16];
		(void)snprintf(id, sizeof(id), "%04x:%04x",
			       usb->device.fact.vendor_id,
			       usb->device.fact.product_id);
		if (usb->device.fact.is_controller || strcasecmp(id, name) != 0)
			continue;
		found = usb;
		(*ret_count)++;
		int n = snprintf(ret_ids + used, ANSWER_IDS_SIZE - used, "%s%s",
				 used ? " " : "", usb->device.fact.via_port);
		if (n > 0 && used + (size_t)n < ANSWER_IDS_SIZE)
			used += (size_t)n;
	}
	return found;
}

static struct medium_entry *find_medium(const struct daemon *daemon,
					const char *name)
{
	const struct devices *devices = &daemon->pipeline.devices;
	char link[SYSFS_PATH_MAX], devpath[SYSFS_PATH_MAX];

	if (strncmp(name, "/dev/", 5) == 0)
		name += 5;
	struct medium_entry *medium = devices_medium(devices, name);
	if (medium || strchr(name, '/') || strlen(name) >= BLOCK_NAME_MAX)
		return medium;
	/* A partition: its directory is below the disk's */
	(void)snprintf(link, sizeof(link), "sys/class/block/%s", name);
	if (sysfs_devpath_of(daemon->root_fd, link, devpath) < 0)
		return NULL;
	return devices_medium_at(devices, devpath);
}

static void put_rule(struct answer *answer, const struct ruleset *ruleset,
		     uint32_t index, bool is_near)
{
	char text[ANSWER_TEXT_MAX];

	if (!ruleset || index == VERDICT_NO_RULE)
		return;
	struct rules_rule rule = ruleset_rule(ruleset, index);
	(void)ruleset_format(ruleset, index, 0, text, sizeof(text));
	answer_put_span(answer, is_near ? "near-file" : "rule-file", rule.file);
	answer_put_u32(answer, is_near ? "near-line" : "rule-line", rule.line);
	answer_put_text(answer, is_near ? "near-text" : "rule-text", text);
	if (is_near)
		answer_put_span(answer, "near-rule", rule.rule_id);
}

static void put_explanation(struct answer *answer, struct daemon *daemon,
			    const struct explanation *why,
			    const struct decision *decision)
{
	const struct ruleset *ruleset = daemon->pipeline.bundle.ruleset;

	answer_put_u64(answer, "decided", decision->wall_ms);
	answer_put_text(answer, "mode",
			decision->is_monitor ? "monitor" : "enforce");
	put_rule(answer, ruleset, decision->rule, false);
	if (why->has_nearest) {
		put_rule(answer, ruleset, why->nearest, true);
		answer_put_text(answer, "near-why", why->nearest_missing);
	}
	put_contact(answer, daemon);
}

static void explain_one_usb(struct answer *answer, struct daemon *daemon,
			    const struct usb_entry *usb)
{
	struct decide_context context;
	struct explanation why;

	pipeline_context(&daemon->pipeline, &context);
	explain_usb(daemon->pipeline.bundle.ruleset, &usb->device.fact,
		    &context, &why);
	put_usb(answer, usb);
	answer_put_text(answer, "layer", "usb_authorize");
	answer_put_text(answer, "target",
			usb_target_to_str(usb->decision.target));
	put_explanation(answer, daemon, &why, &usb->decision);
	if (usb->state == DEVICE_BLOCKED)
		answer_put_text(answer, "ask", "use of this device");
}

static void explain_one_medium(struct answer *answer, struct daemon *daemon,
			       const struct medium_entry *medium)
{
	struct decide_context context;
	struct media_fact fact;
	struct explanation why;

	pipeline_media_fact(&daemon->pipeline, medium, &fact);
	pipeline_context(&daemon->pipeline, &context);
	explain_media(daemon->pipeline.bundle.ruleset, &fact, &context, &why);
	put_medium(answer, daemon, medium);
	answer_put_text(answer, "layer", "media");
	answer_put_text(answer, "target",
			media_access_to_str(medium->decision.access));
	put_explanation(answer, daemon, &why, &medium->decision);
	if (medium->access == MEDIA_DENY)
		answer_put_text(answer, "ask",
				"read-only access to this medium");
}

int answer_find(struct daemon *daemon, const char *name, char *ret_ids,
		struct usb_entry **ret_usb, struct medium_entry **ret_medium)
{
	const struct devices *devices = &daemon->pipeline.devices;
	unsigned int count = 0;
	struct usb_entry *usb = devices_usb_named(devices, name);
	struct medium_entry *medium = usb ? NULL : find_medium(daemon, name);

	if (!usb && !medium)
		usb = find_by_id(devices, name, ret_ids, &count);
	if (count > 1)
		return -ENOTUNIQ;
	if (!usb && !medium)
		return -ENOENT;
	*ret_usb = usb;
	*ret_medium = medium;
	return 0;
}

int answer_explain(struct daemon *daemon, const char *name,
		   sd_bus_message *reply, char *ret_ids)
{
	struct answer answer = {.reply = reply};
	struct usb_entry *usb = NULL;
	struct medium_entry *medium = NULL;

	int r = answer_find(daemon, name, ret_ids, &usb, &medium);
	if (r < 0 && r != -ENOENT)
		return r;
	answer_open(&answer, "{sv}");
	if (usb)
		explain_one_usb(&answer, daemon, usb);
	else if (medium)
		explain_one_medium(&answer, daemon, medium);
	else if (control_channels_explain(&answer, &daemon->pipeline, name))
		put_contact(&answer, daemon);
	else
		return -ENOENT;
	answer_close(&answer);
	return answer.error;
}

/* --- Events --------------------------------------------------------------- */

static int put_event(uint64_t seq, const char *json, size_t size,
		     void *userdata)
{
	sd_bus_message *reply = userdata;
	_cleanup_free_ char *text = strndup(json, size);

	if (!text)
		return -ENOMEM;
	/* Its success is 1, which would end recorder_each() */
	int r = sd_bus_message_append(reply, "(ts)", seq, text);
	return r < 0 ? r : 0;
}

int answer_events(struct daemon *daemon, uint64_t after, uint32_t max,
		  sd_bus_message *reply)
{
	int r = sd_bus_message_open_container(reply, 'a', "(ts)");
	if (r < 0)
		return r;
	r = recorder_each(daemon->recorder, after, max, put_event, reply);
	if (r < 0)
		return r;
	return sd_bus_message_close_container(reply);
}
