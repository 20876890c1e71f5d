/* SPDX-License-Identifier: Apache-2.0 */
/* What a signed policy carries: one spelling, and nothing else is taken. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/wire/parcel.h"

#define HEAD "sekimori-policy 1\nserial 12\n"
#define FULL                                                                   \
	HEAD "zone mynumber\nissuer 情報政策課\n"                         \
	     "not-before 1795132800\nnot-after 1826668800\n"                   \
	     "file 00-header.rules 5\nabc\n\n\n"                               \
	     "file 10-usb.rules 0\n\n"                                         \
	     "file 9.rules 4\nend\n\nend\n"

static void a_parcel_is_read_and_written_back(void **state)
{
	struct parcel parcel;
	const char *why = NULL;
	char again[sizeof(FULL)];
	size_t len = 0;

	(void)state;
	assert_int_equal(parcel_read(SPAN(FULL), &parcel, &why), 0);
	assert_int_equal(parcel.serial, 12);
	assert_true(span_equals_str(parcel.zone, "mynumber"));
	assert_true(span_equals_str(parcel.issuer, "情報政策課"));
	assert_int_equal(parcel.wall_not_before_s, 1795132800);
	assert_int_equal(parcel.wall_not_after_s, 1826668800);
	assert_int_equal(parcel.count, 3);
	assert_true(span_equals_str(parcel.files[0].name, "00-header.rules"));
	assert_true(span_equals_str(parcel.files[0].text, "abc\n\n"));
	assert_int_equal(parcel.files[1].text.len, 0);
	assert_true(span_equals_str(parcel.files[2].text, "end\n"));

	assert_int_equal(parcel_write(&parcel, again, strlen(FULL) - 1, &len),
			 -ENOBUFS);
	assert_int_equal(parcel_write(&parcel, again, strlen(FULL), &len), 0);
	assert_int_equal(len, strlen(FULL));
	assert_memory_equal(again, FULL, len);
}

static void the_terms_may_be_absent(void **state)
{
	struct parcel parcel;
	const char *why;

	(void)state;
	assert_int_equal(parcel_read(SPAN(HEAD "end\n"), &parcel, &why), 0);
	assert_int_equal(parcel.zone.len, 0);
	assert_int_equal(parcel.wall_not_after_s, 0);
	assert_int_equal(parcel.count, 0);
}

static void anything_else_is_refused_with_a_reason(void **state)
{
	static const char *const texts[] = {
		"",
		"end\n",
		"sekimori-policy 2\nserial 1\nend\n",
		"sekimori-policy 1\nend\n",
		"sekimori-policy 1\nserial 0\nend\n",
		"sekimori-policy 1\nserial 01\nend\n",
		"sekimori-policy 1\nserial -1\nend\n",
		"sekimori-policy 1\nserial 1 \nend\n",
		"sekimori-policy 1\nserial 9223372036854775808\nend\n",
		"sekimori-policy 1\nserial 99999999999999999999\nend\n",
		"sekimori-policy 1\r\nserial 1\r\nend\r\n",
		HEAD,
		HEAD "end",
		HEAD "end\n\n",
		HEAD "end\nend\n",
		HEAD "serial 12\nend\n",
		HEAD "zone \nend\n",
		HEAD "zone a b\nend\n",
		HEAD "zone ../x\nend\n",
		HEAD "issuer A\nzone b\nend\n",
		HEAD "issuer A\x7f\nend\n",
		HEAD "not-before 0\nend\n",
		HEAD "not-after x\nend\n",
		HEAD "not-after 5\nnot-before 1\nend\n",
		HEAD "not-before 5\nnot-after 5\nend\n",
		HEAD "file a.rules 1\nab\nend\n",
		HEAD "file a.rules 3\nab\nend\n",
		HEAD "file a.rules 99\nab\nend\n",
		HEAD "file a.rules 9223372036854775807\nab\nend\n",
		HEAD "file a.rules\nab\nend\n",
		HEAD "file a.txt 1\na\nend\n",
		HEAD "file .rules 1\na\nend\n",
		HEAD "file .a.rules 1\na\nend\n",
		HEAD "file ../a.rules 1\na\nend\n",
		HEAD "file a/b.rules 1\na\nend\n",
		HEAD "file b.rules 1\na\nfile a.rules 1\na\nend\n",
		HEAD "file a.rules 1\na\nfile a.rules 1\na\nend\n",
		HEAD "file a.rules 1\na\nnot-after 5\nend\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct parcel parcel;
		const char *why = NULL;
		if (parcel_read(span_str(texts[i]), &parcel, &why) !=
		    PARCEL_MALFORMED)
			fail_msg("taken: %s", texts[i]);
		assert_non_null(why);
		assert_true(strlen(why) > 5);
	}
}

static void what_could_not_be_read_back_is_not_written(void **state)
{
	const struct parcel good = {.serial = 1};
	struct parcel rows[] = {good, good, good, good, good, good};
	char buf[512];
	size_t len;

	(void)state;
	assert_int_equal(parcel_write(&good, buf, sizeof(buf), &len), 0);
	rows[0].serial = 0;
	rows[1].issuer = SPAN("A\nnot-after 5");
	rows[2].zone = SPAN("my number");
	rows[3].count = 1;
	rows[3].files[0].name = SPAN("passwd");
	rows[4].count = 2;
	rows[4].files[0].name = SPAN("b.rules");
	rows[4].files[1].name = SPAN("a.rules");
	rows[5].count = 1;
	rows[5].files[0].name = SPAN("a.rules 0\n\nfile b.rules");
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(parcel_write(&rows[i], buf, sizeof(buf), &len),
				 PARCEL_MALFORMED);
}

static void the_most_files_fit_and_one_more_does_not(void **state)
{
	size_t cap = PARCEL_FRAME_MAX +
		     (PARCEL_FILES_MAX + 1) * PARCEL_FILE_LINE_MAX;
	char *text = malloc(cap);
	struct parcel parcel;
	const char *why = NULL;

	(void)state;
	assert_non_null(text);
	for (unsigned count = PARCEL_FILES_MAX; count <= PARCEL_FILES_MAX + 1;
	     count++) {
		int at = snprintf(text, cap, HEAD);
		for (unsigned i = 0; i < count; i++)
			at += snprintf(text + at, cap - (size_t)at,
				       "file %04u.rules 0\n\n", i);
		at += snprintf(text + at, cap - (size_t)at, "end\n");
		assert_int_equal(parcel_read(span_of(text, (size_t)at), &parcel,
					     &why),
				 count > PARCEL_FILES_MAX);
	}
	assert_string_equal(why, "too many files");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parcel_is_read_and_written_back),
		cmocka_unit_test(the_terms_may_be_absent),
		cmocka_unit_test(anything_else_is_refused_with_a_reason),
		cmocka_unit_test(what_could_not_be_read_back_is_not_written),
		cmocka_unit_test(the_most_files_fit_and_one_more_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
