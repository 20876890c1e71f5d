/* SPDX-License-Identifier: Apache-2.0 */
/* Small mechanics: files, buffers, hexadecimal, log lines, ownership. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/buf.h"
#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "agent/base/log.h"

struct place {
	char path[64];
	int dirfd;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->path, sizeof(place->path), "/tmp/base-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	place->dirfd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	const char *const names[] = {"file", "file.new", "link"};

	for (size_t i = 0; i < 3; i++)
		(void)unlinkat(place->dirfd, names[i], 0);
	(void)close(place->dirfd);
	assert_int_equal(rmdir(place->path), 0);
	free(place);
	return 0;
}

static void an_atomic_write_replaces_the_whole_file(void **state)
{
	struct place *place = *state;
	struct stat status;
	char *data = NULL;
	size_t size = 0;

	(void)umask(077);
	assert_int_equal(write_atomic(place->dirfd, "file", "one", 3, 0644), 0);
	assert_int_equal(write_atomic(place->dirfd, "file", "second", 6, 0644),
			 0);
	assert_int_equal(read_small_file(place->dirfd, "file", 6, &data, &size),
			 0);
	assert_string_equal(data, "second");
	assert_int_equal(size, 6);
	free(data);
	assert_int_equal(fstatat(place->dirfd, "file", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(fstatat(place->dirfd, "file.new", &status, 0), -1);
	assert_int_equal(write_atomic(place->dirfd, "a/b", "x", 1, 0600),
			 -EINVAL);
}

static void a_failing_atomic_write_leaves_the_old_file(void **state)
{
	struct place *place = *state;
	char text[16];

	assert_int_equal(write_atomic(place->dirfd, "file", "old", 3, 0600), 0);
	/* The temporary name is taken by something that cannot be opened. */
	assert_int_equal(symlinkat("/nonexistent/x", place->dirfd, "file.new"),
			 0);
	assert_int_equal(write_atomic(place->dirfd, "file", "new", 3, 0600),
			 -ELOOP);
	assert_int_equal(
		read_line_file(place->dirfd, "file", text, sizeof(text)), 0);
	assert_string_equal(text, "old");
}

static void a_symbolic_link_is_refused(void **state)
{
	struct place *place = *state;
	char *data = NULL;

	assert_int_equal(symlinkat("/etc/passwd", place->dirfd, "link"), 0);
	assert_int_equal(open_below(place->dirfd, "link", O_RDONLY, 0), -ELOOP);
	assert_int_equal(read_small_file(place->dirfd, "link", 99, &data, NULL),
			 -ELOOP);
	assert_null(data);
}

/* Listing a folder must not move the position of the caller's descriptor. */
static void a_folder_is_listed_anew_each_time(void **state)
{
	struct place *place = *state;

	assert_int_equal(write_atomic(place->dirfd, "file", "1", 1, 0600), 0);
	for (int turn = 0; turn < 2; turn++) {
		_cleanup_closedir_ DIR *dir = NULL;
		unsigned int count = 0;

		assert_int_equal(open_dir_below(place->dirfd, ".", &dir), 0);
		for (const struct dirent *entry; (entry = readdir(dir));)
			count += entry->d_name[0] != '.';
		assert_int_equal(count, 1);
	}
}

static void what_is_no_folder_is_not_listed(void **state)
{
	struct place *place = *state;
	DIR *dir = NULL;

	assert_int_equal(write_atomic(place->dirfd, "file", "1", 1, 0600), 0);
	assert_int_equal(symlinkat(".", place->dirfd, "link"), 0);
	assert_int_equal(open_dir_below(place->dirfd, "file", &dir), -ENOTDIR);
	assert_true(open_dir_below(place->dirfd, "link", &dir) < 0);
	assert_int_equal(open_dir_below(place->dirfd, "none", &dir), -ENOENT);
	assert_null(dir);
}

static void limits_of_small_files_are_exact(void **state)
{
	struct place *place = *state;
	char *data = NULL;
	char text[6];

	assert_int_equal(write_atomic(place->dirfd, "file", "12345\n", 6, 0600),
			 0);
	assert_int_equal(read_small_file(place->dirfd, "file", 5, &data, NULL),
			 -EFBIG);
	assert_null(data);
	assert_int_equal(read_line_file(place->dirfd, "file", text, 6), 0);
	assert_string_equal(text, "12345");
	assert_int_equal(read_line_file(place->dirfd, "file", text, 5), -EFBIG);
	assert_int_equal(read_line_file(place->dirfd, "none", text, 5),
			 -ENOENT);
	assert_int_equal(write_text_file(place->dirfd, "none", "x"), -ENOENT);
	assert_int_equal(write_text_file(place->dirfd, "file", "9"), 0);
	assert_int_equal(read_line_file(place->dirfd, "file", text, 6), 0);
	assert_string_equal(text, "92345");
}

static void a_buffer_keeps_its_limit_and_its_content(void **state)
{
	_cleanup_buf_ struct buf buf = BUF_INIT(10);

	(void)state;
	assert_string_equal(buf_text(&buf), "");
	assert_int_equal(buf_append(&buf, "12345", 5), 0);
	assert_int_equal(buf_append(&buf, "678901", 6), -ENOBUFS);
	assert_string_equal(buf_text(&buf), "12345");
	assert_int_equal(buf_printf(&buf, "%d", 678901), -ENOBUFS);
	assert_int_equal(buf_printf(&buf, "%d", 67890), 0);
	assert_string_equal(buf_text(&buf), "1234567890");
	assert_int_equal(buf_reserve(&buf, SIZE_MAX), -ENOBUFS);
	buf_clear(&buf);
	assert_string_equal(buf_text(&buf), "");
	assert_int_equal(buf_append(&buf, NULL, 0), 0);
}

static void hex_round_trips_and_refuses_the_rest(void **state)
{
	const uint8_t data[] = {0x00, 0xff, 0x5f};
	uint8_t got[3] = {9, 9, 9};
	char text[HEX_SIZE(3)];

	(void)state;
	hex_encode(data, 3, text);
	assert_string_equal(text, "00ff5f");
	assert_int_equal(hex_decode("00fg5f", 6, got, 3), -EINVAL);
	assert_int_equal(hex_decode("00ff5", 5, got, 3), -EINVAL);
	assert_int_equal(got[0], 9);
	assert_int_equal(hex_decode("00FF5f", 6, got, 3), 0);
	assert_memory_equal(got, data, 3);
}

static void a_log_line_is_one_line_with_its_priority(void **state)
{
	int fds[2];
	char line[LOG_LINE_MAX + 1];
	char many[2 * LOG_LINE_MAX];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	struct log log = {.fd = fds[1],
			  .max_level = LOG_LEVEL_INFO,
			  .program = "test"};

	errno = ENOENT;
	log_warning(&log, "device '%s': %m", "evil\nname\x1b[0m");
	assert_int_equal(errno, ENOENT);
	ssize_t n = read(fds[0], line, LOG_LINE_MAX);
	line[n] = '\0';
	assert_string_equal(line, "<4>device 'evil?name?[0m': "
				  "No such file or directory\n");

	log_debug(&log, "not shown");
	assert_int_equal(log_set_level(&log, "loud"), -EINVAL);
	assert_int_equal(log_set_level(&log, NULL), 0);
	assert_int_equal(log_set_level(&log, "debug"), 0);
	log.is_tty = true;
	log_debug(&log, "shown");
	n = read(fds[0], line, LOG_LINE_MAX);
	line[n] = '\0';
	assert_string_equal(line, "test: shown\n");

	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	log_error(&log, "%s", many);
	n = read(fds[0], line, LOG_LINE_MAX);
	assert_true(n <= LOG_LINE_MAX);
	assert_int_equal(line[n - 1], '\n');
	log_error(NULL, "nowhere");
	(void)close(fds[0]);
	(void)close(fds[1]);
	assert_string_equal(errno_text(-EBUSY), "Device or resource busy");
	assert_string_equal(errno_text(99999), "unknown error");
}

static void ownership_moves_once(void **state)
{
	(void)state;
	_cleanup_free_ char *first = strdup("x");
	_cleanup_free_ char *second = TAKE_PTR(first);
	assert_null(first);
	assert_non_null(second);

	_cleanup_close_ int fd = dup(0);
	_cleanup_close_ int taken = TAKE_FD(fd);
	assert_int_equal(fd, -1);
	assert_true(taken >= 0);
	errno = 42;
	{
		_cleanup_close_ int closed = dup(0);
		errno = 42;
		(void)closed;
	}
	assert_int_equal(errno, 42);
}

static void clocks_move_forward(void **state)
{
	(void)state;
	uint64_t mono = clock_mono_ns();
	uint64_t boot = clock_boot_ns();
	assert_true(clock_mono_ns() >= mono);
	assert_true(boot >= mono);
	assert_true(clock_wall_ns() / NS_PER_S > 1700000000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_atomic_write_replaces_the_whole_file),
		TEST(a_failing_atomic_write_leaves_the_old_file),
		TEST(a_symbolic_link_is_refused),
		TEST(a_folder_is_listed_anew_each_time),
		TEST(what_is_no_folder_is_not_listed),
		TEST(limits_of_small_files_are_exact),
		cmocka_unit_test(a_buffer_keeps_its_limit_and_its_content),
		cmocka_unit_test(hex_round_trips_and_refuses_the_rest),
		cmocka_unit_test(a_log_line_is_one_line_with_its_priority),
		cmocka_unit_test(ownership_moves_once),
		cmocka_unit_test(clocks_move_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
