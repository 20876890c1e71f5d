/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console: the listener people and scripts read from: JSON API, one page,
 * metrics. It has its own port, its own read-only store handle and one thread,
 * and can change nothing but
 * what it takes to the terminals: a text signed elsewhere (api/grants.c).
 */
#pragma once

#include <stdbool.h>

#include "collector/api/feed.h"
#include "collector/http.h"
#include "collector/login.h"
#include "collector/request.h"
#include "collector/store.h"

struct console {
	struct service *service;
	struct store *store; /* STORE_READ, this listener's alone */
	struct login login;
	char *organisation;
	struct feeds *feeds;
	int dirfd; /* the state folder, for the checkpoint; borrowed */
};

struct console_config {
	int listen_fd; /* owned by the listener from here on */
	const char *key_pem;
	const char *cert_pem;
};

/* Starts serving. 0 and *ret_daemon, or -EIO. */
int console_start(struct console *console, const struct console_config *config,
		  struct MHD_Daemon **ret_daemon)
	__attribute__((nonnull, warn_unused_result));

/* One request for a page or a resource of the API. */
struct console_request {
	struct console *console;
	struct person person; /* who asks, once logged in */
	struct MHD_Connection *connection;
	struct http_reply reply;
	const struct buf *body; /* of a POST, whole; else empty */
};

/* The resources; each fills the reply. api/, web/, metrics.c */
void api_terminals(struct console_request *request) __attribute__((nonnull));
void api_events(struct console_request *request) __attribute__((nonnull));
void api_status(struct console_request *request) __attribute__((nonnull));
void api_stream(struct console_request *request) __attribute__((nonnull));
void api_export_csv(struct console_request *request) __attribute__((nonnull));
void api_export_ndjson(struct console_request *request)
	__attribute__((nonnull));
void web_now(struct console_request *request) __attribute__((nonnull));
void web_terminals(struct console_request *request) __attribute__((nonnull));
void web_terminal(struct console_request *request) __attribute__((nonnull));
void web_events(struct console_request *request) __attribute__((nonnull));
void web_stream(struct console_request *request) __attribute__((nonnull));
void web_event(struct console_request *request) __attribute__((nonnull));
void web_requests(struct console_request *request) __attribute__((nonnull));
void web_proof(struct console_request *request) __attribute__((nonnull));
void api_requests(struct console_request *request) __attribute__((nonnull));
void api_grants(struct console_request *request) __attribute__((nonnull));
void api_grants_post(struct console_request *request) __attribute__((nonnull));
void metrics_reply(struct console_request *request) __attribute__((nonnull));

/*
 * The newest checkpoint, and a tile of the tree by what follows /tile/8/: hashes
 * only, for whoever watches the log, so without a login.
 */
void api_checkpoint(struct console_request *request) __attribute__((nonnull));
void api_tile(struct console_request *request, const char *name)
	__attribute__((nonnull));

/* A static file by its path below /static/; false: there is none. */
bool web_static(struct console_request *request, const char *name)
	__attribute__((nonnull, warn_unused_result));

/* The id of the newest event, 0 where there is none. 0 or as the store. */
int console_newest(struct console *console, int64_t *ret_id)
	__attribute__((nonnull, warn_unused_result));

/* 500 for an errno of the store, logged. */
void console_failed(struct console_request *request, int r)
	__attribute__((nonnull));
