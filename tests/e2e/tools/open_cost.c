/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times stat() and open() with close() of a file, for the guest half of `make
 * bench`: what the guard costs those who have nothing to do with devices.
 * Prints the best of several rounds in microseconds, since a busy host only
 * ever adds.
 *   open-cost FILE...      lines: WHAT FILE COST
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 7, OPENS = 5000 };

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int open_and_close(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

static int look(const char *path)
{
	struct stat st;

	return stat(path, &st);
}

static double round_us(int (*use)(const char *path), const char *path)
{
	double start_us = now_us();

	for (int i = 0; i < OPENS; i++) {
		if (use(path) < 0)
			return -1;
	}
	return (now_us() - start_us) / OPENS;
}

static bool show(const char *what, int (*use)(const char *path),
		 const char *path)
{
	double best_us = round_us(use, path);

	for (int n = 1; n < ROUNDS; n++) {
		double us = round_us(use, path);

		if (us < best_us)
			best_us = us;
	}
	if (best_us < 0) {
		perror(path);
		return false;
	}
	printf("%s %s %.2f\n", what, path, best_us);
	return true;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!show("stat", look, argv[i]) ||
		    !show("open", open_and_close, argv[i]))
			return 1;
	}
	return 0;
}
