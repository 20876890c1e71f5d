/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_http: requests of an output to an HTTP API, over libcurl: TLS 1.2 or
 * newer against one authority, a client's certificate, a password or token from
 * a file that is read anew each time, every step bounded in time and every
 * answer in size. Redirects are not followed and no proxy is used, so nothing is
 * sent anywhere else. Must not know what is posted.
 */
#pragma once

#include "agent/base/buf.h"
#include "collector/output.h"

/* An answer that is larger is -EFBIG. */
#define OUTPUT_ANSWER_MAX (8u << 20)
#define OUTPUT_SECRET_MAX 4096u

struct output_http;

/* How the secret is shown. */
enum output_http_auth {
	/* "USER:PASSWORD": Basic; "ApiKey …", "Bearer …": as it stands */
	OUTPUT_HTTP_BASIC = 0,
	OUTPUT_HTTP_SPLUNK, /* "Splunk TOKEN" */
};

struct output_http_post {
	const char *path;   /* appended to the base */
	const char *type;   /* Content-Type */
	const char *header; /* one more, whole; NULL none */
	enum output_http_auth auth;
	const char *data;
	size_t size;
};

struct output_http_answer {
	long status;
	unsigned int retry_after_s; /* 0: not said */
	struct buf body;
};

/*
 * `base` is http:// or https://, HOST, :PORT and perhaps a path. 0 and *ret_http;
 * -EINVAL: it is not; -ENOMEM.
 */
int output_http_open(const struct output_config *config, const char *base,
		     struct output_http **ret_http)
	__attribute__((nonnull, warn_unused_result));
void output_http_close(struct output_http *http);

/*
 * Posts and waits. 0: there is an answer, whatever its status, and
 * answer->body is anew; -ECANCELED after output_http_cancel(); or -errno with
 * `ret_problem` (OUTPUT_PROBLEM_SIZE) set.
 */
int output_http_post(struct output_http *http,
		     const struct output_http_post *post,
		     struct output_http_answer *answer, char *ret_problem)
	__attribute__((nonnull, warn_unused_result));

/* Ends a post that waits within a second, and every later one. Any thread. */
void output_http_cancel(struct output_http *http) __attribute__((nonnull));
