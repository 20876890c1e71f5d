/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways through USB: gadgets of the kernel's own on a bus that is only memory
 * (dummy_hcd), and the bus that brings devices from the network (vhci_hcd).
 */
#include "agent/ctl/selftest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/banned.h"

#define DEVICES "/sys/bus/usb/devices"
#define MODULES N_("this kernel has no module for it")
#define IN_USE	N_("the module is in use")

static const struct gadget {
	const char *name;
	const char *title;
	const char *module;
	bool wants_file; /* "file=PATH" */
} gadgets[] = {
	{"usb-storage", N_("a USB stick"), "g_mass_storage", true},
	{"usb-network", N_("a USB network adapter"), "g_ether", false},
	{"usb-serial", N_("a USB serial adapter"), "g_serial", false},
	{"usb-printer", N_("a USB printer"), "g_printer", false},
	{"usb-audio", N_("a USB sound device"), "g_audio", false},
	{"usb-midi", N_("a USB MIDI device"), "g_midi", false},
};

/* "authorized" of the first device below the bus of dummy_hcd. */
struct seen {
	char authorized[8];
	char path[SELFTEST_PATH_MAX];
};

static bool is_dummy(const char *name)
{
	char link[SELFTEST_PATH_MAX], target[512];

	(void)snprintf(link, sizeof(link), DEVICES "/%.64s", name);
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	return strstr(target, "/dummy_hcd.") != NULL;
}

/* A device, neither root hub nor interface. */
static bool find_device(void *userdata)
{
	struct seen *seen = userdata;
	_cleanup_closedir_ DIR *dir = opendir(DEVICES);
	struct dirent *entry;
	char path[SELFTEST_PATH_MAX + 16];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    strchr(entry->d_name, ':') || !is_dummy(entry->d_name))
			continue;
		(void)snprintf(seen->path, sizeof(seen->path), DEVICES "/%.64s",
			       entry->d_name);
		(void)snprintf(path, sizeof(path), "%s/authorized", seen->path);
		return read_line_file(AT_FDCWD, path, seen->authorized,
				      sizeof(seen->authorized)) == 0;
	}
	return false;
}

static void note_gadget(struct selftest *test, const struct gadget *gadget)
{
	struct seen seen = {0};

	if (!selftest_wait(find_device, &seen)) {
		selftest_note(test, gadget->name, gadget->title, WAY_UNTESTED,
			      N_("no device came up"));
		return;
	}
	bool is_closed = strcmp(seen.authorized, "0") == 0;
	selftest_note(test, gadget->name, gadget->title,
		      is_closed ? WAY_CLOSED : WAY_OPEN,
		      is_closed ? N_("not authorised") : NULL);
}

static void try_gadget(struct selftest *test, const struct gadget *gadget,
		       const char *file)
{
	char parameters[SELFTEST_PATH_MAX + 64] = "";

	if (gadget->wants_file)
		(void)snprintf(parameters, sizeof(parameters),
			       "file=%s removable=1 stall=0", file);
	int r = selftest_load(gadget->module, parameters);
	if (r != 0) {
		selftest_note(test, gadget->name, gadget->title, WAY_UNTESTED,
			      r > 0 ? IN_USE : MODULES);
		return;
	}
	note_gadget(test, gadget);
	selftest_unload(gadget->module);
}

/* Where the machine has a real controller of its own for gadgets, a gadget
 * would come up at somebody's cable. */
static bool has_other_controller(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/sys/class/udc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' &&
		    strncmp(entry->d_name, "dummy_udc.", 10) != 0)
			return true;
	}
	return false;
}

static void note_all(struct selftest *test, const char *why)
{
	for (size_t i = 0; i < sizeof(gadgets) / sizeof(gadgets[0]); i++)
		selftest_note(test, gadgets[i].name, gadgets[i].title,
			      WAY_UNTESTED, why);
}

static int make_file(const char *path)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 || ftruncate(fd, 1 << 20) < 0 ? -errno : 0;
}

static void try_gadgets(struct selftest *test)
{
	char file[SELFTEST_PATH_MAX + 16];

	if (has_other_controller()) {
		note_all(test, N_("the machine has a USB device port"));
		return;
	}
	int hcd = selftest_load("dummy_hcd", NULL);
	if (hcd < 0) {
		note_all(test, MODULES);
		return;
	}
	(void)snprintf(file, sizeof(file), "%s/stick", test->folder);
	if (make_file(file) < 0)
		note_all(test, N_("no file could be made"));
	else
		for (size_t i = 0; i < sizeof(gadgets) / sizeof(gadgets[0]);
		     i++)
			try_gadget(test, &gadgets[i], file);
	(void)unlink(file); /* where it was made */
	if (hcd == 0)
		selftest_unload("dummy_hcd");
}

/* The default of the hubs that the module brings. */
static bool find_vhci(void *userdata)
{
	struct seen *seen = userdata;
	_cleanup_closedir_ DIR *dir = opendir(DEVICES);
	struct dirent *entry;
	char link[SELFTEST_PATH_MAX], target[512];

	while (dir && (entry = readdir(dir))) {
		(void)snprintf(link, sizeof(link), DEVICES "/%.64s",
			       entry->d_name);
		ssize_t n = readlink(link, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (strncmp(entry->d_name, "usb", 3) != 0 ||
		    !strstr(target, "/vhci_hcd."))
			continue;
		(void)snprintf(target, sizeof(target), "%s/authorized_default",
			       link);
		return read_line_file(AT_FDCWD, target, seen->authorized,
				      sizeof(seen->authorized)) == 0;
	}
	return false;
}

static void try_usbip(struct selftest *test)
{
	static const char title[] = N_("USB devices from the network (usbip)");
	struct seen seen = {0};
	int r = selftest_load("vhci_hcd", NULL);

	if (r != 0) {
		selftest_note(test, "usbip", title, WAY_UNTESTED,
			      r > 0 ? IN_USE : MODULES);
		return;
	}
	if (!selftest_wait(find_vhci, &seen))
		selftest_note(test, "usbip", title, WAY_UNTESTED,
			      N_("no device came up"));
	else
		selftest_note(test, "usbip", title,
			      strcmp(seen.authorized, "0") == 0 ? WAY_CLOSED
								: WAY_OPEN,
			      NULL);
	selftest_unload("vhci_hcd");
}

void selftest_usb(struct selftest *test)
{
	if (test->is_light)
		return;
	try_gadgets(test);
	try_usbip(test);
	selftest_note(test, "thunderbolt", N_("Thunderbolt and USB4"),
		      WAY_UNTESTED, N_("no virtual device for it"));
	selftest_note(test, "firewire", N_("FireWire"), WAY_UNTESTED,
		      N_("no virtual device for it"));
}
