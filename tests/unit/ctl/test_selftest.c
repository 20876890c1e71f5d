/* SPDX-License-Identifier: Apache-2.0 */
/* The self-test's own doing: what a try means, the matrix, the exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/selftest.h"

static int deed_of(const void *error)
{
	return *(const int *)error;
}

static int deed_for_root(const void *unused)
{
	(void)unused;
	return geteuid() == 0 ? 0 : EPERM;
}

static int deed_that_hangs_up(const void *unused)
{
	(void)unused;
	(void)raise(SIGKILL);
	return 0;
}

static const struct way *tried(struct selftest *test, selftest_deed deed,
			       int error)
{
	selftest_try(test, "way", "a way", deed, &error);
	return &test->ways[test->count - 1];
}

static void what_is_refused_is_closed(void **state)
{
	struct selftest test = {0};

	(void)state;
	assert_int_equal(tried(&test, deed_of, EPERM)->state, WAY_CLOSED);
	assert_string_equal(test.ways[0].detail, "EPERM");
	assert_int_equal(tried(&test, deed_of, EACCES)->state, WAY_CLOSED);
	assert_int_equal(tried(&test, deed_of, EROFS)->state, WAY_CLOSED);
}

static void what_fails_otherwise_says_nothing(void **state)
{
	struct selftest test = {0};

	(void)state;
	assert_int_equal(tried(&test, deed_of, EIO)->state, WAY_UNTESTED);
	assert_string_equal(test.ways[0].detail, "EIO");
	assert_int_equal(tried(&test, deed_of, DEED_UNTESTED)->state,
			 WAY_UNTESTED);
	assert_int_equal(tried(&test, deed_that_hangs_up, 0)->state,
			 WAY_UNTESTED);
}

static void what_works_is_open_or_closed_for_users(void **state)
{
	struct selftest test = {0};

	(void)state;
	if (geteuid() != 0) {
		print_message("# SKIP: needs root\n");
		skip();
	}
	assert_int_equal(tried(&test, deed_of, 0)->state, WAY_OPEN);
	assert_int_equal(tried(&test, deed_for_root, 0)->state, WAY_USERS_ONLY);
}

static void a_full_list_takes_no_more(void **state)
{
	static struct selftest test;

	(void)state;
	for (unsigned int i = 0; i < SELFTEST_WAYS_MAX + 3; i++)
		selftest_note(&test, "x", "x", WAY_CLOSED, NULL);
	assert_int_equal(test.count, SELFTEST_WAYS_MAX);
	assert_int_equal(selftest_count(&test, WAY_CLOSED), SELFTEST_WAYS_MAX);
}

static void a_module_that_no_kernel_has_is_not_loaded(void **state)
{
	(void)state;
	assert_true(selftest_load("sekimori_no_such_module", "a=1 b=2") < 0);
}

static int print(const struct selftest *test, bool is_json, bool is_japanese,
		 char *ret_text, size_t size)
{
	char *text = NULL;
	size_t len = 0;
	struct ctl ctl = {.out = open_memstream(&text, &len),
			  .is_japanese = is_japanese};

	int r = selftest_print(&ctl, test, is_json);
	fclose(ctl.out);
	snprintf(ret_text, size, "%s", text);
	free(text);
	return r;
}

static void the_matrix_tells_and_the_exit_status_sums_up(void **state)
{
	struct selftest test = {0};
	char text[2048];

	(void)state;
	selftest_note(&test, "disk-read", "reading a disk", WAY_CLOSED,
		      "EPERM");
	selftest_note(&test, "tape", "a tape drive", WAY_UNTESTED,
		      "this kernel has no module for it");
	assert_int_equal(print(&test, false, false, text, sizeof(text)),
			 CTL_OK);
	assert_string_equal(
		text,
		"closed              disk-read       reading a disk (EPERM)\n"
		"not testable here   tape            a tape drive "
		"(this kernel has no module for it)\n"
		"\n1 closed, 0 closed for users only, 0 open, "
		"1 not testable here\n");
	print(&test, false, true, text, sizeof(text));
	assert_non_null(strstr(text, "遮断"));
	assert_non_null(strstr(text, "テープ装置"));

	selftest_note(&test, "kernel", "kexec", WAY_USERS_ONLY, NULL);
	assert_int_equal(print(&test, true, false, text, sizeof(text)),
			 CTL_FAILED);
	assert_string_equal(
		text, "{\"ways\":[{\"name\":\"disk-read\",\"state\":\"closed\","
		      "\"title\":\"reading a disk\",\"detail\":\"EPERM\"},"
		      "{\"name\":\"tape\",\"state\":\"untested\","
		      "\"title\":\"a tape drive\",\"detail\":"
		      "\"this kernel has no module for it\"},"
		      "{\"name\":\"kernel\",\"state\":\"users-only\","
		      "\"title\":\"kexec\"}],\"untested\":1,\"open\":0,"
		      "\"users-only\":1,\"closed\":1}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_refused_is_closed),
		cmocka_unit_test(what_fails_otherwise_says_nothing),
		cmocka_unit_test(what_works_is_open_or_closed_for_users),
		cmocka_unit_test(a_full_list_takes_no_more),
		cmocka_unit_test(a_module_that_no_kernel_has_is_not_loaded),
		cmocka_unit_test(the_matrix_tells_and_the_exit_status_sums_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
