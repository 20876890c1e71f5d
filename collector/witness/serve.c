/* SPDX-License-Identifier: Apache-2.0 */
/* serve: one bounded body in, one status and one line out. */
#include "collector/witness/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "agent/base/clock.h"
#include "collector/http.h"

#include "agent/base/banned.h"

#define CONNECTIONS_MAX	 32u
#define IDLE_S		 30u
#define CONNECTION_BYTES 32768u

struct exchange {
	struct buf body;
	bool is_too_large;
};

static void answer(struct serve *serve, struct exchange *exchange,
		   struct http_reply *reply)
{
	char line[NOTE_LINE_SIZE];
	uint64_t size = 0;
	int r = witness_add(serve->witness,
			    span_of(buf_text(&exchange->body),
				    exchange->body.size),
			    clock_wall_ns() / NS_PER_S, line, &size);

	switch (r) {
	case 0:
		reply->status = MHD_HTTP_OK;
		buf_clear(&reply->body);
		if (buf_append_text(&reply->body, line) < 0)
			reply->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		break;
	case WITNESS_MALFORMED:
		http_reply_text(reply, MHD_HTTP_BAD_REQUEST, "malformed");
		break;
	case WITNESS_UNKNOWN:
		http_reply_text(reply, MHD_HTTP_NOT_FOUND, "unknown log");
		break;
	case WITNESS_UNSIGNED:
		http_reply_text(reply, MHD_HTTP_FORBIDDEN,
				"not signed by the log");
		break;
	case WITNESS_ELSEWHERE:
		http_reply_text(reply, MHD_HTTP_CONFLICT, "%" PRIu64, size);
		reply->type = "text/x.tlog.size";
		break;
	case WITNESS_INCONSISTENT:
		log_error(serve->log, "A log's checkpoint does not continue "
				      "the last one; not signed");
		http_reply_text(reply, MHD_HTTP_UNPROCESSABLE_CONTENT,
				"it does not continue the last checkpoint");
		break;
	default:
		log_error(serve->log, "Nothing could be signed: %s",
			  errno_text(r));
		http_reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s",
				errno_text(r));
		break;
	}
}

static enum MHD_Result finish(struct serve *serve, struct exchange *exchange,
			      struct MHD_Connection *connection,
			      const char *const target[2])
{
	struct http_reply reply;
	enum MHD_Result result;

	http_reply_init(&reply);
	if (strcmp(target[1], "/add-checkpoint") != 0)
		http_reply_text(&reply, MHD_HTTP_NOT_FOUND, "no such resource");
	else if (strcmp(target[0], MHD_HTTP_METHOD_POST) != 0)
		http_reply_text(&reply, MHD_HTTP_METHOD_NOT_ALLOWED,
				"POST only");
	else if (exchange->is_too_large)
		http_reply_text(&reply, MHD_HTTP_CONTENT_TOO_LARGE,
				"too large");
	else
		answer(serve, exchange, &reply);
	result = http_reply_send(&reply, connection);
	http_reply_fini(&reply);
	return result;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
				  const char *path, const char *method,
				  const char *version, const char *data,
				  size_t *size, void **request_ctx)
{
	struct exchange *exchange = *request_ctx;

	(void)version; /* HTTP/1.0 and 1.1 alike */
	if (!exchange) {
		exchange = calloc(1, sizeof(*exchange));
		if (!exchange)
			return MHD_NO;
		exchange->body = (struct buf)BUF_INIT(WITNESS_BODY_MAX);
		*request_ctx = exchange;
		return MHD_YES;
	}
	if (*size > 0) {
		/* The rest of a body over the limit is read and dropped. */
		if (buf_append(&exchange->body, data, *size) < 0)
			exchange->is_too_large = true;
		*size = 0;
		return MHD_YES;
	}
	return finish(ctx, exchange, connection,
		      (const char *const[2]){method, path});
}

static void on_completed(void *ctx, struct MHD_Connection *connection,
			 void **request_ctx,
			 enum MHD_RequestTerminationCode end)
{
	struct exchange *exchange = *request_ctx;

	(void)ctx, (void)connection, (void)end; /* memory only */
	if (exchange)
		buf_fini(&exchange->body);
	free(exchange);
}

int serve_start(struct serve *serve, int listen_fd,
		struct MHD_Daemon **ret_daemon)
{
	struct MHD_Daemon *daemon =
		MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL,
				 on_request, serve, MHD_OPTION_LISTEN_SOCKET,
				 listen_fd, MHD_OPTION_NOTIFY_COMPLETED,
				 on_completed, NULL,
				 MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
				 MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
				 MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				 (size_t)CONNECTION_BYTES, MHD_OPTION_END);

	if (!daemon)
		return -EIO;
	*ret_daemon = daemon;
	return 0;
}
