/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways against the guard itself, each by a deed that would do no harm: the
 * signal is SIGCONT, what is written is what is there, the folder is not empty.
 */
#include "agent/ctl/selftest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/banned.h"

#define PIN_DIR "/sys/fs/bpf/sekimori"

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? DEED_UNTESTED : errno;
	(void)close(fd);
	return 0;
}

static int open_for_writing(const void *path)
{
	return try_open(path, O_WRONLY);
}

static int open_for_reading(const void *path)
{
	return try_open(path, O_RDONLY);
}

/* Writes what it reads. */
static int write_again(const void *path)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	char text[16];

	if (fd < 0)
		return errno == ENOENT ? DEED_UNTESTED : errno;
	ssize_t n = read(fd, text, sizeof(text));
	if (n <= 0)
		return DEED_UNTESTED;
	return pwrite(fd, text, (size_t)n, 0) < 0 ? errno : 0;
}

static int signal_daemon(const void *daemon)
{
	return kill(*(const pid_t *)daemon, SIGCONT) < 0 ? errno : 0;
}

static int read_memory(const void *daemon)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "/proc/%d/mem",
		       (int)*(const pid_t *)daemon);
	return try_open(path, O_RDONLY);
}

/* The pinned set; "": none. */
static void find_set(char ret_path[SELFTEST_PATH_MAX])
{
	_cleanup_closedir_ DIR *dir = opendir(PIN_DIR);
	struct dirent *entry;

	ret_path[0] = '\0';
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			(void)snprintf(ret_path, SELFTEST_PATH_MAX,
				       PIN_DIR "/%.200s", entry->d_name);
	}
}

/* It is not empty: allowed, it fails otherwise. */
static int remove_set(const void *path)
{
	if (rmdir(path) == 0)
		return 0;
	return errno == ENOTEMPTY || errno == EBUSY ? 0 : errno;
}

static int get_map(const void *set)
{
	char path[SELFTEST_PATH_MAX + 16];
	union bpf_attr attributes;

	(void)snprintf(path, sizeof(path), "%s/config", (const char *)set);
	memset(&attributes, 0, sizeof(attributes));
	attributes.pathname = (__u64)(uintptr_t)path;
	long fd = syscall(SYS_bpf, BPF_OBJ_GET, &attributes,
			  sizeof(attributes));
	if (fd < 0)
		return errno;
	(void)close((int)fd);
	return 0;
}

/* Taken away again at once: who holds what is pinned sees none of it. */
static int cover_pins(const void *folder)
{
	if (mount(folder, PIN_DIR, NULL, MS_BIND, NULL) < 0)
		return errno;
	(void)umount2(PIN_DIR, MNT_DETACH); /* ours */
	return 0;
}

static void try_pins(struct selftest *test)
{
	static const char why[] = N_("the guard is not pinned");
	char set[SELFTEST_PATH_MAX];

	find_set(set);
	if (!set[0]) {
		selftest_note(test, "pins-remove",
			      N_("removing the pinned guard"), WAY_OPEN, why);
		return;
	}
	selftest_try(test, "pins-remove", N_("removing the pinned guard"),
		     remove_set, set);
	selftest_try(test, "pins-cover", N_("mounting over the pinned guard"),
		     cover_pins, test->folder);
	selftest_try(test, "bpf-map", N_("getting hold of the guard's maps"),
		     get_map, set);
}

/* What the guard cannot hold: root behind the kernel's back. */
static void note_lockdown(struct selftest *test)
{
	char text[96] = "";

	int r = read_line_file(AT_FDCWD, "/sys/kernel/security/lockdown", text,
			       sizeof(text));
	bool is_on = r == 0 && !strstr(text, "[none]");
	selftest_note(test, "kernel", N_("kexec, unsigned modules, /dev/mem"),
		      is_on ? WAY_CLOSED : WAY_USERS_ONLY,
		      is_on ? NULL : N_("kernel lockdown is off"));
}

void selftest_guard(struct selftest *test)
{
	selftest_try(test, "usb-authorize", N_("authorising USB by hand"),
		     open_for_writing,
		     "/sys/bus/usb/devices/usb1/authorized_default");
	selftest_try(test, "usb-driver", N_("giving a USB device a driver"),
		     open_for_writing,
		     "/sys/bus/usb/drivers/usb-storage/new_id");
	selftest_try(test, "usbfs", N_("USB devices past their drivers"),
		     open_for_reading, "/dev/bus/usb/001/001");
	selftest_try(test, "ftrace", N_("switching the guard's hooks off"),
		     write_again, "/proc/sys/kernel/ftrace_enabled");
	selftest_try(test, "kill", N_("sending the daemon a signal"),
		     signal_daemon, &test->daemon);
	selftest_try(test, "ptrace", N_("reading the daemon's memory"),
		     read_memory, &test->daemon);
	try_pins(test);
	note_lockdown(test);
}
