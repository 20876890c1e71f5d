/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handshake: GnuTLS's pull function and the thread behind it. A connection that
 * waits here is suspended, and therefore cannot be closed by libmicrohttpd, so
 * the thread may use it until it has resumed it.
 */
#include "collector/handshake.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "collector/limits.h"

#include "agent/base/banned.h"

#define EVENTS	 64
#define SWEEP_MS 1000

struct handshake {
	pthread_t thread;
	pthread_mutex_t lock;
	int epoll;
	int wake;		      /* eventfd */
	bool is_stopping;	      /* under lock */
	struct handshake_wait *first; /* under lock */
};

/* Under the lock. */
static void give_back(struct handshake *h, struct handshake_wait *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else
		h->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = w->next = NULL;
	w->is_waiting = false;
	/* It was added, and nobody else takes it out. */
	(void)epoll_ctl(h->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	MHD_resume_connection(w->connection); /* w may be gone after this */
}

static void wake_thread(struct handshake *h)
{
	(void)eventfd_write(h->wake, 1); /* full: it is awake */
}

/* On the worker's thread, inside gnutls_handshake(): nothing to read yet. */
static void wait_for_more(struct handshake *h, struct handshake_wait *w)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
				    .data.ptr = w};

	(void)pthread_mutex_lock(&h->lock); /* a plain mutex cannot fail */
	/* Without memory for it the connection goes on as without us. */
	if (!h->is_stopping && !w->is_waiting &&
	    epoll_ctl(h->epoll, EPOLL_CTL_ADD, w->fd, &event) == 0) {
		/* Its time is looked at only while somebody waits */
		if (!h->first)
			wake_thread(h);
		w->is_waiting = true;
		w->next = h->first;
		if (w->next)
			w->next->prev = w;
		h->first = w;
		/* Before the lock is let go: the thread may be quick. */
		MHD_suspend_connection(w->connection);
	}
	(void)pthread_mutex_unlock(&h->lock); /* we hold it */
}

/* The client's Finished is the last message of a handshake (RFC 8446 §2). */
static int on_finished(gnutls_session_t session, unsigned int type,
		       unsigned int when, unsigned int is_incoming,
		       const gnutls_datum_t *message)
{
	struct handshake_wait *w = gnutls_transport_get_ptr(session);

	(void)type, (void)when, (void)message; /* as asked for below */
	if (is_incoming)
		w->is_complete = true;
	return 0;
}

static ssize_t pull(gnutls_transport_ptr_t ctx, void *data, size_t size)
{
	struct handshake_wait *w = ctx;
	ssize_t n = recv(w->fd, data, size, 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		if (!w->is_complete)
			wait_for_more(w->handshake, w);
		errno = EAGAIN;
	}
	return n;
}

/* Unused while no timeout is set, but GnuTLS wants one with a pull function. */
static int pull_timeout(gnutls_transport_ptr_t ctx, unsigned int ms)
{
	const struct handshake_wait *w = ctx;

	return gnutls_system_recv_timeout(
		(gnutls_transport_ptr_t)(intptr_t)w->fd, ms);
}

void handshake_watch(struct handshake *handshake,
		     struct MHD_Connection *connection,
		     struct handshake_wait *wait)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (!info)
		return;
	wait->fd = info->connect_fd;
	info = MHD_get_connection_info(connection,
				       MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (!info || !info->tls_session)
		return;
	wait->handshake = handshake;
	wait->connection = connection;
	wait->until_ns = clock_mono_ns() + LIMIT_HANDSHAKE_S * NS_PER_S;
	gnutls_transport_set_ptr2(info->tls_session, wait,
				  (gnutls_transport_ptr_t)(intptr_t)wait->fd);
	gnutls_transport_set_pull_function(info->tls_session, pull);
	gnutls_handshake_set_hook_function(info->tls_session,
					   GNUTLS_HANDSHAKE_FINISHED,
					   GNUTLS_HOOK_POST, on_finished);
	gnutls_transport_set_pull_timeout_function(info->tls_session,
						   pull_timeout);
}

/* Under the lock: whoever had time enough is cut off; its worker sees that. */
static void sweep(struct handshake *h, uint64_t now_ns)
{
	struct handshake_wait *next;

	for (struct handshake_wait *w = h->first; w; w = next) {
		next = w->next;
		if (!h->is_stopping && now_ns < w->until_ns)
			continue;
		/* One that is gone already is as well. */
		(void)shutdown(w->fd, SHUT_RDWR);
		give_back(h, w);
	}
}

static void *handshake_main(void *ctx)
{
	struct handshake *h = ctx;
	struct epoll_event events[EVENTS];
	uint64_t swept_ns = 0;
	int timeout_ms = -1;
	bool is_stopping;

	do {
		int n = epoll_wait(h->epoll, events, EVENTS, timeout_ms);
		uint64_t now_ns = clock_mono_ns();

		(void)pthread_mutex_lock(&h->lock); /* cannot fail */
		for (int i = 0; i < n; i++) {
			struct handshake_wait *w = events[i].data.ptr;
			eventfd_t count;

			if (w)
				give_back(h, w);
			else
				(void)eventfd_read(h->wake, &count); /* why */
		}
		if (h->is_stopping ||
		    now_ns - swept_ns >= SWEEP_MS * NS_PER_MS) {
			sweep(h, now_ns);
			swept_ns = now_ns;
		}
		timeout_ms = h->first ? SWEEP_MS : -1;
		is_stopping = h->is_stopping;
		(void)pthread_mutex_unlock(&h->lock); /* we hold it */
	} while (!is_stopping);
	return NULL;
}

void handshake_free(struct handshake *h)
{
	if (!h)
		return;
	(void)pthread_mutex_destroy(&h->lock); /* nobody holds it */
	if (h->epoll >= 0)
		(void)close(h->epoll); /* nothing is written to it */
	if (h->wake >= 0)
		(void)close(h->wake); /* same */
	free(h);
}

int handshake_start(struct handshake **ret_handshake)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct handshake *h = calloc(1, sizeof(*h));
	int r = 0;

	if (!h)
		return -ENOMEM;
	(void)pthread_mutex_init(&h->lock, NULL); /* glibc: cannot fail */
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->epoll < 0 || h->wake < 0 ||
	    epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->wake, &event) < 0)
		r = -errno;
	if (r == 0)
		r = -pthread_create(&h->thread, NULL, handshake_main, h);
	if (r < 0)
		handshake_free(h);
	else
		*ret_handshake = h;
	return r;
}

void handshake_stop(struct handshake *h)
{
	if (!h)
		return;
	(void)pthread_mutex_lock(&h->lock); /* a plain mutex cannot fail */
	h->is_stopping = true;
	(void)pthread_mutex_unlock(&h->lock); /* we hold it */
	wake_thread(h);
	(void)pthread_join(h->thread, NULL); /* joined once, by the owner */
}
