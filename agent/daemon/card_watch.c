/* SPDX-License-Identifier: Apache-2.0 */
/* One socket, one answer awaited at a time. */
#include "agent/daemon/card_watch.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/sense/card.h"

#define AGAIN_US (5ULL * 1000 * 1000)
#define SLACK_US (100ULL * 1000)

enum awaited {
	AWAIT_NOTHING = 0, /* not connected */
	AWAIT_VERSION,
	AWAIT_STATES,
	AWAIT_EVENT,
};

static const size_t answer_bytes[] = {
	[AWAIT_NOTHING] = 0,
	[AWAIT_VERSION] = CARD_VERSION_BYTES,
	[AWAIT_STATES] = CARD_STATES_BYTES,
	[AWAIT_EVENT] = CARD_EVENT_BYTES,
};

struct card_watch {
	sd_event *loop; /* borrowed */
	int root_fd;
	card_watch_fn *seen;
	void *userdata;
	sd_event_source *io;
	sd_event_source *again;
	bool is_wanted;
	enum awaited awaited;
	size_t filled;
	uint8_t answer[CARD_STATES_BYTES];
};

static int on_io(sd_event_source *source, int fd, uint32_t events,
		 void *userdata);

/* The source owns the socket. */
static void hang_up(struct card_watch *watch)
{
	watch->io = sd_event_source_disable_unref(watch->io);
	watch->awaited = AWAIT_NOTHING;
	watch->filled = 0;
}

static int dial(struct card_watch *watch, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	/* Below the root fd: sockets know no connectat() */
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
		       "/proc/self/fd/%d/" CARD_SOCKET, watch->root_fd);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* A request fits into an empty socket's buffer, or pcscd does not read. */
static int ask(struct card_watch *watch, int fd, enum awaited awaited)
{
	uint8_t request[CARD_REQUEST_MAX];
	size_t size = awaited == AWAIT_VERSION ? card_ask_version(request)
					       : card_ask_states(request);

	watch->awaited = awaited;
	watch->filled = 0;
	ssize_t n = send(fd, request, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EPIPE;
}

static int connect_once(struct card_watch *watch)
{
	_cleanup_close_ int fd = -1;

	int r = dial(watch, &fd);
	if (r < 0)
		return r;
	r = ask(watch, fd, AWAIT_VERSION);
	if (r < 0)
		return r;
	r = sd_event_add_io(watch->loop, &watch->io, fd, EPOLLIN, on_io, watch);
	if (r < 0)
		return r;
	r = sd_event_source_set_io_fd_own(watch->io, 1);
	if (r < 0)
		return r;
	(void)TAKE_FD(fd);
	return 0;
}

static void fail(struct card_watch *watch, int error)
{
	hang_up(watch);
	watch->seen(watch->userdata, NULL, 0, strerror(-error));
	/* A timer that cannot be set: the next session tries again */
	(void)!sd_event_source_set_time_relative(watch->again, AGAIN_US);
	(void)!sd_event_source_set_enabled(watch->again, SD_EVENT_ONESHOT);
}

/* A whole answer is there. 0 or -errno. */
static int take_answer(struct card_watch *watch, int fd)
{
	struct token cards[TOKENS_MAX];
	int r = 0;

	switch (watch->awaited) {
	case AWAIT_VERSION:
		r = card_check_version(watch->answer);
		return r < 0 ? r : ask(watch, fd, AWAIT_STATES);
	case AWAIT_STATES:
		watch->awaited = AWAIT_EVENT;
		watch->filled = 0;
		watch->seen(watch->userdata, cards,
			    card_parse(watch->answer, cards, TOKENS_MAX), NULL);
		return 0;
	case AWAIT_EVENT:
		r = card_check_event(watch->answer);
		return r < 0 ? r : ask(watch, fd, AWAIT_STATES);
	case AWAIT_NOTHING:
		break;
	}
	return -EPROTO;
}

static int on_io(sd_event_source *source, int fd, uint32_t events,
		 void *userdata)
{
	struct card_watch *watch = userdata;
	ssize_t n = recv(fd, watch->answer + watch->filled,
			 answer_bytes[watch->awaited] - watch->filled,
			 MSG_DONTWAIT);
	int r = 0;

	(void)source;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		r = n < 0 ? -errno : -ECONNRESET;
	} else {
		watch->filled += (size_t)n;
		if (watch->filled == answer_bytes[watch->awaited])
			r = take_answer(watch, fd);
	}
	if (r < 0)
		fail(watch, r);
	return 0;
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct card_watch *watch = userdata;

	(void)source;
	(void)usec;
	int r = connect_once(watch);
	if (r < 0)
		fail(watch, r);
	return 0;
}

void card_watch_want(struct card_watch *watch, bool is_wanted)
{
	if (watch->is_wanted == is_wanted)
		return;
	watch->is_wanted = is_wanted;
	if (is_wanted) {
		int r = connect_once(watch);
		if (r < 0)
			fail(watch, r);
		return;
	}
	hang_up(watch);
	(void)!sd_event_source_set_enabled(watch->again, SD_EVENT_OFF);
	watch->seen(watch->userdata, NULL, 0, NULL);
}

int card_watch_new(sd_event *loop, int root_fd, card_watch_fn *seen,
		   void *userdata, struct card_watch **ret_watch)
{
	struct card_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	*watch = (struct card_watch){
		.loop = loop,
		.root_fd = root_fd,
		.seen = seen,
		.userdata = userdata,
	};
	int r = sd_event_add_time_relative(loop, &watch->again, CLOCK_MONOTONIC,
					   AGAIN_US, SLACK_US, on_again, watch);
	if (r >= 0)
		r = sd_event_source_set_enabled(watch->again, SD_EVENT_OFF);
	if (r < 0) {
		card_watch_free(watch);
		return r;
	}
	*ret_watch = watch;
	return 0;
}

struct card_watch *card_watch_free(struct card_watch *watch)
{
	if (!watch)
		return NULL;
	hang_up(watch);
	sd_event_source_disable_unref(watch->again);
	free(watch);
	return NULL;
}
