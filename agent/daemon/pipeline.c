/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline's own state: policy in force, mode, and the comparison of the
 * table with sysfs. What happens to one device is in pipeline_usb.c and
 * pipeline_media.c.
 */
#include "agent/daemon/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/hex.h"
#include "agent/sense/sysfs.h"

void pipeline_init(struct pipeline *pipeline,
		   const struct pipeline_options *options)
{
	memset(pipeline, 0, sizeof(*pipeline));
	pipeline->options = *options;
}

void pipeline_fini(struct pipeline *pipeline)
{
	devices_fini(&pipeline->devices);
	bundle_fini(&pipeline->bundle);
	bundle_store_fini(&pipeline->store);
	free(pipeline->history);
}

struct enforce pipeline_enforce(const struct pipeline *pipeline)
{
	return pipeline->is_monitor ? pipeline->options.dry
				    : pipeline->options.real;
}

void pipeline_new_plug(char ret_plug[DEVICES_PLUG_SIZE])
{
	uint8_t bits[8];

	/* Before the pool is ready (first second of a boot) time will do: the
	 * id ties events of one terminal together, nothing is secret in it. */
	if (getrandom(bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits)) {
		uint64_t now = clock_boot_ns();
		memcpy(bits, &now, sizeof(bits));
	}
	memcpy(ret_plug, "plug-", 5);
	hex_encode(bits, sizeof(bits), ret_plug + 5);
}

void pipeline_local_time(uint64_t wall_s, struct wall_local *ret_now)
{
	time_t now = (time_t)wall_s;
	struct tm local;

	if (!localtime_r(&now, &local))
		return; /* month 0: the clock cannot be trusted */
	ret_now->year = (int16_t)(local.tm_year + 1900);
	ret_now->month = (uint8_t)(local.tm_mon + 1);
	ret_now->day = (uint8_t)local.tm_mday;
	ret_now->weekday = (uint8_t)local.tm_wday;
	ret_now->second = (uint32_t)(local.tm_hour * 3600 + local.tm_min * 60 +
				     local.tm_sec);
}

static void list_authorized(struct pipeline *pipeline,
			    struct decide_context *context)
{
	size_t count = 0;

	for (const struct usb_entry *entry = pipeline->devices.usb;
	     entry && count < DECIDE_AUTHORIZED_MAX; entry = entry->next)
		if (entry->state == DEVICE_AUTHORISED &&
		    !entry->device.fact.is_controller)
			pipeline->authorized[count++] = &entry->device.fact;
	context->authorized = pipeline->authorized;
	context->authorized_count = count;
}

bool pipeline_is_blind(const struct pipeline *pipeline)
{
	return pipeline->has_missed && pipeline->bundle.ruleset &&
	       (ruleset_uses(pipeline->bundle.ruleset) & RULES_USES_AUTHORIZED);
}

void pipeline_context(struct pipeline *pipeline,
		      struct decide_context *ret_context)
{
	struct decide_context context = {0};

	pipeline_local_time(clock_wall_ns() / NS_PER_S, &context.now);
	context.boot_now_s = clock_boot_ns() / NS_PER_S;
	context.is_glass_broken = pipeline->is_glass_broken;
	if (getrandom(&context.random, sizeof(context.random), GRND_NONBLOCK) <
	    0)
		context.random = clock_mono_ns();
	context.history = pipeline->history;
	context.history_count = pipeline->history_count;
	if (pipeline->bundle.ruleset &&
	    ruleset_uses(pipeline->bundle.ruleset) & RULES_USES_AUTHORIZED)
		list_authorized(pipeline, &context);
	if (pipeline->options.who && pipeline->bundle.ruleset &&
	    ruleset_uses(pipeline->bundle.ruleset) & RULES_USES_SESSION)
		pipeline->options.who(pipeline->options.userdata, &context);
	*ret_context = context;
}

static void copy_span(struct span from, char *to, size_t size)
{
	from = span_take(from, size - 1);
	if (from.len > 0)
		memcpy(to, from.ptr, from.len);
	to[from.len] = '\0';
}

unsigned int pipeline_prove(struct pipeline *pipeline,
			    const struct ruleset *ruleset)
{
	_cleanup_free_ struct lifeline_device *list = NULL;
	unsigned int required = pipeline_lifeline_roles(pipeline);
	struct decide_context context;
	size_t count = 0, index = 0;

	pipeline_context(pipeline, &context);
	if (ruleset_uses(ruleset) & RULES_USES_AUTHORIZED)
		list_authorized(pipeline, &context);
	list = pipeline_lifeline(pipeline, NULL, &count, &index);
	if (!list)
		return required; /* what cannot be proven is not so */
	return lifeline_prove(ruleset, list, count, &context, required);
}

void pipeline_take_verdict(const struct pipeline *pipeline,
			   const struct verdict *verdict,
			   struct decision *ret_decision)
{
	struct decision decision = {
		.target = verdict->target,
		.access = verdict->access,
		.reason = record_reason_from_verdict(verdict->reason),
		.rule = verdict->rule,
		.is_monitor = pipeline->is_monitor || verdict->is_monitor,
		.is_per_interface = verdict->is_per_interface,
		.may_type_fast = verdict->may_type_fast,
		.wall_ms = clock_wall_ns() / NS_PER_MS,
	};

	if (verdict->rule != VERDICT_NO_RULE && pipeline->bundle.ruleset) {
		struct rules_rule rule = ruleset_rule(pipeline->bundle.ruleset,
						      verdict->rule);
		copy_span(rule.rule_id, decision.rule_id,
			  sizeof(decision.rule_id));
		copy_span(rule.file, decision.rule_file,
			  sizeof(decision.rule_file));
		decision.rule_line = rule.line;
	}
	*ret_decision = decision;
}

static void tell_recorder(struct pipeline *pipeline)
{
	const struct bundle *bundle = &pipeline->bundle;
	char zone[128] = "";

	if (!pipeline->options.recorder)
		return;
	struct record_policy policy = {
		.name = bundle->ruleset ? bundle->info.name : NULL,
		.serial = bundle->info.serial,
		.digest = bundle->info.digest,
		.mode = pipeline->is_monitor ? RECORD_MODE_MONITOR
					     : RECORD_MODE_ENFORCE,
	};
	if (bundle->ruleset)
		copy_span(ruleset_zone(bundle->ruleset), zone, sizeof(zone));
	recorder_set_policy(pipeline->options.recorder, &policy, zone);
}

/* What is there already is judged by the new rules, in both directions. */
void pipeline_judge_all(struct pipeline *pipeline)
{
	for (struct usb_entry *entry = pipeline->devices.usb; entry;
	     entry = entry->next)
		pipeline_judge_usb(pipeline, entry, true);
	for (struct medium_entry *entry = pipeline->devices.media; entry;
	     entry = entry->next)
		if (entry->state != DEVICE_HELD)
			pipeline_judge_medium(pipeline, entry, true);
}

void pipeline_relearn(struct pipeline *pipeline)
{
	const struct learned *learned = pipeline->options.learned;

	pipeline->is_learning = false;
	for (struct usb_entry *entry = pipeline->devices.usb; entry;
	     entry = entry->next) {
		bool is_learned = entry->was_present ||
				  learned_has(learned, &entry->device.fact);
		if (entry->is_learned == is_learned)
			continue;
		entry->is_learned = is_learned;
		pipeline_judge_usb(pipeline, entry, true);
	}
}

void pipeline_judge_by_time(struct pipeline *pipeline)
{
	if (pipeline->bundle.ruleset &&
	    ruleset_uses(pipeline->bundle.ruleset) & RULES_USES_TIME)
		pipeline_judge_all(pipeline);
}

void pipeline_set_glass(struct pipeline *pipeline, bool is_broken)
{
	if (pipeline->is_glass_broken == is_broken)
		return;
	pipeline->is_glass_broken = is_broken;
	pipeline_judge_all(pipeline);
}

void pipeline_judge_by_session(struct pipeline *pipeline)
{
	if (pipeline->bundle.ruleset &&
	    ruleset_uses(pipeline->bundle.ruleset) & RULES_USES_SESSION)
		pipeline_judge_all(pipeline); /* grants: grant_loop.h */
}

static void set_usb_default(struct pipeline *pipeline)
{
	struct usb_auth *auth = pipeline->options.usb_auth;
	bool wanted = !pipeline->is_monitor;

	if (!auth || (!wanted && !pipeline->has_set_default))
		return; /* monitor mode touches nothing that was not ours */
	int r = usb_auth_set_default(auth,
				     wanted ? USB_AUTH_NONE : USB_AUTH_ALL);
	if (r < 0)
		(void)failure_raise(pipeline->options.failures,
				    FAILURE_USB_DEFAULT, errno_text(r));
	else
		failure_clear(pipeline->options.failures, FAILURE_USB_DEFAULT);
	pipeline->has_set_default = wanted;
	pipeline->is_dirty = true;
}

/* From enforcing to monitoring: what we shut is opened, the rest was never
 * touched. */
static void let_go(struct pipeline *pipeline)
{
	struct enforce real = pipeline->options.real;

	for (struct usb_entry *entry = pipeline->devices.usb; entry;
	     entry = entry->next) {
		if (entry->state == DEVICE_AUTHORISED ||
		    entry->decision.wall_ms == 0 || entry->outcome != 0)
			continue;
		int r = real.ops->usb_authorize(real.context,
						entry->device.fact.via_port);
		if (r < 0)
			(void)failure_count(pipeline->options.failures,
					    FAILURE_USB_WRITE);
		else
			entry->device.fact.is_authorized = true;
	}
}

void pipeline_apply_mode(struct pipeline *pipeline)
{
	const struct bundle *bundle = &pipeline->bundle;
	bool was_monitor = pipeline->is_monitor;

	pipeline->is_monitor = bundle->ruleset && bundle->info.is_monitor;
	tell_recorder(pipeline);
	if (pipeline->options.guard) {
		int r = block_guard_set_enforce(pipeline->options.guard,
						!pipeline->is_monitor);
		if (r < 0)
			(void)failure_raise(pipeline->options.failures,
					    FAILURE_GUARD_ABSENT,
					    errno_text(r));
	}
	set_usb_default(pipeline);
	if (pipeline->is_monitor && !was_monitor)
		let_go(pipeline);
	pipeline_apply_builtins(pipeline, was_monitor);
	if (was_monitor != pipeline->is_monitor)
		log_notice(pipeline->options.log, "mode is now '%s'",
			   pipeline->is_monitor ? "monitor" : "enforce");
}

/* Names of one sysfs directory, so that the walk is over before anything is
 * judged: judging adds and removes entries. */
struct names {
	char (*list)[64];
	size_t count;
	size_t capacity;
};

static int take_name(const char *name, void *userdata)
{
	struct names *names = userdata;

	if (strlen(name) >= sizeof(names->list[0]) || strchr(name, ':'))
		return 0; /* interfaces are no devices */
	if (names->count == names->capacity)
		return -E2BIG;
	(void)snprintf(names->list[names->count++], sizeof(names->list[0]),
		       "%s", name);
	return 0;
}

/* Root hubs first; else by length, so that hubs come before their children. */
static int compare_names(const void *a, const void *b)
{
	bool a_root = strncmp(a, "usb", 3) == 0;
	bool b_root = strncmp(b, "usb", 3) == 0;

	if (a_root != b_root)
		return a_root ? -1 : 1;
	size_t a_len = strlen(a), b_len = strlen(b);
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return strcmp(a, b);
}

typedef void (*see_fn)(struct pipeline *pipeline, const char *devpath);

/* 0: every entry was looked at; -ENOENT: there is no such folder (no driver of
 * that kind yet); else what of it could not be seen is not known to be gone. */
static int walk(struct pipeline *pipeline, const char *dir, size_t capacity,
		see_fn see)
{
	_cleanup_free_ char(*list)[64] = calloc(capacity, sizeof(*list));
	struct names names = {.list = list, .capacity = capacity};

	if (!list)
		return -ENOMEM; /* the next scan tries again */
	int r = sysfs_each(pipeline->options.root_fd, dir, take_name, &names);
	if (r < 0 && r != -ENOENT && r != -E2BIG)
		log_error(pipeline->options.log, "cannot list '%s': %s", dir,
			  errno_text(r));
	qsort(list, names.count, sizeof(*list), compare_names);

	for (size_t i = 0; i < names.count; i++) {
		char link[160], devpath[SYSFS_PATH_MAX];
		(void)snprintf(link, sizeof(link), "%s/%s", dir, list[i]);
		if (sysfs_devpath_of(pipeline->options.root_fd, link,
				     devpath) == 0)
			see(pipeline, devpath);
	}
	return r;
}

static void see_usb(struct pipeline *pipeline, const char *devpath)
{
	struct usb_entry *entry = pipeline_see_usb(pipeline, devpath);

	if (entry)
		entry->is_seen = true;
}

static void see_medium(struct pipeline *pipeline, const char *devpath)
{
	struct medium_entry *entry = pipeline_see_medium(pipeline, devpath);

	if (entry)
		entry->is_seen = true;
}

static void forget_unseen_media(struct pipeline *pipeline)
{
	struct medium_entry *medium = pipeline->devices.media;

	while (medium) {
		struct medium_entry *next = medium->next;
		if (!medium->is_seen)
			pipeline_forget_medium(pipeline, medium);
		medium = next;
	}
}

static void forget_unseen_usb(struct pipeline *pipeline)
{
	struct usb_entry *usb = pipeline->devices.usb;

	while (usb) {
		struct usb_entry *next = usb->next;
		if (!usb->is_seen)
			pipeline_forget_usb(pipeline, usb);
		usb = next;
	}
}

static int find_any(const char *name, void *userdata)
{
	(void)name;
	(void)userdata;
	return 1;
}

/* A folder that is not there is a kernel without that driver so far, but a
 * kernel without any bus is a sysfs that is not there. */
static void tell_reading(struct pipeline *pipeline, int usb, int block)
{
	struct failures *failures = pipeline->options.failures;
	int r = usb < 0 && usb != -ENOENT ? usb : block;
	char detail[FAILURE_DETAIL_MAX];

	if (r == 0 || r == -ENOENT) {
		r = sysfs_each(pipeline->options.root_fd, "sys/bus", find_any,
			       NULL);
		if (r == 0)
			r = -ENODATA;
	}
	if (r > 0) {
		failure_clear(failures, FAILURE_SYSFS);
		return;
	}
	(void)snprintf(detail, sizeof(detail), "sysfs cannot be read: %s",
		       errno_text(r));
	(void)failure_raise(failures, FAILURE_SYSFS, detail);
}

void pipeline_scan(struct pipeline *pipeline)
{
	struct devices *devices = &pipeline->devices;

	for (struct usb_entry *usb = devices->usb; usb; usb = usb->next)
		usb->is_seen = false;
	for (struct medium_entry *m = devices->media; m; m = m->next)
		m->is_seen = false;

	/* All USB devices are read before the first is judged: the lifeline
	 * must see every keyboard there is. */
	pipeline->has_missed = false;
	int usb = walk(pipeline, "sys/bus/usb/devices", DEVICES_USB_MAX,
		       see_usb);
	if (usb < 0 && usb != -ENOENT)
		pipeline->has_missed = true;
	pipeline_judge_new_usb(pipeline);
	int block = walk(pipeline, "sys/class/block", SYSFS_ENTRIES_MAX,
			 see_medium);
	tell_reading(pipeline, usb, block);
	/* What could not be listed may be there all the same */
	bool is_readable = !pipeline->options.failures->active[FAILURE_SYSFS];
	if (is_readable && (block == 0 || block == -ENOENT))
		forget_unseen_media(pipeline);
	if (is_readable && (usb == 0 || usb == -ENOENT))
		forget_unseen_usb(pipeline);
	pipeline_scan_builtins(pipeline);
	pipeline_reconcile(pipeline);
}

/* Where the guard's own hook of device_add is missing or does not run (tier T3)
 * it learns of new disks and partitions from us; one it does not know is
 * refused to all. */
static void tell_guard(struct pipeline *pipeline)
{
	struct block_guard *guard = pipeline->options.guard;

	if (!guard)
		return;
	const struct block_guard_status *status = block_guard_status(guard);
	if ((status->layers & BLOCK_GUARD_LAYER_DEVICES) &&
	    status->tier < BLOCK_GUARD_T3)
		return;
	int r = block_guard_seed(guard);
	if (r < 0)
		log_error(pipeline->options.log,
			  "the guard could not be told of a disk: %s",
			  errno_text(r));
}

void pipeline_uevent(struct pipeline *pipeline, const struct uevent *event)
{
	bool is_add = event->action == UEVENT_ADD;
	bool is_gone = event->action == UEVENT_REMOVE;

	if (is_add && strcmp(event->subsystem, "block") == 0)
		tell_guard(pipeline);
	if (strcmp(event->subsystem, "rfkill") == 0 ||
	    strcmp(event->subsystem, "thunderbolt") == 0) {
		if (is_gone)
			pipeline_forget_builtin(pipeline, event->devpath);
		else
			pipeline_see_builtin(pipeline, event->devpath);
		return;
	}
	if (strcmp(event->subsystem, "usb") == 0 &&
	    strcmp(event->devtype, "usb_device") == 0) {
		struct usb_entry *entry = NULL;
		if (is_gone)
			entry = devices_usb(&pipeline->devices, event->devpath);
		if (entry)
			pipeline_forget_usb(pipeline, entry);
		/* "bind": the kernel has looked at it, see is_too_early() */
		if (!is_add && event->action != UEVENT_BIND)
			return;
		(void)pipeline_see_usb(pipeline, event->devpath);
		pipeline_judge_new_usb(pipeline);
	} else if (strcmp(event->subsystem, "block") == 0 &&
		   strcmp(event->devtype, "disk") == 0) {
		struct medium_entry *medium = devices_medium(
			&pipeline->devices, sysfs_basename(event->devpath));
		if (is_gone && medium)
			pipeline_forget_medium(pipeline, medium);
		if (is_add || event->action == UEVENT_CHANGE)
			(void)pipeline_see_medium(pipeline, event->devpath);
	}
}
