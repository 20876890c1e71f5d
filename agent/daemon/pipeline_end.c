/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking access away while it is being used: close to newcomers first, end what
 * is there (options.end, which takes its time), then the disk and the USB
 * device. Never the device before its media.
 */
#include "agent/daemon/pipeline.h"

#include <string.h>

bool pipeline_end_medium(struct pipeline *pipeline, struct medium_entry *entry,
			 enum media_access left)
{
	struct enforce real = pipeline->options.real;

	if (!pipeline->options.end || pipeline->is_monitor)
		return false;
	int r = real.ops->media_close(real.context, entry->disk.name,
				      entry->disk.diskseq,
				      pipeline_guard_access(left));
	if (r == ENFORCE_GONE)
		return true; /* its remove event is on the way */
	if (r < 0 ||
	    pipeline->options.end(pipeline->options.userdata, entry, left) < 0)
		return false;
	entry->is_ending = true;
	entry->left = left;
	entry->was_mounted = false;
	if (pipeline->options.guard)
		entry->access = left;
	return true;
}

void pipeline_ended(struct pipeline *pipeline, struct medium_entry *entry)
{
	char usb_devpath[SYSFS_PATH_MAX];
	enum media_access before = entry->access;

	if (!entry->is_ending)
		return;
	memcpy(usb_devpath, entry->disk.usb_devpath, sizeof(usb_devpath));
	bool is_waited_for = entry->is_parent_out;
	pipeline_set_medium(pipeline, entry);
	entry->is_ending = false;
	pipeline->is_dirty = true;
	/* With a guard the verdict was told when it closed; news is what
	 * became of it otherwise, and what counts only now without one */
	if (entry->access != before)
		pipeline_tell_medium(pipeline, entry);
	if (is_waited_for)
		pipeline_judge_waiting(pipeline, usb_devpath);
}

/* DEVPATH is the device's or of one below it. */
static bool is_at_or_below(const char *devpath, const struct usb_entry *entry)
{
	size_t len = strlen(entry->device.devpath);

	return strncmp(devpath, entry->device.devpath, len) == 0 &&
	       (devpath[len] == '\0' || devpath[len] == '/');
}

static bool waits_for(struct pipeline *pipeline, struct medium_entry *medium)
{
	struct enforce real = pipeline->options.real;

	if (!medium->is_ending &&
	    real.ops->media_in_use(real.context, medium->disk.name,
				   medium->disk.diskseq) != ENFORCE_BUSY)
		return false;
	if (medium->is_parent_out)
		return medium->is_ending;
	medium->is_parent_out = true;
	/* Denied for that reason; that it is mounted must not be forgotten
	 * where it was never opened by us */
	medium->was_mounted |= !medium->is_ending;
	pipeline_judge_medium(pipeline, medium, true);
	return medium->is_ending;
}

bool pipeline_waits_for_media(struct pipeline *pipeline,
			      const struct usb_entry *entry, bool is_kept_out)
{
	bool waits = false;

	if (!pipeline->options.end || pipeline->is_monitor)
		return false;
	for (struct medium_entry *medium = pipeline->devices.media; medium;
	     medium = medium->next) {
		if (medium->disk.usb_devpath[0] == '\0' ||
		    !is_at_or_below(medium->disk.usb_devpath, entry))
			continue;
		if (is_kept_out && entry->device.fact.is_authorized)
			waits |= waits_for(pipeline, medium);
		else if (entry->is_waiting)
			medium->is_parent_out = false; /* allowed again */
	}
	return waits;
}

void pipeline_judge_waiting(struct pipeline *pipeline, const char *usb_devpath)
{
	for (struct usb_entry *entry = pipeline->devices.usb; entry;
	     entry = entry->next)
		if (entry->is_waiting && is_at_or_below(usb_devpath, entry))
			pipeline_judge_usb(pipeline, entry, true);
}
