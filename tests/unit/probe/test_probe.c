/* SPDX-License-Identifier: Apache-2.0 */
/* The probe's answers on made media; the cage is tried in the guest. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "agent/probe/probe.h"

#define SIZE (1024 * 1024)

static const char *probe(const void *bytes, size_t len, off_t at)
{
	static char answer[4096];
	int fd = memfd_create("medium", MFD_CLOEXEC);
	int ends[2];

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(pwrite(fd, bytes, len, at), len);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(probe_run(fd, ends[1]), PROBE_EXIT_OK);
	ssize_t n = read(ends[0], answer, sizeof(answer) - 1);
	assert_true(n > 0);
	answer[n] = '\0';
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(fd);
	return answer;
}

static void an_empty_medium_has_nothing(void **state)
{
	(void)state;
	assert_string_equal(probe("", 0, 0), "result=none\nend\n");
}

static void swap_is_found_with_its_label(void **state)
{
	uint8_t page[4096] = {0};

	(void)state;
	page[1024] = 1;		    /* version */
	page[1024 + 4] = 255;	    /* last page */
	memset(page + 1036, 1, 16); /* UUID */
	memcpy(page + 1052, "my label", 8);
	memcpy(page + 4086, "SWAPSPACE2", 10);
	const char *answer = probe(page, sizeof(page), 0);
	assert_non_null(strstr(answer, "type=swap\n"));
	assert_non_null(strstr(answer, "label=my\\x20label\n"));
	assert_non_null(strstr(answer, "result=found\nend\n"));
}

static void luks_is_told_as_encrypted(void **state)
{
	uint8_t header[592] = "LUKS\xba\xbe\0\x01";

	(void)state;
	memcpy(header + 168, "8f0e7c0e-0000-4000-8000-0123456789ab", 36);
	const char *answer = probe(header, sizeof(header), 0);
	assert_non_null(strstr(answer, "type=crypto_LUKS\n"));
	assert_non_null(strstr(answer, "usage=crypto\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_medium_has_nothing),
		cmocka_unit_test(swap_is_found_with_its_label),
		cmocka_unit_test(luks_is_told_as_encrypted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
