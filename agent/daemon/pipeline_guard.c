/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel guard refused, told: the first of a kind at once, the same
 * again counted within its plug session and told as one record. The guard has
 * acted before we hear of it; nothing here opens or shuts anything.
 */
#include "agent/daemon/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/clock.h"

static const char *const hook_names[] = {
	[GUARD_HOOK_NONE] = "guard",
	[GUARD_HOOK_DEVICE_ADD] = "device_add",
	[GUARD_HOOK_DEVICE_DEL] = "device_del",
	[GUARD_HOOK_MEDIA_CHANGE] = "media_change",
	[GUARD_HOOK_CGROUP_DEV] = "cgroup/dev",
	[GUARD_HOOK_SYSCTL] = "cgroup/sysctl",
	[GUARD_HOOK_FILE_OPEN] = "file_open",
	[GUARD_HOOK_FILE_IOCTL] = "file_ioctl",
	[GUARD_HOOK_SB_KERN_MOUNT] = "sb_kern_mount",
	[GUARD_HOOK_SB_REMOUNT] = "sb_remount",
	[GUARD_HOOK_SYSFS] = "file_open",
	[GUARD_HOOK_TAMPER] = "tamper",
	[GUARD_HOOK_WRITING] = "file_open",
};
_Static_assert(sizeof(hook_names) / sizeof(hook_names[0]) == GUARD_HOOK_COUNT,
	       "one name for each hook");

static const char *const tamper_names[] = {
	[GUARD_TAMPER_KILL] = "kill",	[GUARD_TAMPER_PTRACE] = "ptrace",
	[GUARD_TAMPER_PINS] = "pins",	[GUARD_TAMPER_BPF] = "bpf",
	[GUARD_TAMPER_MOUNT] = "mount",
};
_Static_assert(sizeof(tamper_names) / sizeof(tamper_names[0]) ==
		       GUARD_TAMPER_COUNT,
	       "one name for each way");

/* One refusal in the words of a record. */
struct refusal {
	const struct guard_event *event;
	const struct medium_entry *medium; /* NULL: not judged by us */
	uint32_t count;			   /* more than 1: a fold */
	uint64_t wall_first_ms;
	uint64_t wall_last_ms;
};

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What a mount opens first is its program's own doing, and an open(2) to the
 * hooks; who calls is a hint for people, the refusal is the same. */
static bool is_mount(const struct guard_event *event)
{
	return event->hook == GUARD_HOOK_SB_KERN_MOUNT ||
	       event->hook == GUARD_HOOK_SB_REMOUNT ||
	       (event->hook == GUARD_HOOK_CGROUP_DEV &&
		(event->mode & GUARD_MODE_MOUNT)) ||
	       has_prefix(event->comm, "mount") ||
	       has_prefix(event->comm, "udisks");
}

static enum record_code code_of(const struct refusal *refusal)
{
	const struct guard_event *event = refusal->event;
	bool is_read_only = refusal->medium &&
			    refusal->medium->access == MEDIA_READ_ONLY;

	if (event->hook == GUARD_HOOK_SYSFS)
		return RECORD_SYSFS_WRITE_BLOCKED;
	if (event->hook == GUARD_HOOK_FILE_IOCTL ||
	    ((event->hook == GUARD_HOOK_FILE_OPEN ||
	      event->hook == GUARD_HOOK_CGROUP_DEV) &&
	     is_read_only && (event->mode & GUARD_MODE_WRITE)))
		return RECORD_BLOCK_RAWWRITE_BLOCKED;
	return is_mount(event) ? RECORD_MOUNT_BLOCKED
			       : RECORD_BLOCK_OPEN_BLOCKED;
}

static void read_exe(const struct pipeline *pipeline, uint32_t tgid, char *ret,
		     size_t size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "proc/%u/exe", tgid);
	ssize_t n = readlinkat(pipeline->options.root_fd, path, ret, size - 1);
	ret[n < 0 ? 0 : n] = '\0';
}

/* The kernel's name of a block device by number ("sdb1"). */
static void read_node(const struct pipeline *pipeline, uint64_t key, char *ret,
		      size_t size)
{
	char link[64], devpath[SYSFS_PATH_MAX];

	(void)snprintf(link, sizeof(link), "sys/dev/%s/%u:%u",
		       GUARD_KEY_IS_CHAR(key) ? "char" : "block",
		       GUARD_KEY_MAJOR(key), GUARD_KEY_MINOR(key));
	ret[0] = '\0';
	if (sysfs_devpath_of(pipeline->options.root_fd, link, devpath) < 0)
		return;
	(void)snprintf(ret, size, "/dev/%s", sysfs_basename(devpath));
}

static const char *flags_of(const struct guard_event *event)
{
	if (event->hook == GUARD_HOOK_FILE_IOCTL)
		return "ioctl";
	if (event->hook == GUARD_HOOK_SB_REMOUNT)
		return "remount";
	return event->mode & GUARD_MODE_WRITE ? "rw" : "ro";
}

/* What only a `channel` line of the policy refuses: /dev/rfkill, serial and
 * parallel ports. */
static bool is_gated(const struct guard_event *event)
{
	uint32_t major = GUARD_KEY_MAJOR(event->key);

	return event->hook != GUARD_HOOK_SYSFS &&
	       GUARD_KEY_IS_CHAR(event->key) &&
	       (major == GUARD_MISC_MAJOR || major == GUARD_TTY_MAJOR ||
		major == GUARD_LOW_SERIAL_MAJOR || major == GUARD_LP_MAJOR ||
		major == GUARD_PARPORT_MAJOR);
}

/* The medium may be written, but not where nobody would know of it. */
static bool is_unrecorded(const struct guard_event *event,
			  const struct medium_entry *medium)
{
	return event->hook == GUARD_HOOK_FILE_OPEN &&
	       medium->access == MEDIA_READ_WRITE;
}

static void tell(struct pipeline *pipeline, const struct refusal *refusal)
{
	const struct guard_event *event = refusal->event;
	const struct medium_entry *medium = refusal->medium;
	char exe[256], node[64], comm[GUARD_COMM_MAX + 1] = {0};
	char name[GUARD_NAME_MAX + 1] = {0};
	struct media_fact fact;

	memcpy(comm, event->comm, GUARD_COMM_MAX);
	memcpy(name, event->name, GUARD_NAME_MAX);
	read_node(pipeline, event->key, node, sizeof(node));
	read_exe(pipeline, event->tgid, exe, sizeof(exe));

	const struct record_process process = {
		.pid = event->tgid,
		.has_uid = true,
		.uid = event->uid,
		.name = comm,
		.path = exe[0] ? exe : NULL,
		.has_login_uid = event->login_uid != GUARD_LOGIN_NOBODY,
		.login_uid = event->login_uid,
	};
	const struct record_guard guard = {
		.hook = hook_names[event->hook],
		.node = node[0] ? node : NULL,
		.major = GUARD_KEY_MAJOR(event->key),
		.minor = GUARD_KEY_MINOR(event->key),
		.target = event->hook == GUARD_HOOK_SYSFS ? name : NULL,
		.flags = flags_of(event),
	};
	struct record record = {
		.code = code_of(refusal),
		.process = event->tgid ? &process : NULL,
		.guard = &guard,
		.decision = {.layer = "guard",
			     .reason = RECORD_REASON_UNJUDGED},
		.count = refusal->count,
		.wall_first_ms = (int64_t)refusal->wall_first_ms,
		.wall_last_ms = (int64_t)refusal->wall_last_ms,
	};
	if (is_gated(event)) {
		record.decision.reason = RECORD_REASON_RULE;
		record.decision.detail = "the policy denies this channel";
	}
	if (medium) {
		pipeline_media_fact(pipeline, medium, &fact);
		record.media = &fact;
		record.correlation = medium->plug;
		if (medium->decision.wall_ms != 0)
			pipeline_fill_decision(&medium->decision, "guard",
					       &record.decision);
		if (record.code == RECORD_BLOCK_RAWWRITE_BLOCKED)
			record.decision.reason = RECORD_REASON_READ_ONLY;
		if (is_unrecorded(event, medium))
			record.decision.detail =
				"a file written there would not be recorded";
	}
	pipeline->options.sink.emit(pipeline->options.sink.userdata, &record);
}

/* What the guard saw done against itself. */
static const char *tamper_kind(const struct guard_event *event)
{
	if (event->hook == GUARD_HOOK_SYSCTL)
		return "sysctl";
	return event->mode < GUARD_TAMPER_COUNT ? tamper_names[event->mode]
						: "guard";
}

static bool is_tampering(uint32_t hook)
{
	return hook == GUARD_HOOK_SYSCTL || hook == GUARD_HOOK_TAMPER;
}

static void tell_tamper(struct pipeline *pipeline,
			const struct refusal *refusal)
{
	const struct guard_event *event = refusal->event;
	char comm[GUARD_COMM_MAX + 1] = {0}, exe[256];
	const struct record_process process = {
		.pid = event->tgid,
		.has_uid = true,
		.uid = event->uid,
		.name = comm,
		.path = exe,
		.has_login_uid = event->login_uid != GUARD_LOGIN_NOBODY,
		.login_uid = event->login_uid,
	};
	struct record record = {
		.code = RECORD_AGENT_TAMPER,
		.process = event->tgid ? &process : NULL,
		.u.tamper =
			{
				.kind = tamper_kind(event),
				.detected_by = "guard",
				.is_held = event->enforced != 0,
			},
		.count = refusal->count,
		.wall_first_ms = (int64_t)refusal->wall_first_ms,
		.wall_last_ms = (int64_t)refusal->wall_last_ms,
	};

	memcpy(comm, event->comm, GUARD_COMM_MAX);
	read_exe(pipeline, event->tgid, exe, sizeof(exe));
	pipeline->options.sink.emit(pipeline->options.sink.userdata, &record);
}

static void tell_fold(struct pipeline *pipeline, struct medium_entry *medium,
		      struct fold *fold)
{
	struct guard_event event = {
		.key = fold->key,
		.hook = fold->hook,
		.uid = fold->uid,
		.tgid = fold->tgid,
		.mode = fold->mode,
		.login_uid = fold->login_uid,
		.enforced = !pipeline->is_monitor,
	};
	const struct refusal refusal = {
		.event = &event,
		.medium = medium,
		.count = fold->count,
		.wall_first_ms = fold->wall_first_ms,
		.wall_last_ms = fold->wall_last_ms,
	};

	memcpy(event.comm, fold->comm, sizeof(event.comm));
	memcpy(event.name, fold->name, sizeof(event.name));
	if (is_tampering(fold->hook))
		tell_tamper(pipeline, &refusal);
	else
		tell(pipeline, &refusal);
	fold->count = 0;
}

/* A full table starts anew, so that a kind that comes later is told. */
static void flush(struct pipeline *pipeline, struct medium_entry *medium,
		  struct folds *folds)
{
	for (unsigned int i = 0; i < folds->count; i++)
		if (folds->list[i].count > 0)
			tell_fold(pipeline, medium, &folds->list[i]);
	if (folds->several.count > 0)
		tell_fold(pipeline, medium, &folds->several);
	if (folds->count == DEVICES_FOLDS_MAX)
		folds->count = 0;
}

void pipeline_flush_medium(struct pipeline *pipeline,
			   struct medium_entry *entry)
{
	flush(pipeline, entry, &entry->folds);
}

void pipeline_flush_folds(struct pipeline *pipeline)
{
	for (struct medium_entry *entry = pipeline->devices.media; entry;
	     entry = entry->next)
		pipeline_flush_medium(pipeline, entry);
	pipeline_flush_builtins(pipeline);
	/* These have no plug session that would end */
	flush(pipeline, NULL, &pipeline->orphans);
	pipeline->orphans.count = 0;
	pipeline->has_folds = false;
}

/* The same caller's name, user, way and node: the same refusal. */
static struct fold *find_fold(struct folds *folds,
			      const struct guard_event *event)
{
	for (unsigned int i = 0; i < folds->count; i++) {
		struct fold *fold = &folds->list[i];
		if (fold->hook == event->hook && fold->uid == event->uid &&
		    fold->key == event->key && fold->mode == event->mode &&
		    memcmp(fold->comm, event->comm, sizeof(fold->comm)) == 0 &&
		    memcmp(fold->name, event->name, sizeof(fold->name)) == 0)
			return fold;
	}
	return NULL;
}

static struct fold *add_fold(struct folds *folds,
			     const struct guard_event *event)
{
	if (folds->count == DEVICES_FOLDS_MAX)
		return NULL;
	struct fold *fold = &folds->list[folds->count++];
	*fold = (struct fold){
		.hook = event->hook,
		.uid = event->uid,
		.tgid = event->tgid,
		.key = event->key,
		.mode = event->mode,
		.login_uid = event->login_uid,
	};
	memcpy(fold->comm, event->comm, sizeof(fold->comm));
	memcpy(fold->name, event->name, sizeof(fold->name));
	return fold;
}

/* More kinds than there is room for: counted together until the timer. A
 * program may change its name as often as it likes. */
static void count_several(struct pipeline *pipeline, struct folds *folds,
			  const struct guard_event *event)
{
	struct fold *several = &folds->several;
	uint64_t wall_ms = clock_wall_ns() / NS_PER_MS;

	if (several->count++ == 0) {
		*several = (struct fold){
			.hook = event->hook,
			.uid = event->uid,
			.tgid = event->tgid,
			.key = event->key,
			.mode = event->mode,
			.comm = "(several)",
			.count = 1,
			.wall_first_ms = wall_ms,
		};
		memcpy(several->name, event->name, sizeof(several->name));
	}
	several->wall_last_ms = wall_ms;
	pipeline->has_folds = true;
}

/* The medium meant; a refusal may come before the uevent of its disk. */
static struct medium_entry *medium_of(struct pipeline *pipeline,
				      const struct guard_event *event)
{
	uint32_t major = GUARD_KEY_MAJOR(event->disk);
	uint32_t minor = GUARD_KEY_MINOR(event->disk);
	char link[64], devpath[SYSFS_PATH_MAX];

	if (GUARD_KEY_IS_CHAR(event->disk) || event->disk == 0)
		return NULL;
	struct medium_entry *medium = devices_medium_number(&pipeline->devices,
							    major, minor);
	if (medium)
		return medium;
	(void)snprintf(link, sizeof(link), "sys/dev/block/%u:%u", major, minor);
	if (sysfs_devpath_of(pipeline->options.root_fd, link, devpath) < 0)
		return NULL;
	return pipeline_see_medium(pipeline, devpath);
}

/* Where the list is full: any of the same way, whoever tries, so that nobody
 * floods the log under ever new names. */
static struct fold *find_alike(struct folds *folds,
			       const struct guard_event *event)
{
	for (unsigned int i = 0; i < folds->count; i++)
		if (folds->list[i].hook == event->hook &&
		    folds->list[i].mode == event->mode)
			return &folds->list[i];
	return NULL;
}

static void count_fold(struct pipeline *pipeline, struct fold *fold)
{
	uint64_t wall_ms = clock_wall_ns() / NS_PER_MS;

	if (fold->count++ == 0)
		fold->wall_first_ms = wall_ms;
	fold->wall_last_ms = wall_ms;
	pipeline->has_folds = true;
}

static void tampered(struct pipeline *pipeline, const struct guard_event *event)
{
	struct folds *folds = &pipeline->orphans;
	struct fold *fold = find_fold(folds, event);
	const struct refusal refusal = {.event = event};

	if (!fold && folds->count == DEVICES_FOLDS_MAX)
		fold = find_alike(folds, event);
	if (fold) {
		count_fold(pipeline, fold);
		return;
	}
	(void)add_fold(folds, event); /* full: told each time */
	pipeline->has_folds = true;   /* the timer forgets it */
	tell_tamper(pipeline, &refusal);
}

/* mount(8) tries a read-only medium for writing first and, told EACCES, mounts
 * it read-only: nobody did anything. */
static bool is_first_try(const struct guard_event *event)
{
	return event->hook == GUARD_HOOK_CGROUP_DEV &&
	       event->verdict == -EACCES && (event->mode & GUARD_MODE_MOUNT);
}

/* The kernel and udev look at every new disk before it is judged; that is
 * nobody's attempt. The names are hints: only the telling depends on them. */
static bool is_first_look(uint32_t hook, uint32_t uid, const char *comm)
{
	return (hook == GUARD_HOOK_CGROUP_DEV ||
		hook == GUARD_HOOK_FILE_OPEN) &&
	       uid == 0 &&
	       (has_prefix(comm, "kworker/") ||
		has_prefix(comm, "(udev-worker)") ||
		has_prefix(comm, "systemd-udevd"));
}

/* udev's helpers ask every drive by SCSI commands: the machine's own habit,
 * refused and not told. */
static bool is_habit(const struct guard_event *event)
{
	return event->uid == 0 && event->hook == GUARD_HOOK_FILE_IOCTL &&
	       event->kind == GUARD_KIND_OPTICAL &&
	       (strncmp(event->comm, "cdrom_id", GUARD_COMM_MAX) == 0 ||
		strncmp(event->comm, "ata_id", GUARD_COMM_MAX) == 0);
}

void pipeline_forget_looks(struct medium_entry *entry)
{
	struct folds *folds = &entry->folds;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < folds->count; i++) {
		const struct fold *fold = &folds->list[i];
		if (!is_first_look(fold->hook, fold->uid, fold->comm))
			folds->list[kept++] = *fold;
	}
	folds->count = kept;
}

static void refused(struct pipeline *pipeline, const struct guard_event *event)
{
	struct medium_entry *medium = medium_of(pipeline, event);
	struct folds *folds = medium ? &medium->folds : &pipeline->orphans;
	struct fold *fold = find_fold(folds, event);

	if (fold) {
		count_fold(pipeline, fold);
		return;
	}
	fold = add_fold(folds, event);
	if (!fold) {
		count_several(pipeline, folds, event);
		return;
	}
	if (!medium)
		pipeline->has_folds = true; /* the timer forgets it */
	if (medium && medium->decision.wall_ms == 0 &&
	    is_first_look(event->hook, event->uid, fold->comm)) {
		/* Held: told by the timer if no verdict comes */
		count_fold(pipeline, fold);
		return;
	}
	const struct refusal refusal = {
		.event = event,
		.medium = medium,
	};
	tell(pipeline, &refusal);
}

/* Another medium in the same drive, or the kernel takes it for one: its entry
 * counts no more. The uevent of it does not come for every drive. */
static void see_again(struct pipeline *pipeline,
		      const struct guard_event *event)
{
	char link[64], devpath[SYSFS_PATH_MAX];

	(void)snprintf(link, sizeof(link), "sys/dev/block/%u:%u",
		       GUARD_KEY_MAJOR(event->key),
		       GUARD_KEY_MINOR(event->key));
	if (sysfs_devpath_of(pipeline->options.root_fd, link, devpath) == 0)
		(void)pipeline_see_medium(pipeline, devpath);
}

void pipeline_guard_event(struct pipeline *pipeline,
			  const struct guard_event *event)
{
	switch (event->hook) {
	case GUARD_HOOK_DEVICE_ADD:
	case GUARD_HOOK_DEVICE_DEL:
		return; /* the uevent follows */
	case GUARD_HOOK_MEDIA_CHANGE:
		see_again(pipeline, event);
		return;
	case GUARD_HOOK_SYSCTL:
	case GUARD_HOOK_TAMPER:
		tampered(pipeline, event);
		return;
	case GUARD_HOOK_CGROUP_DEV:
	case GUARD_HOOK_FILE_OPEN:
	case GUARD_HOOK_FILE_IOCTL:
	case GUARD_HOOK_SB_KERN_MOUNT:
	case GUARD_HOOK_SB_REMOUNT:
	case GUARD_HOOK_SYSFS:
		if (event->verdict != 0 && !is_first_try(event) &&
		    !is_habit(event))
			refused(pipeline, event);
		return;
	default:
		return; /* of another version of the guard */
	}
}
