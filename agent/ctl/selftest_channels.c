/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways that are built into the machine: radios that the kernel makes up
 * (mac80211_hwsim, hci_vhci), and numbers of ports behind which no device is,
 * so that nothing that hangs on a real port hears of it. The guard stands in
 * front of the number; a driver that answers has been reached.
 */
#include "agent/ctl/selftest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/banned.h"

#define ALIAS	    "/dev/sekimori-selftest"
#define RADIOS	    "/sys/class/rfkill"
#define BLUETOOTH   "/sys/class/bluetooth"
#define NO_RADIO    N_("the machine has no radio")
#define MODULES	    N_("this kernel has no module for it")
#define IN_USE	    N_("the module is in use")
#define SWITCH_SIZE 8

enum {
	PARPORT_MAJOR = 99, /* Documentation/admin-guide/devices.txt */
	RFKILL_MINOR = 242,
	NO_PORT = 255, /* the last of ttyS191, lp and parport: none has it */
};

/* ---- nodes --------------------------------------------------------------- */

static const struct gated {
	const char *name;
	const char *title;
	const char *channel;
	unsigned int major;
	unsigned int minor;
} gated[] = {
	{"serial-port", N_("a serial port"), "serial", TTY_MAJOR, NO_PORT},
	{"printer-port", N_("a printer at the parallel port"), "printer",
	 LP_MAJOR, NO_PORT},
	{"parallel-port", N_("raw access to the parallel port"), "printer",
	 PARPORT_MAJOR, NO_PORT},
	{"radio-switch", N_("the switch of all radios (rfkill)"), "wifi",
	 MISC_MAJOR, RFKILL_MINOR},
};

/* Made by root for both tries, as closed to others as the real ones. */
static int deed_number(const void *userdata)
{
	const struct gated *port = userdata;

	(void)mknod(ALIAS, S_IFCHR | 0600, makedev(port->major, port->minor));
	int fd = open(ALIAS, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT			   ? DEED_UNTESTED
		       : errno == ENXIO || errno == ENODEV ? 0
							   : errno;
	(void)close(fd);
	return 0;
}

/* What policy lets out on purpose is said to be so. */
static void explain_open(struct selftest *test, const char *channel)
{
	struct way *way = &test->ways[test->count - 1];
	char word[24];

	(void)snprintf(word, sizeof(word), " %s ", channel);
	if ((way->state == WAY_OPEN || way->state == WAY_USERS_ONLY) &&
	    strstr(test->allowed, word))
		(void)snprintf(way->detail, sizeof(way->detail), "%s",
			       N_("the policy allows it"));
}

static void try_numbers(struct selftest *test)
{
	for (size_t i = 0; i < sizeof(gated) / sizeof(gated[0]); i++) {
		selftest_try(test, gated[i].name, gated[i].title, deed_number,
			     &gated[i]);
		(void)unlink(ALIAS); /* where it was made */
		explain_open(test, gated[i].channel);
	}
}

/* ---- radios -------------------------------------------------------------- */

struct radio {
	const char *parent; /* part of the path of its device */
	char path[SELFTEST_PATH_MAX];
};

static bool find_radio(void *userdata)
{
	struct radio *radio = userdata;
	_cleanup_closedir_ DIR *dir = opendir(RADIOS);
	struct dirent *entry;
	char target[512];

	while (dir && (entry = readdir(dir))) {
		(void)snprintf(radio->path, sizeof(radio->path),
			       RADIOS "/%.64s", entry->d_name);
		ssize_t n = readlink(radio->path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (strstr(target, radio->parent))
			return true;
	}
	return false;
}

static bool is_blocked(void *userdata)
{
	const struct radio *radio = userdata;
	char path[SELFTEST_PATH_MAX + 8], text[SWITCH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/soft", radio->path);
	return read_line_file(AT_FDCWD, path, text, sizeof(text)) == 0 &&
	       strcmp(text, "1") == 0;
}

/* Writes what it has to be: on. */
static int deed_switch_on(const void *userdata)
{
	const struct radio *radio = userdata;
	char path[SELFTEST_PATH_MAX + 8];

	(void)snprintf(path, sizeof(path), "%s/soft", radio->path);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? DEED_UNTESTED : errno;
	return write(fd, "0", 1) < 0 ? errno : 0;
}

static void try_radio(struct selftest *test, const char *name,
		      const char *title, struct radio *radio)
{
	if (!selftest_wait(find_radio, radio)) {
		selftest_note(test, name, title, WAY_UNTESTED,
			      N_("no device came up"));
		return;
	}
	if (!selftest_wait(is_blocked, radio))
		selftest_note(test, name, title, WAY_OPEN,
			      N_("it was not switched off"));
	else
		selftest_try(test, name, title, deed_switch_on, radio);
}

/* systemd(1) never lets go of the switch again: loaded, it would stay. */
static void try_wifi(struct selftest *test)
{
	static const char title[] = N_("Wi-Fi of the machine");
	struct radio radio = {.parent = "/mac80211_hwsim/"};

	if (access(RADIOS, F_OK) < 0) {
		selftest_note(test, "wifi", title, WAY_UNTESTED, NO_RADIO);
		return;
	}
	int r = selftest_load("mac80211_hwsim", "radios=1");

	if (r != 0) {
		selftest_note(test, "wifi", title, WAY_UNTESTED,
			      r > 0 ? IN_USE : MODULES);
		return;
	}
	try_radio(test, "wifi", title, &radio);
	explain_open(test, "wifi");
	selftest_unload("mac80211_hwsim");
}

/* drivers/bluetooth/hci_vhci.c: a packet of two octets makes a controller,
 * which is there for as long as the file is open. The kernel's random numbers,
 * which the first controller asks for, are never unloaded. */
static void try_bluetooth(struct selftest *test)
{
	static const unsigned char create[] = {0xff, 0};
	static const char title[] = N_("Bluetooth of the machine");
	struct radio radio = {.parent = "/virtual/bluetooth/"};

	if (access(BLUETOOTH, F_OK) < 0) {
		selftest_note(test, "bluetooth", title, WAY_UNTESTED, NO_RADIO);
		return;
	}
	int r = selftest_load("hci_vhci", NULL);

	if (r != 0) {
		selftest_note(test, "bluetooth", title, WAY_UNTESTED,
			      r > 0 ? IN_USE : MODULES);
		return;
	}
	int fd = open("/dev/vhci", O_RDWR | O_CLOEXEC);
	if (fd >= 0 &&
	    write(fd, create, sizeof(create)) == (ssize_t)sizeof(create)) {
		try_radio(test, "bluetooth", title, &radio);
		explain_open(test, "bluetooth");
	} else {
		selftest_note(test, "bluetooth", title, WAY_UNTESTED,
			      N_("no device came up"));
	}
	if (fd >= 0)
		(void)close(fd);
	selftest_unload("hci_vhci");
}

/* ---- cards --------------------------------------------------------------- */

static int deed_card(const void *node)
{
	int fd = open(node, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? DEED_UNTESTED : errno;
	(void)close(fd);
	return 0;
}

/* A card, not what is soldered to the board. */
static bool is_card(const char *name)
{
	char path[SELFTEST_PATH_MAX], type[SWITCH_SIZE];

	if (strncmp(name, "mmcblk", 6) != 0)
		return false;
	(void)snprintf(path, sizeof(path), "/sys/block/%.64s/device/type",
		       name);
	return read_line_file(AT_FDCWD, path, type, sizeof(type)) == 0 &&
	       strcmp(type, "MMC") != 0;
}

/* The kernel makes none up; one that is in a slot is opened, not read. */
static void try_card(struct selftest *test)
{
	static const char title[] = N_("an SD card in a slot");
	_cleanup_closedir_ DIR *dir = opendir("/sys/block");
	struct dirent *entry;
	char node[SELFTEST_PATH_MAX];

	while (dir && (entry = readdir(dir))) {
		if (!is_card(entry->d_name))
			continue;
		(void)snprintf(node, sizeof(node), "/dev/%.64s", entry->d_name);
		selftest_try(test, "sd-card", title, deed_card, node);
		return;
	}
	selftest_note(test, "sd-card", title, WAY_UNTESTED,
		      N_("no card is in a slot"));
}

void selftest_channels(struct selftest *test)
{
	try_numbers(test);
	try_card(test);
	if (test->is_light)
		return;
	try_wifi(test);
	try_bluetooth(test);
	selftest_note(test, "wwan", N_("mobile network of the machine"),
		      WAY_UNTESTED, N_("no virtual device for it"));
}
