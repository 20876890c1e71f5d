/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways out that are built into the machine, judged by the policy's `channel`
 * lines: radios are soft blocked, Thunderbolt devices stay unauthorised, the
 * nodes of serial and parallel ports are refused by the guard. Blocked again,
 * and told, when somebody opens what policy denies.
 */
#include "agent/daemon/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "policy/builtin.h"

/* Opened again and again, it is told once in this time, with a count. */
#define AGAIN_NS (60 * NS_PER_S)

static struct record_channel channel_of(const struct builtin_entry *entry)
{
	return (struct record_channel){
		.kind = builtin_channel_to_str(entry->device.channel),
		.name = entry->device.name,
		.model = entry->device.model,
	};
}

static void tell_verdict(struct pipeline *pipeline,
			 const struct builtin_entry *entry)
{
	const struct record_channel channel = channel_of(entry);
	bool is_blocked = entry->decision.is_monitor
				  ? entry->decision.target != USB_TARGET_ALLOW
				  : entry->state == DEVICE_BLOCKED;
	struct record record = {
		.code = is_blocked ? RECORD_CHANNEL_BLOCKED
				   : RECORD_CHANNEL_ALLOWED,
		.channel = &channel,
	};

	pipeline_fill_decision(&entry->decision, "channel", &record.decision);
	pipeline->options.sink.emit(pipeline->options.sink.userdata, &record);
}

static void tell_opened(struct pipeline *pipeline, struct builtin_entry *entry)
{
	const struct record_channel channel = channel_of(entry);
	const struct record record = {
		.code = RECORD_AGENT_TAMPER,
		.channel = &channel,
		.count = entry->again_count,
		.wall_first_ms = (int64_t)entry->wall_first_ms,
		.wall_last_ms = (int64_t)entry->wall_last_ms,
		.u.tamper = {.kind = "channel",
			     .detected_by = "uevent",
			     .is_held = !entry->device.is_on},
	};

	entry->again_count = 0;
	entry->boot_told_ns = clock_boot_ns();
	pipeline->options.sink.emit(pipeline->options.sink.userdata, &record);
}

static void count_opened(struct pipeline *pipeline, struct builtin_entry *entry)
{
	entry->wall_last_ms = clock_wall_ns() / NS_PER_MS;
	if (entry->again_count++ == 0)
		entry->wall_first_ms = entry->wall_last_ms;
	if (entry->boot_told_ns == 0 ||
	    clock_boot_ns() - entry->boot_told_ns > AGAIN_NS)
		tell_opened(pipeline, entry);
	else
		pipeline->has_folds = true;
}

void pipeline_flush_builtins(struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->builtin_count; i++)
		if (pipeline->builtins[i].again_count > 0)
			tell_opened(pipeline, &pipeline->builtins[i]);
}

static int put(struct pipeline *pipeline, struct builtin_entry *entry, bool on)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	const char *name = entry->device.name;
	int r = entry->device.channel == BUILTIN_THUNDERBOLT
			? enforce.ops->thunderbolt_authorize(enforce.context,
							     name, on)
			: enforce.ops->radio_block(enforce.context, name, !on);

	if (r >= 0) {
		if (!pipeline->is_monitor)
			entry->device.is_on = on;
		return 0;
	}
	(void)failure_count(pipeline->options.failures, FAILURE_CHANNEL_WRITE);
	entry->decision.reason = RECORD_REASON_ENFORCEMENT;
	(void)snprintf(entry->decision.detail, sizeof(entry->decision.detail),
		       "%s", errno_text(r));
	log_error(pipeline->options.log, "cannot switch '%s' %s: %s", name,
		  on ? "on" : "off", errno_text(r));
	return r;
}

/* A radio that policy allows is on or off as its user wants; only what we
 * switched off comes back. A Thunderbolt device has nobody else to ask. */
static bool is_to_come_back(const struct builtin_entry *entry)
{
	return !entry->device.is_on &&
	       (entry->is_ours || entry->device.channel == BUILTIN_THUNDERBOLT);
}

static void judge(struct pipeline *pipeline, struct builtin_entry *entry)
{
	const struct decision before = entry->decision;
	const enum device_state state_before = entry->state;
	struct verdict verdict;

	decide_builtin(pipeline->bundle.ruleset, entry->device.channel,
		       &verdict);
	pipeline_take_verdict(pipeline, &verdict, &entry->decision);
	if (pipeline_keeps_out(pipeline, &entry->decision)) {
		bool is_again = entry->device.is_on && before.wall_ms != 0 &&
				before.target != USB_TARGET_ALLOW &&
				state_before == DEVICE_BLOCKED;
		if (entry->device.is_on && put(pipeline, entry, false) == 0)
			entry->is_ours = !pipeline->is_monitor;
		if (is_again && !pipeline->is_monitor)
			count_opened(pipeline, entry);
	} else if (is_to_come_back(entry) && put(pipeline, entry, true) == 0) {
		entry->is_ours = false;
	}
	entry->state = entry->device.is_on ? DEVICE_AUTHORISED : DEVICE_BLOCKED;
	if (before.wall_ms == 0 || before.target != entry->decision.target ||
	    before.reason != entry->decision.reason)
		tell_verdict(pipeline, entry);
}

/* From enforcing to monitoring: what we switched off comes back. */
static void let_go(struct pipeline *pipeline, struct builtin_entry *entry)
{
	struct enforce real = pipeline->options.real;

	if (!entry->is_ours || entry->device.channel == BUILTIN_THUNDERBOLT)
		return;
	entry->is_ours = false;
	if (real.ops->radio_block(real.context, entry->device.name, false) < 0)
		(void)failure_count(pipeline->options.failures,
				    FAILURE_CHANNEL_WRITE);
	else
		entry->device.is_on = true;
}

/* --- the table ------------------------------------------------------------ */

static struct builtin_entry *find(struct pipeline *pipeline,
				  const char *devpath)
{
	for (size_t i = 0; i < pipeline->builtin_count; i++)
		if (strcmp(pipeline->builtins[i].device.devpath, devpath) == 0)
			return &pipeline->builtins[i];
	return NULL;
}

void pipeline_forget_builtin(struct pipeline *pipeline, const char *devpath)
{
	struct builtin_entry *entry = find(pipeline, devpath);

	if (!entry)
		return;
	size_t at = (size_t)(entry - pipeline->builtins);
	pipeline->builtin_count--;
	memmove(entry, entry + 1,
		(pipeline->builtin_count - at) * sizeof(*entry));
}

void pipeline_see_builtin(struct pipeline *pipeline, const char *devpath)
{
	struct builtin_entry *entry = find(pipeline, devpath);
	struct builtin_device device;

	if (builtin_read(pipeline->options.root_fd, devpath, &device) != 0)
		return;
	if (!entry) {
		if (pipeline->builtin_count == PIPELINE_BUILTINS_MAX) {
			(void)failure_raise(pipeline->options.failures,
					    FAILURE_DEVICES_FULL,
					    "too many radios");
			return;
		}
		entry = &pipeline->builtins[pipeline->builtin_count++];
		*entry = (struct builtin_entry){0};
	}
	entry->device = device;
	entry->is_seen = true;
	judge(pipeline, entry);
}

struct names {
	char list[PIPELINE_BUILTINS_MAX][BUILTIN_NAME_MAX];
	size_t count;
};

static int take_name(const char *name, void *userdata)
{
	struct names *names = userdata;

	if (strlen(name) >= BUILTIN_NAME_MAX)
		return 0;
	if (names->count == PIPELINE_BUILTINS_MAX)
		return -E2BIG;
	(void)snprintf(names->list[names->count++], BUILTIN_NAME_MAX, "%s",
		       name);
	return 0;
}

static void scan(struct pipeline *pipeline, const char *folder)
{
	struct names names = {.count = 0};

	/* Neither has to be there */
	(void)!sysfs_each(pipeline->options.root_fd, folder, take_name, &names);
	for (size_t i = 0; i < names.count; i++) {
		char link[128], devpath[SYSFS_PATH_MAX];
		(void)snprintf(link, sizeof(link), "%s/%s", folder,
			       names.list[i]);
		if (sysfs_devpath_of(pipeline->options.root_fd, link,
				     devpath) == 0)
			pipeline_see_builtin(pipeline, devpath);
	}
}

void pipeline_scan_builtins(struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->builtin_count; i++)
		pipeline->builtins[i].is_seen = false;
	scan(pipeline, BUILTIN_RADIOS);
	scan(pipeline, BUILTIN_THUNDERBOLT_DEVICES);
	for (size_t i = pipeline->builtin_count; i > 0; i--)
		if (!pipeline->builtins[i - 1].is_seen)
			pipeline_forget_builtin(
				pipeline,
				pipeline->builtins[i - 1].device.devpath);
}

/* --- nodes ---------------------------------------------------------------- */

static bool is_denied(const struct pipeline *pipeline,
		      enum builtin_channel channel)
{
	struct verdict verdict;

	decide_builtin(pipeline->bundle.ruleset, channel, &verdict);
	return verdict.target != USB_TARGET_ALLOW;
}

/* Serial ports that the kernel itself writes to: who shuts them loses the
 * console of a machine without a screen. */
static void keep_consoles(struct pipeline *pipeline)
{
	_cleanup_close_ int dir = -1;
	char text[SYSFS_TEXT_MAX];
	char *save = NULL;

	if (sysfs_open_dir(pipeline->options.root_fd,
			   "sys/devices/virtual/tty/console", &dir) < 0 ||
	    sysfs_read_text(dir, "active", text, sizeof(text)) < 0)
		return;
	for (char *name = strtok_r(text, " ", &save); name;
	     name = strtok_r(NULL, " ", &save)) {
		char link[SYSFS_TEXT_MAX + 32];
		char devpath[SYSFS_PATH_MAX];
		char path[SYSFS_PATH_MAX + 8];
		_cleanup_close_ int fd = -1;
		uint32_t major = 0, minor = 0;

		(void)snprintf(link, sizeof(link), "sys/class/tty/%s", name);
		if (strchr(name, '/') ||
		    sysfs_devpath_of(pipeline->options.root_fd, link, devpath) <
			    0)
			continue;
		(void)snprintf(path, sizeof(path), "sys%s", devpath);
		if (sysfs_open_dir(pipeline->options.root_fd, path, &fd) < 0 ||
		    sysfs_read_devnum(fd, "dev", &major, &minor) < 0)
			continue;
		int r = block_guard_set(pipeline->options.guard,
					block_guard_key(true,
							makedev(major, minor)),
					GUARD_READ_WRITE, 0);
		if (r < 0)
			log_error(pipeline->options.log,
				  "cannot keep the console '%s': %s", name,
				  errno_text(r));
	}
}

static void set_gates(struct pipeline *pipeline)
{
	uint32_t gates = 0;

	if (!pipeline->options.guard)
		return; /* tier T4: radios are blocked, nodes are not gated */
	if (is_denied(pipeline, BUILTIN_WIFI) ||
	    is_denied(pipeline, BUILTIN_BLUETOOTH) ||
	    is_denied(pipeline, BUILTIN_WWAN))
		gates |= GUARD_GATE_RADIO;
	if (is_denied(pipeline, BUILTIN_SERIAL))
		gates |= GUARD_GATE_SERIAL;
	if (is_denied(pipeline, BUILTIN_PRINTER))
		gates |= GUARD_GATE_PRINTER;
	if (gates & GUARD_GATE_SERIAL)
		keep_consoles(pipeline);
	int r = block_guard_set_gates(pipeline->options.guard, gates);
	if (r < 0) {
		(void)failure_count(pipeline->options.failures,
				    FAILURE_CHANNEL_WRITE);
		log_error(pipeline->options.log,
			  "cannot gate radios and ports: %s", errno_text(r));
	}
}

void pipeline_apply_builtins(struct pipeline *pipeline, bool was_monitor)
{
	set_gates(pipeline);
	for (size_t i = 0; i < pipeline->builtin_count; i++) {
		struct builtin_entry *entry = &pipeline->builtins[i];
		if (pipeline->is_monitor && !was_monitor)
			let_go(pipeline, entry);
		judge(pipeline, entry);
	}
}
