/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel half of the guard (guard.bpf.c) and user space say to each
 * other: map keys, map values and ring buffer events. Plain data of fixed
 * layout; no function, and no header but the kernel's integer types, because
 * it is compiled for the bpf target too. A change of layout needs no version
 * number: pins carry a hash of the object code (enforce/block_guard.h).
 */
#pragma once

#include <linux/types.h>

enum {
	GUARD_NAME_MAX = 32, /* a disk's kernel name: DISK_NAME_LEN */
	GUARD_COMM_MAX = 16, /* TASK_COMM_LEN */
	GUARD_DEVICES_MAX = 8192,
	GUARD_POLICY_MAX = 2048,
	GUARD_MOUNTING_MAX = 1024,
	GUARD_MOUNTED_MAX = 1024,
	GUARD_PATH_MAX = 1024, /* of a file, as its opener sees it */
	GUARD_RING_BYTES = 1 << 20,
	GUARD_MINOR_BITS = 20,
	GUARD_ANCHOR_BYTES = 32,
	GUARD_USBFS_MAJOR = 189,
	/* Documentation/admin-guide/devices.txt */
	GUARD_TTY_MAJOR = 4,
	GUARD_TTY_SERIAL_MINOR = 64, /* ttyS0, and all above */
	GUARD_LOW_SERIAL_MAJOR = 204,
	GUARD_LP_MAJOR = 6,
	GUARD_PARPORT_MAJOR = 99,
	GUARD_MISC_MAJOR = 10,
	GUARD_RFKILL_MINOR = 242
};

/*
 * A device number as one map key: the kernel's own dev_t (major << 20 |
 * minor, not the glibc or the stat encoding), and bit 32 for a character
 * device. Block and character numbers overlap, so the bit is not optional.
 */
#define GUARD_KEY_CHAR (1ULL << 32)
#define GUARD_KEY(is_char, major, minor)                                       \
	(((is_char) ? GUARD_KEY_CHAR : 0) |                                    \
	 ((__u64)(major) << GUARD_MINOR_BITS) | (__u64)(minor))
#define GUARD_KEY_MAJOR(key)   ((__u32)((key) >> GUARD_MINOR_BITS) & 0xfff)
#define GUARD_KEY_MINOR(key)   ((__u32)(key) & ((1U << GUARD_MINOR_BITS) - 1))
#define GUARD_KEY_IS_CHAR(key) (((key)&GUARD_KEY_CHAR) != 0)

/* By which way a device hangs on the machine; 0 is the refused one. */
enum guard_bus {
	GUARD_BUS_UNKNOWN,
	GUARD_BUS_USB,
	GUARD_BUS_MMC, /* SD, MMC, Memory Stick, PC card */
	GUARD_BUS_FIREWIRE,
	GUARD_BUS_THUNDERBOLT, /* or any PCI device the firmware calls external */
	GUARD_BUS_NETWORK,     /* iSCSI, and virtual disks that are not known */
	GUARD_BUS_FIXED,       /* anything else that sits on a bus */
	GUARD_BUS_VIRTUAL,     /* loop, dm, md, zram, ram, zvol: nothing new */
	GUARD_BUS_COUNT
};

/* What kind of node it is. */
enum guard_kind {
	GUARD_KIND_OTHER,
	GUARD_KIND_DISK,
	GUARD_KIND_PARTITION,
	GUARD_KIND_OPTICAL,
	GUARD_KIND_FLOPPY,
	GUARD_KIND_TAPE,
	GUARD_KIND_SG,	/* /dev/sgN and /dev/bsg: raw SCSI, never opened up */
	GUARD_KIND_USB, /* /dev/bus/usb: in events only */
	GUARD_KIND_COUNT
};

/* Bits of guard_device.flags */
enum {
	/* Backs /, /boot or swap. Never refused, whatever policy says. */
	GUARD_DEVICE_SYSTEM = 1U << 0,
	/* Found in sysfs by user space, not seen by device_add. */
	GUARD_DEVICE_SEEDED = 1U << 1
};

/* Value of the map "devices". */
struct guard_device {
	__u64 disk;    /* key of the whole disk; of itself when it is one */
	__u64 diskseq; /* the kernel's counter of disks; 0 for char devices */
	__u32 bus;     /* enum guard_bus */
	__u32 kind;    /* enum guard_kind */
	__u32 flags;   /* GUARD_DEVICE_* */
	__u32 pad;
	char name[GUARD_NAME_MAX];
};

/*
 * Value of the map "mounted", keyed by the number of a file system on a medium
 * (its st_dev, as GUARD_KEY of a block device; anonymous for some), from its
 * first mount to its end.
 */
struct guard_mounted {
	__u64 born_ns; /* tells it from the next one with that number */
	__u64 disk;    /* key of the medium */
};

enum guard_access { GUARD_DENY, GUARD_READ_ONLY, GUARD_READ_WRITE };

/*
 * Value of the map "policy", keyed by the whole disk (or a tape's or usbfs
 * node's own key). It counts only while the disk still has this diskseq, so an
 * entry can never pass to the next device with the same number.
 */
struct guard_policy {
	__u64 diskseq;
	__u32 access; /* enum guard_access */
	__u32 pad;
};

/* Bits of guard_config.flags */
enum {
	/* Without it the guard judges and tells, but refuses nothing. */
	GUARD_ENFORCE = 1U << 0,
	/* A fixed disk needs an entry in "policy" like any medium. */
	GUARD_FIXED_NEEDS_ENTRY = 1U << 1,
	/* 5.15: the cgroup program cannot see the process; who asks is noted
	 * before it and told after it by programs that can. */
	GUARD_TASK_IS_NOTED = 1U << 2,
	/* The daemon and the pins are out of root's reach. */
	GUARD_TAMPER = 1U << 3,
	/* Nodes of what is built in, refused where policy denies the way:
	 * /dev/rfkill for writing, serial ports, parallel ports. */
	GUARD_GATE_RADIO = 1U << 4,
	GUARD_GATE_SERIAL = 1U << 5,
	GUARD_GATE_PRINTER = 1U << 6,
	GUARD_GATE_ALL = GUARD_GATE_RADIO | GUARD_GATE_SERIAL |
			 GUARD_GATE_PRINTER
};

/* The one value of the map "config". */
struct guard_config {
	__u32 flags;
	__u32 daemon_tgid; /* 0 = nobody is exempt */
	/* Field 22 of /proc/PID/stat, so that a reused pid is not the daemon. */
	__u64 daemon_start_ticks;
	/* Exempt where nothing can tell the process (tier T3 on 5.15). 0 =
	 * nobody. */
	__u64 daemon_cgroup;
	/* Self-test: the daemon's own open of this device must fail in this
	 * hook. Nobody else is touched. 0 = no test runs. */
	__u64 probe_key;
	__u32 pin_dev;	  /* the pins' file system, kernel dev_t */
	__u32 probe_hook; /* enum guard_hook */

	/* Only appended to: a new daemon has to write itself into the set of
	 * the version before, whose value is shorter. */

	/* CLOCK_BOOTTIME until which GUARD_TAMPER does not count, by a signed
	 * order; 0: it counts. */
	__u64 tamper_off_until_ns;
	/* Kept here for the daemon, where root cannot write while GUARD_TAMPER
	 * counts: serial of the newest order, and a hash of the keys that may
	 * sign; all 0: none. */
	__u64 order_serial;
	__u8 anchor[GUARD_ANCHOR_BYTES];
	__u32 mount_namespace; /* the daemon's: inode number */
	__u32 pad;
};

enum {
	/* Bytes of guard_config that every version has. */
	GUARD_CONFIG_MIN_BYTES = 40
};

/* Which place in the kernel speaks. */
enum guard_hook {
	GUARD_HOOK_NONE,
	GUARD_HOOK_DEVICE_ADD,
	GUARD_HOOK_DEVICE_DEL,
	GUARD_HOOK_MEDIA_CHANGE,
	GUARD_HOOK_CGROUP_DEV,
	GUARD_HOOK_SYSCTL,
	GUARD_HOOK_FILE_OPEN,
	GUARD_HOOK_FILE_IOCTL,
	GUARD_HOOK_SB_KERN_MOUNT,
	GUARD_HOOK_SB_REMOUNT,
	GUARD_HOOK_SYSFS,   /* a switch of sysfs opened for writing */
	GUARD_HOOK_TAMPER,  /* mode is enum guard_tamper */
	GUARD_HOOK_WRITING, /* struct guard_writing follows */
	GUARD_HOOK_COUNT
};

/* By which way somebody went for the guard itself. */
enum guard_tamper {
	GUARD_TAMPER_KILL,
	GUARD_TAMPER_PTRACE,
	GUARD_TAMPER_PINS,
	GUARD_TAMPER_BPF,
	GUARD_TAMPER_MOUNT, /* something over the pins */
	GUARD_TAMPER_COUNT
};

/* guard_event.login_uid: not from a login, or the kernel does not know. */
#define GUARD_LOGIN_NOBODY 0xffffffffU

/* Bits of guard_event.mode for opens, mounts and the cgroup hook. */
enum {
	GUARD_MODE_READ = 1U << 0,
	GUARD_MODE_WRITE = 1U << 1,
	/* Opened by the kernel on the way of a mount. With a verdict of
	 * -EACCES on a read-only medium it is the try before the read-only
	 * mount that mount(8) makes next, and nobody's fault. */
	GUARD_MODE_MOUNT = 1U << 2,
};

/*
 * One record of the ring buffer "events": a device that came or went, or an
 * access that was refused. Allowed accesses are not reported. When the ring is
 * full the record is lost and counted (GUARD_COUNT_DROPPED).
 */
struct guard_event {
	__u64 boot_ns; /* CLOCK_BOOTTIME */
	__u64 key;     /* the device meant; 0 for sysctl and sysfs */
	__u64 disk;    /* its whole disk, or the key again */
	__u64 diskseq;
	__u64 cgroup;	/* cgroup v2 id of the caller */
	__u32 hook;	/* enum guard_hook */
	__u32 mode;	/* GUARD_MODE_*; the request number for file_ioctl */
	__s32 verdict;	/* 0, or -EPERM; what would be where not enforced */
	__u32 enforced; /* 0 = monitor mode: the access went on */
	__u32 pid;	/* thread; 0 where the hook cannot know */
	__u32 tgid;
	__u32 uid;
	__u32 bus;	 /* enum guard_bus */
	__u32 kind;	 /* enum guard_kind */
	__u32 login_uid; /* of the audit system: survives sudo; or NOBODY */
	char comm[GUARD_COMM_MAX]; /* hostile bytes, NUL-terminated */
	/* Kernel name, file system type, or the sysfs file. */
	char name[GUARD_NAME_MAX];
};

/*
 * GUARD_HOOK_WRITING: a file on a medium is opened for writing before the
 * daemon has said that it watches that file system. Allowed, because it is
 * told; what cannot be told is refused.
 */
struct guard_writing {
	struct guard_event event; /* .key is the disk */
	__u64 file_system;	  /* key in "mounted" */
	__u64 inode;
	char path[GUARD_PATH_MAX]; /* hostile bytes, NUL-terminated */
};

/* Index of the per-CPU array "counters" (u64 each). */
enum guard_counter {
	GUARD_COUNT_DROPPED, /* events lost because the ring was full */
	GUARD_COUNT_DENIED,
	GUARD_COUNT_DEVICES_FULL, /* device_add could not store: it is denied */
	GUARD_COUNT_PROBE,	  /* self-test: last program that was hit */
	GUARD_COUNT_COUNT
};
