/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closed segments packed: nothing in them changes for whoever reads, room comes
 * back, and no failure of the disk on the way costs an event.
 */
#include "tests/unit/spool/spool_fixture.h"

#include <errno.h>
#include <sys/stat.h>

#include "agent/spool/pack.h"
#include "agent/wire/segment.h"

#define EVENTS 900u

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	fixture_init(f);
	fixture_open(f);
	fixture_fill(f, EVENTS);
	fixture_flush(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fixture_fini(f);
	free(f);
	return 0;
}

static uint64_t bytes_of(struct fixture *f, uint64_t first_seq)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat status;

	segment_name(first_seq, name);
	assert_int_equal(fstatat(f->dirfd, name, &status, 0), 0);
	return (uint64_t)status.st_size;
}

/* Opens with packing; waits until all but the newest closed one are. */
static void open_packing(struct fixture *f)
{
	uint64_t *seqs = NULL;
	size_t count = 0;

	f->config.keep_plain = 1;
	fixture_open(f);
	assert_int_equal(segment_list(f->dirfd, &seqs, &count), 0);
	assert_true(count > 3);
	for (int i = 0; bytes_of(f, seqs[count - 3]) == FIXTURE_SEGMENT; i++) {
		assert_true(i < 2000);
		fixture_wait_us(5000);
	}
	free(seqs);
}

static void packed_segments_read_the_same_in_less_room(void **state)
{
	struct fixture *f = *state;
	struct spool_stats before;
	struct spool_stats after;

	spool_stats(f->spool, &before);
	fixture_close(f);
	open_packing(f);
	assert_int_equal(fixture_read_all(f, 1), EVENTS);
	assert_true(bytes_of(f, 1) < FIXTURE_SEGMENT / 3);
	/* The file takes its new name before the packer counts it. */
	spool_stats(f->spool, &after);
	for (int i = 0; after.bytes + FIXTURE_SEGMENT >= before.bytes; i++) {
		assert_true(i < 2000);
		fixture_wait_us(5000);
		spool_stats(f->spool, &after);
	}
	fixture_close(f);
	/* And after the next start. */
	fixture_open(f);
	assert_int_equal(f->opening.found, SPOOL_FOUND_CLEAN);
	assert_int_equal(f->opening.gap_first, 0);
	assert_int_equal(fixture_read_all(f, 400), EVENTS);
}

static void packing_makes_room_in_a_full_spool(void **state)
{
	struct fixture *f = *state;
	unsigned more = 0;
	int r;

	do {
		r = fixture_append(f, 1);
		if (r == SPOOL_BUSY)
			fixture_flush(f);
		fixture_wait_us(r == SPOOL_BUSY ? 1000 : 0);
	} while (r != SPOOL_FULL);
	uint64_t full_at = spool_next_seq(f->spool);
	fixture_close(f);
	open_packing(f);
	for (int i = 0; i < 20000 && more < 1000; i++) {
		r = fixture_append(f, 1);
		more += r == 0;
		if (r != 0)
			fixture_wait_us(1000);
	}
	assert_int_equal(more, 1000);
	fixture_flush(f);
	assert_int_equal(fixture_read_all(f, 1), full_at + 999);
}

static void the_last_segment_may_be_a_packed_one(void **state)
{
	struct fixture *f = *state;
	uint64_t *seqs = NULL;
	size_t count = 0;
	uint64_t bytes = 0;
	char name[SEGMENT_NAME_SIZE];

	fixture_close(f);
	assert_int_equal(segment_list(f->dirfd, &seqs, &count), 0);
	assert_int_equal(segment_pack(f->dirfd, &spool_real_ops, 1, &bytes), 0);
	for (size_t i = 1; i < count; i++) {
		segment_name(seqs[i], name);
		assert_int_equal(unlinkat(f->dirfd, name, 0), 0);
	}
	assert_int_equal(ftruncate(f->tail_fd, 0), 0);
	fixture_open(f);
	assert_int_equal(f->opening.found, SPOOL_FOUND_CLEAN);
	assert_int_equal(spool_next_seq(f->spool), seqs[1]);
	fixture_fill(f, 5);
	fixture_flush(f);
	assert_int_equal(fixture_read_all(f, 1), seqs[1] + 4);
	free(seqs);
}

static int fail_write(int fd, const void *data, size_t size, uint64_t offset)
{
	(void)fd, (void)data, (void)size, (void)offset;
	return -ENOSPC;
}

static int fail_sync(int fd)
{
	(void)fd;
	return -EIO;
}

static int fail_rename(int dirfd, const char *from, const char *to)
{
	(void)dirfd, (void)from, (void)to;
	return -EIO;
}

static void a_failure_leaves_the_segment_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct spool_ops ops[3] = {spool_real_ops, spool_real_ops,
				   spool_real_ops};
	uint64_t bytes = 0;

	ops[0].write = fail_write;
	ops[1].sync_data = fail_sync;
	ops[2].rename = fail_rename;
	for (size_t i = 0; i < 3; i++) {
		assert_true(segment_pack(f->dirfd, &ops[i], 1, &bytes) < 0);
		assert_int_equal(bytes_of(f, 1), FIXTURE_SEGMENT);
		assert_int_equal(faccessat(f->dirfd, PACK_NAME, F_OK, 0), -1);
	}
	assert_int_equal(fixture_read_all(f, 1), EVENTS);
}

/* Evidence of damage is not packed away. */
static void a_damaged_segment_stays(void **state)
{
	struct fixture *f = *state;
	char name[SEGMENT_NAME_SIZE];
	uint64_t bytes = 0;

	segment_name(1, name);
	int fd = openat(f->dirfd, name, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 5000), 1);
	(void)close(fd);
	assert_int_equal(segment_pack(f->dirfd, &spool_real_ops, 1, &bytes),
			 PACK_NOT);
	/* Nor is the open one, or one that is packed. */
	uint64_t *seqs = NULL;
	size_t count = 0;
	assert_int_equal(segment_list(f->dirfd, &seqs, &count), 0);
	assert_int_equal(segment_pack(f->dirfd, &spool_real_ops,
				      seqs[count - 1], &bytes),
			 PACK_NOT);
	assert_int_equal(
		segment_pack(f->dirfd, &spool_real_ops, seqs[1], &bytes), 0);
	assert_int_equal(bytes_of(f, seqs[1]), bytes);
	assert_int_equal(segment_pack(f->dirfd, &spool_real_ops, seqs[1],
				      &bytes),
			 PACK_NOT);
	free(seqs);
}

/* Each byte of a packed one: what comes out is right, or refused. */
static void a_damaged_packed_segment_is_refused(void **state)
{
	struct fixture *f = *state;
	char name[SEGMENT_NAME_SIZE];
	uint64_t bytes = 0;
	struct stat status;

	segment_name(1, name);
	assert_int_equal(segment_pack(f->dirfd, &spool_real_ops, 1, &bytes), 0);
	int fd = openat(f->dirfd, name, O_RDWR | O_CLOEXEC);
	for (uint64_t at = 0; at < bytes - SEGMENT_FOOTER_SIZE; at += 37) {
		uint8_t byte = 0;

		assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
		byte ^= 0x41;
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		int plain = segment_open(f->dirfd, 1);
		if (at >= SEGMENT_HEADER_SIZE && plain >= 0) {
			/* zstd has no checksum here: the frames have. */
			assert_int_equal(fstat(plain, &status), 0);
			assert_true(status.st_size <= FIXTURE_SEGMENT);
		}
		if (plain >= 0)
			(void)close(plain);
		else
			assert_int_equal(plain, -EBADMSG);
		byte ^= 0x41;
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	}
	(void)close(fd);
	assert_int_equal(fixture_read_all(f, 1), EVENTS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(packed_segments_read_the_same_in_less_room),
		TEST(packing_makes_room_in_a_full_spool),
		TEST(the_last_segment_may_be_a_packed_one),
		TEST(a_failure_leaves_the_segment_as_it_was),
		TEST(a_damaged_segment_stays),
		TEST(a_damaged_packed_segment_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
