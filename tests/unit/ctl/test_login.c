/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorictl login on a root of its own: what it finds, what it says of a
 * person, and when it refuses to refuse. Needs no bus and no privilege; the
 * commands that ask the daemon are shown end to end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/ctl/ctl.h"
#include "tests/fakes/tree.h"

#define MODULES "lib/x86_64-linux-gnu/security/"
#define STACK                                                                  \
	"auth requisite pam_sekimori.so wrap factor=knowledge pam_unix.so\n"   \
	"auth optional pam_sekimori.so wrap factor=possession pam_u2f.so "     \
	"authfile=/etc/sekimori/u2f_keys\n"                                    \
	"auth required pam_sekimori.so gate\n"                                 \
	"account required pam_sekimori.so gate\n"                              \
	"session required pam_sekimori.so gate\n"

static void make_tree(struct fake_tree *tree)
{
	static const char *const modules[] = {"pam_sekimori.so", "pam_unix.so",
					      "pam_u2f.so", "pam_oath.so"};
	char path[128];

	(void)umask(022);
	fake_tree_init(tree);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), MODULES "%s", modules[i]);
		fake_text(tree, path, "%s", "");
	}
	fake_text(tree, "etc/pam.d/login", "%s", STACK);
	fake_text(tree, "etc/pam.d/other", "%s",
		  "auth required pam_deny.so\naccount required pam_deny.so\n"
		  "session required pam_deny.so\n");
	fake_text(tree, "etc/passwd", "%s",
		  "root:x:0:0::/root:/bin/sh\nsato:x:1001:1001::/h:/bin/sh\n"
		  "suzuki:x:1002:1002::/h:/bin/sh\n"
		  "kinkyu:x:1900:1900::/h:/bin/sh\n"
		  "www:x:1003:1003::/h:/usr/sbin/nologin\n");
	fake_text(tree, "etc/shadow", "%s",
		  "root:!:1::::::\nsato:$y$x:1::::::\nsuzuki:$y$x:1::::::\n"
		  "kinkyu:$y$x:1::::::\n");
	fake_text(tree, "etc/group", "%s", "sekimori-breakglass:x:99:kinkyu\n");
	fake_text(tree, "etc/sekimori/u2f_keys", "%s",
		  "sato:a,b,es256,+presence\n");
	fake_text(tree, "proc/sys/kernel/random/boot_id", "%s",
		  "0f7c3b52-7e1f-4c39-9d54-2c1d1f0a9b11\n");
	fake_dir(tree, "var/lib/sekimori");
}

/* Runs "sekimorictl --root TREE login …"; stdout and stderr in one. */
static int run(struct fake_tree *tree, const char *line, char *ret_text,
	       size_t size)
{
	char *words[12] = {(char[]){"sekimorictl"}, (char[]){"--root"},
			   tree->path, (char[]){"login"}};
	char copy[128], *save = NULL;
	int argc = 4;
	FILE *out = fmemopen(ret_text, size, "w");
	struct ctl ctl = {.out = out, .err = out};

	memset(ret_text, 0, size);
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word && argc < 11;
	     word = strtok_r(NULL, " ", &save))
		words[argc++] = word;
	int code = ctl_run(&ctl, argc, words);
	ctl_fini(&ctl);
	fclose(out);
	return code;
}

struct row {
	const char *line;
	int code;
	const char *says;
};

static void run_rows(struct fake_tree *tree, const struct row *rows,
		     size_t count)
{
	char text[16384];

	for (size_t i = 0; i < count; i++) {
		int code = run(tree, rows[i].line, text, sizeof(text));

		if (code != rows[i].code || !strstr(text, rows[i].says))
			fail_msg("%s: %d, not %d with '%s':\n%s", rows[i].line,
				 code, rows[i].code, rows[i].says, text);
	}
}

#define RUN(tree, rows) run_rows(tree, rows, sizeof(rows) / sizeof(*(rows)))

static void lint_tells_what_it_found(void **state)
{
	static const struct row sound[] = {
		{"lint", 0, "No way in past two factors"},
		{"lint --json", 0, "\"errors\":0"},
		{"lint --json", 0, "\"stack-sha256\":\""},
		{"lint now", 64, "unexpected argument"},
	};
	static const struct row open[] = {
		{"lint", 1, "error  sshd auth: no gate"},
		{"lint --json", 1, "\"code\":\"gate-missing\""},
		{"enforce", 1, "error  sshd account: no gate"},
		{"enforce", 1, "Refused: 3 errors"},
	};
	struct fake_tree tree;
	(void)state;

	make_tree(&tree);
	RUN(&tree, sound);
	fake_text(&tree, "etc/pam.d/sshd", "%s",
		  "auth required pam_unix.so\naccount required pam_unix.so\n"
		  "session required pam_unix.so\n");
	RUN(&tree, open);
	fake_tree_fini(&tree);
}

static void test_tells_what_a_person_could_prove(void **state)
{
	static const struct row rows[] = {
		{"test sato", 0, "sato: can prove two factors"},
		{"test sato --json", 0, "\"two-factors\":\"yes\""},
		{"test suzuki", 1, "suzuki: cannot prove two factors"},
		{"test suzuki --json", 1, "\"enrolled\":\"no\""},
		{"test root", 1, "root: cannot prove"},
		{"test nobody-here", 1, "no such user"},
		{"test", 64, "a user is missing"},
	};
	static const struct row loose[] = {
		{"test sato", 1, "would not be counted"}};
	static const struct row codes[] = {
		{"test suzuki", 0, "can prove two factors"},
		{"test sato", 1, "not enrolled"},
	};
	struct fake_tree tree;
	(void)state;

	make_tree(&tree);
	RUN(&tree, rows);
	/* A file of keys that its owner could write proves nothing. */
	assert_int_equal(fchmodat(tree.fd, "etc/sekimori/u2f_keys", 0666, 0),
			 0);
	RUN(&tree, loose);
	fake_text(&tree, "etc/pam.d/login", "%s",
		  "auth requisite pam_sekimori.so wrap factor=knowledge "
		  "pam_unix.so\n"
		  "auth optional pam_sekimori.so wrap factor=possession "
		  "pam_oath.so usersfile=/etc/sekimori/oath\n"
		  "auth required pam_sekimori.so gate\n");
	fake_text(&tree, "etc/sekimori/oath", "%s",
		  "HOTP/T30/6 suzuki - 00\n#HOTP/T30/6 sato - 00\n");
	RUN(&tree, codes);
	fake_tree_fini(&tree);
}

static void enforce_is_refused_where_it_would_lock_out(void **state)
{
	static const struct row no_glass[] = {
		{"enforce", 1, "nobody could come in when factors are lost"}};
	static const struct row nobody[] = {
		{"enforce", 1, "sato: cannot prove two factors yet"},
		{"enforce", 1, "nobody here could prove two factors"}};
	struct fake_tree tree;
	(void)state;

	make_tree(&tree);
	fake_text(&tree, "etc/group", "%s", "sekimori-breakglass:x:99:\n");
	RUN(&tree, no_glass);
	/* A member whose password is locked opens nothing either. */
	fake_text(&tree, "etc/group", "%s", "sekimori-breakglass:x:99:root\n");
	RUN(&tree, no_glass);
	fake_text(&tree, "etc/group", "%s",
		  "sekimori-breakglass:x:99:kinkyu\n");
	fake_text(&tree, "etc/sekimori/u2f_keys", "%s", "nobody:a,b\n");
	RUN(&tree, nobody);
	assert_string_equal(fake_read(&tree, "var/lib/sekimori/login.switch"),
			    "");
	fake_tree_fini(&tree);
}

static void who_is_for_emergencies_is_no_news(void **state)
{
	struct fake_tree tree;
	char text[16384];
	(void)state;

	make_tree(&tree);
	(void)run(&tree, "enforce", text, sizeof(text));
	assert_non_null(strstr(text, "suzuki: cannot prove two factors yet"));
	assert_null(strstr(text, "kinkyu"));
	/* … but nobody else at all is */
	fake_text(&tree, "etc/passwd", "%s",
		  "root:x:0:0::/root:/bin/sh\n"
		  "kinkyu:x:1900:1900::/h:/bin/sh\n");
	assert_int_equal(run(&tree, "enforce", text, sizeof(text)), 1);
	assert_non_null(strstr(text, "nobody here could prove two factors"));
	fake_tree_fini(&tree);
}

static void the_way_back_needs_no_daemon(void **state)
{
	static const struct row rows[] = {
		{"status", 0, "enforcing: fewer than two"},
		{"report", 0, "Logins are only reported"},
		{"status", 0, "report only: nobody is refused"},
		{"status --json", 0, "[]"},
		{"confirm", 1, "No trial is running"},
		{"report now", 64, "unexpected argument"},
		{"confirm --force", 64, "no option"},
		{"", 64, "a command is missing"},
		{"frob", 64, "no command 'frob'"},
	};
	static const struct row over[] = {
		{"status", 0, "report only: the trial ran out"}};
	static const struct row on[] = {{"status", 0, "enforcing on trial"},
					{"confirm", 1, "Nobody is logged in"}};
	struct fake_tree tree;
	(void)state;

	make_tree(&tree);
	RUN(&tree, rows);
	assert_non_null(
		strstr(fake_read(&tree, "var/lib/sekimori/login.switch"),
		       "mode=report\n"));
	fake_text(&tree, "var/lib/sekimori/login.switch", "%s",
		  "mode=enforce\ntrial_until_boot_ns=1\n"
		  "trial_boot_id=0f7c3b52-7e1f-4c39-9d54-2c1d1f0a9b11\n");
	RUN(&tree, over);
	fake_text(&tree, "var/lib/sekimori/login.switch", "%s",
		  "mode=enforce\ntrial_until_boot_ns=9000000000000000000\n"
		  "trial_boot_id=0f7c3b52-7e1f-4c39-9d54-2c1d1f0a9b11\n");
	RUN(&tree, on);
	fake_tree_fini(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lint_tells_what_it_found),
		cmocka_unit_test(test_tells_what_a_person_could_prove),
		cmocka_unit_test(enforce_is_refused_where_it_would_lock_out),
		cmocka_unit_test(who_is_for_emergencies_is_no_news),
		cmocka_unit_test(the_way_back_needs_no_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
