/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve: POST /add-checkpoint over HTTP/1.1, for one thread. Plain HTTP: both
 * directions are signed, nothing is secret; TLS is a reverse proxy's work.
 */
#pragma once

#include <microhttpd.h>

#include "agent/base/log.h"
#include "collector/witness/witness.h"

struct serve {
	struct witness *witness;
	const struct log *log;
};

/* Serves on a listening socket, which it owns. 0 and *ret_daemon, or -EIO. */
int serve_start(struct serve *serve, int listen_fd,
		struct MHD_Daemon **ret_daemon)
	__attribute__((nonnull, warn_unused_result));
