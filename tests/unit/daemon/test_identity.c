/* SPDX-License-Identifier: Apache-2.0 */
/* Who the terminal is: made once, never changed by itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "agent/daemon/identity.h"
#include "agent/daemon/learned.h"
#include "tests/fakes/tree.h"

static int setup(void **state)
{
	static struct fake_tree tree;

	fake_tree_init(&tree);
	*state = &tree;
	return 0;
}

static int teardown(void **state)
{
	fake_tree_fini(*state);
	return 0;
}

static unsigned int mode_of(struct fake_tree *tree, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(tree->fd, name, &st, 0), 0);
	return st.st_mode & 07777;
}

static void the_first_start_makes_id_and_key(void **state)
{
	struct fake_tree *tree = *state;
	struct identity first, again;

	assert_int_equal(identity_load(tree->fd, &first), 0);
	assert_true(first.is_first);
	assert_int_equal(strlen(first.host_id_hex), 32);
	assert_int_equal(mode_of(tree, "terminal.id"), 0644);
	assert_int_equal(mode_of(tree, "host.key"), 0600);
	assert_int_equal(mode_of(tree, "host.pub"), 0644);
	assert_int_equal(mode_of(tree, "code.key"), 0600);
	assert_int_equal(mode_of(tree, "code.pub"), 0644);
	assert_int_equal(strlen(first.code_point), JWS_POINT_CHARS);

	assert_int_equal(identity_load(tree->fd, &again), 0);
	assert_false(again.is_first);
	assert_string_equal(again.host_id_hex, first.host_id_hex);
	assert_int_equal(EVP_PKEY_eq(again.key, first.key), 1);
	assert_int_equal(EVP_PKEY_eq(again.code_key, first.code_key), 1);
	assert_string_equal(again.code_point, first.code_point);
	identity_fini(&first);
	identity_fini(&again);
}

static void what_is_not_ours_is_left_alone(void **state)
{
	static const char *const rows[][2] = {
		{"terminal.id", "short\n"},
		{"terminal.id", "0123456789abcdef0123456789abcdeg\n"},
		{"terminal.id", "0123456789abcdef0123456789abcdef00\n"},
		{"host.key", "-----BEGIN NONSENSE-----\n"},
		{"host.key", ""},
		{"code.key", ""},
	};
	struct fake_tree *tree = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct identity identity = {.is_first = true};
		fake_text(tree, rows[i][0], "%s", rows[i][1]);
		assert_int_equal(identity_load(tree->fd, &identity), -EBADMSG);
		assert_null(identity.key);
		assert_string_equal(fake_read(tree, rows[i][0]), rows[i][1]);
		fake_remove(tree, rows[i][0]);
	}
}

static void the_terminal_describes_itself(void **state)
{
	struct fake_tree *tree = *state;
	struct config config = {.unit = "市民課"};
	static struct terminal terminal;

	fake_text(tree, "usr/lib/os-release",
		  "PRETTY_NAME=\"x\"\nNAME=\"Debian GNU/Linux\"\n"
		  "VERSION_ID=\"12\"\n");
	fake_text(tree, "proc/sys/kernel/random/boot_id", "b-1\n");
	terminal_init(&terminal, tree->fd, &config);
	assert_string_equal(terminal.record.os_name, "Debian GNU/Linux");
	assert_string_equal(terminal.record.os_version, "12");
	assert_string_equal(terminal.record.boot_uid, "b-1");
	assert_string_equal(terminal.record.unit, "市民課");
	fake_remove(tree, "usr/lib/os-release");
	terminal_init(&terminal, tree->fd, &config);
	assert_string_equal(terminal.record.os_name, "unknown");
}

static void the_lifeline_file_takes_only_whole_lines(void **state)
{
	struct fake_tree *tree = *state;
	struct learned learned = {0};
	struct usb_fact fact = {.identity = "ID=", .via_port = "1-2"};

	fake_text(tree, LEARNED_FILE, "nonsense\n 1-1\nID= 1-2\nID= \n");
	assert_int_equal(learned_load(tree->fd, &learned), 0);
	assert_int_equal(learned.count, 1);
	assert_true(learned_has(&learned, &fact));
	memcpy(fact.via_port, "1-3", 4);
	assert_false(learned_has(&learned, &fact));
	fact.identity[0] = '\0';
	assert_false(learned_has(&learned, &fact));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(the_first_start_makes_id_and_key),
		CASE(what_is_not_ours_is_left_alone),
		CASE(the_terminal_describes_itself),
		CASE(the_lifeline_file_takes_only_whole_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
