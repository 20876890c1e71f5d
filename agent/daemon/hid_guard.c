/* SPDX-License-Identifier: Apache-2.0 */
/* Watches over keyboards, one for each event node; see hid_guard.h. */
#include "agent/daemon/hid_guard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/base/cleanup.h"
#include "agent/daemon/context.h"
#include "agent/enforce/silence.h"
#include "agent/sense/input.h"
#include "policy/typing.h"

#define NODE_MAX 64
/* A person waits: not a heartbeat that may come late. */
#define SLACK_US (100ULL * 1000)

struct watch {
	struct watch *next;
	struct hid_guard *guard;
	char event[SYSFS_PATH_MAX]; /* devpath of the event node */
	char node[NODE_MAX];	    /* "input/event3" */
	int fd;
	int silence_fd; /* open while it is silenced */
	sd_event_source *io;
	sd_event_source *timer;
	struct typing typing;
};

struct hid_guard {
	struct daemon *daemon;
	struct watch *first;
	unsigned int count;
};

/* --- watches -------------------------------------------------------------- */

static void watch_end(struct watch *watch)
{
	struct hid_guard *guard = watch->guard;
	struct watch **at = &guard->first;

	while (*at != watch)
		at = &(*at)->next;
	*at = watch->next;
	guard->count--;
	sd_event_source_disable_unref(watch->io);
	sd_event_source_disable_unref(watch->timer);
	cleanup_close(&watch->silence_fd);
	cleanup_close(&watch->fd);
	free(watch);
}

/* The USB device that INPUT hangs on: the one with the longest path, for a hub
 * is above its children. */
static struct usb_entry *usb_above(const struct hid_guard *guard,
				   const char *input)
{
	const struct devices *devices = &guard->daemon->pipeline.devices;
	struct usb_entry *found = NULL;
	size_t longest = 0;

	for (struct usb_entry *usb = devices->usb; usb; usb = usb->next) {
		size_t len = strlen(usb->device.devpath);
		if (len <= longest || input[len] != '/' ||
		    strncmp(input, usb->device.devpath, len) != 0)
			continue;
		longest = len;
		found = usb;
	}
	return found;
}

static int on_silence_end(sd_event_source *source, uint64_t usec,
			  void *userdata)
{
	struct watch *watch = userdata;

	(void)source;
	(void)usec;
	cleanup_close(&watch->silence_fd);
	watch->silence_fd = -1;
	return 0;
}

/* The last keyboard: kept, and silent for a while. */
static void silence(struct watch *watch)
{
	struct daemon *daemon = watch->guard->daemon;

	watch->typing = (struct typing){0};
	if (watch->silence_fd >= 0)
		return;
	int r = silence_begin(daemon->dev_fd, watch->node, &watch->silence_fd);
	if (r == 0)
		r = sd_event_source_set_time_relative(watch->timer,
						      HID_GUARD_SILENCE_US);
	if (r >= 0)
		r = sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
	if (r >= 0)
		return;
	cleanup_close(&watch->silence_fd);
	watch->silence_fd = -1;
	log_error(daemon->log, "cannot silence '%s': %s", watch->node,
		  errno_text(r));
}

/* WATCH may be gone afterwards. */
static void typed_fast(struct watch *watch)
{
	struct daemon *daemon = watch->guard->daemon;
	struct usb_entry *entry = usb_above(watch->guard, watch->event);

	if (entry && pipeline_is_watched(entry)) {
		log_warning(daemon->log, "'%s' types as no person does",
			    entry->device.fact.via_port);
		if (pipeline_typed_fast(&daemon->pipeline, entry) ==
		    PIPELINE_LAST_KEYBOARD) {
			silence(watch);
			return;
		}
	}
	watch_end(watch);
}

static int on_typing(sd_event_source *source, int fd, uint32_t revents,
		     void *userdata)
{
	struct watch *watch = userdata;
	uint64_t mono_us[INPUT_PRESSES_MAX];
	size_t count = 0;

	(void)source;
	(void)revents;
	if (input_presses(fd, mono_us, &count) < 0) {
		watch_end(watch); /* unplugged */
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		enum typing_answer answer = typing_press(&watch->typing,
							 mono_us[i]);
		if (answer == TYPING_OPEN)
			continue;
		if (answer == TYPING_MACHINE)
			typed_fast(watch);
		else
			watch_end(watch);
		return 0;
	}
	return 0;
}

static int watch_begin(struct watch *watch)
{
	struct daemon *daemon = watch->guard->daemon;

	int r = input_open(daemon->dev_fd, watch->node, &watch->fd);
	if (r < 0)
		return r;
	r = sd_event_add_io(daemon->loop, &watch->io, watch->fd, EPOLLIN,
			    on_typing, watch);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(daemon->loop, &watch->timer,
				       CLOCK_MONOTONIC, 0, SLACK_US,
				       on_silence_end, watch);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
}

static int watch_add(struct hid_guard *guard, const char *event,
		     const char *node)
{
	if (guard->count == HID_GUARD_WATCHES_MAX)
		return -E2BIG;
	struct watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->guard = guard;
	watch->fd = watch->silence_fd = -1;
	(void)snprintf(watch->event, sizeof(watch->event), "%s", event);
	(void)snprintf(watch->node, sizeof(watch->node), "%s", node);
	watch->next = guard->first;
	guard->first = watch;
	guard->count++;
	int r = watch_begin(watch);
	if (r < 0)
		watch_end(watch);
	return r < 0 ? r : 0;
}

/* --- input devices -------------------------------------------------------- */

static bool is_watched(const struct hid_guard *guard, const char *event)
{
	for (const struct watch *w = guard->first; w; w = w->next)
		if (strcmp(w->event, event) == 0)
			return true;
	return false;
}

static void look(struct hid_guard *guard, const char *event, const char *node)
{
	struct daemon *daemon = guard->daemon;
	struct usb_entry *entry = usb_above(guard, event);
	bool can_type = false;

	if (!entry)
		return;
	if (input_can_type(daemon->root_fd, event, &can_type) < 0 || !can_type)
		return; /* gone again, or a mouse */
	pipeline_has_keys(&daemon->pipeline, entry, event);
	if (!pipeline_is_watched(entry) || is_watched(guard, event))
		return; /* held now, or nobody to look at */
	int r = watch_add(guard, event, node);
	if (r < 0 && r != -ENOENT && r != -ENODEV)
		log_error(daemon->log, "cannot watch '%s': %s", node,
			  errno_text(r));
}

void hid_guard_uevent(struct hid_guard *guard, const struct uevent *event)
{
	if (event->action == UEVENT_ADD &&
	    strcmp(event->subsystem, "input") == 0 &&
	    strncmp(event->devname, "input/event", 11) == 0)
		look(guard, event->devpath, event->devname);
}

static int see(const char *name, void *userdata)
{
	struct hid_guard *guard = userdata;
	char link[SYSFS_PATH_MAX], event[SYSFS_PATH_MAX], node[NODE_MAX];

	if (strncmp(name, "event", 5) != 0 || strlen(name) > 32)
		return 0;
	(void)snprintf(link, sizeof(link), "sys/class/input/%s", name);
	(void)snprintf(node, sizeof(node), "input/%s", name);
	if (sysfs_devpath_of(guard->daemon->root_fd, link, event) == 0)
		look(guard, event, node);
	return 0;
}

void hid_guard_scan(struct hid_guard *guard)
{
	int r = sysfs_each(guard->daemon->root_fd, "sys/class/input", see,
			   guard);

	if (r < 0 && r != -ENOENT)
		log_error(guard->daemon->log, "cannot list input devices: %s",
			  errno_text(r));
}

int hid_guard_new(struct daemon *daemon, struct hid_guard **ret_guard)
{
	struct hid_guard *guard = calloc(1, sizeof(*guard));

	if (!guard)
		return -ENOMEM;
	guard->daemon = daemon;
	*ret_guard = guard;
	return 0;
}

struct hid_guard *hid_guard_free(struct hid_guard *guard)
{
	while (guard && guard->first)
		watch_end(guard->first);
	free(guard);
	return NULL;
}
