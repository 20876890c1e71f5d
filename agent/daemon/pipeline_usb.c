/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One USB device through the pipeline: read while it is not authorised, judged
 * with its hubs known, lifeline before enforcement, then the record.
 */
#include "agent/daemon/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/sense/mount.h"
#include "policy/descriptor.h"
#include "policy/lifeline.h"

static bool is_blocking(const struct decision *decision)
{
	return decision->target != USB_TARGET_ALLOW;
}

bool pipeline_keeps_out(const struct pipeline *pipeline,
			const struct decision *decision)
{
	return is_blocking(decision) &&
	       (pipeline->is_monitor || !decision->is_monitor);
}

static void set_detail(struct decision *decision, const char *detail)
{
	(void)snprintf(decision->detail, sizeof(decision->detail), "%s",
		       detail);
}

/* A device that is nothing but a name: something must be in the table, so that
 * its refusal is told and it is not looked at again and again. */
static int read_device(struct pipeline *pipeline, const char *devpath,
		       const struct usb_entry *hub, struct usb_device *device)
{
	const char *parent_hash = hub ? hub->device.fact.hash : "";
	int r = usb_read(pipeline->options.root_fd, devpath, parent_hash,
			 device);

	/* Without memory it is as it was: the next scan reads it */
	if (r >= 0 || r == -ENOENT || r == -ENODEV || r == -ENOMEM)
		return r;
	memset(device, 0, sizeof(*device));
	(void)snprintf(device->devpath, sizeof(device->devpath), "%s", devpath);
	(void)snprintf(device->fact.via_port, sizeof(device->fact.via_port),
		       "%s", sysfs_basename(devpath));
	return USB_UNREADABLE;
}

/* Whether the entry is still the device that is plugged in there. */
static bool is_same_device(struct pipeline *pipeline,
			   const struct usb_entry *entry, bool *ret_authorized)
{
	_cleanup_close_ int fd = -1;
	char path[SYSFS_PATH_MAX + 8];
	uint32_t major = 0, minor = 0;
	uint64_t authorized = 0;

	(void)snprintf(path, sizeof(path), "sys%s", entry->device.devpath);
	if (sysfs_open_dir(pipeline->options.root_fd, path, &fd) < 0)
		return false;
	if (sysfs_read_devnum(fd, "dev", &major, &minor) < 0)
		major = minor = 0;
	if (major != entry->device.major || minor != entry->device.minor)
		return false;
	if (sysfs_read_number(fd, "authorized", 10, &authorized) < 0)
		authorized = entry->device.fact.is_authorized;
	*ret_authorized = authorized != 0;
	return true;
}

/* Somebody wrote "1" to authorized by hand: taken back, and told. */
static void take_back(struct pipeline *pipeline, struct usb_entry *entry)
{
	struct record record = {
		.code = RECORD_AGENT_TAMPER,
		.correlation = entry->plug,
		.usb = &entry->device.fact,
		.u.tamper =
			{
				.kind = "sysfs",
				.detected_by = "scan",
			},
	};
	struct enforce enforce = pipeline_enforce(pipeline);
	int r = enforce.ops->usb_deauthorize(enforce.context,
					     entry->device.fact.via_port);

	record.u.tamper.is_held = r >= 0;
	if (r < 0)
		(void)failure_count(pipeline->options.failures,
				    FAILURE_USB_WRITE);
	else
		entry->device.fact.is_authorized = false;
	pipeline->options.sink.emit(pipeline->options.sink.userdata, &record);
}

static struct usb_entry *known_device(struct pipeline *pipeline,
				      const char *devpath)
{
	struct usb_entry *entry = devices_usb(&pipeline->devices, devpath);
	bool is_authorized;

	if (!entry)
		return NULL;
	if (!is_same_device(pipeline, entry, &is_authorized)) {
		pipeline_forget_usb(pipeline, entry);
		return NULL;
	}
	entry->device.fact.is_authorized = is_authorized;
	if (is_authorized && entry->state != DEVICE_AUTHORISED &&
	    entry->decision.wall_ms != 0 && !pipeline->is_monitor &&
	    is_blocking(&entry->decision))
		take_back(pipeline, entry);
	return entry;
}

static void remember_plug(struct pipeline *pipeline, struct usb_entry *entry)
{
	const struct usb_device *device = &entry->device;
	const struct session_row *row = NULL;

	if (pipeline->options.session)
		row = session_find(pipeline->options.session, device->devpath,
				   session_number(device->major,
						  device->minor));
	/* A restart changes nobody's standing: what the daemon before us let
	 * in is no more learned than it was. */
	if (row && row->is_medium)
		row = NULL;
	entry->was_present = row ? row->is_learned
				 : pipeline->is_starting &&
					     device->fact.is_authorized;
	entry->is_learned =
		entry->was_present || pipeline->is_learning ||
		(pipeline->options.learned &&
		 learned_has(pipeline->options.learned, &device->fact));
	if (!row) {
		pipeline_new_plug(entry->plug);
		return;
	}
	memcpy(entry->plug, row->plug, sizeof(entry->plug));
	entry->is_told = true;
	entry->is_confirmed = row->is_confirmed;
	entry->confirmed_uid = UINT32_MAX;
	entry->is_typist = row->is_typist;
	entry->is_fast = row->is_fast;
	entry->decision.target = (enum usb_target)row->outcome;
}

struct usb_entry *pipeline_see_usb(struct pipeline *pipeline,
				   const char *devpath)
{
	struct usb_entry *entry = known_device(pipeline, devpath);
	struct usb_entry *hub = NULL;
	struct usb_device device;

	if (entry)
		return entry;
	uint64_t mono_seen_ns = clock_mono_ns();
	if (strncmp(sysfs_basename(devpath), "usb", 3) != 0) {
		/* A child may be told of before its hub: the hub's directory
		 * is there all the same, so it is read now. */
		char parent[SYSFS_PATH_MAX];
		(void)snprintf(parent, sizeof(parent), "%s", devpath);
		if (!sysfs_parent(parent))
			return NULL;
		hub = devices_usb(&pipeline->devices, parent);
		if (!hub)
			hub = pipeline_see_usb(pipeline, parent);
	}

	int r = read_device(pipeline, devpath, hub, &device);
	pipeline->has_missed |= r == -ENOMEM;
	if (r < 0 || r == USB_NOT_A_DEVICE)
		return NULL;
	int added = devices_add_usb(&pipeline->devices, &device, &entry);
	if (added < 0) {
		/* Not in the table: never authorised by us */
		pipeline->has_missed = true;
		(void)failure_raise(pipeline->options.failures,
				    FAILURE_DEVICES_FULL, errno_text(added));
		return NULL;
	}
	entry->outcome = r;
	entry->mono_seen_ns = mono_seen_ns;
	remember_plug(pipeline, entry);
	pipeline->is_dirty = true;
	return entry;
}

/* Without the kernel's own hook of device_del (tier T3) nobody else ends what
 * was entered for its node; unless the number is another one's by now. */
static void end_node(struct pipeline *pipeline, const struct usb_entry *entry)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	const struct usb_device *device = &entry->device;

	if (!entry->has_node)
		return;
	for (const struct usb_entry *other = pipeline->devices.usb; other;
	     other = other->next)
		if (other != entry && other->device.major == device->major &&
		    other->device.minor == device->minor)
			return;
	if (enforce.ops->usb_gone(enforce.context, device->major,
				  device->minor) < 0)
		(void)failure_count(pipeline->options.failures,
				    FAILURE_USB_WRITE);
}

void pipeline_forget_usb(struct pipeline *pipeline, struct usb_entry *entry)
{
	end_node(pipeline, entry);
	if (!entry->device.fact.is_controller && entry->decision.wall_ms != 0)
		pipeline_record_usb(pipeline, entry, RECORD_USB_DEVICE_REMOVED);
	pipeline_leave_grant(pipeline, entry->plug);
	devices_remove_usb(&pipeline->devices, entry);
	pipeline->is_dirty = true;
}

void pipeline_decide_usb(struct pipeline *pipeline,
			 const struct usb_entry *entry,
			 struct verdict *ret_verdict)
{
	struct decide_context context;

	if (entry->outcome != 0) {
		*ret_verdict = (struct verdict){
			.reason = VERDICT_INVALID_DEVICE,
			.rule = VERDICT_NO_RULE,
			.is_implicit = true,
		};
		(void)failure_count(pipeline->options.failures,
				    FAILURE_DESCRIPTOR);
		return;
	}
	if (pipeline_is_blind(pipeline)) {
		*ret_verdict = (struct verdict){
			.rule = VERDICT_NO_RULE,
			.is_implicit = true,
		};
		return;
	}
	pipeline_context(pipeline, &context);
	decide_usb(pipeline->bundle.ruleset, &entry->device.fact, &context,
		   ret_verdict);
	pipeline_judge_keyboard(pipeline, entry, ret_verdict);
}

struct lifeline_device *pipeline_lifeline(const struct pipeline *pipeline,
					  const struct usb_entry *entry,
					  size_t *ret_count, size_t *ret_index)
{
	struct lifeline_device *list = calloc(pipeline->devices.usb_count + 1,
					      sizeof(struct lifeline_device));
	size_t count = 0;

	if (!list)
		return NULL;
	for (const struct usb_entry *other = pipeline->devices.usb; other;
	     other = other->next) {
		/* An admitted keyboard, and one that should wait, stays only
		 * while there is no other, so it does not count itself. */
		bool is_self_admitted = other == entry &&
					(entry->was_admitted ||
					 entry->is_keyboard_held);
		/* One that was learned counts as what it will be if kept */
		bool is_self_learned = other == entry && entry->is_learned;
		if (other == entry)
			*ret_index = count;
		list[count++] = (struct lifeline_device){
			.fact = &other->device.fact,
			.is_usable = (other->device.fact.is_authorized ||
				      is_self_learned) &&
				     other->outcome == 0 && !is_self_admitted,
			.is_learned = other->is_learned,
		};
	}
	*ret_count = count;
	return list;
}

unsigned int pipeline_lifeline_roles(const struct pipeline *pipeline)
{
	unsigned int required = LIFELINE_KEYBOARD | LIFELINE_POINTER;

	if (pipeline->options.login_reader)
		required |= LIFELINE_READER;
	return required;
}

static int find_serio(const char *name, void *userdata)
{
	(void)userdata;
	return strncmp(name, "serio", 5) == 0 ? 1 : 0;
}

unsigned int pipeline_roles_elsewhere(const struct pipeline *pipeline)
{
	int r = sysfs_each(pipeline->options.root_fd,
			   "sys/bus/serio/drivers/atkbd", find_serio, NULL);

	return r == 1 ? LIFELINE_KEYBOARD : 0;
}

static bool is_under_system(const struct pipeline *pipeline,
			    const struct usb_entry *entry)
{
	char(*disks)[SYSFS_PATH_MAX] = calloc(MOUNT_BACKING_MAX,
					      sizeof(*disks));
	size_t count = 0, len = strlen(entry->device.devpath);
	bool found = false;

	/* What cannot be told counts as ours: taking away the disk under / is
	 * worse than leaving a device for the administrator to see. */
	if (!disks ||
	    mount_backing_disks(pipeline->options.root_fd, disks, &count) < 0)
		found = true;
	for (size_t i = 0; i < count && !found; i++)
		found = strncmp(disks[i], entry->device.devpath, len) == 0 &&
			disks[i][len] == '/';
	free(disks);
	return found;
}

/* Turns a refusal into keeping the device where people or the system would
 * lose what they stand on. */
static void spare(struct pipeline *pipeline, struct usb_entry *entry,
		  const struct verdict *verdict)
{
	_cleanup_free_ struct lifeline_device *list = NULL;
	unsigned int required = pipeline_lifeline_roles(pipeline);
	size_t count = 0, index = 0;
	struct usb_fact *fact = &entry->device.fact;

	list = pipeline_lifeline(pipeline, entry, &count, &index);
	bool kept = list &&
		    lifeline_loses(list, count, index, verdict, required) != 0;
	bool admitted = !kept && list && entry->outcome == 0 &&
			(!fact->is_authorized || entry->was_admitted ||
			 entry->is_keyboard_held) &&
			lifeline_admits(pipeline->bundle.ruleset, list, count,
					fact,
					pipeline_roles_elsewhere(pipeline));

	entry->is_lifeline = kept || admitted;
	entry->was_admitted = admitted;
	entry->is_system = false;
	if (entry->is_lifeline) {
		set_detail(&entry->decision,
			   kept ? "kept against the rules: the last of its kind"
				: "no other keyboard: admitted");
	} else if (fact->is_authorized && is_under_system(pipeline, entry)) {
		entry->is_system = true;
		set_detail(&entry->decision,
			   "kept: the running system stands on it");
	} else {
		return;
	}
	entry->decision.target = USB_TARGET_ALLOW;
	entry->decision.reason = RECORD_REASON_LIFELINE;
}

/* Only some interfaces of a composite: they come up unauthorised, then the
 * wanted ones are let in. */
static int authorize_some(struct pipeline *pipeline, struct usb_entry *entry,
			  const struct verdict *verdict)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	const struct usb_fact *fact = &entry->device.fact;
	int r = enforce.ops->usb_interfaces_default(enforce.context,
						    fact->via_port, false);
	if (r != 0)
		return r;
	r = enforce.ops->usb_authorize(enforce.context, fact->via_port);
	/* The hub's default is for every device on the bus: back at once */
	int back = enforce.ops->usb_interfaces_default(enforce.context,
						       fact->via_port, true);
	if (r != 0)
		return r;
	if (back < 0)
		return back;

	for (unsigned int i = 0; i < fact->interface_count; i++) {
		const struct usb_interface *interface = &fact->interfaces[i];
		char name[USB_IDENT_MAX_BYTES + 16];
		if (interface->alternate != 0 ||
		    interface->configuration !=
			    fact->interfaces[0].configuration)
			continue;
		(void)snprintf(name, sizeof(name), "%s:%u.%u", fact->via_port,
			       interface->configuration, interface->number);
		bool wanted = decide_interface(pipeline->bundle.ruleset,
					       verdict, interface);
		if (!wanted)
			continue;
		r = enforce.ops->usb_interface(enforce.context, name, true);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A device that was let in whole, before us or by an older policy, has drivers
 * on interfaces that the rule does not name: they go. One of keyboards and
 * readers alone may be the last of its kind and stays as it is. */
static int narrow(struct pipeline *pipeline, struct usb_entry *entry,
		  const struct verdict *verdict)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	const struct usb_fact *fact = &entry->device.fact;
	int result = 0;

	if (lifeline_roles(fact) != 0 || is_under_system(pipeline, entry))
		return 0;
	for (unsigned int i = 0; i < fact->interface_count; i++) {
		const struct usb_interface *interface = &fact->interfaces[i];
		char name[USB_IDENT_MAX_BYTES + 16];
		if (interface->alternate != 0 ||
		    decide_interface(pipeline->bundle.ruleset, verdict,
				     interface))
			continue;
		(void)snprintf(name, sizeof(name), "%s:%u.%u", fact->via_port,
			       interface->configuration, interface->number);
		/* Gone: of a configuration that is not in use */
		int r = enforce.ops->usb_interface(enforce.context, name,
						   false);
		if (r < 0)
			result = r;
	}
	return result;
}

/* Card readers, printers, cameras and vendor devices are driven from user
 * space; keyboards and network adapters are not, and storage never may be. */
static bool needs_node(const struct usb_fact *fact)
{
	const uint32_t wanted = USB_CHANNEL_BIT(USB_CHANNEL_SMARTCARD) |
				USB_CHANNEL_BIT(USB_CHANNEL_SECURITY_KEY) |
				USB_CHANNEL_BIT(USB_CHANNEL_PRINTER) |
				USB_CHANNEL_BIT(USB_CHANNEL_MTP) |
				USB_CHANNEL_BIT(USB_CHANNEL_PTP) |
				USB_CHANNEL_BIT(USB_CHANNEL_VENDOR);

	return (fact->channels & wanted) != 0 &&
	       !(fact->channels & USB_CHANNEL_BIT(USB_CHANNEL_STORAGE));
}

static int let_in(struct pipeline *pipeline, struct usb_entry *entry,
		  const struct verdict *verdict)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	struct usb_fact *fact = &entry->device.fact;
	int r = 0;

	if (!fact->is_authorized)
		r = verdict->is_per_interface && !entry->is_lifeline
			    ? authorize_some(pipeline, entry, verdict)
			    : enforce.ops->usb_authorize(enforce.context,
							 fact->via_port);
	else if (entry->is_keyboard_out != verdict->is_keyboard_held)
		r = pipeline_set_keyboards(pipeline, entry, verdict);
	else if (verdict->is_per_interface && !entry->is_lifeline)
		r = narrow(pipeline, entry, verdict);
	if (r != 0)
		return r;
	entry->is_keyboard_out = verdict->is_keyboard_held;
	if (!pipeline->is_monitor)
		fact->is_authorized = true;
	if (needs_node(fact)) {
		entry->has_node = true;
		r = enforce.ops->usb_node(enforce.context, fact->via_port,
					  true);
		if (r < 0) /* the device works, its node stays shut */
			(void)failure_count(pipeline->options.failures,
					    FAILURE_USB_WRITE);
	}
	return 0;
}

static int keep_out(struct pipeline *pipeline, struct usb_entry *entry)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	struct usb_fact *fact = &entry->device.fact;
	int r = 0;

	if (entry->decision.target == USB_TARGET_REJECT) {
		r = enforce.ops->usb_remove(enforce.context, fact->via_port);
		if (r < 0) /* still there: without drivers, then */
			(void)failure_count(pipeline->options.failures,
					    FAILURE_USB_WRITE);
	}
	if (fact->is_authorized &&
	    (r < 0 || entry->decision.target != USB_TARGET_REJECT)) {
		(void)enforce.ops->usb_node(enforce.context, fact->via_port,
					    false); /* gone with the device */
		r = enforce.ops->usb_deauthorize(enforce.context,
						 fact->via_port);
	}
	if (r >= 0 && !pipeline->is_monitor)
		fact->is_authorized = false;
	return r;
}

static void enforce_usb(struct pipeline *pipeline, struct usb_entry *entry,
			const struct verdict *verdict)
{
	bool blocking = pipeline_keeps_out(pipeline, &entry->decision);
	int r = blocking ? keep_out(pipeline, entry)
			 : let_in(pipeline, entry, verdict);

	if (r < 0) {
		(void)failure_count(pipeline->options.failures,
				    FAILURE_USB_WRITE);
		entry->decision.reason = RECORD_REASON_ENFORCEMENT;
		set_detail(&entry->decision, errno_text(r));
		log_error(pipeline->options.log, "cannot %s '%s': %s",
			  blocking ? "block" : "authorise",
			  entry->device.fact.via_port, errno_text(r));
	}
	entry->state = entry->device.fact.is_authorized	     ? DEVICE_AUTHORISED
		       : blocking && entry->is_keyboard_held ? DEVICE_HELD
							     : DEVICE_BLOCKED;
}

static void judge_controller(struct pipeline *pipeline, struct usb_entry *entry)
{
	struct usb_auth *auth = pipeline->options.usb_auth;

	/* A root hub is the controller itself: nobody plugged it in, and what
	 * comes through it is judged. */
	entry->decision = (struct decision){
		.target = USB_TARGET_ALLOW,
		.rule = VERDICT_NO_RULE,
		.wall_ms = clock_wall_ns() / NS_PER_MS,
	};
	entry->state = DEVICE_AUTHORISED;
	if (!auth || pipeline->is_monitor)
		return;
	int r = usb_auth_set_hub_default(auth, entry->device.fact.via_port,
					 USB_AUTH_NONE);
	if (r < 0 && r != -ENODEV)
		(void)failure_raise(pipeline->options.failures,
				    FAILURE_USB_DEFAULT, errno_text(r));
}

static enum record_code code_of(const struct usb_entry *entry)
{
	if (entry->is_lifeline || entry->is_system)
		return RECORD_LIFELINE_KEPT;
	if (is_blocking(&entry->decision) &&
	    entry->decision.reason == RECORD_REASON_TYPING)
		return RECORD_USB_KEYBOARD_CUT;
	if (is_blocking(&entry->decision) &&
	    entry->decision.reason == RECORD_REASON_HELD)
		return RECORD_USB_DEVICE_HELD;
	/* What the kernel did not obey is told by what is, not by what should
	 * be: an allowed device that stayed shut is blocked. */
	if (entry->decision.is_monitor)
		return is_blocking(&entry->decision)
			       ? RECORD_USB_DEVICE_BLOCKED
			       : RECORD_USB_DEVICE_ALLOWED;
	return entry->state == DEVICE_AUTHORISED ? RECORD_USB_DEVICE_ALLOWED
						 : RECORD_USB_DEVICE_BLOCKED;
}

/*
 * The kernel tells of a device before its own generic driver has looked at it
 * (drivers/usb/core/hub.c usb_new_device, generic.c). Authorised in between, it
 * would be configured twice: a disk goes and comes back by another name, and
 * every interface is let in the second time. So what is to be let in waits for
 * "bind"; unjudged, it stays shut.
 * "bind" comes with the link, under the lock that "authorized" takes too.
 */
#define PUT_OFF_MAX_NS (5 * NS_PER_S)

static bool is_too_early(const struct pipeline *pipeline,
			 const struct usb_entry *entry)
{
	char path[SYSFS_PATH_MAX];
	char target[1];

	const struct usb_fact *fact = &entry->device.fact;

	/* A hub has nothing to lose; configured anew, it looks at its ports
	 * once more. */
	if (fact->is_authorized ||
	    pipeline_keeps_out(pipeline, &entry->decision) ||
	    fact->channels == USB_CHANNEL_BIT(USB_CHANNEL_HUB))
		return false;
	(void)snprintf(path, sizeof(path), "sys/bus/usb/devices/%s/driver",
		       entry->device.fact.via_port);
	return readlinkat(pipeline->options.root_fd, path, target,
			  sizeof(target)) < 0;
}

/* A keyboard that the rules allow ends the admission of one they do not. */
static void review_admitted(struct pipeline *pipeline,
			    const struct usb_entry *entry)
{
	if (entry->is_lifeline || entry->state != DEVICE_AUTHORISED ||
	    !(lifeline_roles(&entry->device.fact) & LIFELINE_KEYBOARD))
		return;
	for (struct usb_entry *other = pipeline->devices.usb; other;
	     other = other->next)
		if (other->was_admitted)
			pipeline_judge_usb(pipeline, other, true);
}

void pipeline_judge_usb(struct pipeline *pipeline, struct usb_entry *entry,
			bool quiet)
{
	const struct decision before = entry->decision;
	const enum device_state state_before = entry->state;
	const bool was_lifeline = entry->is_lifeline;
	struct verdict verdict;

	if (entry->device.fact.is_controller) {
		judge_controller(pipeline, entry);
		return;
	}
	const struct grants_row *grant =
		pipeline_decide_usb_granted(pipeline, entry, &verdict);
	pipeline_settle(pipeline, entry, &verdict);
	pipeline_take_grant(grant, &entry->decision);
	if (entry->outcome != 0) {
		set_detail(&entry->decision,
			   usb_outcome_to_str(entry->outcome));
	} else if (pipeline_is_blind(pipeline)) {
		entry->decision.reason = RECORD_REASON_UNJUDGED;
		set_detail(&entry->decision, PIPELINE_BLIND);
	}
	if (is_too_early(pipeline, entry)) {
		if (clock_mono_ns() - entry->mono_seen_ns < PUT_OFF_MAX_NS) {
			entry->decision = before;
			return;
		}
		/* The next scan comes by: the kernel does not want it */
		entry->decision.target = USB_TARGET_BLOCK;
		entry->decision.reason = RECORD_REASON_ENFORCEMENT;
		set_detail(&entry->decision, "the kernel bound no driver");
	}
	entry->is_lifeline = entry->is_system = false;
	if (pipeline_keeps_out(pipeline, &entry->decision))
		spare(pipeline, entry, &verdict);
	else
		entry->was_admitted = false;
	if (pipeline_waits_for_media(pipeline, entry,
				     pipeline_keeps_out(pipeline,
							&entry->decision))) {
		/* Told when it is done: until then it is what it was */
		entry->decision = before;
		entry->is_waiting = true;
		return;
	}
	entry->is_waiting = false;
	enforce_usb(pipeline, entry, &verdict);

	bool is_told = entry->is_told &&
		       before.target == entry->decision.target;
	/* Kept against another rule than before is news to the administrator */
	bool is_changed = before.wall_ms == 0 ||
			  before.target != entry->decision.target ||
			  state_before != entry->state ||
			  (entry->is_lifeline &&
			   (!was_lifeline ||
			    before.rule_line != entry->decision.rule_line));
	entry->is_told = false;
	pipeline->is_dirty = true;
	if (pipeline->is_starting)
		pipeline->cold_usb++;
	if (!is_told && (!quiet || is_changed))
		pipeline_record_usb(pipeline, entry, code_of(entry));
	pipeline_use_usb(pipeline, entry);
	review_admitted(pipeline, entry);
}

void pipeline_judge_new_usb(struct pipeline *pipeline)
{
	for (struct usb_entry *entry = pipeline->devices.usb; entry;
	     entry = entry->next)
		if (entry->decision.wall_ms == 0)
			pipeline_judge_usb(pipeline, entry, false);
}
