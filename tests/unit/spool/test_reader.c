/* SPDX-License-Identifier: Apache-2.0 */
/* Reading beside a writer that goes on writing, rotating and unlinking. */
#include "tests/unit/spool/spool_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	fixture_init(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fixture_fini(*state);
	free(*state);
	return 0;
}

static void an_empty_directory_has_nothing(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *reader = NULL;
	struct spool_item item;

	assert_int_equal(spool_reader_new(f->dirfd, &reader), 0);
	assert_null(spool_reader_header(reader));
	assert_int_equal(spool_reader_next(reader, 1, &item), -EBADF);
	assert_int_equal(spool_reader_seek(reader, 1), -ENOENT);
	spool_reader_free(reader);
	assert_null(spool_reader_free(NULL));
}

static void new_events_appear_behind_the_end(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *reader = NULL;
	struct spool_item item;

	fixture_open(f);
	assert_int_equal(spool_reader_new(f->dirfd, &reader), 0);
	assert_int_equal(spool_reader_seek(reader, 1), 0);
	for (uint64_t seq = 1; seq <= 700; seq++) {
		if (seq % 50 == 1)
			assert_int_equal(spool_reader_next(reader, UINT64_MAX,
							   &item),
					 SPOOL_READ_END);
		fixture_fill(f, 1);
		fixture_flush(f);
		assert_int_equal(spool_reader_next(reader, seq, &item), 0);
		assert_int_equal(item.frame.seq, seq);
	}
	/* Not beyond what the caller knows to be durable. */
	fixture_fill(f, 1);
	fixture_flush(f);
	assert_int_equal(spool_reader_next(reader, 700, &item), SPOOL_READ_END);
	spool_reader_free(reader);
}

static void seeking_finds_each_number(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *reader = NULL;
	struct spool_item item;

	fixture_open(f);
	fixture_fill(f, 600);
	fixture_flush(f);
	assert_int_equal(spool_reader_new(f->dirfd, &reader), 0);
	for (uint64_t seq = 600; seq > 0; seq -= seq > 37 ? 37 : seq) {
		assert_int_equal(spool_reader_seek(reader, seq), 0);
		assert_int_equal(spool_reader_next(reader, 600, &item), 0);
		assert_int_equal(item.frame.seq, seq);
	}
	assert_int_equal(spool_reader_seek(reader, 601), 0);
	assert_int_equal(spool_reader_next(reader, UINT64_MAX, &item),
			 SPOOL_READ_END);
	assert_int_equal(spool_reader_seek(reader, 602), SPOOL_READ_END);
	spool_reader_free(reader);
}

static void what_was_unlinked_is_a_gap_unless_it_is_open(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *held = NULL;
	struct spool_reader *late = NULL;
	struct spool_item item;
	struct spool_stats stats;
	uint64_t first, last;
	int r;

	fixture_open(f);
	fixture_fill(f, 900);
	fixture_flush(f);
	assert_int_equal(spool_reader_new(f->dirfd, &held), 0);
	assert_int_equal(spool_reader_seek(held, 1), 0);
	assert_int_equal(spool_reader_next(held, 900, &item), 0);

	spool_release(f->spool, 900);
	fixture_wait_segments(f, 2);
	/* The rest of the segment that it has open, then the gap. */
	while ((r = spool_reader_next(held, 900, &item)) == 0)
		continue;
	assert_true(item.frame.seq > 100);
	assert_int_equal(r, SPOOL_READ_GAP);
	spool_reader_gap(held, &first, &last);
	assert_int_equal(first, item.frame.seq + 1);
	spool_stats(f->spool, &stats);
	assert_int_equal(last, stats.first_seq - 1);

	assert_int_equal(spool_reader_new(f->dirfd, &late), 0);
	assert_int_equal(spool_reader_seek(late, 5), SPOOL_READ_GAP);
	spool_reader_gap(late, &first, &last);
	assert_int_equal(first, 5);
	assert_int_equal(spool_reader_next(late, 900, &item), 0);
	assert_int_equal(item.frame.seq, last + 1);
	spool_reader_free(held);
	spool_reader_free(late);
}

static void a_damaged_frame_is_named_and_can_be_passed(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *reader = NULL;
	struct spool_item item;
	char name[SEGMENT_NAME_SIZE];
	uint64_t first, last;
	int r;

	fixture_open(f);
	fixture_fill(f, 600);
	fixture_flush(f);
	segment_name(1, name);
	int fd = openat(f->dirfd, name, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 20000), 1);
	(void)close(fd);

	assert_int_equal(spool_reader_new(f->dirfd, &reader), 0);
	assert_int_equal(spool_reader_seek(reader, 1), 0);
	while ((r = spool_reader_next(reader, 600, &item)) == 0)
		continue;
	assert_int_equal(r, SPOOL_READ_CORRUPT);
	/* It stays there until told to pass. */
	assert_int_equal(spool_reader_next(reader, 600, &item),
			 SPOOL_READ_CORRUPT);
	uint64_t before = item.frame.seq;
	assert_int_equal(spool_reader_skip(reader), SPOOL_READ_GAP);
	spool_reader_gap(reader, &first, &last);
	assert_int_equal(first, before + 1);
	assert_int_equal(spool_reader_next(reader, 600, &item), 0);
	assert_int_equal(item.frame.seq, last + 1);
	spool_reader_free(reader);
}

static void a_swapped_segment_does_not_chain(void **state)
{
	struct fixture *f = *state;
	struct fixture other;
	struct spool_reader *reader = NULL;
	struct spool_item item;
	char name[SEGMENT_NAME_SIZE];
	char *data = NULL;
	size_t size = 0;
	uint64_t *seqs = NULL;
	size_t count = 0;
	int r;

	/* The same numbers, another stream. */
	fixture_init(&other);
	fixture_open(&other);
	fixture_fill(&other, 500);
	fixture_flush(&other);
	fixture_open(f);
	fixture_fill(f, 500);
	fixture_flush(f);
	fixture_close(f);
	assert_int_equal(segment_list(other.dirfd, &seqs, &count), 0);
	segment_name(seqs[1], name);
	assert_int_equal(read_small_file(other.dirfd, name, FIXTURE_SEGMENT,
					 &data, &size),
			 0);
	assert_int_equal(write_atomic(f->dirfd, name, data, size, 0600), 0);

	assert_int_equal(spool_reader_new(f->dirfd, &reader), 0);
	assert_int_equal(spool_reader_seek(reader, 1), 0);
	while ((r = spool_reader_next(reader, 500, &item)) == 0)
		continue;
	assert_int_equal(r, SPOOL_READ_RESET);
	assert_int_equal(item.frame.seq, seqs[1] - 1);
	spool_reader_free(reader);
	fixture_fini(&other);
	free(data);
	free(seqs);
}

static void a_sound_frame_of_another_history_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fixture other;
	struct spool_reader *reader = NULL;
	struct spool_item item;
	char name[SEGMENT_NAME_SIZE];
	char *mine = NULL;
	char *theirs = NULL;
	int r;

	fixture_init(&other);
	fixture_open(&other);
	fixture_fill(&other, 20);
	fixture_flush(&other);
	fixture_open(f);
	fixture_fill(f, 20);
	fixture_flush(f);
	segment_name(1, name);
	assert_int_equal(read_small_file(f->dirfd, name, FIXTURE_SEGMENT, &mine,
					 NULL),
			 0);
	assert_int_equal(read_small_file(other.dirfd, name, FIXTURE_SEGMENT,
					 &theirs, NULL),
			 0);
	/* The same sizes: the first frame is mine, the others are theirs. */
	struct frame frame;
	size_t size = 0;
	assert_int_equal(frame_decode((uint8_t *)mine + SEGMENT_HEADER_SIZE,
				      FIXTURE_SEGMENT - SEGMENT_HEADER_SIZE,
				      &frame, &size),
			 0);
	size += SEGMENT_HEADER_SIZE;
	memcpy(theirs, mine, size);
	assert_int_equal(
		write_atomic(f->dirfd, name, theirs, FIXTURE_SEGMENT, 0600), 0);

	assert_int_equal(spool_reader_new(f->dirfd, &reader), 0);
	assert_int_equal(spool_reader_seek(reader, 1), 0);
	assert_int_equal(spool_reader_next(reader, 20, &item), 0);
	r = spool_reader_next(reader, 20, &item);
	assert_int_equal(r, SPOOL_READ_CORRUPT);
	spool_reader_free(reader);
	fixture_fini(&other);
	free(mine);
	free(theirs);
}

static atomic_bool writer_failed;

static void *write_and_release(void *argument)
{
	struct fixture *f = argument;

	for (uint64_t i = 0; i < 6000;) {
		int r = fixture_append(f, 1);

		if (r == 0)
			i++;
		else if (r != SPOOL_BUSY && r != SPOOL_FULL)
			writer_failed = true;
		else
			fixture_wait_us(300);
		if (i % 64 == 0) {
			uint64_t seq = spool_durable_seq(f->spool);

			/* Keep the reader's part out of it. */
			spool_release(f->spool, seq > 800 ? seq - 800 : 0);
		}
	}
	return NULL;
}

static void a_reader_keeps_up_with_a_busy_writer(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *reader = NULL;
	struct spool_item item;
	pthread_t thread;
	uint64_t expected = 1;
	unsigned gaps = 0;

	fixture_open(f);
	assert_int_equal(spool_reader_new(f->dirfd, &reader), 0);
	assert_int_equal(spool_reader_seek(reader, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_and_release, f),
			 0);
	while (expected <= 6000) {
		uint64_t durable = fixture_tail(f).seq;
		int r = spool_reader_next(reader, durable, &item);

		if (r == SPOOL_READ_END) {
			fixture_wait_us(200);
			continue;
		}
		if (r == SPOOL_READ_GAP) {
			uint64_t first;

			/* Fell behind what was released: said so, exactly. */
			spool_reader_gap(reader, &first, &expected);
			expected++;
			gaps++;
			continue;
		}
		if (r != 0)
			fail_msg("at %llu: %s", (unsigned long long)expected,
				 spool_read_outcome_to_str(r));
		assert_int_equal(item.frame.seq, expected);
		expected++;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(writer_failed);
	assert_true(gaps < 30);
	spool_reader_free(reader);
}

static void tails_round_trip_and_bad_ones_are_refused(void **state)
{
	struct spool_tail tail = {.seq = UINT64_MAX};
	struct spool_tail got = {.seq = 7};
	char text[SPOOL_TAIL_SIZE + 1] = "";
	const char *const bad[] = {
		"",
		"5f",
		"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f",
		"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f \n",
		"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f 12",
		"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f -1\n",
		"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f 1x\n",
		"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f 18446744073709551616\n",
		"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f 000000000000000000001\n",
		"xx5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f 1\n",
	};

	(void)state;
	memset(tail.stream, 0x5f, sizeof(tail.stream));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(spool_tail_parse(bad[i], strlen(bad[i]), &got),
				 -EINVAL);
	assert_int_equal(got.seq, 7);
	spool_tail_format(&tail, text);
	assert_string_equal(text, "5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f "
				  "18446744073709551615\n");
	assert_int_equal(spool_tail_parse(text, SPOOL_TAIL_SIZE, &got), 0);
	assert_memory_equal(&got, &tail, sizeof(got));
	assert_int_equal(spool_tail_parse("5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f "
					  "42 1795172301 ok\n",
					  53, &got),
			 0);
	assert_int_equal(got.seq, 42);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_empty_directory_has_nothing),
		TEST(new_events_appear_behind_the_end),
		TEST(seeking_finds_each_number),
		TEST(what_was_unlinked_is_a_gap_unless_it_is_open),
		TEST(a_damaged_frame_is_named_and_can_be_passed),
		TEST(a_swapped_segment_does_not_chain),
		TEST(a_sound_frame_of_another_history_is_refused),
		TEST(a_reader_keeps_up_with_a_busy_writer),
		cmocka_unit_test(tails_round_trip_and_bad_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
