/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: one answer, put together before it is sent, and the small pieces both
 * listeners need around libmicrohttpd. Every answer carries the same protective
 * headers. Must not know what is served.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

#include "agent/base/buf.h"

#define HTTP_HEADERS_MAX  6u
#define HTTP_HEADER_VALUE 192u
#define HTTP_REPLY_MAX	  (16u << 20)

struct http_header {
	const char *name; /* static */
	char value[HTTP_HEADER_VALUE];
};

struct http_reply {
	unsigned int status;
	const char *type; /* static */
	struct buf body;
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t header_count;
	/* Instead of the body: made by the handler, taken by the sending. */
	struct MHD_Response *made;
};

void http_reply_init(struct http_reply *reply) __attribute__((nonnull));
void http_reply_fini(struct http_reply *reply) __attribute__((nonnull));

/* Status and one line of plain text, replacing what was there. */
void http_reply_text(struct http_reply *reply, unsigned int status,
		     const char *format, ...)
	__attribute__((nonnull(1, 3), format(printf, 3, 4)));

/* Adds a header; a value too long is cut. Past HTTP_HEADERS_MAX it aborts. */
void http_reply_header(struct http_reply *reply, const char *name,
		       const char *format, ...)
	__attribute__((nonnull(1, 2, 3), format(printf, 3, 4)));

/*
 * Queues the reply and takes its body (the reply may be finished after). What
 * MHD_queue_response() returns: MHD_NO ends the connection.
 */
enum MHD_Result http_reply_send(struct http_reply *reply,
				struct MHD_Connection *connection)
	__attribute__((nonnull));

/* A request header, or NULL. Owned by the connection. */
const char *http_header(struct MHD_Connection *connection, const char *name)
	__attribute__((nonnull));

/* A query argument, or NULL. Owned by the connection. */
const char *http_argument(struct MHD_Connection *connection, const char *name)
	__attribute__((nonnull));

/*
 * Splits "host:port", "[v6]:port" and binds a listening socket, non-blocking and
 * close-on-exec. Port 0 takes a free one. 0, -EINVAL (format) or -errno;
 * *ret_port is the port in use.
 */
int http_listen(const char *address, int *ret_fd, uint16_t *ret_port)
	__attribute__((nonnull, warn_unused_result));
