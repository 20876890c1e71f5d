/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a crash, a flipped bit, a lost file or another host's disk leave behind:
 * the spool either goes on exactly where the chain ends or says why it begins
 * anew; it never gives out a number twice.
 */
#include "tests/unit/spool/spool_fixture.h"

#include <openssl/evp.h>

#include "agent/wire/segment.h"

#define FRAMES 12u

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

static uint8_t *read_segment(struct fixture *f, uint64_t first_seq)
{
	char name[SEGMENT_NAME_SIZE];
	char *data = NULL;
	size_t size = 0;

	segment_name(first_seq, name);
	assert_int_equal(read_small_file(f->dirfd, name, FIXTURE_SEGMENT, &data,
					 &size),
			 0);
	assert_int_equal(size, FIXTURE_SEGMENT);
	return (uint8_t *)data;
}

static void write_segment(struct fixture *f, uint64_t first_seq,
			  const uint8_t *data, size_t size)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(first_seq, name);
	int fd = openat(f->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, data, size), 0);
	(void)close(fd);
}

/* As after a reboot: tmpfs, and the tail with it, is empty. */
static void forget_tail(struct fixture *f)
{
	assert_int_equal(ftruncate(f->tail_fd, 0), 0);
}

/* A spool of FRAMES events; offsets[i] is where frame i ends. */
static uint8_t *make_image(struct fixture *f, size_t offsets[FRAMES + 1])
{
	fixture_open(f);
	fixture_fill(f, FRAMES);
	fixture_flush(f);
	fixture_close(f);

	uint8_t *image = read_segment(f, 1);
	offsets[0] = SEGMENT_HEADER_SIZE;
	for (unsigned i = 0; i < FRAMES; i++) {
		struct frame frame;
		size_t size = 0;

		assert_int_equal(frame_decode(image + offsets[i],
					      FIXTURE_SEGMENT - offsets[i],
					      &frame, &size),
				 0);
		assert_int_equal(frame.seq, i + 1);
		offsets[i + 1] = offsets[i] + size;
	}
	return image;
}

/* Frames that end at or before `at`. */
static unsigned whole_before(const size_t offsets[FRAMES + 1], size_t at)
{
	unsigned count = 0;

	while (count < FRAMES && offsets[count + 1] <= at)
		count++;
	return count;
}

/*
 * Opens the damaged image: exactly `kept` events must be there, the next one
 * must follow, and the chain must hold through both.
 */
static void check_recovery(struct fixture *f, unsigned kept, bool is_torn)
{
	forget_tail(f);
	fixture_open(f);
	assert_int_equal(f->opening.found,
			 is_torn ? SPOOL_FOUND_TORN : SPOOL_FOUND_CLEAN);
	assert_int_equal(f->opening.cut_bytes > 0, is_torn);
	assert_int_equal(spool_next_seq(f->spool), kept + 1);
	fixture_fill(f, 2);
	fixture_flush(f);
	fixture_close(f);
	assert_int_equal(fixture_read_all(f, 1), kept + 2);
}

static void a_tail_cut_anywhere_is_recovered(void **state)
{
	struct fixture *f = *state;
	size_t offsets[FRAMES + 1];
	uint8_t *image = make_image(f, offsets);
	uint8_t *damaged = malloc(FIXTURE_SEGMENT);
	unsigned cases = 0;

	/* Every byte of the last two frames: the write that did not finish. */
	for (size_t at = offsets[FRAMES - 2]; at <= offsets[FRAMES]; at += 3) {
		memcpy(damaged, image, FIXTURE_SEGMENT);
		memset(damaged + at, 0, FIXTURE_SEGMENT - at);
		write_segment(f, 1, damaged, FIXTURE_SEGMENT);

		unsigned kept = whole_before(offsets, at);
		/* Zeros behind a frame's last zeros may leave it whole. */
		bool is_torn = at > offsets[kept];
		check_recovery(f, kept, is_torn);
		cases++;
	}
	assert_true(cases >= 150);
	free(damaged);
	free(image);
}

static void a_flipped_bit_ends_the_chain_there(void **state)
{
	struct fixture *f = *state;
	size_t offsets[FRAMES + 1];
	uint8_t *image = make_image(f, offsets);
	unsigned cases = 0;

	for (unsigned i = 0; i < FRAMES; i += 2) {
		size_t size = offsets[i + 1] - offsets[i];

		/* Every header byte, and payload bytes now and then. */
		for (size_t at = 0; at < size; at += at < 72 ? 1 : 41) {
			size_t byte = offsets[i] + at;
			uint8_t bit = (uint8_t)(1u << (at % 8));

			image[byte] ^= bit;
			write_segment(f, 1, image, FIXTURE_SEGMENT);
			image[byte] ^= bit;
			check_recovery(f, i, true);
			cases++;
		}
	}
	assert_true(cases >= 450);
	free(image);
}

static void a_page_that_never_arrived_hides_what_is_behind(void **state)
{
	struct fixture *f = *state;
	size_t offsets[FRAMES + 1];
	uint8_t *image = make_image(f, offsets);
	uint8_t *damaged = malloc(FIXTURE_SEGMENT);

	/* Frames behind the hole are whole, but their chain is not. */
	for (unsigned i = 0; i + 2 < FRAMES; i++) {
		memcpy(damaged, image, FIXTURE_SEGMENT);
		memset(damaged + offsets[i], 0, offsets[i + 1] - offsets[i]);
		write_segment(f, 1, damaged, FIXTURE_SEGMENT);
		check_recovery(f, i, true);
	}
	free(damaged);
	free(image);
}

static void garbage_and_foreign_frames_at_the_end_are_cut(void **state)
{
	struct fixture *f = *state;
	size_t offsets[FRAMES + 1];
	uint8_t *image = make_image(f, offsets);

	/* An old frame again: right CRC, wrong sequence. */
	memcpy(image + offsets[FRAMES], image + offsets[0],
	       offsets[1] - offsets[0]);
	write_segment(f, 1, image, FIXTURE_SEGMENT);
	check_recovery(f, FRAMES, true);

	/* Text, and a magic with an impossible length. */
	memset(image + offsets[FRAMES], 'x', 5000);
	write_segment(f, 1, image, FIXTURE_SEGMENT);
	check_recovery(f, FRAMES, true);
	memset(image + offsets[FRAMES], 0xff, 5000);
	memcpy(image + offsets[FRAMES], "SKF1", 4);
	write_segment(f, 1, image, FIXTURE_SEGMENT);
	check_recovery(f, FRAMES, true);
	free(image);
}

/* An image of another stream with the same payloads and sizes. */
static uint8_t *make_other_image(void)
{
	struct fixture other;
	size_t offsets[FRAMES + 1];

	fixture_init(&other);
	uint8_t *image = make_image(&other, offsets);
	fixture_fini(&other);
	return image;
}

static void a_sound_frame_of_another_history_is_cut(void **state)
{
	struct fixture *f = *state;
	size_t offsets[FRAMES + 1];
	uint8_t *image = make_image(f, offsets);
	uint8_t *other = make_other_image();

	/* Right number, right CRC; only prev is another's. */
	for (unsigned i = 1; i < FRAMES; i += 5) {
		uint8_t *spliced = malloc(FIXTURE_SEGMENT);

		memcpy(spliced, image, FIXTURE_SEGMENT);
		memcpy(spliced + offsets[i], other + offsets[i],
		       offsets[FRAMES] - offsets[i]);
		write_segment(f, 1, spliced, FIXTURE_SEGMENT);
		check_recovery(f, i, true);
		free(spliced);
	}
	free(other);
	free(image);
}

static void a_segment_that_shrank_gets_its_size_back(void **state)
{
	struct fixture *f = *state;
	size_t offsets[FRAMES + 1];
	uint8_t *image = make_image(f, offsets);

	write_segment(f, 1, image, offsets[3] + 10);
	check_recovery(f, 3, true);
	free(image);
}

/* Opening must have begun a new stream and kept the old files. */
static void check_new_stream(struct fixture *f, enum spool_found found)
{
	uint8_t stream[FRAME_ID_SIZE];

	fixture_open(f);
	assert_int_equal(f->opening.found, found);
	assert_true(f->opening.is_new_stream);
	assert_int_equal(spool_next_seq(f->spool), 1);
	spool_stream(f->spool, stream);
	assert_memory_not_equal(stream, f->opening.old_stream, FRAME_ID_SIZE);
	fixture_fill(f, 3);
	fixture_flush(f);
	fixture_close(f);
	assert_int_equal(fixture_read_all(f, 1), 3);
}

static void durable_events_missing_at_the_end_mean_a_new_stream(void **state)
{
	struct fixture *f = *state;
	size_t offsets[FRAMES + 1];
	uint8_t *image = make_image(f, offsets);

	/* The tail file still says FRAMES; the disk has one less. */
	memset(image + offsets[FRAMES - 1], 0,
	       offsets[FRAMES] - offsets[FRAMES - 1]);
	write_segment(f, 1, image, FIXTURE_SEGMENT);
	check_new_stream(f, SPOOL_FOUND_ROLLED_BACK);
	assert_int_equal(f->opening.old_last_seq, FRAMES - 1);
	assert_int_equal(fixture_count(f, "aside-", ""), 1);
	free(image);
}

static void a_closed_segment_that_lost_events_is_not_continued(void **state)
{
	struct fixture *f = *state;
	uint64_t *seqs = NULL;
	size_t count = 0;
	char name[SEGMENT_NAME_SIZE];

	fixture_open(f);
	fixture_fill(f, 400);
	fixture_flush(f);
	fixture_close(f);
	/* Only the first, closed one is left, and it has a hole. */
	assert_int_equal(segment_list(f->dirfd, &seqs, &count), 0);
	for (size_t i = 1; i < count; i++) {
		segment_name(seqs[i], name);
		assert_int_equal(unlinkat(f->dirfd, name, 0), 0);
	}
	uint8_t *image = read_segment(f, 1);
	memset(image + 60000, 0, 3000);
	write_segment(f, 1, image, FIXTURE_SEGMENT);
	forget_tail(f);
	check_new_stream(f, SPOOL_FOUND_ROLLED_BACK);
	free(image);
	free(seqs);
}

static void a_cursor_beyond_the_end_means_a_new_stream(void **state)
{
	struct fixture *f = *state;
	size_t offsets[FRAMES + 1];
	struct segment_header header;
	uint8_t *image = make_image(f, offsets);

	assert_int_equal(segment_header_decode(image, FIXTURE_SEGMENT, &header),
			 0);
	forget_tail(f);
	memcpy(f->config.known_stream, header.stream, FRAME_ID_SIZE);
	f->config.known_seq = FRAMES + 1;
	check_new_stream(f, SPOOL_FOUND_ROLLED_BACK);
	free(image);
}

static void an_emptied_spool_is_not_taken_for_a_first_start(void **state)
{
	struct fixture *f = *state;
	char name[SEGMENT_NAME_SIZE];

	fixture_open(f);
	fixture_fill(f, 5);
	fixture_flush(f);
	fixture_close(f);
	segment_name(1, name);
	assert_int_equal(unlinkat(f->dirfd, name, 0), 0);

	check_new_stream(f, SPOOL_FOUND_ROLLED_BACK);
	assert_int_equal(f->opening.old_last_seq, 5);
}

static void another_hosts_spool_is_set_aside(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	fixture_fill(f, 5);
	fixture_close(f);
	f->config.host_id[0] ^= 1;
	check_new_stream(f, SPOOL_FOUND_FOREIGN);
	assert_int_equal(fixture_count(f, "aside-", ""), 1);
}

static void an_unreadable_header_is_set_aside(void **state)
{
	struct fixture *f = *state;
	size_t offsets[FRAMES + 1];
	uint8_t *image = make_image(f, offsets);

	for (size_t at = 0; at < 112; at += 3) {
		forget_tail(f);
		fixture_remove_all(f->dirfd);
		image[at] ^= 0x10;
		write_segment(f, 1, image, FIXTURE_SEGMENT);
		image[at] ^= 0x10;
		check_new_stream(f, SPOOL_FOUND_CORRUPT);
	}
	free(image);
}

static void what_is_set_aside_is_bounded(void **state)
{
	struct fixture *f = *state;
	size_t pruned = 0;

	for (unsigned i = 0; i < 10; i++) {
		forget_tail(f);
		f->config.host_id[1] = (uint8_t)i;
		fixture_open(f);
		pruned += f->opening.pruned_count;
		fixture_fill(f, 1);
		fixture_close(f);
	}
	assert_int_equal(fixture_count(f, "aside-", ""), ASIDE_STREAMS_MAX);
	/* Each of the others was told. */
	assert_int_equal(pruned, 9 - ASIDE_STREAMS_MAX);
}

/* Gives the stream up that is in the spool now. */
static void fork_stream(struct fixture *f)
{
	fixture_open(f);
	spool_stream(f->spool, f->config.forked_stream);
	fixture_close(f);
	fixture_open(f);
}

static int open_aside(const struct fixture *f)
{
	int fd = openat(f->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fdopendir(fd);
	const struct dirent *entry;
	int found = -1;

	assert_non_null(directory);
	while (found < 0 && (entry = readdir(directory)))
		if (strncmp(entry->d_name, ASIDE_PREFIX,
			    strlen(ASIDE_PREFIX)) == 0)
			found = openat(f->dirfd, entry->d_name,
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)closedir(directory);
	assert_true(found >= 0);
	return found;
}

static void a_forked_stream_is_kept_whole_and_signed(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct segment_header header;
	struct segment_footer footer;
	char name[SEGMENT_NAME_SIZE];
	uint64_t *seqs = NULL;
	size_t count = 0;

	assert_non_null(key);
	f->config.host_key = key;
	fixture_open(f);
	fixture_fill(f, 400);
	fixture_flush(f);
	fixture_close(f);
	fork_stream(f);
	assert_int_equal(f->opening.found, SPOOL_FOUND_FORKED);
	assert_true(f->opening.is_new_stream);
	assert_int_equal(f->opening.old_last_seq, 400);
	assert_memory_equal(f->opening.old_stream, f->config.forked_stream,
			    FRAME_ID_SIZE);
	fixture_fill(f, 3);
	fixture_flush(f);
	fixture_close(f);
	assert_int_equal(fixture_read_all(f, 1), 3);

	/* The old one can still be read as a spool; its end is signed. */
	struct fixture old = {.dirfd = open_aside(f)};
	assert_int_equal(fixture_read_all(&old, 1), 400);
	assert_int_equal(segment_list(old.dirfd, &seqs, &count), 0);
	segment_name(seqs[count - 1], name);
	int fd = openat(old.dirfd, name, O_RDONLY | O_CLOEXEC);
	uint8_t *image = calloc(1, FIXTURE_SEGMENT);
	assert_int_equal(read(fd, image, FIXTURE_SEGMENT), FIXTURE_SEGMENT);
	assert_int_equal(segment_header_decode(image, FIXTURE_SEGMENT, &header),
			 0);
	assert_int_equal(segment_footer_decode(image + FIXTURE_SEGMENT -
						       SEGMENT_FOOTER_SIZE,
					       SEGMENT_FOOTER_SIZE, &footer),
			 0);
	assert_int_equal(segment_footer_verify(&header, &footer, key), 0);
	assert_int_equal(seqs[count - 1] + footer.count - 1, 400);
	(void)close(fd);
	(void)close(old.dirfd);
	free(image);
	free(seqs);
	f->config.host_key = NULL;
	EVP_PKEY_free(key);
}

static void forks_cannot_push_evidence_out(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < ASIDE_STREAMS_MAX; i++) {
		fork_stream(f);
		assert_int_equal(f->opening.found, SPOOL_FOUND_FORKED);
		fixture_fill(f, 2);
		fixture_flush(f);
		fixture_close(f);
	}
	for (unsigned i = 0; i < 3; i++) {
		fork_stream(f);
		assert_int_equal(f->opening.found, SPOOL_FOUND_CLEAN);
		assert_true(f->opening.is_fork_kept);
		assert_int_equal(f->opening.pruned_count, 0);
		fixture_fill(f, 2);
		fixture_flush(f);
		fixture_close(f);
	}
	assert_int_equal(fixture_count(f, "aside-", ""), ASIDE_STREAMS_MAX);
	assert_int_equal(fixture_read_all(f, 1), 8);
}

static void a_missing_middle_segment_is_named(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *reader = NULL;
	struct spool_item item;
	uint64_t *seqs = NULL;
	size_t count = 0;
	char name[SEGMENT_NAME_SIZE];
	uint64_t first, last;
	int r;

	fixture_open(f);
	fixture_fill(f, 800);
	fixture_flush(f);
	fixture_close(f);
	assert_int_equal(segment_list(f->dirfd, &seqs, &count), 0);
	assert_true(count >= 4);
	segment_name(seqs[1], name);
	assert_int_equal(unlinkat(f->dirfd, name, 0), 0);

	fixture_open(f);
	assert_int_equal(f->opening.found, SPOOL_FOUND_CLEAN);
	assert_int_equal(f->opening.gap_first, seqs[1]);
	assert_int_equal(f->opening.gap_last, seqs[2] - 1);
	assert_int_equal(spool_next_seq(f->spool), 801);

	assert_int_equal(spool_reader_new(f->dirfd, &reader), 0);
	assert_int_equal(spool_reader_seek(reader, 1), 0);
	while ((r = spool_reader_next(reader, 800, &item)) == 0)
		continue;
	assert_int_equal(r, SPOOL_READ_GAP);
	spool_reader_gap(reader, &first, &last);
	assert_int_equal(first, seqs[1]);
	assert_int_equal(last, seqs[2] - 1);
	assert_int_equal(spool_reader_next(reader, 800, &item), 0);
	assert_int_equal(item.frame.seq, seqs[2]);
	spool_reader_free(reader);
	free(seqs);
}

static void a_prepared_file_with_old_frames_is_not_reused(void **state)
{
	struct fixture *f = *state;
	char name[PREPARED_NAME_SIZE];
	size_t offsets[FRAMES + 1];
	uint8_t *image = make_image(f, offsets);

	for (unsigned slot = 0; slot < 4; slot++) {
		prepared_name(slot, name);
		int fd = openat(f->dirfd, name, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		assert_int_equal(write_full(fd, image, FIXTURE_SEGMENT), 0);
		(void)close(fd);
	}
	fixture_open(f);
	fixture_fill(f, 500);
	fixture_close(f);
	forget_tail(f);
	fixture_open(f);
	assert_int_equal(f->opening.found, SPOOL_FOUND_CLEAN);
	assert_int_equal(fixture_read_all(f, 1), FRAMES + 500);
	free(image);
}

static void a_symbolic_link_is_not_followed(void **state)
{
	struct fixture *f = *state;
	char name[SEGMENT_NAME_SIZE];

	segment_name(1, name);
	assert_int_equal(symlinkat("/etc/passwd", f->dirfd, name), 0);
	assert_int_equal(spool_open(&f->config, &f->spool, &f->opening),
			 -ELOOP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_tail_cut_anywhere_is_recovered),
		TEST(a_flipped_bit_ends_the_chain_there),
		TEST(a_page_that_never_arrived_hides_what_is_behind),
		TEST(garbage_and_foreign_frames_at_the_end_are_cut),
		TEST(a_sound_frame_of_another_history_is_cut),
		TEST(a_segment_that_shrank_gets_its_size_back),
		TEST(a_closed_segment_that_lost_events_is_not_continued),
		TEST(durable_events_missing_at_the_end_mean_a_new_stream),
		TEST(a_cursor_beyond_the_end_means_a_new_stream),
		TEST(an_emptied_spool_is_not_taken_for_a_first_start),
		TEST(another_hosts_spool_is_set_aside),
		TEST(an_unreadable_header_is_set_aside),
		TEST(what_is_set_aside_is_bounded),
		TEST(a_forked_stream_is_kept_whole_and_signed),
		TEST(forks_cannot_push_evidence_out),
		TEST(a_missing_middle_segment_is_named),
		TEST(a_prepared_file_with_old_frames_is_not_reused),
		TEST(a_symbolic_link_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
