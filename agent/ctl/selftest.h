/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selftest: tries every way out with devices that the kernel makes up, and
 * tells what came of each. It only ever tries: what would succeed is undone at
 * once, nothing touches a device that somebody plugged in, and a module that
 * was not loaded before is not loaded afterwards. Internal to agent/ctl.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent/ctl/ctl.h"

#define SELFTEST_WAYS_MAX   64u
#define SELFTEST_DETAIL_MAX 96u
#define SELFTEST_PATH_MAX   256u

/* Untested is 0: what nobody tried is not closed. */
enum way_state {
	WAY_UNTESTED = 0,
	WAY_OPEN,
	WAY_USERS_ONLY, /* closed, but not for root */
	WAY_CLOSED,
	WAY_STATE_COUNT_,
};

struct way {
	const char *name;  /* stable, for scripts */
	const char *title; /* English, marked for translation */
	enum way_state state;
	char detail[SELFTEST_DETAIL_MAX]; /* errno, or why not; may be "" */
};

struct selftest {
	struct ctl *ctl;
	struct way ways[SELFTEST_WAYS_MAX];
	size_t count;
	pid_t daemon;
	bool is_light;			/* load no module */
	char folder[SELFTEST_PATH_MAX]; /* our own, below /run */
	/* Channels that policy allows: words, each between blanks. */
	char allowed[SELFTEST_PATH_MAX];
};

/* What is tried, in a process of its own. 0: it worked, the way is open; else
 * the errno; DEED_UNTESTED: it could not be tried. */
typedef int (*selftest_deed)(const void *userdata);
enum { DEED_UNTESTED = 4096 };

/*
 * Tries DEED as root and, where that works, as nobody, and notes the result
 * under NAME. EPERM, EACCES and EROFS close a way; another error does not say.
 */
void selftest_try(struct selftest *test, const char *name, const char *title,
		  selftest_deed deed, const void *userdata)
	__attribute__((nonnull(1, 2, 3, 4)));

/* Notes what was seen without trying; DETAIL may be NULL. */
void selftest_note(struct selftest *test, const char *name, const char *title,
		   enum way_state state, const char *detail)
	__attribute__((nonnull(1, 2, 3)));

/*
 * Loads MODULE with PARAMETERS (may be NULL, separated by blanks). 0: it is
 * ours, to be given to selftest_unload(); 1: it was there before and is left
 * alone; -ENOENT: this kernel has none; other -errno.
 */
int selftest_load(const char *module, const char *parameters)
	__attribute__((nonnull(1), warn_unused_result));
/* Waits a moment for those who still look at what it made. */
void selftest_unload(const char *module) __attribute__((nonnull));

/* Names of modules that were loaded, by which what came since is found. */
struct selftest_modules {
	char *text; /* of /proc/modules; NULL: could not be read */
};
void selftest_modules_read(struct selftest_modules *modules)
	__attribute__((nonnull));
/*
 * Unloads what was pulled in by the modules we loaded and was not there
 * before: of a list of names, and only while no device of somebody else's is
 * bound to it. Frees MODULES.
 */
void selftest_modules_restore(struct selftest_modules *modules)
	__attribute__((nonnull));

/* Waits until the daemon has judged the disk; longest where it never will,
 * because it is no medium. */
void selftest_wait_verdict(struct selftest *test, const char *disk)
	__attribute__((nonnull));

/* Asks READY again and again for a few seconds; what it said last. */
bool selftest_wait(bool (*ready)(void *userdata), void *userdata)
	__attribute__((nonnull(1)));

/* The parts, each adding its ways. */
void selftest_guard(struct selftest *test) __attribute__((nonnull));
void selftest_disks(struct selftest *test) __attribute__((nonnull));
void selftest_usb(struct selftest *test) __attribute__((nonnull));
void selftest_channels(struct selftest *test) __attribute__((nonnull));

/* How many ways are in STATE. */
unsigned int selftest_count(const struct selftest *test, enum way_state state)
	__attribute__((nonnull));
/* "closed", "users-only", "open", "untested"; total. */
const char *way_state_to_str(enum way_state state)
	__attribute__((returns_nonnull));

/* cmd_selftest.c: the matrix on ctl->out; what the command exits with. */
int selftest_print(const struct ctl *ctl, const struct selftest *test,
		   bool is_json) __attribute__((nonnull, warn_unused_result));
