/* SPDX-License-Identifier: Apache-2.0 */
/* The probe's answer: a child that was taken over says anything. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/sense/probe.h"

static int parse(const char *text, struct medium_probe *probe)
{
	return probe_parse(text, strlen(text), probe);
}

static void an_answer_is_read(void **state)
{
	struct medium_probe probe;

	(void)state;
	assert_int_equal(parse("type=vfat\nlabel=A\\x20残高\nuuid=DA7A-0ABB\n"
			       "usage=filesystem\nversion=FAT12\n"
			       "result=found\nend\n",
			       &probe),
			 0);
	assert_string_equal(probe.fs_type, "vfat");
	assert_string_equal(probe.label, "A 残高");
	assert_string_equal(probe.fs_uuid, "DA7A-0ABB");
	assert_false(probe.is_encrypted);
	assert_int_equal(parse("type=crypto_LUKS\nusage=crypto\n"
			       "result=found\nend\n",
			       &probe),
			 0);
	assert_true(probe.is_encrypted);
	assert_int_equal(parse("result=none\nend\n", &probe), 0);
	assert_string_equal(probe.fs_type, "");
}

static void an_ambivalent_medium_has_no_type(void **state)
{
	struct medium_probe probe;

	(void)state;
	assert_int_equal(parse("type=vfat\nresult=ambivalent\nend\n", &probe),
			 0);
	assert_string_equal(probe.fs_type, "");
}

static void lies_are_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"end\n",
		"result=found\n",
		"result=found\nend",
		"result=maybe\nend\n",
		"result=found\nend\ntype=vfat\n",
		"type\nresult=found\nend\n",
		"access=read-write\nresult=found\nend\n",
		"type=a\\x00b\nresult=found\nend\n",
		"type=a\\x2\nresult=found\nend\n",
		"type=a\\q\nresult=found\nend\n",
		"type=a\tb\nresult=found\nend\n",
	};
	struct medium_probe probe = {.fs_type = "kept"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (parse(rows[i], &probe) != -EBADMSG)
			fail_msg("accepted row %zu: %s", i, rows[i]);
		assert_string_equal(probe.fs_type, "kept");
	}
}

static void an_answer_over_the_limit_is_refused(void **state)
{
	char text[PROBE_TEXT_MAX + 16];
	struct medium_probe probe;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "label=", 6);
	memcpy(text + sizeof(text) - 17, "\nresult=none\nend\n", 17);
	assert_int_equal(probe_parse(text, sizeof(text), &probe), -EBADMSG);
	/* Within it, a value that is too long is cut */
	memcpy(text + 2048, "\nresult=none\nend\n", 17);
	assert_int_equal(probe_parse(text, 2048 + 17, &probe), 0);
	assert_int_equal(strlen(probe.label), MEDIA_STRING_MAX_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_read),
		cmocka_unit_test(an_ambivalent_medium_has_no_type),
		cmocka_unit_test(lies_are_refused),
		cmocka_unit_test(an_answer_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
