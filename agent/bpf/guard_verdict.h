/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The guard's maps, the verdict on one device number, and the event that tells
 * of it. Part of guard.bpf.c. The verdict comes from the maps alone, never
 * from a name, a path or what is on the medium.
 */
#pragma once

#include "agent/bpf/kernel_types.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "agent/bpf/guard.h"

enum {
	/* The one errno for a refusal. A literal: 6.8 and later want to see
	 * that what an LSM program returns lies in [-4095, 0]. */
	REFUSED = -1, /* -EPERM */
	/* Writing to a read-only medium, as the block layer says it: mount(8)
	 * and libmount then try again read-only, which they do not on EPERM. */
	READ_ONLY = -13, /* -EACCES */

	/* /proc/PID/stat counts in USER_HZ, 100 on every architecture. */
	NS_PER_TICK = 10000000
};

/*
 * Every block device, and the character devices that speak to a disk. Key:
 * GUARD_KEY. Value: where it hangs. Full: the device is not entered, so it is
 * unknown, so it is refused; GUARD_COUNT_DEVICES_FULL counts it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_DEVICES_MAX);
	__type(key, __u64);
	__type(value, struct guard_device);
} devices SEC(".maps");

/*
 * What was decided. Key: GUARD_KEY of a whole disk, tape or usbfs node. Value:
 * access and the diskseq it was decided for. Full: user space gets the error
 * and the medium stays refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_POLICY_MAX);
	__type(key, __u64);
	__type(value, struct guard_policy);
} policy SEC(".maps");

/* Key: 0. Value: switches and who the daemon is. Cannot be full. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_config);
} config SEC(".maps");

/* Key: enum guard_counter. Value: u64 for each CPU. Cannot be full. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GUARD_COUNT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* struct guard_event. Full: the event is lost, GUARD_COUNT_DROPPED says so;
 * the verdict stands. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, GUARD_RING_BYTES);
} events SEC(".maps");

/*
 * Who is inside vfs_get_tree() now. Key: pid_tgid. Value: the disk of a medium
 * that was opened for writing on the way, or 0. Full: the opens of that mount
 * look like anybody's, so a plain mount of a read-only medium fails on 5.15;
 * nothing is let through.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_MOUNTING_MAX);
	__type(key, __u64);
	__type(value, __u64);
} mounting SEC(".maps");

/* Bits of asker.flags */
enum {
	ASKER_MOUNTS = 1U << 0,
	ASKER_IS_DAEMON = 1U << 1,
};

struct asker {
	__u64 key;
	__u64 flags;
};

/*
 * 5.15 only: who asks this CPU's devcgroup check for what, noted where the
 * process is known and read in the cgroup program right after. Key: 0. Value:
 * struct asker. Cannot be full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct asker);
} asking SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value)
		*value += 1;
}

static __always_inline const struct guard_config *get_config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

/* The start time tells the daemon from a process that got its number. */
static __always_inline bool is_daemon(const struct guard_config *conf)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct task_struct *task;

	if (conf->daemon_tgid == 0 || tgid != conf->daemon_tgid)
		return false;
	task = bpf_get_current_task_btf();
	return BPF_CORE_READ(task, group_leader, start_boottime) /
		       NS_PER_TICK ==
	       conf->daemon_start_ticks;
}

static __always_inline bool is_medium(const struct guard_device *info)
{
	if (info->kind == GUARD_KIND_OPTICAL ||
	    info->kind == GUARD_KIND_FLOPPY || info->kind == GUARD_KIND_TAPE)
		return true;
	return info->bus != GUARD_BUS_FIXED && info->bus != GUARD_BUS_VIRTUAL;
}

/* The gate in front of a character device by its number; 0: none. */
static __always_inline __u32 gate_of(__u64 key)
{
	__u32 minor = GUARD_KEY_MINOR(key);

	switch (GUARD_KEY_MAJOR(key)) {
	case GUARD_TTY_MAJOR:
		return minor >= GUARD_TTY_SERIAL_MINOR ? GUARD_GATE_SERIAL : 0;
	case GUARD_LOW_SERIAL_MAJOR:
		return GUARD_GATE_SERIAL;
	case GUARD_LP_MAJOR:
	case GUARD_PARPORT_MAJOR:
		return GUARD_GATE_PRINTER;
	case GUARD_MISC_MAJOR:
		return minor == GUARD_RFKILL_MINOR ? GUARD_GATE_RADIO : 0;
	default:
		return 0;
	}
}

/* A character device nobody entered: usbfs is refused by its number, and what
 * stands behind a gate that policy shut. The desktop may go on reading which
 * radios there are. */
static __always_inline __u32 access_of_unknown(const struct guard_config *conf,
					       __u64 key)
{
	const struct guard_policy *entry;
	__u32 gate;

	if (!GUARD_KEY_IS_CHAR(key))
		return GUARD_DENY;
	gate = gate_of(key);
	if (GUARD_KEY_MAJOR(key) != GUARD_USBFS_MAJOR && !(conf->flags & gate))
		return GUARD_READ_WRITE;
	if (gate == GUARD_GATE_RADIO)
		return GUARD_READ_ONLY;

	entry = bpf_map_lookup_elem(&policy, &key);
	return entry ? entry->access : GUARD_DENY;
}

static __always_inline __u32 access_of(const struct guard_config *conf,
				       __u64 key,
				       const struct guard_device **ret_info)
{
	const struct guard_device *info = bpf_map_lookup_elem(&devices, &key);
	const struct guard_device *disk;
	const struct guard_policy *entry;
	__u64 disk_key;

	*ret_info = info;
	if (!info)
		return access_of_unknown(conf, key);

	/* Raw SCSI undoes read-only and burns a disc whatever driver is bound
	 * to the drive. A fixed disk is reached by its own node. */
	if (info->kind == GUARD_KIND_SG)
		return GUARD_DENY;

	disk_key = info->disk;
	disk = bpf_map_lookup_elem(&devices, &disk_key);
	if (!disk)
		return GUARD_DENY;
	if (disk->flags & GUARD_DEVICE_SYSTEM)
		return GUARD_READ_WRITE;
	entry = bpf_map_lookup_elem(&policy, &disk_key);
	if (entry && entry->diskseq == disk->diskseq)
		return entry->access;
	if (is_medium(info))
		return GUARD_DENY;
	if (info->bus == GUARD_BUS_FIXED &&
	    (conf->flags & GUARD_FIXED_NEEDS_ENTRY))
		return GUARD_DENY;
	return GUARD_READ_WRITE;
}

/* ---- telling user space ------------------------------------------------ */

struct tale {
	__u64 key;
	__u32 hook;
	__u32 mode;
	__s32 verdict;
	__u32 enforced;
	const struct guard_device *info; /* or NULL */
	const char *name;		 /* when INFO does not tell; or NULL */
};

/* include/linux/audit.h: who logged in, whatever sudo made of them since. */
static __always_inline __u32 login_uid(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!bpf_core_field_exists(task->loginuid))
		return GUARD_LOGIN_NOBODY;
	return BPF_CORE_READ(task, loginuid.val);
}

/* HAS_TASK is a constant: 5.15 offers cgroup programs no pid and no comm. */
static __always_inline void fill_event(struct guard_event *event,
				       const struct tale *tale, bool has_task)
{
	__u64 id;

	__builtin_memset(event, 0, sizeof(*event));
	event->boot_ns = bpf_ktime_get_boot_ns();
	event->key = tale->key;
	event->disk = tale->key;
	event->hook = tale->hook;
	event->mode = tale->mode;
	event->verdict = tale->verdict;
	event->enforced = tale->enforced;
	event->cgroup = bpf_get_current_cgroup_id();
	event->uid = (__u32)bpf_get_current_uid_gid();
	event->login_uid = GUARD_LOGIN_NOBODY;
	if (has_task) {
		id = bpf_get_current_pid_tgid();
		event->pid = (__u32)id;
		event->tgid = id >> 32;
		bpf_get_current_comm(event->comm, sizeof(event->comm));
		event->login_uid = login_uid();
	}
	if (tale->info) {
		event->disk = tale->info->disk;
		event->diskseq = tale->info->diskseq;
		event->bus = tale->info->bus;
		event->kind = tale->info->kind;
		__builtin_memcpy(event->name, tale->info->name,
				 sizeof(event->name));
	} else if (GUARD_KEY_IS_CHAR(tale->key)) {
		event->kind = GUARD_KIND_USB;
	}
	if (tale->name)
		bpf_probe_read_kernel_str(event->name, sizeof(event->name),
					  tale->name);
}

static __always_inline void tell(const struct tale *tale, bool has_task)
{
	struct guard_event *event = bpf_ringbuf_reserve(&events, sizeof(*event),
							0);

	if (!event) {
		count(GUARD_COUNT_DROPPED);
		return;
	}
	fill_event(event, tale, has_task);
	bpf_ringbuf_submit(event, 0);
}

/* A refusal is counted and told; in monitor mode it is all that happens. */
static __always_inline bool refuse(const struct guard_config *conf,
				   struct tale *tale, bool has_task)
{
	if (!tale->verdict)
		tale->verdict = REFUSED;
	tale->enforced = (conf->flags & GUARD_ENFORCE) ? 1 : 0;
	count(GUARD_COUNT_DENIED);
	tell(tale, has_task);
	return tale->enforced;
}

/* The self-test's own open: it must fail here, to prove that we run. */
static __always_inline bool is_probe(const struct guard_config *conf,
				     __u32 hook, __u64 key)
{
	if (conf->probe_hook != hook || conf->probe_key != key)
		return false;
	count(GUARD_COUNT_PROBE);
	return true;
}
