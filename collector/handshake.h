/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handshake: waits for the rest of a TLS handshake in libmicrohttpd's place.
 * With epoll its workers never leave a connection alone whose handshake is not
 * complete (MHD_run_tls_handshake_() does not clear the read-ready mark; so up
 * to 1.0.1): one client that stops in the middle keeps a processor busy, and a
 * morning's logins cost twice what they need. Here such a connection is
 * suspended where GnuTLS finds nothing to read, and resumed when there is
 * something, or when its time is over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

struct handshake;

/* One connection's part; zeroed. Lives until the connection is closed. */
struct handshake_wait {
	struct handshake *handshake;
	struct MHD_Connection *connection;
	struct handshake_wait *prev, *next; /* under the lock, while waiting */
	uint64_t until_ns;		    /* of the whole handshake */
	int fd;
	bool is_waiting;  /* under the lock */
	bool is_complete; /* the worker's */
};

/* A thread of its own. 0 or -errno. */
int handshake_start(struct handshake **ret_handshake)
	__attribute__((nonnull, warn_unused_result));

/*
 * From MHD_CONNECTION_NOTIFY_STARTED of a daemon with MHD_USE_TLS and
 * MHD_ALLOW_SUSPEND_RESUME; `wait` stays where it is until NOTIFY_CLOSED.
 */
void handshake_watch(struct handshake *handshake,
		     struct MHD_Connection *connection,
		     struct handshake_wait *wait) __attribute__((nonnull));

/* Resumes every connection that waits, as MHD_stop_daemon() wants, and
 * suspends no more. NULL is fine; handshake_free() after MHD_stop_daemon(). */
void handshake_stop(struct handshake *handshake);
void handshake_free(struct handshake *handshake);
