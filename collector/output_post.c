/* SPDX-License-Identifier: Apache-2.0 */
/* output_post: the batch's next part in a buffer, and one request with it. */
#include "collector/output_post.h"

#include <errno.h>
#include <stdio.h>

#include "agent/base/banned.h"

int output_post_init(struct output_post *post,
		     const struct output_config *config, const char *scheme,
		     const char *where, char *ret_problem)
{
	_cleanup_free_ char *base = NULL;
	int r;

	if (asprintf(&base, "%s%s", scheme, where) < 0) {
		base = NULL;
		return -ENOMEM;
	}
	r = output_http_open(config, base, &post->http);
	if (r < 0) {
		(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
			       "not a HOST:PORT, or more than that; a password "
			       "or token belongs in output_secret"); /* fits */
		return r;
	}
	output_batch_init(&post->sink.batch);
	post->request =
		(struct buf)BUF_INIT(OUTPUT_BATCH_BYTES + OUTPUT_TEXT_MAX);
	return 0;
}

void output_post_fini(struct output_post *post)
{
	output_http_close(post->http);
	buf_fini(&post->request);
	buf_fini(&post->answer.body);
	output_batch_fini(&post->sink.batch);
}

void output_post_cancel(struct output_sink *sink)
{
	output_http_cancel(((struct output_post *)sink)->http);
}

int output_post_next(struct output_post *post, struct output_http_post *request)
{
	int r;

	buf_clear(&post->request);
	r = output_batch_take(&post->sink.batch, &post->request, post->indices,
			      &post->count);
	if (r < 0)
		return r;
	request->data = buf_text(&post->request);
	request->size = post->request.size;
	return output_http_post(post->http, request, &post->answer,
				post->sink.problem);
}

void output_post_too_large(struct output_post *post)
{
	if (!output_batch_halve(&post->sink.batch, post->count))
		output_sink_refuse(&post->sink, post->indices[0],
				   "too large for it, alone");
}
