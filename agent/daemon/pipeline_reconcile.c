/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reconciliation: what the kernel has against what was decided, device by
 * device, after a scan of what is there. A difference that somebody made is an
 * event, and is put right in the same breath; one that we could not make
 * before is tried again. Decides nothing new and waits for nothing.
 */
#include "agent/daemon/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "agent/base/cleanup.h"
#include "agent/sense/mount.h"

/* Room for the name of an interface: "1-1.2:1.0". */
#define INTERFACE_NAME_MAX (USB_IDENT_MAX_BYTES + 16)

static void tell(struct pipeline *pipeline, struct record *record,
		 const char *kind, bool is_held)
{
	record->code = RECORD_AGENT_TAMPER;
	record->u.tamper = (struct record_tamper){
		.kind = kind,
		.detected_by = "scan",
		.is_held = is_held,
	};
	pipeline->options.sink.emit(pipeline->options.sink.userdata, record);
}

static void tell_usb(struct pipeline *pipeline, const struct usb_entry *entry,
		     const char *kind, bool is_held)
{
	struct record record = {
		.correlation = entry->plug,
		.usb = &entry->device.fact,
	};

	tell(pipeline, &record, kind, is_held);
}

static void tell_medium(struct pipeline *pipeline,
			const struct medium_entry *entry, const char *kind,
			bool is_held)
{
	struct media_fact fact;
	struct record record = {
		.correlation = entry->plug,
		.media = &fact,
	};

	pipeline_media_fact(pipeline, entry, &fact);
	tell(pipeline, &record, kind, is_held);
}

/* The kernel did not obey, or not everything could be seen. */
static bool must_try_again(const struct decision *decision)
{
	return decision->reason == RECORD_REASON_ENFORCEMENT ||
	       strcmp(decision->detail, PIPELINE_BLIND) == 0;
}

/* --- USB ------------------------------------------------------------------ */

/* ATTRIBUTE of the sysfs folder at DEVPATH/NAME ("": of DEVPATH itself) is a
 * number other than 0. What cannot be read is not. */
static bool is_on(const struct pipeline *pipeline, const char *devpath,
		  const char *name, const char *attribute)
{
	_cleanup_close_ int fd = -1;
	char path[SYSFS_PATH_MAX + INTERFACE_NAME_MAX + 8];
	uint64_t value = 0;

	(void)snprintf(path, sizeof(path), "sys%s%s%s", devpath,
		       name[0] ? "/" : "", name);
	if (sysfs_open_dir(pipeline->options.root_fd, path, &fd) < 0 ||
	    sysfs_read_number(fd, attribute, 10, &value) < 0)
		return false;
	return value != 0;
}

/* A root hub that lets everything in again. */
static void check_controller(struct pipeline *pipeline,
			     const struct usb_entry *entry)
{
	struct usb_auth *auth = pipeline->options.usb_auth;

	if (!auth ||
	    !is_on(pipeline, entry->device.devpath, "", "authorized_default"))
		return;
	int r = usb_auth_set_hub_default(auth, entry->device.fact.via_port,
					 USB_AUTH_NONE);
	tell_usb(pipeline, entry, "authorized-default", r >= 0);
}

/* An interface that the rule does not name was let in. */
static void check_interfaces(struct pipeline *pipeline,
			     const struct usb_entry *entry)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	const struct usb_fact *fact = &entry->device.fact;
	struct verdict verdict;

	/* One of keyboards and readers that was let in whole stays whole */
	if (!entry->decision.is_per_interface || entry->is_lifeline ||
	    (entry->was_present && lifeline_roles(fact) != 0))
		return;
	pipeline_decide_usb(pipeline, entry, &verdict);
	for (unsigned int i = 0; i < fact->interface_count; i++) {
		const struct usb_interface *interface = &fact->interfaces[i];
		char name[INTERFACE_NAME_MAX];

		(void)snprintf(name, sizeof(name), "%s:%u.%u", fact->via_port,
			       interface->configuration, interface->number);
		if (interface->alternate != 0 ||
		    !is_on(pipeline, entry->device.devpath, name,
			   "authorized") ||
		    decide_interface(pipeline->bundle.ruleset, &verdict,
				     interface))
			continue;
		int r = enforce.ops->usb_interface(enforce.context, name,
						   false);
		tell_usb(pipeline, entry, "interface", r >= 0);
	}
}

static void check_usb(struct pipeline *pipeline, struct usb_entry *entry)
{
	bool is_authorized = entry->device.fact.is_authorized;
	bool is_refused = pipeline_keeps_out(pipeline, &entry->decision);

	if (entry->decision.wall_ms == 0)
		return;
	if (entry->device.fact.is_controller) {
		check_controller(pipeline, entry);
		return;
	}
	/* Asked again, and told only if it comes out otherwise now. What
	 * somebody authorised by hand was taken back on sight. */
	if ((is_refused && is_authorized) || must_try_again(&entry->decision)) {
		pipeline_judge_usb(pipeline, entry, true);
		return;
	}
	if (!is_refused && !is_authorized &&
	    entry->state == DEVICE_AUTHORISED) {
		/* Switched off behind our back: policy lets it in */
		entry->state = DEVICE_BLOCKED;
		pipeline_judge_usb(pipeline, entry, true);
		return;
	}
	if (is_authorized)
		check_interfaces(pipeline, entry);
}

/* --- media ---------------------------------------------------------------- */

/* The guard's entry or the read-only flag is not what we set. */
static void check_medium(struct pipeline *pipeline, struct medium_entry *entry)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	enum guard_access wanted = pipeline_guard_access(entry->access);

	if (entry->decision.wall_ms == 0 || entry->is_ending)
		return; /* read-only now would lose what is not written yet */
	if (must_try_again(&entry->decision)) {
		pipeline_judge_medium(pipeline, entry, true);
		return;
	}
	int r = enforce.ops->media_check(enforce.context, entry->disk.name,
					 entry->disk.diskseq, wanted);
	if (r != ENFORCE_DIFFERS)
		return; /* gone: its uevent is on the way */
	r = enforce.ops->media_set(enforce.context, entry->disk.name,
				   entry->disk.diskseq, wanted);
	if (r < 0)
		(void)failure_count(pipeline->options.failures,
				    FAILURE_MEDIA_WRITE);
	tell_medium(pipeline, entry, "media", r >= 0);
}

/* The medium that NUMBER is, or is a partition of. */
static struct medium_entry *medium_of(struct pipeline *pipeline, uint32_t major,
				      uint32_t minor)
{
	char link[64], devpath[SYSFS_PATH_MAX];

	(void)snprintf(link, sizeof(link), "sys/dev/block/%u:%u", major, minor);
	if (sysfs_devpath_of(pipeline->options.root_fd, link, devpath) < 0)
		return NULL;
	return devices_medium_at(&pipeline->devices, devpath);
}

static int check_mount(const struct mount_entry *mount, void *userdata)
{
	struct pipeline *pipeline = userdata;
	struct medium_entry *entry = medium_of(pipeline, mount->major,
					       mount->minor);

	if (!entry || entry->decision.wall_ms == 0 ||
	    entry->access != MEDIA_DENY || entry->was_open ||
	    entry->is_mount_told || entry->is_ending)
		return 0; /* a use that was allowed ends with its permission */
	entry->is_mount_told = true;
	tell_medium(pipeline, entry, "mount",
		    pipeline_end_medium(pipeline, entry, MEDIA_DENY));
	return 0;
}

/* --- the guard's own table ------------------------------------------------ */

static const struct usb_entry *usb_numbered(const struct pipeline *pipeline,
					    uint32_t major, uint32_t minor)
{
	for (const struct usb_entry *entry = pipeline->devices.usb; entry;
	     entry = entry->next)
		if (entry->device.major == major &&
		    entry->device.minor == minor)
			return entry;
	return NULL;
}

/* Whether an entry of the guard stands for something that is there and was let
 * in. Disks are left to the check of their medium; here only those go whose
 * disk has gone. */
static bool is_entry_due(const struct pipeline *pipeline, uint64_t key,
			 const struct usb_entry **ret_usb)
{
	uint32_t major = GUARD_KEY_MAJOR(key), minor = GUARD_KEY_MINOR(key);
	char link[64], devpath[SYSFS_PATH_MAX];

	*ret_usb = NULL;
	if (GUARD_KEY_IS_CHAR(key) && major == GUARD_USBFS_MAJOR) {
		*ret_usb = usb_numbered(pipeline, major, minor);
		return *ret_usb && (*ret_usb)->state == DEVICE_AUTHORISED;
	}
	(void)snprintf(link, sizeof(link), "sys/dev/%s/%u:%u",
		       GUARD_KEY_IS_CHAR(key) ? "char" : "block", major, minor);
	return sysfs_devpath_of(pipeline->options.root_fd, link, devpath) !=
	       -ENOENT;
}

static void check_guard(struct pipeline *pipeline)
{
	struct block_guard *guard = pipeline->options.guard;
	uint64_t due[GUARD_POLICY_MAX];
	size_t count = 0;

	if (!guard)
		return;
	/* Listed first: a key that is taken out ends a walk */
	int r = block_guard_entries(guard, due, GUARD_POLICY_MAX, &count);
	if (r < 0)
		log_error(pipeline->options.log,
			  "cannot list the guard's entries: %s", errno_text(r));
	for (size_t i = 0; i < count; i++) {
		const struct usb_entry *usb;
		if (is_entry_due(pipeline, due[i], &usb))
			continue;
		r = block_guard_clear(guard, due[i]);
		if (usb) /* there, and refused: nobody but root opens it */
			tell_usb(pipeline, usb, "guard-entry", r >= 0);
	}
}

void pipeline_reconcile(struct pipeline *pipeline)
{
	if (pipeline->is_monitor)
		return; /* nothing was done that could be undone */
	for (struct usb_entry *entry = pipeline->devices.usb; entry;
	     entry = entry->next)
		check_usb(pipeline, entry);
	for (struct medium_entry *entry = pipeline->devices.media; entry;
	     entry = entry->next)
		check_medium(pipeline, entry);
	check_guard(pipeline);
	int r = mount_each(pipeline->options.root_fd, check_mount, pipeline);
	if (r < 0 && r != -ENOENT)
		log_error(pipeline->options.log, "cannot read the mounts: %s",
			  errno_text(r));
}
