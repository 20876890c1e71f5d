/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of effects, which no crash of a process can show: data is synced
 * before it counts, a new segment is complete before it has a name, the name is
 * synced before its events count, and nothing is unlinked that is not acked.
 */
#include "tests/unit/spool/spool_fixture.h"

#include <errno.h>
#include <pthread.h>

#include "agent/spool/ops.h"

#define STEPS_MAX 8192

/* w write, s sync, a allocate, r rename, d directory sync, u unlink */
static char steps[STEPS_MAX];
static size_t step_count;
static pthread_mutex_t step_lock = PTHREAD_MUTEX_INITIALIZER;
/* The durable tail as published at each step. */
static uint64_t tails[STEPS_MAX];
static int tail_fd = -1;

static void note(char step)
{
	char text[SPOOL_TAIL_SIZE];
	struct spool_tail tail = {0};

	pthread_mutex_lock(&step_lock);
	if (tail_fd >= 0 && pread(tail_fd, text, sizeof(text), 0) > 0)
		(void)!spool_tail_parse(text, sizeof(text), &tail);
	if (step_count < STEPS_MAX) {
		tails[step_count] = tail.seq;
		steps[step_count++] = step;
	}
	pthread_mutex_unlock(&step_lock);
}

static int noted_write(int fd, const void *data, size_t size, uint64_t offset)
{
	note('w');
	return spool_real_ops.write(fd, data, size, offset);
}

static int noted_sync(int fd)
{
	int r = spool_real_ops.sync_data(fd);

	note('s');
	return r;
}

static int noted_allocate(int fd, uint64_t size)
{
	note('a');
	return spool_real_ops.allocate(fd, size);
}

static int noted_rename(int dirfd, const char *from, const char *to)
{
	note('r');
	return spool_real_ops.rename(dirfd, from, to);
}

static int noted_sync_directory(int dirfd)
{
	int r = spool_real_ops.sync_directory(dirfd);

	note('d');
	return r;
}

static int noted_unlink(int dirfd, const char *name)
{
	uint64_t seq;

	/* Not the spares that every start removes. */
	if (segment_name_parse(name, &seq) == 0)
		note('u');
	return spool_real_ops.unlink(dirfd, name);
}

static const struct spool_ops noting_ops = {
	.write = noted_write,
	.sync_data = noted_sync,
	.allocate = noted_allocate,
	.rename = noted_rename,
	.sync_directory = noted_sync_directory,
	.unlink = noted_unlink,
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	fixture_init(f);
	f->config.ops = &noting_ops;
	memset(steps, 0, sizeof(steps));
	step_count = 0;
	tail_fd = f->tail_fd;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	tail_fd = -1;
	fixture_fini(*state);
	free(*state);
	return 0;
}

static void an_event_is_written_then_synced_then_published(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	for (uint64_t seq = 1; seq <= 20; seq++) {
		size_t before = step_count;

		fixture_fill(f, 1);
		fixture_flush(f);
		assert_int_equal(step_count - before, 2);
		assert_memory_equal(steps + before, "ws", 2);
		/* Not before the sync; right behind it. */
		assert_int_equal(tails[before], seq - 1);
		assert_int_equal(tails[before + 1], seq - 1);
		assert_int_equal(fixture_tail(f).seq, seq);
	}
}

static void a_first_segment_is_durable_before_it_is_used(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	/* Spares, header, sync, name, directory, a spare for the one used. */
	assert_string_equal(steps, "aaawsrda");
}

static void a_rotation_closes_names_and_only_then_counts(void **state)
{
	struct fixture *f = *state;
	uint64_t first = 0;
	size_t at = 0;

	fixture_open(f);
	while (!memchr(steps + 8, 'r', step_count - 8)) {
		first = spool_next_seq(f->spool);
		fixture_fill(f, 1);
		fixture_flush(f);
	}
	while (steps[at] != 'r' || at < 8)
		at++;
	/* Footer; sync; header and frame; sync; name; directory. */
	assert_memory_equal(steps + at - 5, "wswws", 5);
	assert_int_equal(steps[at + 1], 'd');
	/* The event in the new segment did not count before all that. */
	assert_int_equal(tails[at + 1], first - 1);
	assert_int_equal(fixture_tail(f).seq, first);
}

static void nothing_is_unlinked_before_it_is_acked(void **state)
{
	struct fixture *f = *state;
	struct spool_stats stats;

	fixture_open(f);
	fixture_fill(f, 700);
	fixture_flush(f);
	spool_release(f->spool, 100); /* within the first segment */
	fixture_fill(f, 50);
	fixture_flush(f);
	assert_null(memchr(steps, 'u', step_count));

	spool_stats(f->spool, &stats);
	assert_int_equal(stats.first_seq, 1);
	spool_release(f->spool, 750);
	fixture_wait_segments(f, 2);
	assert_non_null(memchr(steps, 'u', step_count));
	assert_int_equal(fixture_read_all(f, 0), 750);
}

static void a_cut_tail_is_synced_before_the_spool_opens(void **state)
{
	struct fixture *f = *state;
	char name[SEGMENT_NAME_SIZE];

	fixture_open(f);
	fixture_fill(f, 3);
	fixture_flush(f);
	fixture_close(f);
	segment_name(1, name);
	int fd = openat(f->dirfd, name, O_WRONLY);
	assert_int_equal(pwrite(fd, "torn", 4, 100000), 4);
	(void)close(fd);

	size_t before = step_count;
	fixture_open(f);
	assert_int_equal(f->opening.found, SPOOL_FOUND_TORN);
	assert_memory_equal(steps + before, "ws", 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_event_is_written_then_synced_then_published),
		TEST(a_first_segment_is_durable_before_it_is_used),
		TEST(a_rotation_closes_names_and_only_then_counts),
		TEST(nothing_is_unlinked_before_it_is_acked),
		TEST(a_cut_tail_is_synced_before_the_spool_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
