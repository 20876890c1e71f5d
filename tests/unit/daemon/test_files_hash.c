/* SPDX-License-Identifier: Apache-2.0 */
/* files_hash: slices, changes on the way, links that lead elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/base/clock.h"
#include "agent/daemon/files_hash.h"
#include "policy/mynumber.h"
#include "tests/fakes/tree.h"

#define HASH_OF_12345                                                          \
	"5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"

struct scene {
	struct fake_tree tree;
	struct hash *hash;
	struct hash_file file;
	unsigned int asked;
	unsigned int stop_after; /* 0: never */
	const char *append_to;	 /* while it is read */
};

static bool ask(void *userdata)
{
	struct scene *scene = userdata;

	if (scene->append_to) {
		int fd = open(scene->append_to,
			      O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_int_equal(write(fd, "+", 1), 1);
		assert_int_equal(close(fd), 0);
	}
	return scene->stop_after && ++scene->asked >= scene->stop_after;
}

static int make_scene(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	fake_tree_init(&scene->tree);
	assert_int_equal(hash_new(&scene->hash), 0);
	scene->file.point = scene->tree.path;
	scene->file.should_stop = ask;
	scene->file.userdata = scene;
	*state = scene;
	return 0;
}

static int end_scene(void **state)
{
	struct scene *scene = *state;

	hash_free(scene->hash);
	fake_tree_fini(&scene->tree);
	free(scene);
	return 0;
}

static void make_file(struct scene *scene, const char *path, const char *text)
{
	struct stat st;

	fake_text(&scene->tree, path, "%s", text);
	assert_int_equal(fstatat(scene->tree.fd, path, &st, 0), 0);
	scene->file.path = path;
	scene->file.inode = st.st_ino;
	scene->file.size_bytes = (uint64_t)st.st_size;
}

static void a_file_has_its_sha256(void **state)
{
	struct scene *scene = *state;
	char hex[DIGEST_HEX_SIZE] = "";
	uint64_t size = 0;

	make_file(scene, "d/a", "12345");
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size), 0);
	assert_string_equal(hex, HASH_OF_12345);
	assert_int_equal(size, 5);
	/* The same again: nothing of the first is left in it */
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size), 0);
	assert_string_equal(hex, HASH_OF_12345);
	make_file(scene, "empty", "");
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size), 0);
	assert_int_equal(size, 0);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb924"
				 "27ae41e4649b934ca495991b7852b855");
}

/* A number of the formula, of nobody we know of. */
static void make_number(char ret_number[13])
{
	uint8_t digits[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0};

	while (!mynumber_is_valid(digits))
		digits[11]++;
	for (size_t i = 0; i < 12; i++)
		ret_number[i] = (char)('0' + digits[i]);
	ret_number[12] = '\0';
}

static void numbers_in_a_file_are_counted_each_time_anew(void **state)
{
	struct scene *scene = *state;
	char hex[DIGEST_HEX_SIZE];
	char number[13];
	char text[64];
	uint64_t size;

	make_number(number);
	(void)snprintf(text, sizeof(text), "情報太郎,%s\n%s,", number, number);
	make_file(scene, "a", text);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			hash_slice(scene->hash, &scene->file, hex, &size), 0);
		assert_int_equal(hash_mynumbers(scene->hash), 2);
	}
	hash_reset(scene->hash);
	make_file(scene, "b", "none");
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size), 0);
	assert_int_equal(hash_mynumbers(scene->hash), 0);
}

static void a_stop_is_obeyed_and_leaves_the_answer_alone(void **state)
{
	struct scene *scene = *state;
	char hex[DIGEST_HEX_SIZE] = "as it was";
	uint64_t size = 77;

	make_file(scene, "a", "12345");
	scene->stop_after = 2;
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size),
			 HASH_STOPPED);
	assert_string_equal(hex, "as it was");
	assert_int_equal(size, 77);
	/* Another file begins anew */
	scene->stop_after = 0;
	hash_reset(scene->hash);
	make_file(scene, "b", "12345");
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size), 0);
	assert_string_equal(hex, HASH_OF_12345);
}

static void a_file_that_grows_while_it_is_read_is_given_up(void **state)
{
	struct scene *scene = *state;
	char hex[DIGEST_HEX_SIZE] = "", path[96];
	uint64_t size = 0;
	int r = HASH_MORE, rounds = 0;

	make_file(scene, "log", "12345");
	(void)snprintf(path, sizeof(path), "%s/log", scene->tree.path);
	scene->append_to = path;
	for (; r == HASH_MORE; rounds++)
		r = hash_slice(scene->hash, &scene->file, hex, &size);
	assert_int_equal(r, HASH_CHANGING);
	assert_in_range(rounds, 2, 10000);
	assert_string_equal(hex, "");
}

static void another_file_of_that_name_is_not_taken_for_it(void **state)
{
	struct scene *scene = *state;
	char hex[DIGEST_HEX_SIZE] = "";
	uint64_t size = 0;

	make_file(scene, "a", "12345");
	scene->file.inode++;
	scene->file.size_bytes = 4;
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size),
			 HASH_OTHER);
	/* A number of its own is not given on vfat: the size speaks for it */
	scene->file.size_bytes = 5;
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size), 0);
}

static void links_and_fifos_do_not_lead_away(void **state)
{
	struct scene *scene = *state;
	char hex[DIGEST_HEX_SIZE] = "", path[96];
	uint64_t size = 0;

	fake_link(&scene->tree, "link", "/etc/passwd");
	scene->file.path = "link";
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size),
			 -ELOOP);
	fake_link(&scene->tree, "dir", "/etc");
	scene->file.path = "dir/passwd";
	assert_true(hash_slice(scene->hash, &scene->file, hex, &size) < 0);
	scene->file.path = "../../etc/passwd";
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size),
			 -EXDEV);
	(void)snprintf(path, sizeof(path), "%s/fifo", scene->tree.path);
	assert_int_equal(mkfifo(path, 0600), 0);
	scene->file.path = "fifo";
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size),
			 HASH_OTHER);
	scene->file.path = "missing";
	assert_int_equal(hash_slice(scene->hash, &scene->file, hex, &size),
			 -ENOENT);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, make_scene, end_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(a_file_has_its_sha256),
		SCENE(numbers_in_a_file_are_counted_each_time_anew),
		SCENE(a_stop_is_obeyed_and_leaves_the_answer_alone),
		SCENE(a_file_that_grows_while_it_is_read_is_given_up),
		SCENE(another_file_of_that_name_is_not_taken_for_it),
		SCENE(links_and_fifos_do_not_lead_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
