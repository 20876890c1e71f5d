/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profiles for pam-auth-update, put through the real program below a
 * temporary root, with a debconf database of its own: the stacks that come out
 * must satisfy the linter. Nothing of this machine is changed.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/pam/lint.h"
#include "tests/fakes/tree.h"

#define PROGRAM "/usr/sbin/pam-auth-update"

/* Copies a file of this machine, or of the source tree, into the tree. */
static bool copy(struct fake_tree *tree, const char *from, const char *to)
{
	static char text[4 << 20];
	FILE *file = fopen(from, "re");
	size_t n = file ? fread(text, 1, sizeof(text), file) : 0;

	if (file)
		fclose(file);
	if (n > 0)
		fake_bytes(tree, to, text, n);
	return n > 0;
}

static bool make_tree(struct fake_tree *tree)
{
	static const char *const modules[] = {"pam_sekimori.so", "pam_unix.so",
					      "pam_u2f.so"};
	char path[128];

	fake_tree_init(tree);
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		snprintf(path, sizeof(path), "lib/x86_64-linux-gnu/security/%s",
			 modules[i]);
		fake_text(tree, path, "%s", "");
	}
	fake_text(tree, "etc/sekimori/u2f_keys", "%s", "");
	fake_text(tree, "etc/pam.d/other", "%s",
		  "auth required pam_deny.so\naccount required pam_deny.so\n"
		  "session required pam_deny.so\n");
	fake_text(tree, "etc/pam.d/login", "%s",
		  "auth optional pam_faildelay.so delay=3000000\n"
		  "@include common-auth\n@include common-account\n"
		  "@include common-session\n@include common-password\n");
	fake_dir(tree, "var/lib/pam");
	fake_text(tree, "debconf.conf",
		  "Config: c\nTemplates: t\n\n"
		  "Name: c\nDriver: File\nFilename: %s/c.dat\n\n"
		  "Name: t\nDriver: File\nFilename: %s/t.dat\n",
		  tree->path, tree->path);
	return copy(tree, "/var/cache/debconf/config.dat", "c.dat") &&
	       copy(tree, "/var/cache/debconf/templates.dat", "t.dat") &&
	       copy(tree, "/usr/share/pam-configs/unix",
		    "usr/share/pam-configs/unix") &&
	       copy(tree, "pkg/pam/sekimori-password",
		    "usr/share/pam-configs/sekimori-password") &&
	       copy(tree, "pkg/pam/sekimori-key",
		    "usr/share/pam-configs/sekimori-key") &&
	       copy(tree, "pkg/pam/sekimori-session",
		    "usr/share/pam-configs/sekimori-session") &&
	       copy(tree, "/usr/share/pam-configs/systemd",
		    "usr/share/pam-configs/systemd") &&
	       copy(tree, "pkg/pam/sekimori-gate",
		    "usr/share/pam-configs/sekimori-gate");
}

static void update(struct fake_tree *tree, bool with_password)
{
	char rc[128];
	char home[128];
	char log[128];
	int status = -1;

	snprintf(rc, sizeof(rc), "DEBCONF_SYSTEMRC=%s/debconf.conf",
		 tree->path);
	snprintf(home, sizeof(home), "HOME=%s", tree->path);
	snprintf(log, sizeof(log), "%s/log", tree->path);
	char *const environment[] = {
		rc, home, (char[]){"DEBIAN_FRONTEND=noninteractive"},
		(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};
	char *const arguments[] = {(char[]){PROGRAM},
				   (char[]){"--root"},
				   tree->path,
				   (char[]){"--package"},
				   (char[]){"--force"},
				   (char[]){"--enable"},
				   (char[]){"sekimori-gate"},
				   (char[]){"sekimori-session"},
				   (char[]){"systemd"},
				   (char[]){"sekimori-key"},
				   with_password ? (char[]){"sekimori-password"}
						 : NULL,
				   NULL};
	pid_t child = fork();
	if (child == 0) {
		int fd = open(log, O_WRONLY | O_CREAT, 0600);

		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execve(PROGRAM, arguments, environment);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void lint_login(struct fake_tree *tree, char *ret_text, size_t size)
{
	struct login_policy policy;
	struct lint_finding findings[32];
	struct lint_report report = {.findings = findings, .capacity = 32};
	_cleanup_buf_ struct buf stacks = BUF_INIT(LINT_TEXT_MAX);
	struct lint_source source = {tree->fd, getuid(), &policy};
	size_t len = 0;

	login_policy_default(&policy);
	ret_text[0] = '\0';
	assert_int_equal(lint_run(&source, &report, &stacks), 0);
	for (size_t i = 0; i < report.count; i++)
		len += (size_t)snprintf(ret_text + len, size - len,
					"%s %s %s %s\n", findings[i].service,
					findings[i].type,
					lint_code_to_str(findings[i].code),
					findings[i].what);
}

static void the_profiles_make_sound_stacks(void **state)
{
	struct fake_tree tree;
	char text[8192];
	(void)state;

	if (access(PROGRAM, X_OK) < 0 || !make_tree(&tree)) {
		print_message("no pam-auth-update, or no debconf to copy\n");
		skip();
	}
	umask(022);
	update(&tree, true);
	lint_login(&tree, text, sizeof(text));
	if (text[0])
		fail_msg("%s%s", text, fake_read(&tree, "log"));
	/* The record must be there before logind has the session: the user's
	 * manager may take longer to start than a session may go unattested. */
	const char *session = fake_read(&tree, "etc/pam.d/common-session");
	const char *gate = strstr(session, "pam_sekimori.so gate");
	const char *logind = strstr(session, "pam_systemd.so");
	assert_non_null(gate);
	assert_non_null(logind);
	assert_true(gate < logind);
	/* cron's sessions have no gate: there is nobody to ask. */
	assert_null(strstr(fake_read(&tree,
				     "etc/pam.d/common-session-noninteractive"),
			   "pam_sekimori"));
	fake_tree_fini(&tree);
}

/* The password is not counted: everybody would be locked out. */
static void half_of_the_profiles_is_found(void **state)
{
	struct fake_tree tree;
	char text[8192];
	(void)state;

	if (access(PROGRAM, X_OK) < 0 || !make_tree(&tree)) {
		print_message("no pam-auth-update, or no debconf to copy\n");
		skip();
	}
	umask(022);
	update(&tree, false);
	lint_login(&tree, text, sizeof(text));
	assert_non_null(strstr(text, "login auth too-few"));
	assert_non_null(strstr(text, "login auth unwrapped"));
	fake_tree_fini(&tree);
}

/* What authselect makes of a template: the lines of the chosen features. */
static void render(struct fake_tree *tree, const char *name,
		   const char *features)
{
	static char text[16384];
	char path[128];
	char *line = NULL;
	size_t capacity = 0, used = 0;

	snprintf(path, sizeof(path), "pkg/pam/authselect/%s", name);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	while (getline(&line, &capacity, file) > 0) {
		char *brace = strchr(line, '{');
		char feature[32] = "";

		if (brace) {
			bool is_include = strncmp(brace, "{include", 8) == 0;

			assert_int_equal(sscanf(brace, "{%*s if \"%31[^\"]",
						feature),
					 1);
			if ((strstr(features, feature) != NULL) != is_include)
				continue;
			memcpy(brace, "\n", 2);
		}
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s",
					 line);
		assert_true(used < sizeof(text));
	}
	free(line);
	fclose(file);
	snprintf(path, sizeof(path), "etc/pam.d/%s", name);
	fake_text(tree, path, "%s", text);
	text[0] = '\0';
}

static void the_authselect_profile_makes_sound_stacks(void **state)
{
	static const char *const modules[] = {"pam_sekimori", "pam_unix",
					      "pam_u2f",      "pam_oath",
					      "pam_env",      "pam_fprintd",
					      "pam_limits"};
	static const struct {
		const char *features;
		const char *finding; /* NULL: none */
	} rows[] = {
		{"with-key", NULL},
		{"with-code with-faillock", NULL},
		{"with-finger with-faillock with-mkhomedir", NULL},
		{"with-faillock", "too-few"}, /* the password alone */
	};
	(void)state;

	(void)umask(022);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fake_tree tree;
		char text[8192];

		fake_tree_init(&tree);
		for (size_t m = 0; m < sizeof(modules) / sizeof(*modules);
		     m++) {
			snprintf(text, sizeof(text),
				 "lib/x86_64-linux-gnu/security/%s.so",
				 modules[m]);
			fake_text(&tree, text, "%s", "");
		}
		fake_text(&tree, "etc/sekimori/u2f_keys", "%s", "");
		fake_text(&tree, "etc/sekimori/oath_users", "%s", "");
		fake_text(&tree, "etc/pam.d/gdm-password", "%s",
			  "auth substack password-auth\n"
			  "account include password-auth\n"
			  "session include password-auth\n");
		fake_text(&tree, "etc/pam.d/login", "%s",
			  "auth substack system-auth\n"
			  "account include system-auth\n"
			  "session include system-auth\n"
			  "session include postlogin\n");
		fake_text(&tree, "etc/pam.d/gdm-fingerprint", "%s",
			  "auth substack fingerprint-auth\n"
			  "account include fingerprint-auth\n"
			  "session include fingerprint-auth\n");
		render(&tree, "system-auth", rows[i].features);
		render(&tree, "password-auth", rows[i].features);
		render(&tree, "fingerprint-auth", rows[i].features);
		render(&tree, "postlogin", rows[i].features);
		lint_login(&tree, text, sizeof(text));
		bool is_found = rows[i].finding
					? strstr(text, rows[i].finding) != NULL
					: text[0] == '\0';
		if (!is_found)
			fail_msg("%s: %s", rows[i].features, text);
		fake_tree_fini(&tree);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_authselect_profile_makes_sound_stacks),
		cmocka_unit_test(the_profiles_make_sound_stacks),
		cmocka_unit_test(half_of_the_profiles_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
