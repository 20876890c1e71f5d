/* SPDX-License-Identifier: Apache-2.0 */
/* Everything lives below one mkdtemp() folder. */
#include "tests/pam/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUST(expression)                                                       \
	do {                                                                   \
		if (!(expression)) {                                           \
			perror(#expression);                                   \
			abort();                                               \
		}                                                              \
	} while (0)

static void join(const struct world *world, const char *path, char *ret)
{
	snprintf(ret, PATH_MAX, "%s/%s", world->dir, path);
}

/* build/tests/pam, from where this program (a test, a bench) lies. */
static void modules_dir(char *ret)
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);

	MUST(n > 0);
	ret[n] = '\0';
	char *tests = strstr(ret, "/tests/");
	MUST(tests);
	snprintf(tests, PATH_MAX - (size_t)(tests - ret), "/tests/pam");
}

void world_copy(const char *from, const char *to)
{
	struct stat st;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	MUST(in >= 0 && out >= 0 && fstat(in, &st) == 0);
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(out, in, NULL, (size_t)left);

		MUST(n > 0);
		left -= n;
	}
	MUST(fchmod(out, 0644) == 0);
	close(in);
	close(out);
}

static void copy_modules(struct world *world)
{
	char from_dir[PATH_MAX];
	char from[PATH_MAX + 256];
	char to[PATH_MAX + 256];

	modules_dir(from_dir);
	DIR *dir = opendir(from_dir);
	MUST(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (!strstr(entry->d_name, ".so"))
			continue;
		snprintf(from, sizeof(from), "%s/%s", from_dir, entry->d_name);
		snprintf(to, sizeof(to), "%s/modules/%s", world->dir,
			 entry->d_name);
		world_copy(from, to);
	}
	closedir(dir);
}

void world_init(struct world *world)
{
	static const char *const folders[] = {"modules", "pam.d", "etc",
					      "var",	 "run",	  "home"};
	char path[PATH_MAX];

	umask(022);
	snprintf(world->dir, sizeof(world->dir), "/tmp/sekimori-pam.XXXXXX");
	MUST(mkdtemp(world->dir));
	MUST(chmod(world->dir, 0755) == 0);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		join(world, folders[i], path);
		MUST(mkdir(path, 0755) == 0);
	}
	copy_modules(world);
	MUST(setenv("SEKIMORI_PAM_TEST_DIR", world->dir, 1) == 0);
	world_file(world, "etc/boot_id", 0644,
		   "11111111-2222-3333-4444-555555555555\n");
	world_file(world, "etc/group", 0644,
		   "root:x:0:\nsekimori-breakglass2:x:901:sato\n"
		   "sekimori-breakglass:x:900:tanaka,kinkyu\n");
	world_file(world, "pam.d/other", 0644,
		   "auth required pam_deny.so\naccount required pam_deny.so\n"
		   "session required pam_deny.so\n");
}

static void remove_below(int parent, const char *name)
{
	int fd = openat(parent, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			remove_below(dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
	unlinkat(parent, name, dir ? AT_REMOVEDIR : 0);
}

void world_tree_remove(const char *path)
{
	remove_below(AT_FDCWD, path);
}

void world_fini(struct world *world)
{
	world_tree_remove(world->dir);
}

void world_file(struct world *world, const char *path, mode_t mode,
		const char *text)
{
	char full[PATH_MAX];
	FILE *file = NULL;

	join(world, path, full);
	unlink(full);
	MUST((file = fopen(full, "we")));
	for (; *text; text++) {
		if (text[0] == '%' && text[1] == 'M')
			fprintf(file, "%s/modules/pam_sekimori.so", world->dir);
		else if (text[0] == '%' && text[1] == 'D')
			fprintf(file, "%s/modules", world->dir);
		else if (text[0] == '%' && text[1] == 'W')
			fprintf(file, "%s", world->dir);
		else {
			fputc(*text, file);
			continue;
		}
		text++;
	}
	MUST(fclose(file) == 0 && chmod(full, mode) == 0);
}

const char *world_read(struct world *world, const char *path)
{
	static char text[65536];
	char full[PATH_MAX];

	join(world, path, full);
	FILE *file = fopen(full, "re");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[n] = '\0';
	if (file)
		fclose(file);
	return text;
}

void world_remove(struct world *world, const char *path)
{
	char full[PATH_MAX];

	join(world, path, full);
	MUST(remove(full) == 0);
}

size_t world_count(struct world *world, const char *path, char ret_name[256])
{
	char full[PATH_MAX];
	size_t count = 0;

	join(world, path, full);
	ret_name[0] = '\0';
	DIR *dir = opendir(full);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.') {
			snprintf(ret_name, 256, "%s", entry->d_name);
			count++;
		}
	if (dir)
		closedir(dir);
	return count;
}

bool world_record(struct world *world, const char *folder,
		  struct login_record *ret_record)
{
	char path[300];
	char name[256];

	snprintf(path, sizeof(path), "run/mfa/%s", folder);
	if (world_count(world, path, name) != 1)
		return false;
	snprintf(path, sizeof(path), "run/mfa/%s/%s", folder, name);
	return login_record_parse(span_str(world_read(world, path)),
				  ret_record) == 0;
}

/* ---- a login program --------------------------------------------------- */

static int converse(int count, const struct pam_message **messages,
		    struct pam_response **ret_replies, void *data)
{
	struct login *login = data;
	struct pam_response *replies = calloc((size_t)count, sizeof(*replies));

	if (!replies)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		size_t len = strlen(login->said);

		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
		    messages[i]->msg_style == PAM_PROMPT_ECHO_ON) {
			const char *answer =
				login->answer_count < 6
					? login->answers[login->answer_count]
					: NULL;

			login->answer_count++;
			replies[i].resp = strdup(answer ? answer : "");
			continue;
		}
		snprintf(login->said + len, sizeof(login->said) - len, "%s\n",
			 messages[i]->msg);
	}
	*ret_replies = replies;
	return PAM_SUCCESS;
}

void login_start(struct world *world, struct login *login)
{
	struct pam_conv conv = {converse, login};
	char dir[PATH_MAX];

	join(world, "pam.d", dir);
	login->auth = login->account = login->session = login->setcred = -1;
	MUST(pam_start_confdir(login->service ? login->service : "login",
			       login->user ? login->user : "sato", &conv, dir,
			       &login->pamh) == PAM_SUCCESS);
	if (login->tty)
		pam_set_item(login->pamh, PAM_TTY, login->tty);
	if (login->rhost)
		pam_set_item(login->pamh, PAM_RHOST, login->rhost);
	if (login->env)
		pam_putenv(login->pamh, login->env);
}

void login_auth(struct login *login)
{
	login->auth = pam_authenticate(login->pamh, login->flags);
}

void login_account(struct login *login)
{
	login->account = pam_acct_mgmt(login->pamh, login->flags);
}

void login_session(struct login *login)
{
	login->setcred = pam_setcred(login->pamh, PAM_ESTABLISH_CRED);
	login->session = pam_open_session(login->pamh, login->flags);
}

void login_end(struct login *login)
{
	const char *token = pam_getenv(login->pamh, "SEKIMORI_MFA");

	snprintf(login->token, sizeof(login->token), "%s", token ? token : "");
	if (login->session == PAM_SUCCESS)
		pam_close_session(login->pamh, 0);
	pam_end(login->pamh, PAM_SUCCESS);
	login->pamh = NULL;
}

void login_run(struct world *world, struct login *login)
{
	login_start(world, login);
	login_auth(login);
	if (login->auth == PAM_SUCCESS)
		login_account(login);
	if (login->account == PAM_SUCCESS)
		login_session(login);
	login_end(login);
}
