/* SPDX-License-Identifier: Apache-2.0 */
/* What is there when the guard starts, from a made sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/enforce/guard_seed.h"
#include "tests/fakes/tree.h"

#define PCI "devices/pci0000:00/0000:00:14.0"

struct found {
	uint64_t key;
	struct guard_device device;
};

struct fixture {
	struct fake_tree tree;
	int sys_fd;
	struct found found[32];
	size_t count;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fake_tree_init(&f.tree);
	f.sys_fd = openat(f.tree.fd, "sys", O_RDONLY | O_DIRECTORY);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)close(f->sys_fd);
	fake_tree_fini(&f->tree);
	return 0;
}

/* PATH below sysfs is on bus or class SUBSYSTEM ("bus/usb"). */
static void on(struct fixture *f, const char *path, const char *subsystem)
{
	char file[512];
	char target[640];

	(void)snprintf(file, sizeof(file), "sys/%s/subsystem", path);
	(void)snprintf(target, sizeof(target), "../../../%s", subsystem);
	fake_link(&f->tree, file, target);
}

static void device(struct fixture *f, const char *class, const char *path,
		   const char *number)
{
	char file[512];
	char target[512];

	(void)snprintf(file, sizeof(file), "sys/%s/dev", path);
	fake_text(&f->tree, file, "%s\n", number);
	(void)snprintf(file, sizeof(file), "sys/class/%s%s", class,
		       strrchr(path, '/'));
	(void)snprintf(target, sizeof(target), "../../%s", path);
	fake_link(&f->tree, file, target);
	(void)snprintf(file, sizeof(file), "class/%s", class);
	on(f, path, file);
}

static void attribute(struct fixture *f, const char *path, const char *name,
		      const char *value)
{
	char file[512];

	(void)snprintf(file, sizeof(file), "sys/%s/%s", path, name);
	fake_text(&f->tree, file, "%s\n", value);
}

static int collect(uint64_t key, const struct guard_device *info,
		   void *userdata)
{
	struct fixture *f = userdata;

	f->found[f->count].key = key;
	f->found[f->count++].device = *info;
	return 0;
}

static const struct guard_device *scan_for(struct fixture *f, uint64_t key)
{
	f->count = 0;
	assert_int_equal(guard_seed_scan(f->sys_fd, collect, f), 0);
	for (size_t i = 0; i < f->count; i++) {
		if (f->found[i].key == key)
			return &f->found[i].device;
	}
	return NULL;
}

#define USB_DISK PCI "/usb1/1-1/1-1:1.0/host2/target2:0:0/2:0:0:0"

static void usb_disk(struct fixture *f)
{
	on(f, PCI, "bus/pci");
	on(f, PCI "/usb1", "bus/usb");
	on(f, PCI "/usb1/1-1", "bus/usb");
	on(f, PCI "/usb1/1-1/1-1:1.0", "bus/usb");
	on(f, USB_DISK, "bus/scsi");
	device(f, "block", USB_DISK "/block/sda", "8:0");
	attribute(f, USB_DISK "/block/sda", "diskseq", "41");
	/* A disk's own "removable" is a digit and says nothing. */
	attribute(f, USB_DISK "/block/sda", "removable", "0");
	device(f, "block", USB_DISK "/block/sda/sda1", "8:1");
	attribute(f, USB_DISK "/block/sda/sda1", "partition", "1");
	device(f, "scsi_generic", USB_DISK "/scsi_generic/sg0", "21:0");
	device(f, "bsg", USB_DISK "/bsg/2:0:0:0", "248:0");
}

static void a_usb_disk_is_on_usb_however_deep(void **state)
{
	struct fixture *f = *state;
	const struct guard_device *disk;

	usb_disk(f);
	disk = scan_for(f, GUARD_KEY(false, 8, 0));
	assert_non_null(disk);
	assert_int_equal(disk->bus, GUARD_BUS_USB);
	assert_int_equal(disk->kind, GUARD_KIND_DISK);
	assert_int_equal(disk->disk, GUARD_KEY(false, 8, 0));
	assert_int_equal(disk->diskseq, 41);
	assert_int_equal(disk->flags, GUARD_DEVICE_SEEDED);
	assert_string_equal(disk->name, "sda");
}

static void a_partition_belongs_to_its_disk_and_comes_after_it(void **state)
{
	struct fixture *f = *state;
	const struct guard_device *part;

	usb_disk(f);
	part = scan_for(f, GUARD_KEY(false, 8, 1));
	assert_non_null(part);
	assert_int_equal(part->kind, GUARD_KIND_PARTITION);
	assert_int_equal(part->disk, GUARD_KEY(false, 8, 0));
	assert_int_equal(part->diskseq, 41);
	assert_int_equal(part->bus, GUARD_BUS_USB);
	assert_int_equal(f->found[0].key, GUARD_KEY(false, 8, 0));
	assert_int_equal(f->found[1].key, GUARD_KEY(false, 8, 1));
}

static void raw_scsi_nodes_are_characters(void **state)
{
	static const unsigned int majors[] = {248, 86, 235};
	struct fixture *f = *state;
	const struct guard_device *node;

	usb_disk(f);
	device(f, "scsi_changer", USB_DISK "/scsi_changer/sch0", "86:0");
	device(f, "nvme-generic", PCI "/nvme/nvme0/ng0n1", "235:0");
	node = scan_for(f, GUARD_KEY(true, 21, 0));
	assert_non_null(node);
	assert_int_equal(node->kind, GUARD_KIND_SG);
	assert_int_equal(node->bus, GUARD_BUS_USB);
	for (size_t i = 0; i < 3; i++) {
		node = scan_for(f, GUARD_KEY(true, majors[i], 0));
		assert_non_null(node);
		assert_int_equal(node->kind, GUARD_KIND_SG);
	}
}

static void every_way_in_has_its_bus(void **state)
{
	static const struct {
		const char *ancestor, *subsystem, *removable, *disk;
		uint32_t bus, kind;
	} rows[] = {
		{"devices/pci0000:00/ata1", "bus/pci", NULL, "sdb",
		 GUARD_BUS_FIXED, GUARD_KIND_DISK},
		{"devices/pci0000:00/m1/mmc_host/mmc0/mmc0:1", "bus/mmc", NULL,
		 "mmcblk0", GUARD_BUS_MMC, GUARD_KIND_DISK},
		{"devices/pci0000:00/ms1", "bus/memstick", NULL, "mspblk0",
		 GUARD_BUS_MMC, GUARD_KIND_DISK},
		{"devices/pci0000:00/pc1", "bus/pcmcia", NULL, "sdp",
		 GUARD_BUS_MMC, GUARD_KIND_DISK},
		{"devices/virtual/block", "class/none", NULL, "zd16",
		 GUARD_BUS_VIRTUAL, GUARD_KIND_DISK},
		{"devices/pci0000:00/fw1", "bus/firewire", NULL, "sdc",
		 GUARD_BUS_FIREWIRE, GUARD_KIND_DISK},
		{"devices/pci0000:00/tb1", "bus/thunderbolt", NULL, "sdd",
		 GUARD_BUS_THUNDERBOLT, GUARD_KIND_DISK},
		{"devices/pci0000:00/ext", "bus/pci", "removable", "nvme1n1",
		 GUARD_BUS_THUNDERBOLT, GUARD_KIND_DISK},
		{"devices/pci0000:00/int", "bus/pci", "fixed", "nvme0n1",
		 GUARD_BUS_FIXED, GUARD_KIND_DISK},
		{"devices/platform/host5/session1", "class/none", NULL, "sde",
		 GUARD_BUS_NETWORK, GUARD_KIND_DISK},
		{"devices/virtual/block", "class/none", NULL, "loop0",
		 GUARD_BUS_VIRTUAL, GUARD_KIND_DISK},
		{"devices/virtual/block", "class/none", NULL, "dm-0",
		 GUARD_BUS_VIRTUAL, GUARD_KIND_DISK},
		{"devices/virtual/block", "class/none", NULL, "nbd0",
		 GUARD_BUS_NETWORK, GUARD_KIND_DISK},
		{"devices/virtual/block", "class/none", NULL, "ublkb0",
		 GUARD_BUS_NETWORK, GUARD_KIND_DISK},
		{"devices/virtual/nvme-subsystem/s0", "class/none", NULL,
		 "nvme2n1", GUARD_BUS_FIXED, GUARD_KIND_DISK},
		{"devices/pci0000:00/ata2", "bus/pci", NULL, "sr0",
		 GUARD_BUS_FIXED, GUARD_KIND_OPTICAL},
		{"devices/platform/floppy.0", "bus/platform", NULL, "fd0",
		 GUARD_BUS_FIXED, GUARD_KIND_FLOPPY},
	};
	struct fixture *f = *state;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct guard_device *found;
		char path[256];
		char number[16];

		on(f, rows[i].ancestor, rows[i].subsystem);
		if (rows[i].removable)
			attribute(f, rows[i].ancestor, "removable",
				  rows[i].removable);
		(void)snprintf(path, sizeof(path), "%s/%s", rows[i].ancestor,
			       rows[i].disk);
		(void)snprintf(number, sizeof(number), "240:%u", i);
		device(f, "block", path, number);
		found = scan_for(f, GUARD_KEY(false, 240, i));
		assert_non_null(found);
		if (found->bus != rows[i].bus || found->kind != rows[i].kind)
			fail_msg("%s: bus %u kind %u", path, found->bus,
				 found->kind);
	}
}

static void what_cannot_be_read_stays_unknown(void **state)
{
	struct fixture *f = *state;

	usb_disk(f);
	attribute(f, USB_DISK "/block/sda", "dev", "eight:0");
	assert_null(scan_for(f, GUARD_KEY(false, 8, 0)));
	/* Nor does its partition have a disk to belong to. */
	assert_null(scan_for(f, GUARD_KEY(false, 8, 1)));
	attribute(f, USB_DISK "/block/sda", "dev", "8:0:0");
	assert_null(scan_for(f, GUARD_KEY(false, 8, 0)));
	attribute(f, USB_DISK "/block/sda", "dev", "70000:0");
	(void)scan_for(f, 0);
	assert_int_equal(f->count, 2); /* the two raw nodes */
}

static void an_old_kernel_has_no_diskseq(void **state)
{
	struct fixture *f = *state;

	usb_disk(f);
	fake_remove(&f->tree, "sys/" USB_DISK "/block/sda/diskseq");
	assert_int_equal(scan_for(f, GUARD_KEY(false, 8, 0))->diskseq, 0);
}

static int stop(uint64_t key, const struct guard_device *info, void *userdata)
{
	(void)key;
	(void)info;
	(void)userdata;
	return -ENOSPC;
}

static void the_callers_error_ends_the_scan(void **state)
{
	struct fixture *f = *state;

	usb_disk(f);
	assert_int_equal(guard_seed_scan(f->sys_fd, stop, NULL), -ENOSPC);
}

static void a_machine_without_scsi_is_no_error(void **state)
{
	struct fixture *f = *state;

	assert_null(scan_for(f, 1));
	assert_int_equal(f->count, 0);
}

static void only_a_later_disk_takes_over_a_number(void **state)
{
	const struct guard_device kept = {.diskseq = 9};
	struct guard_device seen = {.diskseq = 10};

	(void)state;
	assert_true(guard_seed_is_later(&kept, &seen));
	seen.diskseq = 9; /* the same one */
	assert_false(guard_seed_is_later(&kept, &seen));
	seen.diskseq = 8; /* read before the kernel half entered its own */
	assert_false(guard_seed_is_later(&kept, &seen));
	seen.diskseq = 0; /* a kernel that does not count */
	assert_false(guard_seed_is_later(&kept, &seen));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(a_usb_disk_is_on_usb_however_deep),
		ROW(a_partition_belongs_to_its_disk_and_comes_after_it),
		ROW(raw_scsi_nodes_are_characters),
		ROW(every_way_in_has_its_bus),
		ROW(what_cannot_be_read_stays_unknown),
		ROW(an_old_kernel_has_no_diskseq),
		ROW(the_callers_error_ends_the_scan),
		ROW(a_machine_without_scsi_is_no_error),
		ROW(only_a_later_disk_takes_over_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
