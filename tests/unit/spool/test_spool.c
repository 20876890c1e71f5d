/* SPDX-License-Identifier: Apache-2.0 */
/* The spool's promises while it runs: order, durability, budget, reserve. */
#include "tests/unit/spool/spool_fixture.h"

#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>

#include "agent/spool/ops.h"
#include "agent/wire/segment.h"

/* As the real ones, but sparse: these spools are not to fill the disk. */
static int sparse_allocate(int fd, uint64_t size)
{
	return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

static struct spool_ops sparse_ops;

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

static void a_new_spool_begins_a_stream_at_one(void **state)
{
	struct fixture *f = *state;
	uint8_t stream[FRAME_ID_SIZE];
	struct spool_tip tip;
	uint8_t origin[FRAME_HASH_SIZE];

	fixture_open(f);
	assert_int_equal(f->opening.found, SPOOL_FOUND_NONE);
	assert_true(f->opening.is_new_stream);
	assert_int_equal(spool_next_seq(f->spool), 1);
	assert_int_equal(fixture_count(f, "0000000000000000000", ".seg"), 1);

	spool_stream(f->spool, stream);
	spool_tip(f->spool, &tip);
	assert_int_equal(frame_origin(stream, fixture_host, origin), 0);
	assert_int_equal(tip.seq, 0);
	assert_memory_equal(tip.hash, origin, FRAME_HASH_SIZE);
}

static void events_come_back_in_order_over_many_segments(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	fixture_fill(f, 1000);
	fixture_flush(f);
	assert_true(fixture_count(f, "0", ".seg") > 3);
	assert_int_equal(fixture_read_all(f, 1), 1000);
	assert_int_equal(fixture_read_all(f, 777), 1000);
	assert_int_equal(spool_durable_seq(f->spool), 1000);
}

static void a_reopened_spool_continues_sequence_and_chain(void **state)
{
	struct fixture *f = *state;
	struct spool_tip before;
	struct spool_tip after;

	fixture_open(f);
	fixture_fill(f, 300);
	spool_tip(f->spool, &before);
	fixture_close(f);

	fixture_open(f);
	assert_int_equal(f->opening.found, SPOOL_FOUND_CLEAN);
	assert_false(f->opening.is_new_stream);
	assert_int_equal(f->opening.gap_first, 0);
	spool_tip(f->spool, &after);
	assert_int_equal(after.seq, 300);
	assert_memory_equal(&before, &after, sizeof(before));
	fixture_fill(f, 300);
	fixture_flush(f);
	assert_int_equal(fixture_read_all(f, 1), 600);
}

static void the_tail_is_published_once_durable(void **state)
{
	struct fixture *f = *state;
	uint8_t stream[FRAME_ID_SIZE];
	struct stat status;

	fixture_open(f);
	assert_int_equal(fixture_tail(f).seq, 0);
	fixture_fill(f, 5);
	fixture_flush(f);

	struct spool_tail tail = fixture_tail(f);
	spool_stream(f->spool, stream);
	assert_int_equal(tail.seq, 5);
	assert_memory_equal(tail.stream, stream, FRAME_ID_SIZE);
	assert_int_equal(fstat(f->tail_fd, &status), 0);
	assert_int_equal(status.st_size, SPOOL_TAIL_SIZE);
}

static void the_event_fd_tells_of_progress(void **state)
{
	struct fixture *f = *state;
	uint64_t value;

	fixture_open(f);
	struct pollfd poll_fd = {.fd = spool_event_fd(f->spool),
				 .events = POLLIN};
	/* Drain what opening may have signalled. */
	(void)!read(poll_fd.fd, &value, sizeof(value));
	fixture_fill(f, 1);
	assert_int_equal(poll(&poll_fd, 1, FLUSH_MS), 1);
	assert_int_equal(read(poll_fd.fd, &value, sizeof(value)),
			 sizeof(value));
	fixture_flush(f);
}

static void a_second_writer_is_refused(void **state)
{
	struct fixture *f = *state;
	struct spool_opening opening;
	struct spool *second = NULL;

	fixture_open(f);
	assert_int_equal(spool_open(&f->config, &second, &opening), -EBUSY);
	assert_null(second);
}

static void senseless_sizes_are_refused(void **state)
{
	struct fixture *f = *state;
	struct spool_opening opening;
	struct spool *spool = NULL;
	struct {
		uint32_t segment, pending;
		uint64_t total, reserve;
	} rows[] = {
		{4096, 0, 0, 0},
		{SPOOL_SEGMENT_BYTES_MAX + 1, 0, 0, 0},
		{FIXTURE_SEGMENT, 1000, 0, 0},
		{FIXTURE_SEGMENT, 0, FIXTURE_SEGMENT, 0},
		{FIXTURE_SEGMENT, 0, UINT64_MAX, 0},
		{FIXTURE_SEGMENT, 0, 0, UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct spool_config config = f->config;

		config.segment_bytes = rows[i].segment;
		config.pending_bytes = rows[i].pending;
		config.total_bytes = rows[i].total;
		config.reserve_bytes = rows[i].reserve;
		assert_int_equal(spool_open(&config, &spool, &opening),
				 -EINVAL);
	}
	assert_int_equal(fixture_count(f, "0", ".seg"), 0);
}

static void every_size_an_administrator_may_set_opens(void **state)
{
	struct fixture *f = *state;
	/* spool_mib of agent.conf goes from 8 to 65536. */
	const uint64_t mib[] = {8, 256, 8192, 8193, 65536};

	for (size_t i = 0; i < sizeof(mib) / sizeof(*mib); i++) {
		struct spool_stats stats;

		fixture_remove_all(f->dirfd);
		assert_int_equal(ftruncate(f->tail_fd, 0), 0);
		f->config.segment_bytes = 0;
		f->config.pending_bytes = 0;
		f->config.reserve_bytes = 0;
		f->config.total_bytes = mib[i] << 20;
		f->config.ops = &sparse_ops;
		fixture_open(f);
		spool_stats(f->spool, &stats);
		assert_true(stats.limit_bytes >= mib[i] << 20);
		assert_true(stats.limit_bytes <= (mib[i] << 20) + (64u << 20));
		fixture_fill(f, 3);
		fixture_flush(f);
		fixture_close(f);
	}
}

static void an_append_that_is_refused_takes_no_number(void **state)
{
	struct fixture *f = *state;
	static char huge[FRAME_PAYLOAD_MAX + 1];
	struct spool_entry entry = {.data = huge, .size = sizeof(huge)};
	uint64_t seq = 42;

	fixture_open(f);
	assert_int_equal(spool_append(f->spool, &entry, &seq), SPOOL_TOO_LARGE);
	entry.size = 10;
	entry.seq = 2;
	assert_int_equal(spool_append(f->spool, &entry, &seq), SPOOL_SEQ_TAKEN);
	assert_int_equal(seq, 42);
	assert_int_equal(spool_next_seq(f->spool), 1);

	entry.size = FRAME_PAYLOAD_MAX;
	entry.seq = 1;
	assert_int_equal(spool_append(f->spool, &entry, &seq), 0);
	assert_int_equal(seq, 1);
	fixture_flush(f);
}

static int append_waiting(struct fixture *f, uint32_t flags)
{
	int r;

	while ((r = fixture_append(f, flags)) == SPOOL_BUSY)
		fixture_flush(f);
	return r;
}

/* Appends until refused for good; returns how many went in. */
static unsigned fill_until_full(struct fixture *f, uint32_t flags)
{
	unsigned count = 0;

	for (;;) {
		int r = fixture_append(f, flags);

		if (r == 0)
			count++;
		else if (r == SPOOL_FULL)
			return count;
		else
			fixture_flush(f);
	}
}

static void the_budget_holds_and_the_reserve_is_for_the_urgent(void **state)
{
	struct fixture *f = *state;
	struct spool_stats stats;

	fixture_open(f);
	unsigned plain = fill_until_full(f, 1);
	assert_true(plain > 1000);
	assert_int_equal(fixture_append(f, 1), SPOOL_FULL);
	spool_stats(f->spool, &stats);
	assert_true(stats.bytes <= stats.limit_bytes);

	fixture_flush(f);
	assert_int_equal(fixture_count(f, "0", ".seg"), 8);

	/* In a segment of the reserve there is room, but not for everyone. */
	assert_int_equal(append_waiting(f, FRAME_URGENT | 4), 0);
	assert_int_equal(fixture_append(f, 1), SPOOL_FULL);
	assert_int_equal(append_waiting(f, FRAME_URGENT | 4), 0);
	plain += 2;

	/* The two segments of the reserve. */
	unsigned urgent = fill_until_full(f, FRAME_URGENT | 4);
	assert_true(urgent > plain / 8);
	fixture_flush(f);
	assert_int_equal(fixture_count(f, "0", ".seg"), 10);
	assert_int_equal(fixture_append(f, 1), SPOOL_FULL);
	spool_stats(f->spool, &stats);
	assert_true(stats.is_in_reserve);
	assert_true(stats.refused_count > 0);
	assert_int_equal(stats.bytes, stats.limit_bytes);
	assert_int_equal(stats.last_seq, plain + urgent);
	fixture_flush(f);
	assert_int_equal(fixture_read_all(f, 1), plain + urgent);

	/* A full spool is found full again. */
	fixture_close(f);
	fixture_open(f);
	assert_int_equal(fixture_append(f, 1), SPOOL_FULL);

	/* Acknowledged: everything flows again, the reserve is whole. */
	spool_release(f->spool, plain + urgent);
	for (int i = 0; i < 2000; i++) {
		spool_stats(f->spool, &stats);
		if (!stats.is_in_reserve)
			break;
		fixture_wait_us(5000);
	}
	assert_false(stats.is_in_reserve);
	fixture_fill(f, 100);
	fixture_flush(f);
	spool_stats(f->spool, &stats);
	assert_true(stats.first_seq > 1);
}

static void release_unlinks_whole_acked_segments_only(void **state)
{
	struct fixture *f = *state;
	struct spool_stats stats;

	fixture_open(f);
	fixture_fill(f, 1000);
	fixture_flush(f);
	unsigned all = fixture_count(f, "0", ".seg");
	assert_true(all >= 4);

	/* Nothing whole is acked. */
	spool_release(f->spool, 10);
	/* More than is durable counts as what is durable. */
	spool_release(f->spool, UINT64_MAX);
	/* The open one and one retained. */
	fixture_wait_segments(f, 2);
	spool_stats(f->spool, &stats);
	assert_int_equal(stats.acked_seq, 1000);
	assert_int_equal(stats.unacked_count, 0);
	assert_int_equal(stats.oldest_unacked_wall_ns, 0);
	assert_true(stats.first_seq > 1);
	assert_int_equal(fixture_read_all(f, stats.first_seq), 1000);

	fixture_fill(f, 1);
	fixture_flush(f);
	spool_stats(f->spool, &stats);
	assert_int_equal(stats.unacked_count, 1);
	assert_true(stats.oldest_unacked_wall_ns > 0);
}

static void closed_segments_are_signed_by_the_host(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct segment_header header;
	struct segment_footer footer;
	uint8_t data[FIXTURE_SEGMENT];

	assert_non_null(key);
	f->config.host_key = key;
	fixture_open(f);
	fixture_fill(f, 400);
	fixture_flush(f);

	char name[SEGMENT_NAME_SIZE];
	segment_name(1, name);
	int fd = openat(f->dirfd, name, O_RDONLY);
	assert_int_equal(read(fd, data, sizeof(data)), sizeof(data));
	(void)close(fd);
	assert_int_equal(segment_header_decode(data, sizeof(data), &header), 0);
	assert_int_equal(segment_footer_decode(data + sizeof(data) -
						       SEGMENT_FOOTER_SIZE,
					       SEGMENT_FOOTER_SIZE, &footer),
			 0);
	assert_int_equal(segment_footer_verify(&header, &footer, key), 0);
	assert_int_equal(segment_footer_verify(&header, &footer, other),
			 SEGMENT_FORGED);
	footer.count++;
	assert_int_equal(segment_footer_verify(&header, &footer, key),
			 SEGMENT_FORGED);
	fixture_close(f);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

struct producer {
	struct fixture *f;
	unsigned count;
};

static void *produce(void *argument)
{
	struct producer *p = argument;
	char data[64] = "{\"metadata\":{}}";

	for (unsigned i = 0; i < p->count;) {
		struct spool_entry entry = {.data = data,
					    .size = sizeof(data),
					    .flags = 1};
		uint64_t seq = 0;
		int r = spool_append(p->f->spool, &entry, &seq);

		if (r == SPOOL_BUSY) {
			fixture_wait_us(500);
			continue;
		}
		if (r != 0 || spool_flush(p->f->spool, seq, FLUSH_MS) != 0)
			return p;
		i++;
	}
	return NULL;
}

static void many_threads_may_append_at_once(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *reader = NULL;
	struct spool_item item;
	pthread_t threads[8];
	struct producer p = {f, 50};
	unsigned count = 0;

	fixture_open(f);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &p),
				 0);
	for (int i = 0; i < 8; i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(spool_reader_new(f->dirfd, &reader), 0);
	assert_int_equal(spool_reader_seek(reader, 1), 0);
	while (spool_reader_next(reader, UINT64_MAX, &item) == 0)
		count++;
	spool_reader_free(reader);
	assert_int_equal(count, 400);
}

int main(void)
{
	sparse_ops = spool_real_ops;
	sparse_ops.allocate = sparse_allocate;

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_new_spool_begins_a_stream_at_one),
		TEST(events_come_back_in_order_over_many_segments),
		TEST(a_reopened_spool_continues_sequence_and_chain),
		TEST(the_tail_is_published_once_durable),
		TEST(the_event_fd_tells_of_progress),
		TEST(a_second_writer_is_refused),
		TEST(senseless_sizes_are_refused),
		TEST(every_size_an_administrator_may_set_opens),
		TEST(an_append_that_is_refused_takes_no_number),
		TEST(the_budget_holds_and_the_reserve_is_for_the_urgent),
		TEST(release_unlinks_whole_acked_segments_only),
		TEST(closed_segments_are_signed_by_the_host),
		TEST(many_threads_may_append_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
