/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool_verify where keys, or a writer at work, are needed; the table of what
 * tampering looks like is tests/unit/ctl/test_spool.py.
 */
#include "tests/unit/spool/spool_fixture.h"

#include <errno.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "agent/spool/verify.h"

struct keyed {
	struct fixture f;
	EVP_PKEY *key;
	char pem[256];
	size_t faults[SPOOL_FAULT_HEADER + 1];
	uint64_t first;
};

static EVP_PKEY *make_key(char pem[256])
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *bio = BIO_new(BIO_s_mem());

	assert_non_null(key);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	int n = BIO_read(bio, pem, 255);
	assert_in_range(n, 1, 255);
	pem[n] = '\0';
	BIO_free(bio);
	return key;
}

static int setup(void **state)
{
	struct keyed *k = calloc(1, sizeof(*k));

	assert_non_null(k);
	fixture_init(&k->f);
	k->key = make_key(k->pem);
	k->f.config.host_key = k->key;
	fixture_open(&k->f);
	fixture_fill(&k->f, 700);
	fixture_flush(&k->f);
	*state = k;
	return 0;
}

static int teardown(void **state)
{
	struct keyed *k = *state;

	fixture_fini(&k->f);
	EVP_PKEY_free(k->key);
	free(k);
	return 0;
}

static void count(const struct spool_finding *finding, void *userdata)
{
	struct keyed *k = userdata;

	assert_true((size_t)finding->fault <= SPOOL_FAULT_HEADER);
	k->faults[finding->fault]++;
	k->first = finding->first;
}

static struct spool_verified verify(struct keyed *k, const char *pem)
{
	struct spool_verified result;
	struct spool_verify_options options = {
		.dirfd = k->f.dirfd,
		.keys = {pem},
		.key_count = pem ? 1 : 0,
		.known = {fixture_tail(&k->f)},
		.found = count,
		.userdata = k,
	};

	memset(k->faults, 0, sizeof(k->faults));
	assert_int_equal(spool_verify(&options, &result), 0);
	return result;
}

static void closed_segments_carry_valid_signatures(void **state)
{
	struct keyed *k = *state;
	struct spool_verified result = verify(k, k->pem);

	assert_int_equal(result.fault_count, 0);
	assert_int_equal(result.event_count, 700);
	assert_int_equal(result.last_seq, 700);
	assert_true(result.segment_count > 2);
	assert_int_equal(result.signed_count, result.segment_count - 1);
}

static void another_key_and_no_key_are_told_apart(void **state)
{
	struct keyed *k = *state;
	char other[256];

	EVP_PKEY *key = make_key(other);
	struct spool_verified result = verify(k, other);
	assert_int_equal(result.signed_count, 0);
	assert_int_equal(k->faults[SPOOL_FAULT_SIGNATURE],
			 result.segment_count - 1);
	result = verify(k, NULL);
	assert_int_equal(result.fault_count, 0);
	assert_int_equal(result.signed_count, 0);
	EVP_PKEY_free(key);
}

static void a_key_that_is_none_is_refused(void **state)
{
	struct keyed *k = *state;
	struct spool_verified result;
	struct spool_verify_options options = {.dirfd = k->f.dirfd,
					       .keys = {"hello"},
					       .key_count = 1};

	assert_int_equal(spool_verify(&options, &result), -EBADMSG);
}

/* The last segment's file and where its frames end. */
static int open_last(struct keyed *k, off_t *ret_end)
{
	uint8_t *data = calloc(1, FIXTURE_SEGMENT);
	char name[SEGMENT_NAME_SIZE];
	uint64_t *seqs = NULL;
	size_t count = 0;

	assert_int_equal(segment_list(k->f.dirfd, &seqs, &count), 0);
	segment_name(seqs[count - 1], name);
	free(seqs);
	int fd = openat(k->f.dirfd, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, data, FIXTURE_SEGMENT, 0), FIXTURE_SEGMENT);
	*ret_end = FIXTURE_SEGMENT;
	while (data[*ret_end - 1] == 0)
		--*ret_end;
	free(data);
	return fd;
}

static void half_a_write_behind_the_durable_end_is_no_fault(void **state)
{
	struct keyed *k = *state;
	off_t end = 0;
	int fd = open_last(k, &end);

	assert_int_equal(pwrite(fd, "SKF1 half a frame", 17, end), 17);
	assert_int_equal(verify(k, k->pem).fault_count, 0);
	/* The same within what is durable is one. */
	assert_int_equal(pwrite(fd, "x", 1, end - 5), 1);
	assert_int_equal(verify(k, k->pem).fault_count, 2);
	assert_int_equal(k->faults[SPOOL_FAULT_EDIT], 1);
	assert_int_equal(k->faults[SPOOL_FAULT_TRUNCATE], 1);
	assert_int_equal(k->first, 700);
	(void)close(fd);
}

static void a_new_key_signs_what_follows(void **state)
{
	struct keyed *k = *state;
	struct spool_verified result;
	char other[256];
	EVP_PKEY *key = make_key(other);

	assert_int_equal(spool_rekey(k->f.spool, key), 0);
	fixture_fill(&k->f, 400);
	assert_int_equal(spool_rekey(k->f.spool, key), 0);
	fixture_fill(&k->f, 1);
	fixture_flush(&k->f);
	assert_int_equal(fixture_read_all(&k->f, 1), 1101);
	struct spool_verify_options options = {
		.dirfd = k->f.dirfd,
		.keys = {k->pem, other},
		.key_count = 2,
		.known = {fixture_tail(&k->f)},
		.found = count,
		.userdata = k,
	};
	assert_int_equal(spool_verify(&options, &result), 0);
	assert_int_equal(result.fault_count, 0);
	assert_int_equal(result.event_count, 1101);
	assert_int_equal(result.signed_count, result.segment_count - 1);
	/* Each key has signed its part and nothing else. */
	size_t closed = result.segment_count - 1;
	size_t by_old = verify(k, k->pem).signed_count;
	size_t by_new = verify(k, other).signed_count;
	assert_true(by_old > 0 && by_new > 0);
	assert_int_equal(by_old + by_new, closed);
	fixture_close(&k->f);
	EVP_PKEY_free(key);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(closed_segments_carry_valid_signatures),
		TEST(another_key_and_no_key_are_told_apart),
		TEST(a_key_that_is_none_is_refused),
		TEST(a_new_key_signs_what_follows),
		TEST(half_a_write_behind_the_durable_end_is_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
