/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: one HTTPS request at a time over a kept connection (libcurl). TLS 1.3,
 * the pinned CA and nothing of the system's store, no redirects, no proxy from
 * the environment, a bounded answer. Certificates come as memory, so this opens
 * no file.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/buf.h"
#include "agent/ship/limits.h"
#include "agent/ship/pki.h"
#include "agent/wire/otlp.h"

struct http;

struct http_config {
	const char *base_url; /* https://HOST:PORT, copied */
	const char *proxy;    /* "" direct; copied */
	const char *ca_pem;   /* NULL: the server is not verified; only to
				 fetch the CA that is then checked by its pin */
	const char *cert_pem; /* NULL: no client certificate */
	const char *key_pem;
	/*
	 * When this terminal's clock can be right, at connecting; else the
	 * server's certificate is checked for all but its times. 0 and 0: they
	 * are always checked.
	 */
	struct pki_life clock;
	uint64_t timeout_s;
};

struct http_request {
	const char *path;	   /* "/v1/logs" */
	const char *content_type;  /* NULL: a GET without body */
	const char *user_password; /* "user:password" for Basic, or NULL */
	struct span body;
	const char *const
		*headers; /* "Name: value", NULL-terminated; or NULL */
	size_t body_max;  /* of the answer; 0: ANSWER_BODY_MAX */
};

#define HTTP_ERROR_MAX 256u

struct http_response {
	long status; /* 0: none came; see error */
	char ack[ANSWER_HEADER_MAX];
	char expect[ANSWER_HEADER_MAX];
	char chain[ANSWER_HEADER_MAX];
	char retry_after[ANSWER_HEADER_MAX];
	char rate[ANSWER_HEADER_MAX];
	char accept_encoding[ANSWER_HEADER_MAX];
	char etag[ANSWER_HEADER_MAX];
	struct buf body;
	char error[HTTP_ERROR_MAX];
};

/* Once per process, before any thread. 0 or -EIO. */
int http_global_init(void) __attribute__((warn_unused_result));

/* 0, -ENOMEM, or -EINVAL for material that libcurl will not take. */
int http_new(const struct http_config *config, struct http **ret_http)
	__attribute__((nonnull, warn_unused_result));

/* Accepts NULL; returns NULL. */
struct http *http_free(struct http *http);

/*
 * Sends a request and waits for the answer or the timeout. Returns 0 with the
 * answer, a status of 0 in it meaning that there was none, or -ENOMEM.
 * ret_response is initialised here and released by http_response_fini.
 */
int http_send(struct http *http, const struct http_request *request,
	      struct http_response *ret_response)
	__attribute__((nonnull, warn_unused_result));

/*
 * The same in the background: the response belongs to the transfer until
 * http_wait() says HTTP_DONE or http_cancel() was called; so does what the
 * request points to, but for its headers. 0 or -ENOMEM. One at a time.
 */
int http_begin(struct http *http, const struct http_request *request,
	       struct http_response *ret_response)
	__attribute__((nonnull, warn_unused_result));

enum http_progress {
	HTTP_PENDING = 0,
	HTTP_DONE, /* as after http_send(): a status of 0 is none */
};

/*
 * Moves the transfer on, sleeping at most timeout_ms (-1: until something
 * happens) and until FD is readable; may return early.
 */
enum http_progress http_wait(struct http *http, int fd, int timeout_ms)
	__attribute__((nonnull, warn_unused_result));

void http_cancel(struct http *http) __attribute__((nonnull));

void http_response_fini(struct http_response *response)
	__attribute__((nonnull));
