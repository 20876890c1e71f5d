/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes "authorized" and its relatives. Everything is a small file below
 * bus/usb/devices or module/usbcore/parameters.
 */
#include "agent/enforce/usb_auth.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/enforce/name.h"
#include "agent/base/banned.h"

static const char devices_dir[] = "bus/usb/devices";
static const char module_path[] =
	"module/usbcore/parameters/authorized_default";
/* Key of the module parameter in what is remembered; no hub is called so. */
static const char module_key[] = "module";
/* drivers/usb/core/hcd.c: wireless USB no, everything else yes. */
static const char module_kernel_default[] = "-1";
static const char hub_kernel_default[] = "1";

enum { VALUE_MAX = 16, PATH_LIMIT = 256, ENTRIES_MAX = USB_AUTH_HUBS_MAX + 1 };

struct saved {
	char key[ENFORCE_NAME_MAX]; /* "usb1", or module_key */
	char value[VALUE_MAX];
};

struct usb_auth {
	int sys_fd;
	size_t count;
	struct saved saved[ENTRIES_MAX];
};

int usb_auth_new(int sys_fd, struct usb_auth **ret_auth)
{
	struct usb_auth *auth = calloc(1, sizeof(*auth));

	if (!auth)
		return -ENOMEM;
	auth->sys_fd = sys_fd;
	*ret_auth = auth;
	return 0;
}

struct usb_auth *usb_auth_free(struct usb_auth *auth)
{
	free(auth);
	return NULL;
}

/* ---- attributes -------------------------------------------------------- */

static int attribute_path(char ret_path[PATH_LIMIT], const char *device,
			  const char *attribute)
{
	int n;

	if (!is_kernel_name(device))
		return -EINVAL;
	n = snprintf(ret_path, PATH_LIMIT, "%s/%s/%s", devices_dir, device,
		     attribute);
	return n < 0 || n >= PATH_LIMIT ? -ENAMETOOLONG : 0;
}

static int write_attribute(struct usb_auth *auth, const char *device,
			   const char *attribute, const char *value)
{
	char path[PATH_LIMIT];
	int r = attribute_path(path, device, attribute);

	if (r == 0)
		r = write_text_file(auth->sys_fd, path, value);
	return r == -ENOENT ? -ENODEV : r;
}

int usb_auth_device(struct usb_auth *auth, const char *device, bool authorized)
{
	return write_attribute(auth, device, "authorized",
			       authorized ? "1" : "0");
}

int usb_auth_interface(struct usb_auth *auth, const char *interface,
		       bool authorized)
{
	int r = write_attribute(auth, interface, "authorized",
				authorized ? "1" : "0");

	if (r < 0 || !authorized)
		return r;
	/* No driver wants it: then none is bound, which is no failure. */
	r = write_text_file(auth->sys_fd, "bus/usb/drivers_probe", interface);
	return r == -EINVAL ? 0 : r;
}

/* "1-1.2" hangs on "usb1". */
static int root_hub_of(const char *device, char ret_hub[VALUE_MAX])
{
	size_t digits = strspn(device, "0123456789");
	int n;

	if (digits == 0 || digits > 4 || device[digits] != '-')
		return -EINVAL;
	n = snprintf(ret_hub, VALUE_MAX, "usb%.*s", (int)digits, device);
	return n < 0 || n >= VALUE_MAX ? -EINVAL : 0;
}

int usb_auth_interfaces_default(struct usb_auth *auth, const char *device,
				bool authorized)
{
	char hub[VALUE_MAX];
	int r = root_hub_of(device, hub);

	if (r < 0)
		return r;
	return write_attribute(auth, hub, "interface_authorized_default",
			       authorized ? "1" : "0");
}

int usb_auth_remove(struct usb_auth *auth, const char *device)
{
	return write_attribute(auth, device, "remove", "1");
}

/* ---- what was there before --------------------------------------------- */

static const char *recall(const struct usb_auth *auth, const char *key)
{
	for (size_t i = 0; i < auth->count; i++) {
		if (strcmp(auth->saved[i].key, key) == 0)
			return auth->saved[i].value;
	}
	return NULL;
}

/* The first value seen is the one from before us; more hubs than the limit
 * go back to the kernel's default at uninstall. */
static void remember(struct usb_auth *auth, const char *key, const char *value)
{
	struct saved *saved;

	if (recall(auth, key) || auth->count == ENTRIES_MAX ||
	    strlen(key) >= sizeof(saved->key) ||
	    strlen(value) >= sizeof(saved->value))
		return;
	saved = &auth->saved[auth->count++];
	(void)snprintf(saved->key, sizeof(saved->key), "%s", key);
	(void)snprintf(saved->value, sizeof(saved->value), "%s", value);
}

static void replace(struct usb_auth *auth, const char *key, const char *value)
{
	for (size_t i = 0; i < auth->count; i++) {
		if (strcmp(auth->saved[i].key, key) == 0 &&
		    strlen(value) < sizeof(auth->saved[i].value)) {
			(void)snprintf(auth->saved[i].value,
				       sizeof(auth->saved[i].value), "%s",
				       value);
			return;
		}
	}
	remember(auth, key, value);
}

static bool is_root_hub(const char *name)
{
	return strncmp(name, "usb", 3) == 0 && name[3] != '\0' &&
	       name[3 + strspn(name + 3, "0123456789")] == '\0';
}

int usb_auth_set_hub_default(struct usb_auth *auth, const char *hub,
			     enum usb_auth_default value)
{
	const char text[] = {(char)('0' + (int)value), '\0'};
	char before[VALUE_MAX];
	char path[PATH_LIMIT];
	int r;

	if (!is_root_hub(hub))
		return -EINVAL;
	r = attribute_path(path, hub, "authorized_default");
	if (r == 0)
		r = read_line_file(auth->sys_fd, path, before, sizeof(before));
	if (r == 0) {
		remember(auth, hub, before);
		r = write_text_file(auth->sys_fd, path, text);
	}
	return r == -ENOENT ? -ENODEV : r;
}

static int set_module_default(struct usb_auth *auth, const char *value)
{
	char before[VALUE_MAX];
	int r = read_line_file(auth->sys_fd, module_path, before,
			       sizeof(before));

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	remember(auth, module_key, before);
	return write_text_file(auth->sys_fd, module_path, value);
}

/* ---- all of them ------------------------------------------------------- */

/* Returns the first error but visits all. */
static int each_device(struct usb_auth *auth,
		       int (*visit)(struct usb_auth *auth, const char *name,
				    int argument),
		       int argument)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int result = 0;
	int r = open_dir_below(auth->sys_fd, devices_dir, &dir);

	if (r < 0)
		return r == -ENOENT ? 0 : r;

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		r = visit(auth, entry->d_name, argument);
		/* What went away meanwhile needs nothing. */
		if (r < 0 && r != -ENODEV && result == 0)
			result = r;
	}
	return result;
}

static int visit_hub(struct usb_auth *auth, const char *name, int value)
{
	if (!is_root_hub(name))
		return 0;
	return usb_auth_set_hub_default(auth, name,
					(enum usb_auth_default)value);
}

int usb_auth_set_default(struct usb_auth *auth, enum usb_auth_default value)
{
	const char text[] = {(char)('0' + (int)value), '\0'};
	/* The parameter first: a controller that comes between the two steps
	 * has inherited it or is in the list. */
	int module = set_module_default(auth, text);
	int hubs = each_device(auth, visit_hub, (int)value);

	return module < 0 ? module : hubs;
}

/* ---- across restarts --------------------------------------------------- */

/* Lines "KEY VALUE". A line that is no such thing is skipped: the file is
 * ours, and half of it is better than none. */
static int load(struct usb_auth *auth, int state_fd, const char *name)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r = read_small_file(state_fd, name, USB_AUTH_SAVED_MAX_BYTES, &text,
				NULL);

	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		if ((is_root_hub(line) || strcmp(line, module_key) == 0) &&
		    value[strspn(value, "-0123456789")] == '\0' &&
		    *value != '\0')
			replace(auth, line, value);
	}
	return 0;
}

int usb_auth_save(struct usb_auth *auth, int state_fd, const char *name)
{
	char text[USB_AUTH_SAVED_MAX_BYTES];
	size_t used = 0;
	int r = load(auth, state_fd, name);

	if (r < 0 && r != -ENOENT)
		return r;
	for (size_t i = 0; i < auth->count; i++) {
		int n = snprintf(text + used, sizeof(text) - used, "%s %s\n",
				 auth->saved[i].key, auth->saved[i].value);

		if (n < 0 || (size_t)n >= sizeof(text) - used)
			return -ENOSPC;
		used += (size_t)n;
	}
	return write_atomic(state_fd, name, text, used, 0600);
}

static int restore_hub(struct usb_auth *auth, const char *name, int argument)
{
	const char *value = recall(auth, name);

	(void)argument;
	if (!is_root_hub(name))
		return 0;
	return write_attribute(auth, name, "authorized_default",
			       value ? value : hub_kernel_default);
}

static int admit_device(struct usb_auth *auth, const char *name, int interfaces)
{
	bool is_interface = strchr(name, ':') != NULL;

	if (is_root_hub(name) || is_interface != (interfaces != 0))
		return 0;
	return is_interface ? usb_auth_interface(auth, name, true)
			    : usb_auth_device(auth, name, true);
}

int usb_auth_restore(struct usb_auth *auth, int state_fd, const char *name)
{
	const char *module;
	int results[5];

	auth->count = 0; /* what this process saw is our own doing */
	results[4] = load(auth, state_fd, name);
	if (results[4] == -ENOENT)
		results[4] = 0;

	module = recall(auth, module_key);
	results[0] = write_text_file(auth->sys_fd, module_path,
				     module ? module : module_kernel_default);
	if (results[0] == -ENOENT)
		results[0] = 0;
	results[1] = each_device(auth, restore_hub, 0);
	results[2] = each_device(auth, admit_device, 0);
	results[3] = each_device(auth, admit_device, 1);
	for (int i = 0; i < 5; i++) {
		if (results[i] < 0)
			return results[i];
	}
	return 0;
}
