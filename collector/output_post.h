/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_post: what the sinks that post their batches to an HTTP API have in
 * common: the client, one request and its answer, and which events went into
 * it. Must not know the API.
 */
#pragma once

#include "collector/output_http.h"
#include "collector/output_sink.h"

/* Embedded first by such a sink. */
struct output_post {
	struct output_sink sink;
	struct output_http *http;
	struct buf request;
	struct output_http_answer answer;
	size_t indices[OUTPUT_BATCH_ROWS]; /* of the events in the request */
	size_t count;
};

/*
 * `scheme` "https://" or "http://", `where` HOST:PORT and perhaps a path. 0, for
 * output_post_fini(); or -errno with ret_problem set, and nothing to undo.
 */
int output_post_init(struct output_post *post,
		     const struct output_config *config, const char *scheme,
		     const char *where, char *ret_problem)
	__attribute__((nonnull, warn_unused_result));
void output_post_fini(struct output_post *post) __attribute__((nonnull));

/* An output_sink_ops cancel. */
void output_post_cancel(struct output_sink *sink) __attribute__((nonnull));

/*
 * Posts the next part of the batch as `request` says (data and size are set
 * here). 0: there is an answer; or as output_http_post(), sink.problem set.
 */
int output_post_next(struct output_post *post, struct output_http_post *request)
	__attribute__((nonnull, warn_unused_result));

/* 413: fewer in the next request, or the one event is refused for good. */
void output_post_too_large(struct output_post *post) __attribute__((nonnull));
