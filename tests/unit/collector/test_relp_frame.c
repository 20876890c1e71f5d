/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of RELP: whole, cut at every octet, and wrong ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/relp_frame.h"

static void a_frame_is_read_once_it_is_whole(void **state)
{
	static const char text[] = "12 rsp 6 200 OK\n13 rsp 0\n";
	struct relp_frame frame = {.number = 7};

	(void)state;
	for (size_t size = 0; size < 16; size++) {
		assert_int_equal(relp_frame_read(text, size, &frame),
				 RELP_MORE);
		assert_int_equal(frame.number, 7);
	}
	assert_int_equal(relp_frame_read(text, sizeof(text) - 1, &frame), 0);
	assert_int_equal(frame.number, 12);
	assert_int_equal(frame.command_len, 3);
	assert_memory_equal(frame.command, "rsp", 3);
	assert_int_equal(frame.data_len, 6);
	assert_memory_equal(frame.data, "200 OK", 6);
	assert_int_equal(frame.size, 16);

	assert_int_equal(relp_frame_read(text + 16, 9, &frame), 0);
	assert_int_equal(frame.number, 13);
	assert_int_equal(frame.data_len, 0);
	assert_int_equal(frame.size, 9);
	assert_int_equal(relp_frame_read("0 rsp 0 \n", 9, &frame), 0);
}

static void what_is_no_frame_is_refused(void **state)
{
	static const char *const bad[] = {
		" rsp 0\n",	      "x rsp 0\n",
		"1234567890 rsp 0\n", "1  rsp 0\n",
		"1 RSP 0\n",	      "1 rsp x\n",
		"1 rsp 6x200 OK\n",   "1 rsp 0x\n",
		"1 rsp 4097 ",	      "1 rsp 3 200x",
		"1\nrsp 0\n",	      "1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 0\n",
	};
	struct relp_frame frame = {.number = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(relp_frame_read(bad[i], strlen(bad[i]),
						 &frame),
				 -EPROTO);
		assert_int_equal(frame.number, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_read_once_it_is_whole),
		cmocka_unit_test(what_is_no_frame_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
