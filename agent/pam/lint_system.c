/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to a session or to running code that no PAM stack guards: display
 * managers and gettys that log in by themselves, jobs of users, and
 * configuration that takes the proof out of a factor module.
 */
#include "agent/pam/lint_parts.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

#include "agent/base/banned.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void find_at(struct lint *lint, enum lint_code code, const char *file,
		    unsigned line, const char *what)
{
	struct stack_entry at = {.file = file, .line = line};

	lint_findf(lint, code, &at, "%s", what);
}

/* A text file of the administrator's; NULL: there is none to read. Symbolic
 * links are followed. */
static char *read_file(struct lint *lint, const char *path)
{
	struct stat st;
	size_t size = 0;
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = openat(lint->source->root_fd, path,
					O_RDONLY | O_CLOEXEC | O_NONBLOCK |
						O_NOCTTY);

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	text = calloc(1, LINT_FILE_MAX + 2);
	if (!text) {
		lint->error = -ENOMEM;
		return NULL;
	}
	if (read_full(fd, text, LINT_FILE_MAX + 1, &size) < 0)
		return NULL;
	if (size > LINT_FILE_MAX) {
		find_at(lint, LINT_TOO_LARGE, path, 0,
			"more than is looked at");
		text[LINT_FILE_MAX] = '\0';
	}
	return TAKE_PTR(text);
}

/* NULL: there is no such folder. */
static DIR *open_folder(struct lint *lint, const char *path)
{
	_cleanup_close_ int fd = openat(lint->source->root_fd, path,
					O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir)
		(void)TAKE_FD(fd); /* closedir() closes it */
	else if (fd >= 0)
		lint->error = -ENOMEM;
	return dir;
}

/* Calls fn for each line that is no comment, blanks around it cut. */
typedef void (*line_fn)(struct lint *lint, const char *path, unsigned number,
			char *line);

static char *trim(char *text)
{
	text += strspn(text, " \t\r");
	size_t len = strlen(text);
	while (len > 0 && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

static void each_line(struct lint *lint, const char *path, line_fn fn)
{
	_cleanup_free_ char *text = read_file(lint, path);
	unsigned number = 0;

	for (char *rest = text; rest && *rest;) {
		char *line = strsep(&rest, "\n");

		number++;
		line = trim(line);
		if (*line && *line != '#' && *line != ';')
			fn(lint, path, number, line);
	}
}

/* Calls fn for the lines of each file of a folder whose name ends so. */
static void each_file(struct lint *lint, const char *folder, const char *suffix,
		      line_fn fn)
{
	_cleanup_closedir_ DIR *dir = open_folder(lint, folder);
	unsigned left = LINT_DIR_MAX;

	for (const struct dirent *entry;
	     dir && left-- && (entry = readdir(dir));) {
		size_t len = strlen(entry->d_name);
		size_t end = strlen(suffix);
		char path[512];

		if (len < end || strcmp(entry->d_name + len - end, suffix) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder,
			       entry->d_name);
		each_line(lint, path, fn);
	}
}

/* "Key = value" → value when the key is this one, else NULL. */
static const char *value_of(char *line, const char *key)
{
	size_t len = strlen(key);

	if (strncasecmp(line, key, len) != 0)
		return NULL;
	line += len + strspn(line + len, " \t");
	if (*line != '=')
		return NULL;
	return line + 1 + strspn(line + 1, " \t");
}

static bool is_true(const char *value)
{
	return value &&
	       (strcasecmp(value, "true") == 0 ||
		strcasecmp(value, "yes") == 0 || strcmp(value, "1") == 0);
}

/* ---- logging in without a factor ------------------------------------------ */

static void gdm_line(struct lint *lint, const char *path, unsigned number,
		     char *line)
{
	if (is_true(value_of(line, "AutomaticLoginEnable")) ||
	    is_true(value_of(line, "TimedLoginEnable")))
		find_at(lint, LINT_AUTOLOGIN, path, number,
			"gdm logs in by itself");
}

static void lightdm_line(struct lint *lint, const char *path, unsigned number,
			 char *line)
{
	const char *user = value_of(line, "autologin-user");

	if (user && *user)
		find_at(lint, LINT_AUTOLOGIN, path, number,
			"lightdm logs in by itself");
}

/* "User=" stands in [Autologin] alone. */
static void sddm_line(struct lint *lint, const char *path, unsigned number,
		      char *line)
{
	const char *user = value_of(line, "User");

	if (user && *user)
		find_at(lint, LINT_AUTOLOGIN, path, number,
			"sddm logs in by itself");
}

/* agetty -a USER, --autologin USER, --autologin=USER. */
static void getty_line(struct lint *lint, const char *path, unsigned number,
		       char *line)
{
	if (!value_of(line, "ExecStart") || !strstr(line, "getty"))
		return;
	if (strstr(line, "--autologin") || strstr(line, " -a"))
		find_at(lint, LINT_AUTOLOGIN, path, number,
			"getty logs in by itself");
}

static void check_getty(struct lint *lint)
{
	_cleanup_closedir_ DIR *dir = open_folder(lint, "etc/systemd/system");
	unsigned left = LINT_DIR_MAX;

	for (const struct dirent *entry;
	     dir && left-- && (entry = readdir(dir));) {
		char path[512];

		if (!strstr(entry->d_name, "getty"))
			continue;
		(void)snprintf(path, sizeof(path), "etc/systemd/system/%s",
			       entry->d_name);
		each_line(lint, path, getty_line);	    /* a unit … */
		each_file(lint, path, ".conf", getty_line); /* … its drop-ins */
	}
}

static void check_autologin(struct lint *lint)
{
	static const char *const gdm[] = {"etc/gdm3/daemon.conf",
					  "etc/gdm3/custom.conf",
					  "etc/gdm/custom.conf",
					  "etc/gdm/daemon.conf"};

	for (size_t i = 0; i < COUNT(gdm); i++)
		each_line(lint, gdm[i], gdm_line);
	each_line(lint, "etc/lightdm/lightdm.conf", lightdm_line);
	each_file(lint, "etc/lightdm/lightdm.conf.d", ".conf", lightdm_line);
	each_file(lint, "usr/share/lightdm/lightdm.conf.d", ".conf",
		  lightdm_line);
	each_line(lint, "etc/sddm.conf", sddm_line);
	each_file(lint, "etc/sddm.conf.d", ".conf", sddm_line);
	each_file(lint, "usr/lib/sddm/sddm.conf.d", ".conf", sddm_line);
	check_getty(lint);
}

/* ---- running code without a session ---------------------------------------- */

static bool does_exist(const struct lint *lint, const char *path)
{
	struct stat st;

	return fstatat(lint->source->root_fd, path, &st, 0) == 0;
}

static void allow_line(struct lint *lint, const char *path, unsigned number,
		       char *line)
{
	if (strcmp(line, "root") != 0)
		find_at(lint, LINT_CRON_OPEN, path, number,
			"a user may leave jobs that run without a factor");
}

static void check_jobs(struct lint *lint)
{
	static const struct {
		const char *programs[3];
		const char *allow;
	} kinds[] = {
		{{"usr/sbin/cron", "usr/sbin/crond", "usr/bin/crontab"},
		 "etc/cron.allow"},
		{{"usr/bin/at", "usr/sbin/atd", "usr/bin/batch"},
		 "etc/at.allow"},
	};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		bool is_installed = false;

		for (size_t p = 0; p < COUNT(kinds[i].programs); p++)
			is_installed |= does_exist(lint, kinds[i].programs[p]);
		if (!is_installed)
			continue;
		if (!does_exist(lint, kinds[i].allow))
			find_at(lint, LINT_CRON_OPEN, kinds[i].allow, 0,
				"missing: users may leave jobs that run "
				"without a factor");
		each_line(lint, kinds[i].allow, allow_line);
	}
}

static void check_linger(struct lint *lint)
{
	_cleanup_closedir_ DIR *dir = open_folder(lint,
						  "var/lib/systemd/linger");
	unsigned left = LINT_DIR_MAX;

	for (const struct dirent *entry;
	     dir && left-- && (entry = readdir(dir));) {
		if (entry->d_name[0] == '.' ||
		    strcmp(entry->d_name, "root") == 0)
			continue;
		struct stack_entry at = {.file = "var/lib/systemd/linger"};
		lint_findf(lint, LINT_LINGER, &at,
			   "programs of '%s' run without a session",
			   entry->d_name);
	}
}

/* ---- configuration of factor modules ---------------------------------------- */

static void pkcs11_line(struct lint *lint, const char *path, unsigned number,
			char *line)
{
	const char *policy = NULL;

	for (char *end = line + strlen(line);
	     end > line && strchr("; \t", end[-1]);)
		*--end = '\0';
	if (is_true(value_of(line, "nullok")))
		find_at(lint, LINT_CARD_CONFIG, path, number,
			"nullok: an empty PIN passes");
	if (is_true(value_of(line, "default_match")))
		find_at(lint, LINT_CARD_CONFIG, path, number,
			"default_match: any card passes for any user");
	policy = value_of(line, "cert_policy");
	if (policy && (!strstr(policy, "ca") || !strstr(policy, "signature")))
		find_at(lint, LINT_CARD_CONFIG, path, number,
			"cert_policy wants ca and signature");
}

static void u2f_line(struct lint *lint, const char *path, unsigned number,
		     char *line)
{
	static const char *const words[] = {"nouserok", "alwaysok", "manual"};

	line[strcspn(line, "= \t")] = '\0';
	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(line, words[i]) == 0)
			find_at(lint, LINT_CARD_CONFIG, path, number,
				"lets pam_u2f succeed without a key");
}

int lint_system(struct lint *lint)
{
	check_autologin(lint);
	check_jobs(lint);
	check_linger(lint);
	each_line(lint, "etc/pam_pkcs11/pam_pkcs11.conf", pkcs11_line);
	each_line(lint, "etc/security/pam_u2f.conf", u2f_line);
	return lint->error;
}
