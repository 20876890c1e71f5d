/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules that others pull in: modprobe(8) takes away what it loaded by
 * name and what that needed, but not what the kernel asked for itself (a driver
 * for the new device, a function for the new gadget).
 */
#include "agent/ctl/selftest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/banned.h"

enum { MODULES_MAX_BYTES = 1 << 20 };

/* Users before what they use. DRIVER: of the SCSI bus, whose devices may be
 * somebody's by now. */
static const struct {
	const char *module;
	const char *driver;
} pulled_in[] = {
	{"st", "st"},		{"sr_mod", "sr"},
	{"sd_mod", "sd"},	{"usb_f_mass_storage", NULL},
	{"usb_f_ecm", NULL},	{"usb_f_ecm_subset", NULL},
	{"usb_f_rndis", NULL},	{"usb_f_eem", NULL},
	{"usb_f_acm", NULL},	{"usb_f_obex", NULL},
	{"usb_f_serial", NULL}, {"usb_f_printer", NULL},
	{"usb_f_uac1", NULL},	{"usb_f_uac1_legacy", NULL},
	{"usb_f_uac2", NULL},	{"usb_f_midi", NULL},
	{"u_ether", NULL},	{"u_serial", NULL},
	{"u_audio", NULL},	{"libcomposite", NULL},
	{"udc_core", NULL},	{"usbip_core", NULL},
	{"mac80211", NULL},	{"cfg80211", NULL},
	{"libarc4", NULL},	{"lp", NULL},
	{"ppdev", NULL},	{"parport", NULL},
};

void selftest_modules_read(struct selftest_modules *modules)
{
	modules->text = NULL;
	if (read_small_file(AT_FDCWD, "/proc/modules", MODULES_MAX_BYTES,
			    &modules->text, NULL) < 0)
		modules->text = NULL;
}

/* A line of proc(5) begins with the name and a blank. */
static bool was_loaded(const char *text, const char *module)
{
	size_t len = strlen(module);

	for (const char *line = text; line && *line;) {
		if (strncmp(line, module, len) == 0 && line[len] == ' ')
			return true;
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return false;
}

/* Devices are links named HOST:CHANNEL:TARGET:LUN. */
static bool has_device(const char *driver)
{
	char path[SELFTEST_PATH_MAX];
	struct dirent *entry;

	(void)snprintf(path, sizeof(path), "/sys/bus/scsi/drivers/%s", driver);
	_cleanup_closedir_ DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (strchr(entry->d_name, ':'))
			return true;
	}
	return false;
}

void selftest_modules_restore(struct selftest_modules *modules)
{
	char path[SELFTEST_PATH_MAX];

	for (size_t i = 0;
	     modules->text && i < sizeof(pulled_in) / sizeof(pulled_in[0]);
	     i++) {
		const char *name = pulled_in[i].module;
		(void)snprintf(path, sizeof(path), "/sys/module/%s", name);
		if (was_loaded(modules->text, name) || access(path, F_OK) < 0 ||
		    (pulled_in[i].driver && has_device(pulled_in[i].driver)))
			continue;
		selftest_unload(name);
	}
	free(modules->text);
	modules->text = NULL;
}
