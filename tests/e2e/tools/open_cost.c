/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times open() and close() of a file, for the guest half of `make bench`: what
 * the guard costs those who have nothing to do with devices. Prints the best
 * of several rounds in microseconds, since a busy host only ever adds.
 *   open-cost FILE...
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 7, OPENS = 5000 };

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double round_us(const char *path)
{
	double start_us = now_us();

	for (int i = 0; i < OPENS; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return -1;
		close(fd);
	}
	return (now_us() - start_us) / OPENS;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		double best_us = round_us(argv[i]);

		for (int n = 1; n < ROUNDS; n++) {
			double us = round_us(argv[i]);

			if (us < best_us)
				best_us = us;
		}
		if (best_us < 0) {
			perror(argv[i]);
			return 1;
		}
		printf("%s %.2f\n", argv[i], best_us);
	}
	return 0;
}
