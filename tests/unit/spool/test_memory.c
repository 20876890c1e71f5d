/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th allocation fails: opening, recovering, reading and parsing say
 * -ENOMEM, leak nothing and leave what was on disk as it was. glibc lets a
 * program put its own malloc in front; the sanitizers do that themselves, so
 * under them this is skipped.
 */
#include "tests/unit/spool/spool_fixture.h"

#include <errno.h>

#include "agent/base/buf.h"
#include "agent/base/conf.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_INTERPOSER 0
#else
#define HAS_INTERPOSER 1

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);

/* 0: none fails; else the allocation with this number does. */
static unsigned fail_at;
static unsigned allocations;

static int is_failing(void)
{
	if (fail_at == 0 || ++allocations != fail_at)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return is_failing() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return is_failing() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
	return is_failing() ? NULL : __libc_realloc(pointer, size);
}

static void arm(unsigned n)
{
	allocations = 0;
	fail_at = n;
}

/* Ends arming; true if the failure was reached. */
static bool disarm(void)
{
	bool was_reached = allocations >= fail_at;

	fail_at = 0;
	return was_reached;
}
#endif

static void opening_without_memory_changes_nothing(void **state)
{
	(void)state;
#if HAS_INTERPOSER
	struct fixture f;
	unsigned failed = 0;

	fixture_init(&f);
	fixture_open(&f);
	fixture_fill(&f, 300);
	fixture_close(&f);
	for (unsigned n = 1; n < 200; n++) {
		arm(n);
		int r = spool_open(&f.config, &f.spool, &f.opening);
		bool was_reached = disarm();

		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			assert_null(f.spool);
			failed++;
			continue;
		}
		assert_false(f.opening.is_new_stream);
		assert_int_equal(spool_next_seq(f.spool), 301);
		fixture_close(&f);
		if (!was_reached)
			break;
	}
	assert_true(failed >= 5);
	assert_int_equal(fixture_read_all(&f, 1), 300);
	fixture_fini(&f);
#else
	skip();
#endif
}

static void an_append_without_memory_takes_no_number(void **state)
{
	(void)state;
#if HAS_INTERPOSER
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_fill(&f, 10);
	fixture_flush(&f);
	for (unsigned n = 1; n < 4; n++) {
		struct spool_entry entry = {.data = "{}", .size = 2};
		uint64_t before = spool_next_seq(f.spool);
		uint64_t seq = 0;

		arm(n);
		int r = spool_append(f.spool, &entry, &seq);
		(void)disarm();
		assert_true(r == 0 || r == -ENOMEM);
		assert_int_equal(spool_next_seq(f.spool),
				 before + (r == 0 ? 1 : 0));
		fixture_flush(&f);
	}
	fixture_fini(&f);
#else
	skip();
#endif
}

static void reading_without_memory_can_be_tried_again(void **state)
{
	(void)state;
#if HAS_INTERPOSER
	struct fixture f;
	unsigned failed = 0;

	fixture_init(&f);
	fixture_open(&f);
	fixture_fill(&f, 600);
	fixture_flush(&f);
	for (unsigned n = 1; n < 40; n++) {
		struct spool_reader *reader = NULL;
		struct spool_item item;

		arm(n);
		int r = spool_reader_new(f.dirfd, &reader);
		if (r == 0)
			r = spool_reader_seek(reader, 590);
		(void)disarm();
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			failed++;
		}
		if (reader) {
			assert_int_equal(spool_reader_seek(reader, 590), 0);
			assert_int_equal(spool_reader_next(reader, 600, &item),
					 0);
			assert_int_equal(item.frame.seq, 590);
		}
		spool_reader_free(reader);
	}
	assert_true(failed >= 3);
	fixture_fini(&f);
#else
	skip();
#endif
}

static void texts_without_memory_are_left_alone(void **state)
{
	(void)state;
#if HAS_INTERPOSER
	_cleanup_buf_ struct buf buf = BUF_INIT(4096);
	struct conf conf = {.count = 7};
	char error[CONF_ERROR_MAX];

	arm(1);
	assert_int_equal(conf_parse("x", "a = 1\n", 6, &conf, error), -ENOMEM);
	(void)disarm();
	assert_int_equal(conf.count, 7);

	assert_int_equal(buf_append_text(&buf, "kept"), 0);
	arm(1);
	char more[2000] = {0};
	assert_int_equal(buf_append(&buf, more, sizeof(more)), -ENOMEM);
	(void)disarm();
	assert_string_equal(buf_text(&buf), "kept");
#else
	skip();
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening_without_memory_changes_nothing),
		cmocka_unit_test(an_append_without_memory_takes_no_number),
		cmocka_unit_test(reading_without_memory_can_be_tried_again),
		cmocka_unit_test(texts_without_memory_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
