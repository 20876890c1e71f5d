/* SPDX-License-Identifier: Apache-2.0 */
/* One step of an end on a made tree: what can be seen of it without a mount.
 * With real ones: tests/e2e/cases/35_ending.py. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/daemon/ender.h"
#include "agent/enforce/dry_run.h"
#include "tests/fakes/machine.h"
#include "tests/fakes/tree.h"

static const uint8_t storage[][3] = {{8, 6, 80}};
static const struct fake_usb hub = {
	.name = "usb1",
	.vendor = 0x1d6b,
	.product = 2,
	.authorized = 1,
};
static const struct fake_usb stick = {
	.hub = "usb1",
	.name = "1-1",
	.vendor = 0x0411,
	.product = 0x01e8,
	.serial = "S1",
	.interfaces = storage,
	.interface_count = 1,
	.authorized = 1,
};

struct fixture {
	struct fake_tree tree;
	struct dry_run *run;
	struct ender_place place;
	struct ender_job job;
	struct ender_answer answer;
};

static int setup(void **state)
{
	static struct fixture f;
	struct stat st;

	memset(&f, 0, sizeof(f));
	fake_tree_init(&f.tree);
	fake_usb_add(&f.tree, &hub);
	fake_usb_add(&f.tree, &stick);
	fake_disk_add(&f.tree, "1-1", "sdb", 16, 1);
	fake_dir(&f.tree, "dev");
	assert_int_equal(dry_run_new(&f.run), 0);
	f.place.root_fd = f.tree.fd;
	f.place.proc_fd = openat(f.tree.fd, "proc", O_RDONLY | O_DIRECTORY);
	f.place.dev_fd = openat(f.tree.fd, "dev", O_RDONLY | O_DIRECTORY);
	f.place.enforce = dry_run_ops(f.run);
	assert_int_equal(block_read(f.tree.fd, fake_devpath(&f.tree, "sdb"),
				    &f.job.disk),
			 0);
	/* A file of the tree stands for one on the medium */
	assert_int_equal(fstat(f.tree.fd, &st), 0);
	f.job.disk.major = major(st.st_dev);
	f.job.disk.minor = minor(st.st_dev);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)close(f->place.proc_fd);
	(void)close(f->place.dev_fd);
	dry_run_free(f->run);
	fake_tree_fini(&f->tree);
	return 0;
}

static void hold(struct fixture *f)
{
	char target[128];

	fake_text(&f->tree, "medium/report.txt", "x\n");
	fake_text(&f->tree, "proc/4194999/comm", "cat\n");
	snprintf(target, sizeof(target), "%s/medium/report.txt", f->tree.path);
	fake_link(&f->tree, "proc/4194999/fd/3", target);
}

static void work(struct fixture *f, enum ender_kind kind, bool keeps_reading)
{
	f->job.kind = kind;
	f->job.keeps_reading = keeps_reading;
	ender_work(&f->place, &f->job, &f->answer);
}

static void what_nobody_uses_is_free(void **state)
{
	struct fixture *f = *state;

	work(f, ENDER_TRY, false);
	assert_int_equal(f->answer.result, 0);
	assert_true(f->answer.is_free);
	assert_true(f->answer.is_synced);
	assert_int_equal(f->answer.mount_count, 0);
}

static void an_open_file_or_a_claim_is_in_the_way(void **state)
{
	struct fixture *f = *state;

	dry_run_use(f->run, true);
	work(f, ENDER_TRY, false);
	assert_false(f->answer.is_free);
	/* Unmounted lazily, it may be written: not read-only */
	work(f, ENDER_TRY, true);
	assert_false(f->answer.is_free);
	dry_run_use(f->run, false);
	hold(f);
	work(f, ENDER_TRY, false);
	assert_false(f->answer.is_free);
	assert_int_equal(f->answer.holders.process_count, 1);
	assert_string_equal(f->answer.holders.list[0].comm, "cat");
	/* The kernel's flag ends writing through it: reading may go on */
	work(f, ENDER_TRY, true);
	assert_true(f->answer.is_free);
}

static void a_mount_out_of_reach_is_not_free(void **state)
{
	struct fixture *f = *state;

	fake_text(&f->tree, "proc/4194999/ns/mnt", "%s", "");
	fake_text(&f->tree, "proc/4194999/mountinfo",
		  "20 1 8:17 / /mnt rw - vfat /dev/sdb1 rw\n");
	work(f, ENDER_TRY, false);
	assert_int_equal(f->answer.mount_count, 1);
	assert_false(f->answer.is_synced);
	assert_false(f->answer.is_free);
	work(f, ENDER_TRY, true);
	assert_false(f->answer.is_free);
}

static void looking_touches_nothing(void **state)
{
	struct fixture *f = *state;

	hold(f);
	work(f, ENDER_LOOK, false);
	assert_int_equal(f->answer.holders.process_count, 1);
	assert_int_equal(dry_run_count(f->run), 0);
}

static void cutting_switches_the_interface_off_and_on(void **state)
{
	struct fixture *f = *state;

	hold(f); /* of a process that is no more: nothing is stopped */
	work(f, ENDER_CUT, false);
	assert_int_equal(f->answer.result, 0);
	assert_int_equal(dry_run_count(f->run), 2);
	assert_string_equal(dry_run_line(f->run, 0), "usb_interface 1-1:1.0 0");
	assert_string_equal(dry_run_line(f->run, 1), "usb_interface 1-1:1.0 1");
}

static void what_is_on_no_usb_device_cannot_be_cut(void **state)
{
	struct fixture *f = *state;
	char name[64] = "untouched";

	f->job.disk.usb_devpath[0] = '\0';
	work(f, ENDER_CUT, false);
	assert_int_equal(f->answer.result, -EOPNOTSUPP);
	assert_int_equal(dry_run_count(f->run), 0);
	assert_int_equal(ender_interface_of(&f->job.disk, name, sizeof(name)),
			 -ENOENT);
	assert_string_equal(name, "untouched");
}

static void a_disk_that_has_gone_is_told(void **state)
{
	struct fixture *f = *state;

	snprintf(f->job.disk.devpath, sizeof(f->job.disk.devpath),
		 "/devices/nowhere/block/sdb");
	work(f, ENDER_TRY, false);
	assert_true(f->answer.result < 0);
	assert_false(f->answer.is_free);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_nobody_uses_is_free),
		CASE(an_open_file_or_a_claim_is_in_the_way),
		CASE(a_mount_out_of_reach_is_not_free),
		CASE(looking_touches_nothing),
		CASE(cutting_switches_the_interface_off_and_on),
		CASE(what_is_on_no_usb_device_cannot_be_cut),
		CASE(a_disk_that_has_gone_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
