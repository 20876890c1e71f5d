/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify on the directories, since the files are replaced. A directory that is
 * missing is looked for again every few seconds; /run/sekimori appears with the
 * daemon.
 */
#include "agent/ship/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/ship/identity.h"
#include "agent/ship/settings.h"

#include "agent/base/banned.h"

#define RETRY_MS 3000u
#define MASK	 (IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE)

static const struct {
	const char *directory;
	const char *name;
	enum watch_event event;
} watched[] = {
	{TAIL_DIRECTORY, TAIL_NAME, WATCH_TAIL},
	{STATE_PATH, IDENTITY_CERT, WATCH_CONFIG},
	{"etc/sekimori", "agent.conf", WATCH_CONFIG},
};
#define WATCHED (sizeof(watched) / sizeof(*watched))

struct watch {
	int root_fd;
	int inotify_fd;
	watch_sleep_fn *sleep;
	void *userdata;
	int ids[WATCHED]; /* -1: the directory is missing */
};

struct watch *watch_free(struct watch *watch)
{
	if (!watch)
		return NULL;
	cleanup_close(&watch->inotify_fd);
	free(watch);
	return NULL;
}

/* Adds what is missing. True when a directory has come up. */
static bool add_missing(struct watch *watch)
{
	bool is_new = false;

	for (size_t i = 0; i < WATCHED; i++) {
		char path[64];

		if (watch->ids[i] >= 0)
			continue;
		_cleanup_close_ int fd = open_below(watch->root_fd,
						    watched[i].directory,
						    O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0)
			continue;
		/* inotify wants a path; this one is the descriptor. */
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		watch->ids[i] = inotify_add_watch(watch->inotify_fd, path,
						  MASK);
		is_new = is_new || watch->ids[i] >= 0;
	}
	return is_new;
}

static bool is_complete(const struct watch *watch)
{
	for (size_t i = 0; i < WATCHED; i++)
		if (watch->ids[i] < 0)
			return false;
	return true;
}

int watch_new(int root_fd, struct watch **ret_watch)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;

	watch->root_fd = root_fd;
	watch->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->inotify_fd < 0) {
		int r = -errno;

		watch_free(watch);
		return r;
	}
	for (size_t i = 0; i < WATCHED; i++)
		watch->ids[i] = -1;
	(void)add_missing(watch);
	*ret_watch = watch;
	return 0;
}

static int meaning(struct watch *watch, const struct inotify_event *event)
{
	int events = 0;

	if (event->mask & IN_Q_OVERFLOW)
		return WATCH_TAIL | WATCH_CONFIG;
	for (size_t i = 0; i < WATCHED; i++) {
		if (watch->ids[i] != event->wd)
			continue;
		if (event->mask & IN_IGNORED)
			watch->ids[i] = -1; /* the directory is gone */
		else if (event->len > 0 &&
			 strcmp(event->name, watched[i].name) == 0)
			events |= (int)watched[i].event;
	}
	return events;
}

/* Everything queued, as a set. */
static int drain(struct watch *watch)
{
	_Alignas(struct inotify_event) char
		data[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	int events = 0;
	ssize_t n;

	while ((n = read(watch->inotify_fd, data, sizeof(data))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event =
				(const void *)(data + at);

			events |= meaning(watch, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : events;
}

static int poll_ms(uint64_t wait_ms)
{
	return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

void watch_set_sleeper(struct watch *watch, watch_sleep_fn *sleep,
		       void *userdata)
{
	watch->sleep = sleep;
	watch->userdata = userdata;
}

static int sleep_ms(struct watch *watch, int timeout_ms)
{
	struct pollfd ready = {.fd = watch->inotify_fd, .events = POLLIN};

	if (watch->sleep)
		watch->sleep(watch->userdata, watch->inotify_fd, timeout_ms);
	else if (poll(&ready, 1, timeout_ms) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

int watch_wait(struct watch *watch, uint64_t timeout_ms)
{
	uint64_t start_ms = clock_mono_ns() / NS_PER_MS;

	for (;;) {
		if (add_missing(watch))
			return WATCH_TAIL | WATCH_CONFIG;
		int events = drain(watch);
		if (events != 0)
			return events;

		uint64_t passed_ms = clock_mono_ns() / NS_PER_MS - start_ms;
		if (passed_ms >= timeout_ms)
			return WATCH_TIME;
		uint64_t wait_ms = timeout_ms == WATCH_FOREVER
					   ? INT_MAX
					   : timeout_ms - passed_ms;
		if (!is_complete(watch) && wait_ms > RETRY_MS)
			wait_ms = RETRY_MS;
		bool is_endless = timeout_ms == WATCH_FOREVER &&
				  is_complete(watch);
		int r = sleep_ms(watch, is_endless ? -1 : poll_ms(wait_ms));
		if (r < 0)
			return r;
	}
}
