/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linter on fake trees: a sound one has no findings, and each row spoils it
 * in one way that has let somebody in on a real system.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/pam/lint.h"
#include "tests/fakes/tree.h"

#define SEC  "/lib/x86_64-linux-gnu/security/"
#define OURS "pam_sekimori.so "
#define K    "auth requisite " OURS "wrap factor=knowledge pam_unix.so\n"
#define P                                                                      \
	"auth optional " OURS "wrap factor=possession pam_u2f.so "             \
	"authfile=/etc/sekimori/u2f_keys\n"
#define GATE	"auth required " OURS "gate\n"
#define ACCOUNT "account required " OURS "gate\naccount required pam_unix.so\n"
#define SESSION                                                                \
	"session required " OURS "gate\nsession optional pam_systemd.so\n"
#define AFTER ACCOUNT SESSION "password required pam_unix.so\n"
#define GOOD  K P GATE AFTER

static void sound_tree(struct fake_tree *tree)
{
	static const char *const modules[] = {"pam_sekimori.so", "pam_unix.so",
					      "pam_u2f.so", "pam_oath.so",
					      "pam_other.so"};
	char path[128];

	fake_tree_init(tree);
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		snprintf(path, sizeof(path), "%s%s", SEC + 1, modules[i]);
		fake_text(tree, path, "%s", "");
	}
	fake_text(tree, "etc/sekimori/u2f_keys", "%s", "");
	fake_text(tree, "etc/pam.d/login", "%s", GOOD);
	fake_text(tree, "etc/pam.d/gdm-password", "%s",
		  "@include common-auth\naccount include common-account\n"
		  "session substack common-session\n"
		  "password include common-password\n");
	fake_text(tree, "etc/pam.d/common-auth", "%s", K P GATE);
	fake_text(tree, "etc/pam.d/common-account", "%s", ACCOUNT);
	fake_text(tree, "etc/pam.d/common-session", "%s", SESSION);
	fake_text(tree, "etc/pam.d/common-password", "%s",
		  "password required pam_unix.so\n");
	fake_text(tree, "etc/pam.d/polkit-1", "%s", K P GATE);
	fake_text(tree, "etc/pam.d/cron", "%s",
		  "auth required pam_permit.so\naccount required pam_unix.so\n"
		  "session required pam_unix.so\n");
	fake_text(tree, "etc/pam.d/other", "%s",
		  "auth required pam_deny.so\naccount required pam_deny.so\n"
		  "session required pam_deny.so\npassword required "
		  "pam_deny.so\n");
}

/* Findings one a line: "service type code file:line". */
static void lint_tree(struct fake_tree *tree, const struct login_policy *policy,
		      char *ret_text, size_t size, char hash[DIGEST_HEX_SIZE])
{
	struct lint_source source = {tree->fd, getuid(), policy};
	struct lint_finding findings[32];
	struct lint_report report = {.findings = findings, .capacity = 32};
	_cleanup_buf_ struct buf stacks = BUF_INIT(LINT_TEXT_MAX);
	size_t len = 0;

	ret_text[0] = '\0';
	assert_int_equal(lint_run(&source, &report, &stacks), 0);
	if (hash)
		assert_int_equal(lint_hash(&stacks, hash), 0);
	for (size_t i = 0; i < report.count; i++) {
		const struct lint_finding *f = &findings[i];

		assert_true(f->what[0] != '\0');
		len += (size_t)snprintf(ret_text + len, size - len,
					"%s%s%s%s%s %s:%u\n", f->service,
					f->service[0] ? " " : "", f->type,
					f->type[0] ? " " : "",
					lint_code_to_str(f->code), f->file,
					f->line);
	}
}

struct row {
	const char *name;
	const char *path;
	const char *text; /* NULL: removed */
	const char *findings;
};

static void run_rows(const struct row *rows, size_t count)
{
	struct login_policy policy;
	char text[4096];

	login_policy_default(&policy);
	for (size_t i = 0; i < count; i++) {
		struct fake_tree tree;

		sound_tree(&tree);
		if (rows[i].path && rows[i].text)
			fake_text(&tree, rows[i].path, "%s", rows[i].text);
		else if (rows[i].path)
			fake_remove(&tree, rows[i].path);
		lint_tree(&tree, &policy, text, sizeof(text), NULL);
		fake_tree_fini(&tree);
		if (strcmp(text, rows[i].findings) != 0)
			fail_msg("%s:\n%s--- not\n%s", rows[i].name, text,
				 rows[i].findings);
	}
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof(*(rows)))
#define LOGIN	  "etc/pam.d/login"

static void a_sound_tree_has_no_findings(void **state)
{
	static const struct row rows[] = {{"sound", NULL, NULL, ""}};
	(void)state;

	RUN(rows);
}

static void a_stack_without_a_gate_is_found(void **state)
{
	static const struct row rows[] = {
		{"auth", LOGIN, K P AFTER, "login auth gate-missing :0\n"},
		{"account", LOGIN,
		 K P GATE SESSION "account required pam_unix.so\n",
		 "login account gate-missing :0\n"},
		{"session", LOGIN,
		 K P GATE ACCOUNT "session required pam_unix.so\n",
		 "login session gate-missing :0\n"},
		{"polkit wants auth alone", "etc/pam.d/polkit-1", K P,
		 "polkit-1 auth gate-missing :0\n"},
		{"stock Debian", LOGIN,
		 "auth [success=1 default=ignore] pam_unix.so nullok\n"
		 "auth requisite pam_deny.so\nauth required "
		 "pam_permit.so\n" AFTER,
		 "login auth gate-missing :0\n"},
		{"a stack that never succeeds needs none", LOGIN,
		 "auth required pam_deny.so\naccount required pam_deny.so\n"
		 "session required pam_deny.so\n",
		 ""},
		{"a service we do not know", "etc/pam.d/kiosk",
		 "auth required pam_permit.so\n", "kiosk service-unknown :0\n"},
	};
	(void)state;

	RUN(rows);
}

static void every_way_past_the_gate_is_found(void **state)
{
	static const struct row rows[] = {
		{"sufficient", LOGIN, "auth sufficient pam_rootok.so\n" GOOD,
		 "login auth gate-bypass etc/pam.d/login:1\n"},
		{"done", LOGIN,
		 "auth [success=done default=ignore] pam_rootok.so\n" GOOD,
		 "login auth gate-bypass etc/pam.d/login:1\n"},
		{"jump over the gate", LOGIN,
		 K P "auth [success=1 default=ignore] pam_rootok.so\n" GATE
		     "auth required pam_permit.so\n" AFTER,
		 "login auth gate-bypass etc/pam.d/login:5\n"},
		{"jump to the gate", LOGIN,
		 "auth [success=1 default=ignore] pam_rootok.so\n" K P GATE
			 AFTER,
		 ""},
		{"jump too far fails", LOGIN,
		 K P GATE AFTER
		 "account [success=9 default=ignore] pam_rootok.so\n",
		 ""},
		{"optional gate", LOGIN,
		 K P "auth optional " OURS "gate\n" AFTER,
		 "login auth gate-bypass etc/pam.d/login:3\n"},
		{"gate whose refusal is ignored", LOGIN,
		 K P GATE "session [default=ignore] " OURS "gate\n"
			  "session required pam_unix.so\n" ACCOUNT,
		 "login session gate-bypass etc/pam.d/login:5\n"},
		{"gate that may be missing", LOGIN,
		 K P GATE "-account required " OURS "gate\n"
			  "account required pam_unix.so\n" SESSION,
		 "login account gate-bypass etc/pam.d/login:5\n"},
		{"reset behind the gate", LOGIN,
		 K P GATE "auth [default=reset] pam_warn.so\n"
			  "auth required pam_permit.so\n" AFTER,
		 "login auth gate-bypass etc/pam.d/login:5\n"},
		{"a password to renew ends a stock account stack", LOGIN,
		 K P GATE SESSION
		 "account [success=1 new_authtok_reqd=done default=ignore] "
		 "pam_unix.so\naccount requisite pam_deny.so\n"
		 "account required pam_permit.so\n"
		 "account required " OURS "gate\n",
		 "login account gate-bypass etc/pam.d/login:6\n"},
		{"… and outlasts a refusal that comes later", LOGIN,
		 K P GATE SESSION
		 "account [success=ok default=bad] pam_unix.so\n"
		 "account required " OURS "gate\n",
		 "login account gate-bypass etc/pam.d/login:7\n"},
		{"… but not where the gate is first", LOGIN,
		 K P GATE SESSION
		 "account required " OURS "gate\n"
		 "account [success=ok new_authtok_reqd=done default=bad] "
		 "pam_unix.so\n",
		 ""},
		{"done in a substack ends the substack alone", LOGIN,
		 "auth substack sub\n" GATE AFTER, NULL},
		{"sufficient in an include ends all", LOGIN,
		 "auth include sub\n" GATE AFTER, NULL},
	};
	struct login_policy policy;
	(void)state;

	run_rows(rows, 12);

	/* The same lines below `substack` and below `include`. */
	login_policy_default(&policy);
	for (size_t i = 12; i < 14; i++) {
		struct fake_tree tree;
		char text[4096];

		sound_tree(&tree);
		fake_text(&tree, "etc/pam.d/common-sub", "%s",
			  "auth sufficient pam_rootok.so\n" K P);
		fake_text(&tree, LOGIN, "%s%s",
			  i == 12 ? "auth substack common-sub\n"
				  : "auth include common-sub\n",
			  GATE AFTER);
		lint_tree(&tree, &policy, text, sizeof(text), NULL);
		assert_string_equal(text, i == 12 ? ""
						  : "login auth gate-bypass "
						    "etc/pam.d/common-sub:1\n");
		fake_tree_fini(&tree);
	}
}

#define AT1 "etc/pam.d/login:1\n"
#define AT2 "etc/pam.d/login:2\n"
#define W   "auth optional " OURS "wrap factor=possession "

static void lines_that_would_not_count_are_found(void **state)
{
	static const struct row rows[] = {
		{"nouserok", LOGIN,
		 K W
		 "pam_u2f.so authfile=/etc/sekimori/u2f_keys nouserok\n" GATE
			 AFTER,
		 "login auth denied-argument " AT2
		 "login auth too-few etc/pam.d/login:3\n"},
		{"keys in the home directory", LOGIN,
		 K W "pam_u2f.so\n" GATE AFTER,
		 "login auth self-enrolled " AT2
		 "login auth too-few etc/pam.d/login:3\n"},
		{"key file missing", LOGIN,
		 K W "pam_u2f.so authfile=/etc/none\n" GATE AFTER,
		 "login auth self-enrolled " AT2},
		{"overclaim", LOGIN,
		 K "auth optional " OURS "wrap factor=possession+inherence "
		   "pam_u2f.so authfile=/etc/sekimori/u2f_keys\n" GATE AFTER,
		 "login auth overclaim " AT2},
		{"no factor", LOGIN, K W "pam_other.so\n" GATE AFTER,
		 "login auth not-a-factor " AT2
		 "login auth too-few etc/pam.d/login:3\n"},
		{"one kind twice", LOGIN,
		 "auth optional " OURS
		 "wrap factor=knowledge pam_unix.so\n" K GATE AFTER,
		 "login auth too-few etc/pam.d/login:3\n"},
		{"not wrapped", LOGIN, "auth required pam_unix.so\n" GOOD,
		 "login auth unwrapped " AT1},
		{"after the gate", LOGIN, K P GATE W "pam_oath.so\n" AFTER,
		 "login auth after-gate etc/pam.d/login:4\n"},
		{"misspelt", LOGIN,
		 K P "auth required " OURS
		     "mark factor=possession\n" GATE AFTER,
		 "login auth line etc/pam.d/login:3\n"},
		{"report", LOGIN,
		 K P "auth required " OURS "gate report\n" AFTER,
		 "login auth gate-report etc/pam.d/login:3\n"},
		{"module missing", LOGIN, K P W SEC "pam_oath2.so\n" GATE AFTER,
		 "login auth not-a-factor etc/pam.d/login:3\n"
		 "login auth module etc/pam.d/login:3\n"},
	};
	(void)state;

	RUN(rows);
}

static void broken_files_are_found(void **state)
{
	static const struct row rows[] = {
		{"include cut to nothing", "etc/pam.d/common-auth", "",
		 "gdm-password auth include-empty etc/pam.d/gdm-password:1\n"},
		{"include missing", "etc/pam.d/common-session", NULL,
		 "gdm-password session file-missing "
		 "etc/pam.d/common-session:0\n"
		 "gdm-password session include-empty "
		 "etc/pam.d/gdm-password:3\n"},
		{"unknown type", LOGIN, "authh required pam_permit.so\n" GOOD,
		 "login auth syntax " AT1 "login account syntax " AT1
		 "login session syntax " AT1 "login password syntax " AT1},
		{"unknown control", LOGIN, GOOD "auth needed pam_permit.so\n",
		 "login auth syntax etc/pam.d/login:9\n"},
		{"unclosed bracket", LOGIN,
		 GOOD "auth [success=1 pam_permit.so\n",
		 "login auth syntax etc/pam.d/login:9\n"},
		{"unknown code", LOGIN, GOOD "auth [succes=ok] pam_permit.so\n",
		 "login auth syntax etc/pam.d/login:9\n"},
		{"other lets in", "etc/pam.d/other",
		 "auth required pam_permit.so\n",
		 "other auth other-open etc/pam.d/other:1\n"},
		{"other missing", "etc/pam.d/other", NULL, ""},
		{"loop", "etc/pam.d/common-password",
		 "password include common-password\n",
		 "common-password password include-loop "
		 "etc/pam.d/common-password:1\n"},
	};
	struct login_policy policy;
	struct fake_tree tree;
	char text[8192];
	char path[128];
	(void)state;

	run_rows(rows, 8);

	/* A file that includes itself, once and twice: found, and it ends. */
	login_policy_default(&policy);
	for (int twice = 0; twice < 2; twice++) {
		sound_tree(&tree);
		fake_text(&tree, "etc/pam.d/common-loop", "%s%s",
			  "auth include common-loop\n",
			  twice ? "auth include common-loop\n" : "");
		lint_tree(&tree, &policy, text, sizeof(text), NULL);
		assert_non_null(strstr(text, "include-loop"));

		/* Twice would be 32,768 files without a limit. */
		struct lint_source source = {tree.fd, getuid(), &policy};
		struct lint_finding first;
		struct lint_report report = {.findings = &first, .capacity = 1};
		_cleanup_buf_ struct buf stacks = BUF_INIT(LINT_TEXT_MAX);
		assert_int_equal(lint_run(&source, &report, &stacks), 0);
		assert_true(report.dropped < 1000);
		fake_tree_fini(&tree);
	}

	sound_tree(&tree);
	snprintf(path, sizeof(path), "%s/etc/pam.d/login", tree.path);
	assert_int_equal(chmod(path, 0664), 0);
	lint_tree(&tree, &policy, text, sizeof(text), NULL);
	assert_non_null(strstr(text, "login auth file-loose "
				     "etc/pam.d/login:0\n"));
	assert_int_equal(chmod(path, 0644), 0);

	snprintf(path, sizeof(path), "%s" SEC "pam_unix.so", tree.path);
	assert_int_equal(chmod(path, 0777), 0);
	lint_tree(&tree, &policy, text, sizeof(text), NULL);
	assert_non_null(strstr(text, "login auth module " AT1));
	assert_int_equal(chmod(path, 0644), 0);

	snprintf(path, sizeof(path), "%s/etc/sekimori", tree.path);
	assert_int_equal(chmod(path, 0775), 0);
	lint_tree(&tree, &policy, text, sizeof(text), NULL);
	assert_non_null(strstr(text, "login auth self-enrolled " AT2));
	fake_tree_fini(&tree);
}

static void ways_in_beside_pam_are_found(void **state)
{
	static const struct row rows[] = {
		{"gdm", "etc/gdm3/daemon.conf",
		 "[daemon]\n# AutomaticLoginEnable = true\n"
		 "AutomaticLoginEnable = True\nAutomaticLogin = sato\n",
		 "autologin etc/gdm3/daemon.conf:3\n"},
		{"gdm off", "etc/gdm3/daemon.conf",
		 "AutomaticLoginEnable=false\n", ""},
		{"gdm, timed", "etc/gdm/custom.conf", "TimedLoginEnable=1\n",
		 "autologin etc/gdm/custom.conf:1\n"},
		{"lightdm", "etc/lightdm/lightdm.conf.d/50.conf",
		 "[Seat:*]\nautologin-user=sato\n",
		 "autologin etc/lightdm/lightdm.conf.d/50.conf:2\n"},
		{"lightdm, nobody", "etc/lightdm/lightdm.conf",
		 "autologin-user=\n", ""},
		{"sddm", "etc/sddm.conf", "[Autologin]\nUser=sato\n",
		 "autologin etc/sddm.conf:2\n"},
		{"getty",
		 "etc/systemd/system/getty@tty1.service.d/override.conf",
		 "[Service]\nExecStart=\n"
		 "ExecStart=-/sbin/agetty --autologin root %I $TERM\n",
		 "autologin etc/systemd/system/getty@tty1.service.d/"
		 "override.conf:3\n"},
		{"serial getty, -a", "etc/systemd/system/serial-getty@.service",
		 "ExecStart=-/sbin/agetty -a root 115200\n",
		 "autologin etc/systemd/system/serial-getty@.service:1\n"},
		{"cron for everybody", "usr/sbin/cron", "",
		 "cron-open etc/cron.allow:0\n"},
		{"at for everybody", "usr/bin/at", "",
		 "cron-open etc/at.allow:0\n"},
		{"linger", "var/lib/systemd/linger/sato", "",
		 "linger var/lib/systemd/linger:0\n"},
		{"linger of root", "var/lib/systemd/linger/root", "", ""},
		{"card, any for any", "etc/pam_pkcs11/pam_pkcs11.conf",
		 "mapper null {\n default_match = true;\n}\n",
		 "card-config etc/pam_pkcs11/pam_pkcs11.conf:2\n"},
		{"card, unchecked", "etc/pam_pkcs11/pam_pkcs11.conf",
		 "cert_policy = none;\nnullok = true;\n",
		 "card-config etc/pam_pkcs11/pam_pkcs11.conf:1\n"
		 "card-config etc/pam_pkcs11/pam_pkcs11.conf:2\n"},
		{"card, sound", "etc/pam_pkcs11/pam_pkcs11.conf",
		 "nullok = false;\ncert_policy = ca,signature;\n", ""},
		{"key arguments from a file", "etc/security/pam_u2f.conf",
		 "cue\nnouserok\n",
		 "card-config etc/security/pam_u2f.conf:2\n"},
	};
	struct login_policy policy;
	struct fake_tree tree;
	char text[4096];
	(void)state;

	RUN(rows);

	sound_tree(&tree);
	fake_text(&tree, "usr/sbin/cron", "%s", "");
	fake_text(&tree, "etc/cron.allow", "%s", "root\nsato\n");
	login_policy_default(&policy);
	lint_tree(&tree, &policy, text, sizeof(text), NULL);
	assert_string_equal(text, "cron-open etc/cron.allow:2\n");
	fake_tree_fini(&tree);
}

static void the_hash_is_of_what_takes_effect(void **state)
{
	static const struct {
		const char *text;
		bool is_same;
	} rows[] = {
		{GOOD, true},
		{"# a comment\n\n" GOOD, true},
		{K P "auth\t required   " OURS "  gate # last\n" AFTER, true},
		{K P "auth required \\\n" OURS "gate\n" AFTER, true},
		{K P "auth requisite " OURS "gate\n" AFTER, false},
		{GOOD "auth optional pam_warn.so\n", false},
		{P K GATE AFTER, false},
		{K P "auth required " OURS "gate report\n" AFTER, false},
	};
	struct login_policy policy;
	char text[4096];
	char first[DIGEST_HEX_SIZE];
	char hash[DIGEST_HEX_SIZE];
	(void)state;

	login_policy_default(&policy);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fake_tree tree;

		sound_tree(&tree);
		fake_text(&tree, LOGIN, "%s", rows[i].text);
		lint_tree(&tree, &policy, text, sizeof(text),
			  i == 0 ? first : hash);
		fake_tree_fini(&tree);
		if (i > 0 && (strcmp(first, hash) == 0) != rows[i].is_same)
			fail_msg("row %zu", i);
	}
}

static void what_does_not_fit_in_the_report_is_counted(void **state)
{
	struct login_policy policy;
	struct fake_tree tree;
	struct lint_finding finding;
	struct lint_report report = {.findings = &finding, .capacity = 1};
	_cleanup_buf_ struct buf stacks = BUF_INIT(LINT_TEXT_MAX);
	(void)state;

	login_policy_default(&policy);
	sound_tree(&tree);
	fake_text(&tree, LOGIN, "%s", "auth required pam_permit.so\n");
	struct lint_source source = {tree.fd, getuid(), &policy};
	assert_int_equal(lint_run(&source, &report, &stacks), 0);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.dropped, 0);
	report.count = 0;
	fake_text(&tree, "usr/bin/at", "%s", "");
	fake_text(&tree, "etc/sddm.conf", "%s", "User=sato\n");
	assert_int_equal(lint_run(&source, &report, &stacks), 0);
	assert_int_equal(report.dropped, 2);
	fake_tree_fini(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_tree_has_no_findings),
		cmocka_unit_test(a_stack_without_a_gate_is_found),
		cmocka_unit_test(every_way_past_the_gate_is_found),
		cmocka_unit_test(lines_that_would_not_count_are_found),
		cmocka_unit_test(broken_files_are_found),
		cmocka_unit_test(ways_in_beside_pam_are_found),
		cmocka_unit_test(the_hash_is_of_what_takes_effect),
		cmocka_unit_test(what_does_not_fit_in_the_report_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
