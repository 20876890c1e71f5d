/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a medium, read from a made /proc. */
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

#include "agent/sense/holders.h"
#include "tests/fakes/tree.h"

#define BUDGET_MS 10000

struct fixture {
	struct fake_tree tree;
	struct block_disk disk;
	struct holders holders;
};

static int setup(void **state)
{
	static struct fixture f;
	struct stat st;

	memset(&f, 0, sizeof(f));
	fake_tree_init(&f.tree);
	fake_disk_add(&f.tree, NULL, "sdb", 16, 1);
	assert_int_equal(block_read(f.tree.fd, fake_devpath(&f.tree, "sdb"),
				    &f.disk),
			 0);
	/* Files of the tree stand for files on the medium */
	assert_int_equal(fstat(f.tree.fd, &st), 0);
	f.disk.major = major(st.st_dev);
	f.disk.minor = minor(st.st_dev);
	fake_text(&f.tree, "medium/report.txt", "x\n");
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_tree_fini(&f->tree);
	return 0;
}

static void add_process(struct fixture *f, unsigned int pid, const char *comm,
			const char *space)
{
	char path[64], target[64];

	snprintf(path, sizeof(path), "proc/%u/comm", pid);
	fake_text(&f->tree, path, "%s\n", comm);
	snprintf(path, sizeof(path), "proc/%u/status", pid);
	fake_text(&f->tree, path, "Name:\t%s\nUid:\t1000\t0\t0\t0\n", comm);
	snprintf(path, sizeof(path), "proc/%u/fd", pid);
	fake_dir(&f->tree, path);
	snprintf(path, sizeof(path), "spaces/%s", space);
	fake_text(&f->tree, path, "%s", "");
	snprintf(path, sizeof(path), "proc/%u/ns/mnt", pid);
	snprintf(target, sizeof(target), "../../../spaces/%s", space);
	fake_link(&f->tree, path, target);
	snprintf(path, sizeof(path), "proc/%u/mountinfo", pid);
	fake_text(&f->tree, path, "%s", "");
}

static void add_mount(struct fixture *f, unsigned int pid, const char *point)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%u/mountinfo", pid);
	fake_text(&f->tree, path,
		  "20 1 0:5 / / rw - tmpfs none rw\n"
		  "%u 20 8:17 / %s rw - vfat /dev/sdb1 rw\n",
		  pid + 100, point);
}

static void open_file(struct fixture *f, unsigned int pid, const char *as,
		      const char *file)
{
	char path[64], target[128];

	snprintf(path, sizeof(path), "proc/%u/%s", pid, as);
	snprintf(target, sizeof(target), "%s/%s", f->tree.path, file);
	fake_link(&f->tree, path, target);
}

static void find(struct fixture *f)
{
	assert_int_equal(holders_find_mounts(f->tree.fd, &f->disk, &f->holders),
			 0);
	assert_int_equal(
		holders_find_processes(f->tree.fd, BUDGET_MS, &f->holders), 0);
}

static void mounts_of_every_namespace_are_found_once(void **state)
{
	struct fixture *f = *state;

	add_process(f, 1, "init", "a");
	add_mount(f, 1, "/media/a");
	add_process(f, 7, "sh", "a");
	add_mount(f, 7, "/media/a");
	add_process(f, 9, "jail", "b");
	add_mount(f, 9, "/mnt/hidden");
	find(f);
	assert_int_equal(f->holders.mount_count, 2);
	assert_int_equal(f->holders.process_count, 0);
	assert_false(f->holders.is_partial);
	for (int i = 0; i < 2; i++) {
		const struct holders_mount *mount = &f->holders.mounts[i];
		bool is_hidden = strcmp(mount->point, "/mnt/hidden") == 0;
		assert_int_equal(mount->id, mount->pid + 100);
		assert_true(is_hidden == (mount->pid == 9));
	}
}

static void an_open_file_names_its_process(void **state)
{
	struct fixture *f = *state;

	add_process(f, 1, "init", "a");
	add_process(f, 42, "soffice.bin", "a");
	open_file(f, 42, "fd/17", "medium/report.txt");
	find(f);
	assert_int_equal(f->holders.process_count, 1);
	const struct holder *holder = &f->holders.list[0];
	assert_int_equal(holder->pid, 42);
	assert_int_equal(holder->uid, 1000);
	assert_string_equal(holder->comm, "soffice.bin");
	assert_non_null(strstr(holder->path, "medium/report.txt"));
	assert_false(holder->is_raw);
}

static void a_working_folder_and_a_mapping_hold_too(void **state)
{
	struct fixture *f = *state;

	add_process(f, 42, "bash", "a");
	open_file(f, 42, "cwd", "medium");
	add_process(f, 43, "viewer", "a");
	fake_text(&f->tree, "proc/43/maps",
		  "00400000-00452000 r-xp 00000000 00:00 0 \n"
		  "7f00-7f01 r--s 00000000 %x:%x 42   /medium/a b.pdf\n",
		  f->disk.major, f->disk.minor);
	find(f);
	assert_int_equal(f->holders.process_count, 2);
	for (int i = 0; i < 2; i++)
		if (f->holders.list[i].pid == 43)
			assert_string_equal(f->holders.list[i].path,
					    "/medium/a b.pdf");
}

static void others_are_not_named(void **state)
{
	struct fixture *f = *state;

	add_process(f, 42, "bash", "a");
	fake_link(&f->tree, "proc/42/fd/0", "/dev/null");
	fake_link(&f->tree, "proc/42/cwd", "/proc");
	find(f);
	assert_int_equal(f->holders.process_count, 0);
}

static void more_than_are_named_are_counted(void **state)
{
	struct fixture *f = *state;

	for (unsigned int pid = 100; pid < 100 + HOLDERS_MAX + 5; pid++) {
		add_process(f, pid, "cat", "a");
		open_file(f, pid, "fd/3", "medium/report.txt");
	}
	find(f);
	assert_int_equal(f->holders.process_count, HOLDERS_MAX + 5);
}

static void the_time_ends_the_search(void **state)
{
	struct fixture *f = *state;

	add_process(f, 42, "cat", "a");
	open_file(f, 42, "fd/3", "medium/report.txt");
	assert_int_equal(holders_find_mounts(f->tree.fd, &f->disk, &f->holders),
			 0);
	assert_int_equal(holders_find_processes(f->tree.fd, 0, &f->holders), 0);
	assert_int_equal(f->holders.process_count, 0);
	assert_true(f->holders.is_partial);
}

static void what_is_stacked_on_the_disk_counts(void **state)
{
	struct fixture *f = *state;

	char path[SYSFS_PATH_MAX + 32];

	fake_text(&f->tree, "sys/devices/virtual/block/dm-0/dev", "253:0\n");
	fake_link(&f->tree, "sys/class/block/dm-0",
		  "../../devices/virtual/block/dm-0");
	snprintf(path, sizeof(path), "sys%s/holders/dm-0",
		 fake_devpath(&f->tree, "sdb"));
	fake_dir(&f->tree, path);
	add_process(f, 1, "init", "a");
	fake_text(&f->tree, "proc/1/mountinfo",
		  "77 20 253:0 / /media/secret rw - ext4 /dev/dm-0 rw\n");
	find(f);
	assert_int_equal(f->holders.mount_count, 1);
	assert_string_equal(f->holders.mounts[0].point, "/media/secret");
}

static void rows_of_proc_are_parsed_or_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"7f00-7f01 r--s 00000000",
		"7f00-7f01 r--s 00000000 zz:01 3 /x",
		"7f00-7f01 r--s 00000000 08:01",
		"7f00-7f01 r--s 00000000 08:01 3",
		"7f00-7f01 rw-p 00000000 00:00 0 [stack]",
	};
	uint32_t major = 77, minor = 77, uid = 77;
	const char *path = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(holders_parse_map(bad[i], &major, &minor,
						   &path),
				 -EBADMSG);
	assert_int_equal(major, 77);
	assert_int_equal(holders_parse_map("1-2 r 0 103:a 9  /p q", &major,
					   &minor, &path),
			 0);
	assert_int_equal(major, 0x103);
	assert_int_equal(minor, 10);
	assert_string_equal(path, "/p q");
	assert_int_equal(holders_parse_uid("Name:\tx\n", &uid), -EBADMSG);
	assert_int_equal(holders_parse_uid("N\nUid:\tx\t1", &uid), -EBADMSG);
	assert_int_equal(holders_parse_uid("N\nUid:\t99999999999\t", &uid),
			 -EBADMSG);
	assert_int_equal(uid, 77);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(mounts_of_every_namespace_are_found_once),
		CASE(an_open_file_names_its_process),
		CASE(a_working_folder_and_a_mapping_hold_too),
		CASE(others_are_not_named),
		CASE(more_than_are_named_are_counted),
		CASE(the_time_ends_the_search),
		CASE(what_is_stacked_on_the_disk_counts),
		CASE(rows_of_proc_are_parsed_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
