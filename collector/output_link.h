/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_link: one connection to another log system, TCP with or without TLS
 * 1.2 or newer, each step bounded in time, and ended from another thread by
 * its gate. Must not know events or the protocol that is spoken over it.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#define OUTPUT_HOST_SIZE 256u
#define OUTPUT_PORT_SIZE 8u
/* A peer that neither takes nor sends an octet for this long is gone. */
#define OUTPUT_STEP_S 10

/* Where to; the paths are borrowed, "" none. */
struct output_target {
	bool is_tls;
	char host[OUTPUT_HOST_SIZE];
	char port[OUTPUT_PORT_SIZE];
	const char *ca;	  /* PEM; "": what the system trusts */
	const char *cert; /* PEM, the client's chain; "": none */
	const char *key;  /* PEM of cert */
};

/* By which another thread ends what a link waits for. */
struct output_gate {
	pthread_mutex_t lock;
	int fd; /* under lock: of the open link, or -1 */
	bool is_closed;
};

struct output_link {
	struct output_gate *gate;
	int fd;
	SSL_CTX *ctx; /* NULL: no TLS */
	SSL *ssl;
};

/* Reads "HOST:PORT" ("[ADDRESS]:PORT"). 0, or -EINVAL (unchanged). */
int output_target_parse(const char *text, struct output_target *target)
	__attribute__((nonnull, warn_unused_result));

/*
 * Connects and proves who the peer is: its certificate must be of `ca` and name
 * the host. 0 and *ret_link, for output_link_close(); -EKEYREJECTED: the
 * certificate is not right; -ECANCELED: the gate is closed; -ENOENT: a file of
 * the target cannot be used; or -errno of the network.
 */
int output_link_open(const struct output_target *target,
		     struct output_gate *gate, struct output_link *ret_link)
	__attribute__((nonnull, warn_unused_result));
void output_link_close(struct output_link *link) __attribute__((nonnull));

/* Writes all of it. 0 or -errno. */
int output_link_write(struct output_link *link, const char *data, size_t size)
	__attribute__((nonnull, warn_unused_result));

/* Reads what there is, at least one octet. 0 and *ret_size; -EPIPE: the end. */
int output_link_read(struct output_link *link, char *data, size_t size,
		     size_t *ret_size)
	__attribute__((nonnull, warn_unused_result));

/*
 * Says that nothing follows (close_notify) and waits until the peer has closed.
 * 0: it closed in order with all that was written taken from the connection by
 * its program; a peer that died with octets unread resets instead, and one that
 * refused us alerts: -ECONNRESET. For protocols that acknowledge nothing. With
 * TLS only.
 */
int output_link_finish(struct output_link *link)
	__attribute__((nonnull, warn_unused_result));

/* Ends what waits, and what would be opened later. Any thread. */
void output_gate_close(struct output_gate *gate) __attribute__((nonnull));
