/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 in the middle of everything: a child writes and reports each durable
 * number through a pipe, is killed at an arbitrary moment, and what it reported
 * must be found again, chained, with nothing between missing.
 */
#include "tests/unit/spool/spool_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define ROUNDS 25

/* The child: append, flush now and then, report. Never returns. */
static void write_forever(struct fixture *f, int report_fd)
{
	struct spool_opening opening;
	struct spool *spool = NULL;

	if (spool_open(&f->config, &spool, &opening) != 0)
		_exit(2);
	f->spool = spool;
	if (opening.is_new_stream && opening.found != SPOOL_FOUND_NONE)
		_exit(3);

	for (;;) {
		for (int i = 0; i < 7; i++) {
			int r = fixture_append(f, 1);

			if (r != 0 && r != SPOOL_BUSY)
				_exit(4);
		}
		uint64_t seq = spool_next_seq(spool) - 1;
		if (spool_flush(spool, seq, FLUSH_MS) != 0)
			_exit(5);
		if (write(report_fd, &seq, sizeof(seq)) != sizeof(seq))
			_exit(6);
		/* What was read stays within the budget. */
		spool_release(spool, seq > 500 ? seq - 500 : 0);
	}
}

static uint64_t drain(int fd)
{
	uint64_t seq = 0;
	uint64_t last = 0;
	ssize_t n;

	while ((n = read(fd, &seq, sizeof(seq))) == (ssize_t)sizeof(seq))
		last = seq;
	assert_int_equal(n, 0);
	return last;
}

static void nothing_durable_is_lost_by_kill(void **state)
{
	struct fixture f;
	uint64_t acked = 0;
	uint64_t total = 0;

	(void)state;
	fixture_init(&f);
	for (unsigned round = 0; round < ROUNDS; round++) {
		int pipe_fds[2];
		int status = 0;

		assert_int_equal(pipe(pipe_fds), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			(void)close(pipe_fds[0]);
			write_forever(&f, pipe_fds[1]);
		}
		(void)close(pipe_fds[1]);
		fixture_wait_us(3000 + round * 3571 % 40000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		uint64_t reported = drain(pipe_fds[0]);
		(void)close(pipe_fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		if (reported > 0)
			acked = reported;

		struct spool_stats stats;
		fixture_open(&f);
		assert_true(f.opening.found == SPOOL_FOUND_CLEAN ||
			    f.opening.found == SPOOL_FOUND_TORN ||
			    (round == 0 && acked == 0));
		assert_int_equal(f.opening.gap_first, 0);
		spool_stats(f.spool, &stats);
		assert_true(stats.last_seq >= acked);
		/* Recovered is durable, and published as such. */
		assert_int_equal(fixture_tail(&f).seq, stats.last_seq);
		if (stats.last_seq > 0)
			assert_int_equal(fixture_read_all(&f, 0),
					 stats.last_seq);
		fixture_close(&f);
		total = stats.last_seq;
	}
	assert_true(total > ROUNDS * 7);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_durable_is_lost_by_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
