/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a device hangs: its way into the machine by the buses of its ancestors
 * and its kind by class and disk name. Part of guard.bpf.c; reads kernel
 * memory, decides nothing.
 */
#pragma once

#include "agent/bpf/kernel_types.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "agent/bpf/guard.h"

enum {
	/* Six USB hubs and ten PCI bridges make about 30 ancestors. */
	ANCESTORS_MAX = 40,
	WORD_MAX = 32
};

/* Text in registers: comparing costs the verifier a few branches, where a loop
 * over the bytes would cost it a state each. */
struct word {
	union {
		char text[WORD_MAX];
		__u64 part[WORD_MAX / 8];
	};
};

static __always_inline void read_word(struct word *word, const char *text)
{
	__builtin_memset(word, 0, sizeof(*word));
	bpf_probe_read_kernel_str(word->text, sizeof(word->text), text);
}

static __always_inline bool word_equal(const struct word *word,
				       const struct word want)
{
	return word->part[0] == want.part[0] && word->part[1] == want.part[1] &&
	       word->part[2] == want.part[2] && word->part[3] == want.part[3];
}

/* The first SIZE bytes (at most 8, a constant); little-endian machines. */
static __always_inline bool word_prefix(const struct word *word,
					const struct word want, __u32 size)
{
	return ((word->part[0] ^ want.part[0]) << (64 - 8 * size)) == 0;
}

/* LITERAL is shorter than WORD_MAX, a prefix at most 8. */
#define word_is(value, literal)                                                \
	word_equal(value, (struct word){.text = literal})
#define word_begins(value, literal)                                            \
	word_prefix(value, (struct word){.text = literal}, sizeof(literal) - 1)

static __always_inline __u32 bus_from_word(const struct word *name)
{
	if (word_is(name, "usb"))
		return GUARD_BUS_USB;
	if (word_is(name, "mmc") || word_is(name, "memstick") ||
	    word_is(name, "pcmcia"))
		return GUARD_BUS_MMC;
	if (word_is(name, "firewire"))
		return GUARD_BUS_FIREWIRE;
	if (word_is(name, "thunderbolt"))
		return GUARD_BUS_THUNDERBOLT;
	return GUARD_BUS_UNKNOWN;
}

/*
 * The first ancestor on a bus that can be unplugged names the way in. No
 * ancestor on any bus: virtual. Too deep to tell: unknown, which is refused.
 */
static __always_inline __u32 bus_of(struct device *device)
{
	__u32 found = GUARD_BUS_VIRTUAL;
	struct bus_type *bus;
	struct word name;
	__u32 known;

	for (int i = 0; i < ANCESTORS_MAX; i++) {
		if (!device)
			return found;

		bus = BPF_CORE_READ(device, bus);
		if (bus) {
			found = GUARD_BUS_FIXED;
			read_word(&name, BPF_CORE_READ(bus, name));
			known = bus_from_word(&name);
			if (known != GUARD_BUS_UNKNOWN)
				return known;
			if (bpf_core_field_exists(device->removable) &&
			    BPF_CORE_READ(device, removable) ==
				    DEVICE_REMOVABLE)
				return GUARD_BUS_THUNDERBOLT;
		} else {
			/* iSCSI: host2/session1/target2:0:0/… */
			read_word(&name, BPF_CORE_READ(device, kobj.name));
			if (word_begins(&name, "session"))
				return GUARD_BUS_NETWORK;
		}
		device = BPF_CORE_READ(device, parent);
	}
	return GUARD_BUS_UNKNOWN;
}

/*
 * A virtual disk is free only when it is made of other devices we judge. Any
 * other (nbd, rbd, ublk, drbd) brings data from outside. NVMe with native
 * multipath hangs its disks below a virtual subsystem: those are fixed.
 */
static __always_inline __u32 bus_of_virtual(const struct word *disk)
{
	if (word_begins(disk, "loop") || word_begins(disk, "dm-") ||
	    word_begins(disk, "md") || word_begins(disk, "zram") ||
	    word_begins(disk, "ram") || word_begins(disk, "bcache") ||
	    word_begins(disk, "zd"))
		return GUARD_BUS_VIRTUAL;
	if (word_begins(disk, "nvme"))
		return GUARD_BUS_FIXED;
	return GUARD_BUS_NETWORK;
}

static __always_inline __u64 key_of(bool is_char, dev_t number)
{
	return (is_char ? GUARD_KEY_CHAR : 0) | number;
}

static __always_inline void fill_block(struct device *device,
				       struct guard_device *info)
{
	struct block_device *bdev = container_of(device, struct block_device,
						 bd_device);
	struct gendisk *disk = BPF_CORE_READ(bdev, bd_disk);
	struct block_device *whole = BPF_CORE_READ(disk, part0);
	struct word name = {};

	/* bd_dev of the whole disk is not set yet when it is being added. */
	info->disk = BPF_CORE_READ(whole, bd_device.devt);
	info->diskseq = BPF_CORE_READ(disk, diskseq);
	bpf_core_read_str(name.text, sizeof(name.text), &disk->disk_name);
	if (info->bus == GUARD_BUS_VIRTUAL)
		info->bus = bus_of_virtual(&name);

	if (word_begins(&name, "sr"))
		info->kind = GUARD_KIND_OPTICAL;
	else if (word_begins(&name, "fd"))
		info->kind = GUARD_KIND_FLOPPY;
	else if (whole == bdev)
		info->kind = GUARD_KIND_DISK;
	else
		info->kind = GUARD_KIND_PARTITION;
}

/* GUARD_KIND_OTHER: not a device we keep. */
static __always_inline __u32 kind_from_class(const struct word *class)
{
	if (word_is(class, "block"))
		return GUARD_KIND_DISK;
	/* A changer takes any SCSI command too, and so does an NVMe disk by its
	 * character device. */
	if (word_is(class, "scsi_generic") || word_is(class, "bsg") ||
	    word_is(class, "scsi_changer") || word_is(class, "nvme-generic"))
		return GUARD_KIND_SG;
	if (word_is(class, "scsi_tape"))
		return GUARD_KIND_TAPE;
	return GUARD_KIND_OTHER;
}

static __always_inline __u32 kind_of(struct device *device)
{
	struct class *class = BPF_CORE_READ(device, class);
	struct word name;

	if (!class)
		return GUARD_KIND_OTHER;
	read_word(&name, BPF_CORE_READ(class, name));
	return kind_from_class(&name);
}
