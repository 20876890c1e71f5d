/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agents: the listener that terminals speak to: TLS 1.3, a client certificate
 * asked for and, where the route needs one, verified.
 */
#pragma once

#include <stdarg.h>

#include "collector/request.h"

struct agents_config {
	int listen_fd;	     /* owned by the listener from here on */
	const char *key_pem; /* of the server; only needed while starting */
	const char *cert_pem;
	unsigned int threads;
	unsigned int max_connections;
};

/* Starts serving. 0 and *ret_daemon, or -EIO; the log has said why. */
int agents_start(struct service *service, const struct agents_config *config,
		 struct MHD_Daemon **ret_daemon)
	__attribute__((nonnull, warn_unused_result));

/* For both listeners: TLS 1.3 and nothing older. */
#define AGENTS_TLS_PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:%SERVER_PRECEDENCE"

/* libmicrohttpd's own messages, at debug level: most are dropped clients. */
void agents_log(const struct log *log, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
