/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th write, sync, allocation, rename or unlink fails, once or for good,
 * and the disk is full: the spool says so, loses nothing it accepted, and
 * recovers when the disk does.
 */
#include "tests/unit/spool/spool_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <signal.h>

#include "agent/spool/ops.h"

/* One counter for all operations; the call with this number fails. */
static atomic_int calls;
static atomic_int fail_at;
static atomic_int fail_count;
static atomic_int fail_error;
/* Segments that the pretended disk still has room for. */
static atomic_int free_segments;

static int hit(void)
{
	int n = ++calls;

	if (n >= fail_at && n < fail_at + fail_count)
		return -fail_error;
	return 0;
}

static int failing_write(int fd, const void *data, size_t size, uint64_t offset)
{
	int r = hit();

	/* A failing write may have written a part. */
	if (r < 0) {
		(void)!spool_real_ops.write(fd, data, size / 2, offset);
		return r;
	}
	return spool_real_ops.write(fd, data, size, offset);
}

static int failing_sync_data(int fd)
{
	int r = hit();

	return r < 0 ? r : spool_real_ops.sync_data(fd);
}

static int failing_allocate(int fd, uint64_t size)
{
	int r = hit();

	if (r < 0)
		return r;
	if (free_segments <= 0)
		return -ENOSPC;
	free_segments--;
	return spool_real_ops.allocate(fd, size);
}

static int failing_rename(int dirfd, const char *from, const char *to)
{
	int r = hit();

	return r < 0 ? r : spool_real_ops.rename(dirfd, from, to);
}

static int failing_sync_directory(int dirfd)
{
	int r = hit();

	return r < 0 ? r : spool_real_ops.sync_directory(dirfd);
}

static int failing_unlink(int dirfd, const char *name)
{
	int r = hit();

	if (r < 0)
		return r;
	r = spool_real_ops.unlink(dirfd, name);
	if (r == 0)
		free_segments++;
	return r;
}

static const struct spool_ops failing_ops = {
	.write = failing_write,
	.sync_data = failing_sync_data,
	.allocate = failing_allocate,
	.rename = failing_rename,
	.sync_directory = failing_sync_directory,
	.unlink = failing_unlink,
};

static void break_calls(int at, int count, int error)
{
	calls = 0;
	fail_at = at;
	fail_count = count;
	fail_error = error;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	fixture_init(f);
	f->config.ops = &failing_ops;
	free_segments = 1000;
	break_calls(0, 0, 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	break_calls(0, 0, 0);
	fixture_fini(*state);
	free(*state);
	return 0;
}

static void opening_survives_any_failing_call(void **state)
{
	struct fixture *f = *state;
	int failed = 0;

	fixture_open(f);
	fixture_fill(f, 300);
	fixture_close(f);

	/* Of an existing spool: what it holds must not change. */
	for (int n = 1; n < 90; n++) {
		break_calls(n, 1, EIO);
		int r = spool_open(&f->config, &f->spool, &f->opening);

		break_calls(0, 0, 0);
		if (r < 0) {
			failed++;
			assert_null(f->spool);
			continue;
		}
		assert_false(f->opening.is_new_stream);
		assert_int_equal(spool_next_seq(f->spool), 301);
		fixture_close(f);
	}
	fixture_open(f);
	assert_int_equal(fixture_read_all(f, 1), 300);
	fixture_close(f);

	/* Of an empty directory: an error or a working spool. */
	for (int n = 65; n < 90; n++) {
		fixture_remove_all(f->dirfd);
		assert_int_equal(ftruncate(f->tail_fd, 0), 0);
		break_calls(n, 1, EIO);
		int r = spool_open(&f->config, &f->spool, &f->opening);

		break_calls(0, 0, 0);
		if (r < 0) {
			failed++;
			assert_null(f->spool);
			continue;
		}
		fixture_fill(f, 3);
		fixture_flush(f);
		fixture_close(f);
	}
	assert_true(failed > 0);
}

static void a_failing_write_is_repeated_until_it_succeeds(void **state)
{
	struct fixture *f = *state;

	/* Each single call of a run with rotations fails once. */
	for (int n = 1; n <= 40; n += 3) {
		fixture_remove_all(f->dirfd);
		assert_int_equal(ftruncate(f->tail_fd, 0), 0);
		fixture_open(f);
		break_calls(n, 1, n % 2 ? EIO : ENOSPC);
		/* Appends go on meanwhile and wake the retry. */
		for (unsigned i = 0; i < 500;) {
			int r = fixture_append(f, 1);

			if (r == 0)
				i++;
			else
				fixture_wait_us(1000);
			if (i % 50 == 0)
				fixture_wait_us(500);
		}
		fixture_flush(f);
		break_calls(0, 0, 0);
		fixture_close(f);
		fixture_open(f);
		assert_int_equal(f->opening.found, SPOOL_FOUND_CLEAN);
		assert_int_equal(fixture_read_all(f, 1), 500);
		fixture_close(f);
	}
}

static void a_dead_disk_shows_and_nothing_counts_as_durable(void **state)
{
	struct fixture *f = *state;
	struct spool_stats stats;

	fixture_open(f);
	fixture_fill(f, 10);
	fixture_flush(f);
	break_calls(1, 1000000, EIO);
	assert_int_equal(fixture_append(f, 1), 0);
	assert_int_equal(spool_flush(f->spool, 11, 300), SPOOL_TIMEOUT);
	spool_stats(f->spool, &stats);
	assert_int_equal(stats.error, -EIO);
	assert_int_equal(stats.durable_seq, 10);
	assert_int_equal(fixture_tail(f).seq, 10);

	/* Memory is bounded: at last it says so. */
	int r = 0;
	for (int i = 0; i < 2000 && r == 0; i++)
		r = fixture_append(f, 1);
	assert_true(r == SPOOL_BUSY || r == SPOOL_FULL);

	/* The disk comes back, and all of it arrives. */
	break_calls(0, 0, 0);
	fixture_flush(f);
	spool_stats(f->spool, &stats);
	assert_int_equal(stats.error, 0);
	assert_int_equal(fixture_read_all(f, 1), stats.last_seq);
}

static void closing_on_a_dead_disk_gives_up_in_time(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	fixture_fill(f, 10);
	fixture_flush(f);
	break_calls(1, 1000000, EIO);
	assert_int_equal(fixture_append(f, 1), 0);
	f->spool = spool_close(f->spool, 100);
	break_calls(0, 0, 0);
	fixture_open(f);
	assert_true(spool_next_seq(f->spool) >= 11);
	assert_false(f->opening.is_new_stream);
}

/* Appends until FULL; waits out BUSY. */
static unsigned append_until_full(struct fixture *f, uint32_t flags)
{
	unsigned count = 0;

	for (;;) {
		int r = fixture_append(f, flags);

		if (r == SPOOL_FULL)
			return count;
		if (r == 0)
			count++;
		else
			fixture_wait_us(1000);
	}
}

static void a_full_disk_refuses_before_it_accepts(void **state)
{
	struct fixture *f = *state;
	struct spool_stats stats;

	/* Two segments of use and the reserve of two. */
	free_segments = 4;
	fixture_open(f);
	unsigned plain = append_until_full(f, 1);
	unsigned urgent = append_until_full(f, FRAME_URGENT | 3);
	assert_true(plain > 200);
	assert_true(urgent > 200);
	fixture_flush(f);
	spool_stats(f->spool, &stats);
	assert_int_equal(stats.last_seq, plain + urgent);
	assert_int_equal(stats.error, 0);
	assert_int_equal(fixture_read_all(f, 1), plain + urgent);

	/* Unlinking what is acked makes the room that the disk denies. */
	spool_release(f->spool, stats.last_seq);
	unsigned more = 0;
	for (int i = 0; i < 2000 && more < 50; i++) {
		if (fixture_append(f, 1) == 0)
			more++;
		else
			fixture_wait_us(5000);
	}
	assert_int_equal(more, 50);
	fixture_flush(f);
}

static void a_disk_with_no_room_at_all_is_an_error(void **state)
{
	struct fixture *f = *state;

	free_segments = 0;
	assert_int_equal(spool_open(&f->config, &f->spool, &f->opening),
			 -ENOSPC);
	assert_int_equal(fixture_count(f, "prepared", ""), 0);
	assert_int_equal(fixture_count(f, "0", ".seg"), 0);
}

/* The same with a real file system; mounting needs root. */
static void a_small_tmpfs_fills_and_drains(void **state)
{
	struct fixture *f = *state;
	char where[] = "/tmp/sekimori-full-XXXXXX";
	struct fixture small;
	struct spool_stats stats;

	(void)f;
	assert_non_null(mkdtemp(where));
	if (mount("tmpfs", where, "tmpfs", 0, "size=1m,mode=0700") < 0) {
		(void)rmdir(where);
		print_message("mounting a tmpfs is not permitted here\n");
		skip();
	}
	fixture_init_at(&small, where);
	small.config.total_bytes = 100 * FIXTURE_SEGMENT;
	fixture_open(&small);
	unsigned plain = append_until_full(&small, 1);
	unsigned urgent = append_until_full(&small, FRAME_URGENT);
	fixture_flush(&small);
	spool_stats(small.spool, &stats);
	assert_true(urgent > 100);
	assert_int_equal(stats.last_seq, plain + urgent);
	assert_int_equal(stats.error, 0);
	assert_int_equal(fixture_read_all(&small, 1), plain + urgent);

	spool_release(small.spool, stats.last_seq);
	int r = -1;
	for (int i = 0; i < 2000 && r != 0; i++) {
		fixture_wait_us(5000);
		r = fixture_append(&small, 1);
	}
	assert_int_equal(r, 0);
	fixture_flush(&small);
	fixture_fini(&small);
	assert_int_equal(umount(where), 0);
	(void)rmdir(where);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(opening_survives_any_failing_call),
		TEST(a_failing_write_is_repeated_until_it_succeeds),
		TEST(a_dead_disk_shows_and_nothing_counts_as_durable),
		TEST(closing_on_a_dead_disk_gives_up_in_time),
		TEST(a_full_disk_refuses_before_it_accepts),
		TEST(a_disk_with_no_room_at_all_is_an_error),
		TEST(a_small_tmpfs_fills_and_drains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
