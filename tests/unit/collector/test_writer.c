/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's promises, on a store that only counts: nobody is told before the
 * commit, one failing job does not take the others along, a failing disk fails
 * all, the queue is bounded, stopping runs what waits.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "collector/limits.h"
#include "collector/writer.h"

struct fake {
	struct store base;
	int begins, commits, rollbacks, kept, undone;
	int commit_result;
	bool is_committed; /* since the last begin */
};

static int fake_begin(struct store *store)
{
	struct fake *f = (struct fake *)store;

	f->begins++;
	f->is_committed = false;
	return 0;
}

static int fake_commit(struct store *store)
{
	struct fake *f = (struct fake *)store;

	f->commits++;
	f->is_committed = f->commit_result == 0;
	return f->commit_result;
}

static void fake_rollback(struct store *store)
{
	((struct fake *)store)->rollbacks++;
}

static int fake_step_begin(struct store *store)
{
	(void)store;
	return 0;
}

static int fake_step_end(struct store *store, bool is_kept)
{
	struct fake *f = (struct fake *)store;

	if (is_kept)
		f->kept++;
	else
		f->undone++;
	return 0;
}

static const struct store_ops FAKE = {
	.begin = fake_begin,
	.commit = fake_commit,
	.rollback = fake_rollback,
	.step_begin = fake_step_begin,
	.step_end = fake_step_end,
};

struct work {
	struct job job;
	struct fake *fake;
	sem_t *gate;  /* run waits for it */
	sem_t *taken; /* run has begun */
	int run_result;
	int done_result;
	bool is_done;
	bool was_committed;
};

static int work_run(struct job *job, struct store *store)
{
	struct work *w = (struct work *)job;

	(void)store;
	if (w->taken)
		sem_post(w->taken);
	if (w->gate)
		sem_wait(w->gate);
	return w->run_result;
}

static void work_done(struct job *job, int r)
{
	struct work *w = (struct work *)job;

	w->is_done = true;
	w->done_result = r;
	w->was_committed = w->fake->is_committed;
}

static void work_init(struct work *w, struct fake *fake, size_t weight)
{
	*w = (struct work){
		.job = {.weight = weight, .run = work_run, .done = work_done},
		.fake = fake};
}

#define JOBS 6

/* One job holds the writer while the others queue behind it. */
static void group(struct fake *fake, struct work works[JOBS],
		  const int results[JOBS])
{
	struct writer *writer = NULL;
	sem_t gate, taken;

	sem_init(&gate, 0, 0);
	sem_init(&taken, 0, 0);
	assert_int_equal(writer_start(&fake->base, NULL, &writer), 0);
	for (int i = 0; i < JOBS; i++) {
		work_init(&works[i], fake, 1);
		works[i].run_result = results[i];
		if (i == 0) {
			works[i].gate = &gate;
			works[i].taken = &taken;
		}
		assert_int_equal(writer_submit(writer, &works[i].job), 0);
		if (i == 0)
			sem_wait(&taken);
	}
	assert_false(works[0].is_done);
	sem_post(&gate);
	writer_stop(writer);
	writer_free(writer);
	sem_destroy(&gate);
	sem_destroy(&taken);
}

static void what_waits_is_committed_together(void **state)
{
	static const int results[JOBS] = {0};
	struct fake fake = {.base.ops = &FAKE};
	struct work works[JOBS];

	(void)state;
	group(&fake, works, results);
	assert_int_equal(fake.commits, 2); /* the first alone, then the rest */
	assert_int_equal(fake.kept, JOBS);
	for (int i = 0; i < JOBS; i++) {
		assert_true(works[i].is_done && works[i].was_committed);
		assert_int_equal(works[i].done_result, 0);
	}
}

static void a_failing_job_is_undone_alone(void **state)
{
	static const int results[JOBS] = {0, 0, -EIO, 7, 0, -ENOMEM};
	struct fake fake = {.base.ops = &FAKE};
	struct work works[JOBS];

	(void)state;
	group(&fake, works, results);
	assert_int_equal(fake.undone, 2);
	assert_int_equal(fake.kept, JOBS - 2); /* a verdict is kept */
	for (int i = 0; i < JOBS; i++) {
		assert_true(works[i].is_done);
		assert_int_equal(works[i].done_result, results[i]);
	}
}

static void without_a_commit_nobody_hears_yes(void **state)
{
	static const int results[JOBS] = {0, 0, 3, 0, -EIO, 0};
	struct fake fake = {.base.ops = &FAKE, .commit_result = -ENOSPC};
	struct work works[JOBS];

	(void)state;
	group(&fake, works, results);
	assert_int_equal(fake.rollbacks, 2);
	for (int i = 0; i < JOBS; i++) {
		assert_true(works[i].is_done);
		assert_int_equal(works[i].done_result, -ENOSPC);
	}
}

static void the_queue_is_bounded_and_stop_is_final(void **state)
{
	struct fake fake = {.base.ops = &FAKE};
	struct writer *writer = NULL;
	static struct work works[16];
	struct work late;
	sem_t gate, taken;
	int accepted = 1, r = 0;

	(void)state;
	sem_init(&gate, 0, 0);
	sem_init(&taken, 0, 0);
	assert_int_equal(writer_start(&fake.base, NULL, &writer), 0);
	work_init(&works[0], &fake, 1);
	works[0].gate = &gate;
	works[0].taken = &taken;
	assert_int_equal(writer_submit(writer, &works[0].job), 0);
	sem_wait(&taken);
	for (int i = 1; i < 16 && r == 0; i++) {
		work_init(&works[i], &fake, LIMIT_GROUP_EVENTS / 2);
		r = writer_submit(writer, &works[i].job);
		accepted += r == 0;
	}
	assert_int_equal(r, -EBUSY);
	assert_int_equal(accepted, 9);
	sem_post(&gate);
	writer_stop(writer);
	for (int i = 0; i < accepted; i++)
		assert_true(works[i].is_done);
	assert_false(works[accepted].is_done);
	work_init(&late, &fake, 1);
	assert_int_equal(writer_submit(writer, &late.job), -ESHUTDOWN);
	assert_false(late.is_done);
	writer_free(writer);
	sem_destroy(&gate);
	sem_destroy(&taken);
}

static void a_group_has_a_weight(void **state)
{
	struct fake fake = {.base.ops = &FAKE};
	static struct work works[JOBS];
	struct writer_stats stats;
	struct writer *writer = NULL;

	(void)state;
	assert_int_equal(writer_start(&fake.base, NULL, &writer), 0);
	for (int i = 0; i < 3; i++) {
		work_init(&works[i], &fake, LIMIT_GROUP_EVENTS);
		assert_int_equal(writer_submit(writer, &works[i].job), 0);
	}
	writer_stop(writer);
	writer_read_stats(writer, &stats);
	assert_int_equal(stats.commits, 3);
	assert_int_equal(stats.jobs, 3);
	assert_int_equal(stats.waiting, 0);
	assert_false(stats.is_failing);
	writer_free(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_is_committed_together),
		cmocka_unit_test(a_failing_job_is_undone_alone),
		cmocka_unit_test(without_a_commit_nobody_hears_yes),
		cmocka_unit_test(the_queue_is_bounded_and_stop_is_final),
		cmocka_unit_test(a_group_has_a_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
