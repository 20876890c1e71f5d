/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying, noting, and modules. Each deed is done by a child, so that nothing
 * that succeeds outlives the try: no descriptor, mount namespace or user id.
 */
#include "agent/ctl/selftest.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/banned.h"

enum {
	NOBODY = 65534,
	DEED_SECONDS = 10,
	MODPROBE_SECONDS = 30,
	WAIT_STEP_MS = 50,
	WAIT_STEPS = 100,
	UNLOAD_TRIES = 40,
	/* What a child says by its exit status. */
	EXIT_WORKED = 0,
	EXIT_UNTESTED = 255,
	PARAMETERS_MAX = 8,
};

static const char *const states[] = {
	[WAY_UNTESTED] = "untested",
	[WAY_OPEN] = "open",
	[WAY_USERS_ONLY] = "users-only",
	[WAY_CLOSED] = "closed",
};
static_assert(sizeof(states) / sizeof(states[0]) == WAY_STATE_COUNT_,
	      "one word for each state");

const char *way_state_to_str(enum way_state state)
{
	return (unsigned int)state < WAY_STATE_COUNT_ ? states[state]
						      : states[WAY_UNTESTED];
}

unsigned int selftest_count(const struct selftest *test, enum way_state state)
{
	unsigned int count = 0;

	for (size_t i = 0; i < test->count; i++)
		count += test->ways[i].state == state;
	return count;
}

void selftest_note(struct selftest *test, const char *name, const char *title,
		   enum way_state state, const char *detail)
{
	if (test->count == SELFTEST_WAYS_MAX)
		return;
	struct way *way = &test->ways[test->count++];
	*way = (struct way){.name = name, .title = title, .state = state};
	(void)snprintf(way->detail, sizeof(way->detail), "%s",
		       detail ? detail : "");
}

/* ---- deeds --------------------------------------------------------------- */

static int become_nobody(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	return 0;
}

/* The child; its exit status is the errno. */
static void do_deed(selftest_deed deed, const void *userdata, bool as_nobody)
{
	(void)alarm(DEED_SECONDS); /* a hanging deed says nothing */
	if (as_nobody && become_nobody() < 0)
		_exit(EXIT_UNTESTED);
	int error = deed(userdata);
	_exit(error >= 0 && error < EXIT_UNTESTED ? error : EXIT_UNTESTED);
}

/* 0: it worked; errno; DEED_UNTESTED. */
static int attempt(selftest_deed deed, const void *userdata, bool as_nobody)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		do_deed(deed, userdata, as_nobody);
	if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == EXIT_UNTESTED)
		return DEED_UNTESTED;
	return WEXITSTATUS(status);
}

static bool is_refusal(int error)
{
	return error == EPERM || error == EACCES || error == EROFS;
}

void selftest_try(struct selftest *test, const char *name, const char *title,
		  selftest_deed deed, const void *userdata)
{
	int error = attempt(deed, userdata, false);

	if (error == DEED_UNTESTED) {
		selftest_note(test, name, title, WAY_UNTESTED, NULL);
		return;
	}
	if (error != 0) {
		selftest_note(test, name, title,
			      is_refusal(error) ? WAY_CLOSED : WAY_UNTESTED,
			      strerrorname_np(error));
		return;
	}
	error = attempt(deed, userdata, true);
	selftest_note(test, name, title, error == 0 ? WAY_OPEN : WAY_USERS_ONLY,
		      NULL);
}

bool selftest_wait(bool (*ready)(void *userdata), void *userdata)
{
	for (int i = 0; i < WAIT_STEPS; i++) {
		if (ready(userdata))
			return true;
		(void)poll(NULL, 0, WAIT_STEP_MS); /* sysfs tells nobody */
	}
	return ready(userdata);
}

/* ---- modules ------------------------------------------------------------- */

static bool is_loaded(const char *module)
{
	char path[SELFTEST_PATH_MAX];

	(void)snprintf(path, sizeof(path), "/sys/module/%s", module);
	return access(path, F_OK) == 0;
}

/* modprobe(8); its exit status, or -errno. */
static int run_modprobe(char *const *arguments)
{
	int status = 0;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
		    dup2(null, 2) < 0)
			_exit(127);
		(void)alarm(MODPROBE_SECONDS);
		(void)execv("/sbin/modprobe", arguments);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

static int load(char *module, char *parameters)
{
	char *arguments[PARAMETERS_MAX + 4] = {(char[]){"modprobe"},
					       (char[]){"-q"}, module};
	char *save = NULL;
	size_t n = 3;

	for (char *word = strtok_r(parameters, " ", &save);
	     word && n < PARAMETERS_MAX + 3; word = strtok_r(NULL, " ", &save))
		arguments[n++] = word;
	return run_modprobe(arguments);
}

int selftest_load(const char *module, const char *parameters)
{
	char name[64], text[512];

	if (is_loaded(module))
		return 1;
	(void)snprintf(name, sizeof(name), "%s", module);
	(void)snprintf(text, sizeof(text), "%s", parameters ? parameters : "");
	int r = load(name, text);
	if (r < 0)
		return r;
	return r == 0 && is_loaded(module) ? 0 : -ENOENT;
}

static bool unload(void *userdata)
{
	char *module = userdata;
	char *const arguments[] = {(char[]){"modprobe"}, (char[]){"-q"},
				   (char[]){"-r"}, module, NULL};

	return run_modprobe(arguments) == 0 || !is_loaded(module);
}

void selftest_unload(const char *module)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s", module);
	(void)selftest_wait(unload, name);
}
