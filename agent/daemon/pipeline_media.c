/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One medium through the pipeline. The kernel guard refuses what is not
 * entered, so a denial needs no act; only giving access does.
 */
#include "agent/daemon/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/sysmacros.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/daemon/grants.h"

static void set_detail(struct decision *decision, const char *detail)
{
	(void)snprintf(decision->detail, sizeof(decision->detail), "%s",
		       detail);
}

enum guard_access pipeline_guard_access(enum media_access access)
{
	switch (access) {
	case MEDIA_READ_ONLY:
		return GUARD_READ_ONLY;
	case MEDIA_READ_WRITE:
		return GUARD_READ_WRITE;
	case MEDIA_DENY:
	case MEDIA_ACCESS_COUNT:
		break;
	}
	return GUARD_DENY;
}

static uint64_t disk_key(const struct block_disk *disk)
{
	return block_guard_key(false, makedev(disk->major, disk->minor));
}

/* Whether the disk is judged at all: the guard knows which are the system's
 * and which are fixed; without a guard the bus tells. */
static bool is_medium(const struct pipeline *pipeline,
		      const struct block_disk *disk)
{
	struct guard_device known;

	if (pipeline->options.guard &&
	    block_guard_device(pipeline->options.guard, disk_key(disk),
			       &known) == 0) {
		if (known.flags & GUARD_DEVICE_SYSTEM)
			return false;
		/* The drive may be built in, its medium never is */
		if (known.kind == GUARD_KIND_OPTICAL ||
		    known.kind == GUARD_KIND_FLOPPY)
			return true;
		if (known.bus == GUARD_BUS_FIXED)
			return !pipeline_is_known_disk(pipeline, disk);
		return known.bus != GUARD_BUS_VIRTUAL;
	}
	switch (disk->bus) {
	case MEDIA_BUS_USB:
	case MEDIA_BUS_SD:
	case MEDIA_BUS_THUNDERBOLT:
	case MEDIA_BUS_FIREWIRE:
	case MEDIA_BUS_NETWORK:
	case MEDIA_BUS_FLOPPY:
		return true;
	case MEDIA_BUS_OPTICAL:
		return disk->usb_devpath[0] != '\0';
	default:
		return false;
	}
}

void pipeline_media_fact(const struct pipeline *pipeline,
			 const struct medium_entry *medium,
			 struct media_fact *ret_fact)
{
	const struct usb_entry *parent = NULL;

	if (medium->disk.usb_devpath[0] != '\0')
		parent = devices_usb(&pipeline->devices,
				     medium->disk.usb_devpath);
	block_fact(&medium->disk, parent ? &parent->device.fact : NULL,
		   ret_fact);
	memcpy(ret_fact->fs_type, medium->fs_type, sizeof(ret_fact->fs_type));
	memcpy(ret_fact->fs_uuid, medium->fs_uuid, sizeof(ret_fact->fs_uuid));
	memcpy(ret_fact->label, medium->label, sizeof(ret_fact->label));
	ret_fact->is_encrypted = medium->is_encrypted;
	/* What we switched ourselves is no property of the medium */
	if (medium->access == MEDIA_READ_ONLY)
		ret_fact->is_write_protected = false;
}

static void decide(struct pipeline *pipeline, struct medium_entry *entry)
{
	struct decide_context context;
	struct media_fact fact;
	struct verdict verdict;

	pipeline_media_fact(pipeline, entry, &fact);
	pipeline_context(pipeline, &context);
	decide_media(pipeline->bundle.ruleset, &fact, &context, &verdict);
	const struct grants_row *grant = NULL;
	if (pipeline_may_grant(pipeline, &verdict))
		grant = grants_raise_media(pipeline->options.grants, &fact,
					   entry->plug, clock_boot_ns(),
					   &verdict);
	pipeline_take_verdict(pipeline, &verdict, &entry->decision);
	pipeline_take_grant(grant, &entry->decision);
	if (entry->is_parent_out && entry->decision.access != MEDIA_DENY) {
		entry->decision.access = MEDIA_DENY;
		entry->decision.reason = RECORD_REASON_PARENT;
		set_detail(&entry->decision,
			   "its USB device is not allowed any more");
		return;
	}
	bool is_blind = pipeline_is_blind(pipeline);
	if ((!entry->is_unreadable && !is_blind) ||
	    (verdict.access == MEDIA_DENY && !verdict.is_monitor))
		return;
	/* A medium that breaks its reader is given to nobody */
	entry->decision.access = MEDIA_DENY;
	entry->decision.is_monitor = pipeline->is_monitor;
	entry->decision.reason = RECORD_REASON_UNJUDGED;
	set_detail(&entry->decision,
		   is_blind ? PIPELINE_BLIND
			    : "the probe of the medium failed");
}

/* Tier T4: nothing refuses opens, so the whole device goes. */
static int cut_off(struct pipeline *pipeline, struct medium_entry *entry)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	struct usb_entry *parent = devices_usb(&pipeline->devices,
					       entry->disk.usb_devpath);

	if (!parent || parent->is_system || parent->is_lifeline)
		return -EOPNOTSUPP;
	if (!parent->device.fact.is_authorized)
		return 0; /* off already */
	if (entry->decision.detail[0] == '\0')
		set_detail(&entry->decision,
			   "no kernel guard: its USB device is off");
	int r = enforce.ops->usb_deauthorize(enforce.context,
					     parent->device.fact.via_port);
	if (r >= 0 && !pipeline->is_monitor) {
		parent->device.fact.is_authorized = false;
		parent->state = DEVICE_BLOCKED;
	}
	return r;
}

/* A rule on trial (`monitor`) takes nothing away: it is only told. */
static enum media_access wanted_access(const struct pipeline *pipeline,
				       const struct decision *decision)
{
	if (decision->is_monitor && !pipeline->is_monitor)
		return MEDIA_READ_WRITE;
	return decision->access;
}

/* Refused stays refused; what was given too much is told by what is in force,
 * and without a guard that is what the kernel does by itself. */
static void fail(struct pipeline *pipeline, struct medium_entry *entry,
		 enum media_access wanted, int r)
{
	struct enforce enforce = pipeline_enforce(pipeline);

	(void)failure_count(pipeline->options.failures, FAILURE_MEDIA_WRITE);
	entry->decision.reason = RECORD_REASON_ENFORCEMENT;
	set_detail(&entry->decision, errno_text(r));
	log_error(pipeline->options.log, "cannot set '%s' to %s: %s",
		  entry->disk.name, media_access_to_str(wanted), errno_text(r));
	if (pipeline->options.guard || wanted != MEDIA_DENY)
		return;
	/* The kernel's flag is the best there is; root can take it off */
	r = enforce.ops->media_set(enforce.context, entry->disk.name,
				   entry->disk.diskseq, GUARD_READ_ONLY);
	entry->access = r == 0 || r == ENFORCE_BUSY ? MEDIA_READ_ONLY
						    : MEDIA_READ_WRITE;
	set_detail(&entry->decision,
		   "no kernel guard, and its USB device stays");
}

void pipeline_set_medium(struct pipeline *pipeline, struct medium_entry *entry)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	enum media_access wanted = wanted_access(pipeline, &entry->decision);
	int r = 0;

	if (wanted != MEDIA_DENY || entry->access != MEDIA_DENY ||
	    entry->is_ending)
		r = enforce.ops->media_set(enforce.context, entry->disk.name,
					   entry->disk.diskseq,
					   pipeline_guard_access(wanted));
	if (r != ENFORCE_GONE && wanted == MEDIA_DENY &&
	    !pipeline->options.guard)
		r = cut_off(pipeline, entry);

	if (r == ENFORCE_GONE)
		return; /* its remove event is on the way */
	if (r < 0) {
		fail(pipeline, entry, wanted, r);
		return;
	}
	if (r == ENFORCE_BUSY && wanted == MEDIA_DENY && !entry->is_ending)
		set_detail(&entry->decision, "what is mounted stays until it "
					     "is unmounted");
	if (!pipeline->is_monitor)
		entry->access = wanted;
	entry->was_open |= entry->access != MEDIA_DENY;
}

static void enforce_medium(struct pipeline *pipeline,
			   struct medium_entry *entry)
{
	enum media_access wanted = wanted_access(pipeline, &entry->decision);
	enum media_access now = entry->access;

	if (pipeline->is_monitor && entry->is_ending) {
		/* Monitoring touches nothing: called off */
		(void)!pipeline->options.end(pipeline->options.userdata, entry,
					     MEDIA_READ_WRITE);
		entry->is_ending = false;
	}
	/* What is ending or was mounted before us is still written */
	if (entry->was_mounted || entry->is_ending)
		now = MEDIA_READ_WRITE;
	if (entry->is_ending && wanted == entry->left)
		return; /* on its way */
	if (wanted == entry->access && wanted != MEDIA_DENY &&
	    !entry->is_ending && !entry->was_mounted)
		return;
	if (wanted < now && pipeline_end_medium(pipeline, entry, wanted))
		return;
	bool reopens = wanted == MEDIA_READ_WRITE && pipeline->options.end &&
		       (entry->is_ending || entry->access == MEDIA_READ_ONLY);
	entry->was_mounted = entry->is_ending = false;
	pipeline_set_medium(pipeline, entry);
	if (reopens && entry->access == wanted)
		/* Else whoever has it mounted mounts it again */
		(void)!pipeline->options.end(pipeline->options.userdata, entry,
					     wanted);
}

static enum record_code code_of(enum media_access access)
{
	switch (access) {
	case MEDIA_READ_WRITE:
		return RECORD_MEDIA_ALLOWED;
	case MEDIA_READ_ONLY:
		return RECORD_MEDIA_READONLY;
	case MEDIA_DENY:
	case MEDIA_ACCESS_COUNT:
		break;
	}
	return RECORD_MEDIA_DENIED;
}

/* What the medium can be used for, where that is not what was decided: without
 * a guard the kernel refuses nothing by itself. */
static enum media_access in_force(const struct pipeline *pipeline,
				  const struct medium_entry *entry)
{
	if (entry->decision.reason != RECORD_REASON_ENFORCEMENT)
		return wanted_access(pipeline, &entry->decision);
	return !pipeline->options.guard && entry->access == MEDIA_DENY
		       ? MEDIA_READ_WRITE
		       : entry->access;
}

void pipeline_tell_medium(struct pipeline *pipeline, struct medium_entry *entry)
{
	/* In monitor mode the verdict is told, else what came of it */
	bool failed = entry->decision.reason == RECORD_REASON_ENFORCEMENT;

	entry->state = in_force(pipeline, entry) == MEDIA_DENY
			       ? DEVICE_BLOCKED
			       : DEVICE_AUTHORISED;
	pipeline_record_medium(pipeline, entry,
			       code_of(failed ? in_force(pipeline, entry)
					      : entry->decision.access));
}

void pipeline_judge_medium(struct pipeline *pipeline,
			   struct medium_entry *entry, bool quiet)
{
	const struct decision before = entry->decision;
	const enum media_access access_before = entry->access;

	decide(pipeline, entry);
	if (before.wall_ms == 0)
		pipeline_forget_looks(entry);
	enforce_medium(pipeline, entry);
	entry->state = in_force(pipeline, entry) == MEDIA_DENY
			       ? DEVICE_BLOCKED
			       : DEVICE_AUTHORISED;

	bool is_told = entry->is_told &&
		       before.access == entry->decision.access;
	bool is_changed = before.wall_ms == 0 ||
			  before.access != entry->decision.access ||
			  access_before != entry->access;
	entry->is_told = false;
	pipeline->is_dirty = true;
	if (pipeline->is_starting)
		pipeline->cold_media++;
	/* Without a guard nothing refuses yet: told when it has ended */
	if (!is_told && (!quiet || is_changed) &&
	    (!entry->is_ending || pipeline->options.guard))
		pipeline_tell_medium(pipeline, entry);
	pipeline_use_medium(pipeline, entry);
}

/* The entry of the guard survives a restart of the daemon; what was mounted
 * before the gate was there may be more than there will be. */
static void adopt_access(struct pipeline *pipeline, struct medium_entry *entry)
{
	struct enforce real = pipeline->options.real;
	struct guard_policy policy;

	entry->was_mounted =
		pipeline->is_starting && pipeline->options.end &&
		real.ops->media_in_use(real.context, entry->disk.name,
				       entry->disk.diskseq) == ENFORCE_BUSY;

	if (!pipeline->options.guard ||
	    block_guard_entry(pipeline->options.guard, disk_key(&entry->disk),
			      &policy) < 0 ||
	    policy.diskseq != entry->disk.diskseq)
		return;
	/* Entered as denied and in use: it was ending */
	entry->was_mounted &= policy.access == GUARD_DENY;
	if (policy.access == GUARD_READ_WRITE)
		entry->access = MEDIA_READ_WRITE;
	else if (policy.access == GUARD_READ_ONLY)
		entry->access = MEDIA_READ_ONLY;
	entry->was_open = entry->access != MEDIA_DENY;
}

static void remember_plug(struct pipeline *pipeline, struct medium_entry *entry)
{
	const struct session_row *row = NULL;
	const struct usb_entry *parent = NULL;

	if (entry->disk.usb_devpath[0] != '\0')
		parent = devices_usb(&pipeline->devices,
				     entry->disk.usb_devpath);
	if (pipeline->options.session)
		row = session_find(pipeline->options.session,
				   entry->disk.devpath, entry->disk.diskseq);
	if (row && row->is_medium) {
		memcpy(entry->plug, row->plug, sizeof(entry->plug));
		entry->is_told = true;
		entry->decision.access = (enum media_access)row->outcome;
	} else if (parent) {
		/* One plug, one session: the stick and what is on it */
		memcpy(entry->plug, parent->plug, sizeof(entry->plug));
	} else {
		pipeline_new_plug(entry->plug);
	}
}

static void start_judging(struct pipeline *pipeline, struct medium_entry *entry)
{
	int r = -ENOMEDIUM;

	/* An empty reader has nothing to probe */
	if (entry->disk.size_bytes > 0 && pipeline->options.probe)
		r = pipeline->options.probe(pipeline->options.userdata, entry);
	if (r == 0) {
		entry->state = DEVICE_HELD;
		return;
	}
	/* What is on it cannot be known, and a rule may be about that */
	entry->is_unreadable = r != -ENOMEDIUM;
	if (entry->is_unreadable)
		(void)failure_count(pipeline->options.failures, FAILURE_PROBE);
	pipeline_judge_medium(pipeline, entry, false);
}

struct medium_entry *pipeline_see_medium(struct pipeline *pipeline,
					 const char *devpath)
{
	struct medium_entry *entry = NULL;
	struct block_disk disk;

	uint64_t mono_seen_ns = clock_mono_ns();
	if (block_read(pipeline->options.root_fd, devpath, &disk) < 0 ||
	    disk.is_partition)
		return NULL;
	entry = devices_medium(&pipeline->devices, disk.name);
	if (entry && entry->disk.diskseq == disk.diskseq &&
	    entry->disk.size_bytes == disk.size_bytes &&
	    strcmp(entry->disk.devpath, disk.devpath) == 0)
		return entry; /* our own "add", or one that was replayed */
	if (entry)
		pipeline_forget_medium(pipeline, entry);
	if (!is_medium(pipeline, &disk)) {
		pipeline_admit_disk(pipeline, &disk);
		return NULL;
	}

	/* Its USB device may not have been told of yet */
	if (disk.usb_devpath[0] != '\0' &&
	    !devices_usb(&pipeline->devices, disk.usb_devpath)) {
		(void)pipeline_see_usb(pipeline, disk.usb_devpath);
		pipeline_judge_new_usb(pipeline);
	}
	int r = devices_add_medium(&pipeline->devices, &disk, &entry);
	if (r < 0) {
		(void)failure_raise(pipeline->options.failures,
				    FAILURE_DEVICES_FULL, errno_text(r));
		return NULL; /* never entered into the guard: refused */
	}
	entry->mono_seen_ns = mono_seen_ns;
	remember_plug(pipeline, entry);
	adopt_access(pipeline, entry);
	pipeline->is_dirty = true;
	start_judging(pipeline, entry);
	return entry;
}

void pipeline_probed(struct pipeline *pipeline, const char *disk,
		     uint64_t diskseq, const struct medium_probe *probe)
{
	struct medium_entry *entry = devices_medium(&pipeline->devices, disk);

	if (!entry || entry->disk.diskseq != diskseq ||
	    entry->state != DEVICE_HELD)
		return; /* gone, or another medium by now */
	entry->state = DEVICE_BLOCKED;
	if (probe) {
		memcpy(entry->fs_type, probe->fs_type, sizeof(entry->fs_type));
		memcpy(entry->fs_uuid, probe->fs_uuid, sizeof(entry->fs_uuid));
		memcpy(entry->label, probe->label, sizeof(entry->label));
		entry->is_encrypted = probe->is_encrypted;
	}
	entry->is_unreadable = probe == NULL;
	if (!probe)
		(void)failure_count(pipeline->options.failures, FAILURE_PROBE);
	pipeline_judge_medium(pipeline, entry, false);
}

void pipeline_forget_medium(struct pipeline *pipeline,
			    struct medium_entry *entry)
{
	char usb_devpath[SYSFS_PATH_MAX] = "";

	pipeline_flush_medium(pipeline, entry);
	/* A stick is used until it is pulled out, not until it is read anew */
	if (entry->disk.usb_devpath[0] == '\0')
		pipeline_leave_grant(pipeline, entry->plug);
	if (pipeline->options.forget)
		pipeline->options.forget(pipeline->options.userdata, entry);
	if (entry->decision.wall_ms != 0)
		pipeline_record_medium(pipeline, entry, RECORD_MEDIA_REMOVED);
	if (entry->is_parent_out)
		memcpy(usb_devpath, entry->disk.usb_devpath,
		       sizeof(usb_devpath));
	devices_remove_medium(&pipeline->devices, entry);
	pipeline->is_dirty = true;
	if (usb_devpath[0] != '\0')
		pipeline_judge_waiting(pipeline, usb_devpath);
}
