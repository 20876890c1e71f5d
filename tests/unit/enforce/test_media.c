/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing a medium when a step fails: the guard and the ioctls of
 * the disk are made up here (the linker takes these before the library's). */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/enforce/block_guard.h"
#include "agent/enforce/enforce.h"
#include "agent/enforce/media.h"
#include "tests/fakes/tree.h"

struct fixture {
	struct fake_tree tree;
	struct media_place place;
};

/* What the kernel would hold. */
static struct {
	bool has_entry;
	struct guard_policy entry;
	bool is_read_only;
	int set_error;
} kernel;

int block_guard_set(struct block_guard *guard, uint64_t key,
		    enum guard_access access, uint64_t diskseq)
{
	(void)guard;
	(void)key;
	if (kernel.set_error)
		return kernel.set_error;
	kernel.has_entry = true;
	kernel.entry = (struct guard_policy){.diskseq = diskseq,
					     .access = access};
	return 0;
}

int block_guard_entry(const struct block_guard *guard, uint64_t key,
		      struct guard_policy *ret_entry)
{
	(void)guard;
	(void)key;
	if (!kernel.has_entry)
		return -ENOENT;
	*ret_entry = kernel.entry;
	return 0;
}

uint64_t block_guard_key(bool is_char, dev_t device)
{
	return GUARD_KEY(is_char, major(device), minor(device));
}

/* NOLINTNEXTLINE: the C library's own name is the point */
int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;

	(void)fd;
	va_start(arguments, request);
	if (request == BLKROSET)
		kernel.is_read_only = *va_arg(arguments, int *) != 0;
	va_end(arguments);
	if (request == BLKROSET || request == BLKRRPART)
		return 0;
	errno = ENOTTY; /* diskseq: a kernel that does not count */
	return -1;
}

/* NOLINTNEXTLINE: as above */
int fstat(int fd, struct stat *st)
{
	(void)fd;
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFBLK;
	st->st_rdev = makedev(8, 16);
	return 0;
}

static int setup(void **state)
{
	static struct fixture f;

	memset(&kernel, 0, sizeof(kernel));
	fake_tree_init(&f.tree);
	fake_text(&f.tree, "sys/class/block/sdb/dev", "8:16\n");
	fake_text(&f.tree, "dev/sdb", "%s", "");
	f.place.sys_fd = openat(f.tree.fd, "sys", O_RDONLY | O_DIRECTORY);
	f.place.dev_fd = openat(f.tree.fd, "dev", O_RDONLY | O_DIRECTORY);
	f.place.guard = (struct block_guard *)&f; /* never looked into */
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)close(f->place.sys_fd);
	(void)close(f->place.dev_fd);
	fake_tree_fini(&f->tree);
	return 0;
}

static void a_medium_is_opened_and_closed(void **state)
{
	struct fixture *f = *state;

	fake_text(&f->tree, "sys/class/block/sdb/uevent", "%s", "");
	assert_int_equal(media_allow(&f->place, "sdb", 9, GUARD_READ_WRITE), 0);
	assert_int_equal(kernel.entry.access, GUARD_READ_WRITE);
	assert_false(kernel.is_read_only);
	assert_int_equal(media_deny(&f->place, "sdb", 9), 0);
	assert_int_equal(kernel.entry.access, GUARD_DENY);
	assert_true(kernel.is_read_only);
}

/* A folder where the file should be: it is there and cannot be written. */
static void what_cannot_be_announced_is_not_open(void **state)
{
	struct fixture *f = *state;

	fake_dir(&f->tree, "sys/class/block/sdb/uevent");
	assert_true(media_allow(&f->place, "sdb", 9, GUARD_READ_WRITE) < 0);
	assert_int_equal(kernel.entry.access, GUARD_DENY);
	assert_true(kernel.is_read_only);
}

static void what_cannot_be_announced_keeps_what_it_had(void **state)
{
	struct fixture *f = *state;

	kernel.has_entry = true;
	kernel.entry = (struct guard_policy){.diskseq = 9,
					     .access = GUARD_READ_ONLY};
	fake_dir(&f->tree, "sys/class/block/sdb/uevent");
	assert_true(media_allow(&f->place, "sdb", 9, GUARD_READ_WRITE) < 0);
	assert_int_equal(kernel.entry.access, GUARD_READ_ONLY);
	assert_true(kernel.is_read_only);
}

static void the_entry_of_another_medium_does_not_come_back(void **state)
{
	struct fixture *f = *state;

	kernel.has_entry = true;
	kernel.entry = (struct guard_policy){.diskseq = 8,
					     .access = GUARD_READ_WRITE};
	fake_dir(&f->tree, "sys/class/block/sdb/uevent");
	assert_true(media_allow(&f->place, "sdb", 9, GUARD_READ_WRITE) < 0);
	assert_int_equal(kernel.entry.access, GUARD_DENY);
}

static void a_guard_without_room_leaves_the_disk_read_only(void **state)
{
	struct fixture *f = *state;

	fake_text(&f->tree, "sys/class/block/sdb/uevent", "%s", "");
	kernel.set_error = -ENOSPC;
	assert_int_equal(media_allow(&f->place, "sdb", 9, GUARD_READ_WRITE),
			 -ENOSPC);
	assert_false(kernel.has_entry);
	assert_true(kernel.is_read_only);
}

static void closing_leaves_what_is_mounted_alone(void **state)
{
	struct fixture *f = *state;

	fake_text(&f->tree, "sys/class/block/sdb/uevent", "%s", "");
	assert_int_equal(media_allow(&f->place, "sdb", 9, GUARD_READ_WRITE), 0);
	assert_int_equal(media_close(&f->place, "sdb", 9, GUARD_DENY), 0);
	assert_int_equal(kernel.entry.access, GUARD_DENY);
	assert_false(kernel.is_read_only); /* it has to be written out */
	assert_int_equal(media_in_use(&f->place, "sdb", 9), 0);
	assert_int_equal(media_close(&f->place, "sdc", 9, GUARD_DENY),
			 ENFORCE_GONE);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_medium_is_opened_and_closed),
		CASE(what_cannot_be_announced_is_not_open),
		CASE(what_cannot_be_announced_keeps_what_it_had),
		CASE(the_entry_of_another_medium_does_not_come_back),
		CASE(a_guard_without_room_leaves_the_disk_read_only),
		CASE(closing_leaves_what_is_mounted_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
