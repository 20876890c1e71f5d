/* SPDX-License-Identifier: Apache-2.0 */
/* The disks that must never be refused. */
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

#include "agent/bpf/guard.h"
#include "agent/enforce/guard_system.h"
#include "tests/fakes/tree.h"

#define SDA GUARD_KEY(false, 8, 0)
#define SDB GUARD_KEY(false, 8, 16)

struct fixture {
	struct fake_tree tree;
	int sys_fd;
	int proc_fd;
	struct guard_system system;
};

/* DISK with one partition, linked from dev/block as the kernel does. */
static void disk(struct fixture *f, const char *name, unsigned int minor)
{
	char path[128];
	char link[64];
	char target[128];

	(void)snprintf(path, sizeof(path), "sys/devices/%s/dev", name);
	fake_text(&f->tree, path, "8:%u\n", minor);
	(void)snprintf(path, sizeof(path), "sys/devices/%s/%s1/dev", name,
		       name);
	fake_text(&f->tree, path, "8:%u\n", minor + 1);
	(void)snprintf(path, sizeof(path), "sys/devices/%s/%s1/partition", name,
		       name);
	fake_text(&f->tree, path, "1\n");
	(void)snprintf(link, sizeof(link), "sys/dev/block/8:%u", minor);
	(void)snprintf(target, sizeof(target), "../../devices/%s", name);
	fake_link(&f->tree, link, target);
	(void)snprintf(link, sizeof(link), "sys/dev/block/8:%u", minor + 1);
	(void)snprintf(target, sizeof(target), "../../devices/%s/%s1", name,
		       name);
	fake_link(&f->tree, link, target);
}

/* dm-MINOR on top of the devices whose names follow, NULL ends. */
static void mapper(struct fixture *f, unsigned int minor, const char *slave,
		   const char *slave_path)
{
	char path[128];
	char target[128];

	(void)snprintf(path, sizeof(path), "sys/devices/dm-%u/dev", minor);
	fake_text(&f->tree, path, "253:%u\n", minor);
	(void)snprintf(path, sizeof(path), "sys/devices/dm-%u/slaves/%s", minor,
		       slave);
	(void)snprintf(target, sizeof(target), "../../%s", slave_path);
	fake_link(&f->tree, path, target);
	(void)snprintf(path, sizeof(path), "sys/dev/block/253:%u", minor);
	(void)snprintf(target, sizeof(target), "../../devices/dm-%u", minor);
	fake_link(&f->tree, path, target);
}

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fake_tree_init(&f.tree);
	disk(&f, "sda", 0);
	disk(&f, "sdb", 16);
	f.sys_fd = openat(f.tree.fd, "sys", O_RDONLY | O_DIRECTORY);
	f.proc_fd = openat(f.tree.fd, "proc", O_RDONLY | O_DIRECTORY);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)close(f->sys_fd);
	(void)close(f->proc_fd);
	fake_tree_fini(&f->tree);
	return 0;
}

static void mounts(struct fixture *f, const char *text)
{
	fake_text(&f->tree, "proc/self/mountinfo", "%s", text);
	assert_int_equal(guard_system_read(f->sys_fd, f->proc_fd, f->tree.fd,
					   &f->system),
			 0);
}

static void a_root_on_a_partition_marks_its_disk(void **state)
{
	struct fixture *f = *state;

	mounts(f, "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n");
	assert_int_equal(f->system.count, 1);
	assert_true(guard_system_has(&f->system, SDA));
	assert_false(guard_system_has(&f->system, SDB));
}

static void a_stick_mounted_elsewhere_is_not_the_system(void **state)
{
	struct fixture *f = *state;

	mounts(f, "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		  "40 21 8:17 / /media/alice/boot rw - vfat /dev/sdb1 rw\n"
		  "41 21 8:17 / /bootleg rw - vfat /dev/sdb1 rw\n"
		  "42 21 8:17 / /home rw - vfat /dev/sdb1 rw\n");
	assert_false(guard_system_has(&f->system, SDB));
}

static void boot_and_its_efi_partition_count(void **state)
{
	struct fixture *f = *state;

	mounts(f, "40 21 8:17 / /boot/efi rw - vfat /dev/sdb1 rw\n");
	assert_true(guard_system_has(&f->system, SDB));
}

static void encryption_and_volumes_are_followed_down(void **state)
{
	struct fixture *f = *state;

	mapper(f, 0, "sda1", "sda/sda1");
	mapper(f, 1, "dm-0", "dm-0");
	mounts(f, "21 1 253:1 / / rw - ext4 /dev/mapper/vg-root rw\n");
	assert_int_equal(f->system.count, 1);
	assert_true(guard_system_has(&f->system, SDA));
}

static void a_circle_of_volumes_ends(void **state)
{
	struct fixture *f = *state;

	mapper(f, 0, "dm-1", "dm-1");
	mapper(f, 1, "dm-0", "dm-0");
	mounts(f, "21 1 253:1 / / rw - ext4 /dev/mapper/x rw\n");
	assert_int_equal(f->system.count, 0);
}

static void what_has_no_disk_adds_none(void **state)
{
	struct fixture *f = *state;

	mounts(f, "21 1 0:25 / / rw - tmpfs tmpfs rw\n"
		  "22 1 0:26 / /var rw - nfs server:/var rw\n"
		  "23 1 9:99 / /usr rw - ext4 /dev/gone rw\n");
	assert_int_equal(f->system.count, 0);
}

static void rubbish_is_skipped(void **state)
{
	struct fixture *f = *state;

	mounts(f, "\n- \nx y z\n21 1 8:1 / /\n21 1 8 / / rw - ext4 a b\n"
		  "21 1 8:17 / /boot\\0 rw - ext4 a b\n"
		  "21 1 8:1 / / rw - ext4 /dev/sda1 rw");
	assert_int_equal(f->system.count, 1);
	assert_true(guard_system_has(&f->system, SDA));
}

static void an_overlay_without_lower_is_survived(void **state)
{
	struct fixture *f = *state;

	mounts(f, "21 1 0:30 / / rw - overlay overlay rw,upperdir=/x\n");
	assert_int_equal(f->system.count, 0);
	mounts(f, "21 1 0:30 / / rw - overlay overlay "
		  "rw,lowerdir=/no/such\\040dir::/tmp,upperdir=/x\n");
}

static void swaps_are_read_and_may_be_missing(void **state)
{
	struct fixture *f = *state;

	fake_text(&f->tree, "proc/swaps",
		  "Filename\tType\tSize\tUsed\tPriority\n"
		  "/no/such\\040file  file  1 0 -2\nrubbish\n");
	mounts(f, "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	assert_int_equal(f->system.count, 1);
}

static void too_many_disks_are_an_error_not_a_silence(void **state)
{
	static char text[8192];
	struct fixture *f = *state;
	size_t used = 0;

	for (unsigned int i = 0; i <= GUARD_SYSTEM_DISKS_MAX; i++) {
		char path[64];
		char target[64];

		(void)snprintf(path, sizeof(path), "sys/devices/x%u/dev", i);
		fake_text(&f->tree, path, "65:%u\n", i);
		(void)snprintf(path, sizeof(path), "sys/dev/block/65:%u", i);
		(void)snprintf(target, sizeof(target), "../../devices/x%u", i);
		fake_link(&f->tree, path, target);
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%u 1 65:%u / /boot/%u rw - e d rw\n",
					 i, i, i);
	}
	fake_text(&f->tree, "proc/self/mountinfo", "%s", text);
	assert_int_equal(guard_system_read(f->sys_fd, f->proc_fd, f->tree.fd,
					   &f->system),
			 -ENOSPC);
	assert_int_equal(f->system.count, 0);
}

static void no_mountinfo_is_an_error(void **state)
{
	struct fixture *f = *state;

	fake_remove(&f->tree, "proc/self/mountinfo");
	assert_int_equal(guard_system_read(f->sys_fd, f->proc_fd, f->tree.fd,
					   &f->system),
			 -ENOENT);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(a_root_on_a_partition_marks_its_disk),
		ROW(a_stick_mounted_elsewhere_is_not_the_system),
		ROW(boot_and_its_efi_partition_count),
		ROW(encryption_and_volumes_are_followed_down),
		ROW(a_circle_of_volumes_ends),
		ROW(what_has_no_disk_adds_none),
		ROW(rubbish_is_skipped),
		ROW(an_overlay_without_lower_is_survived),
		ROW(swaps_are_read_and_may_be_missing),
		ROW(too_many_disks_are_an_error_not_a_silence),
		ROW(no_mountinfo_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
