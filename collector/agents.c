/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agents: connections, routes and bodies on the terminals' listener. Each body
 * is bounded while it arrives and all of them together; a request that will be
 * refused has its body read and dropped, so that the client can hear why.
 */
#include "collector/agents.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "collector/inbox.h"
#include "collector/limits.h"

#include "agent/base/banned.h"

static const struct route ROUTES[] = {
	{"POST", "/v1/logs", LIMIT_BODY_RAW_BYTES, true, ingest_handle},
	{"GET", "/v1/inbox", 0, true, inbox_handle},
	{"GET", "/.well-known/est/cacerts", 0, false, enroll_cacerts},
	{"POST", "/.well-known/est/simpleenroll", LIMIT_CSR_BYTES, false,
	 enroll_simple},
	{"POST", "/.well-known/est/simplereenroll", LIMIT_CSR_BYTES, true,
	 enroll_again},
};

bool request_hold(struct request *request, size_t size)
{
	atomic_size_t *held = &request->service->held_bytes;

	if (atomic_fetch_add(held, size) + size > LIMIT_HELD_BYTES) {
		atomic_fetch_sub(held, size);
		return false;
	}
	request->held += size;
	return true;
}

void request_overload(struct request *request)
{
	size_t held = atomic_load(&request->service->held_bytes);

	atomic_fetch_add(&request->service->counters.overload, 1);
	http_reply_text(&request->reply, MHD_HTTP_TOO_MANY_REQUESTS,
			"busy; try again later");
	http_reply_header(&request->reply, "Retry-After", "%zu",
			  1 + held / (LIMIT_HELD_BYTES / 8));
}

void request_unavailable(struct request *request, int r)
{
	http_reply_text(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE,
			"not stored: %s", errno_text(r));
	http_reply_header(&request->reply, "Retry-After", "%d", 15);
}

void request_suspend(struct request *request)
{
	atomic_store(&request->state, REQUEST_WAITING);
	MHD_suspend_connection(request->connection);
}

void request_submit(struct request *request)
{
	int r;

	/* Suspended first: the writer may be done before we return. */
	request_suspend(request);
	r = writer_submit(request->service->writer, &request->job);
	if (r == 0)
		return;
	if (r == -EBUSY)
		request_overload(request);
	else
		request_unavailable(request, r);
	request_resume(request);
}

void request_resume(struct request *request)
{
	struct MHD_Connection *connection = request->connection;

	/* After this line the request may be gone. */
	atomic_store(&request->state, REQUEST_READY);
	MHD_resume_connection(connection);
}

bool request_is_in_time(struct request *request, int64_t grace_s)
{
	const struct ca_cert *cert = &request->peer->cert;
	int64_t now_s = (int64_t)time(NULL);

	if (now_s >= cert->not_before_s && now_s <= cert->not_after_s + grace_s)
		return true;
	http_reply_text(&request->reply, MHD_HTTP_FORBIDDEN,
			"the certificate is %s",
			now_s < cert->not_before_s ? "not valid yet"
						   : "expired");
	return false;
}

/* Whose certificate TLS has seen; the handshake proved possession of its key. */
static void check_peer(struct request *request)
{
	struct peer *peer = request->peer;
	const union MHD_ConnectionInfo *info;
	const gnutls_datum_t *chain;
	unsigned int count = 0;

	if (peer->is_checked)
		return;
	peer->is_checked = true;
	info = MHD_get_connection_info(request->connection,
				       MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (!info || !info->tls_session)
		return;
	chain = gnutls_certificate_get_peers(info->tls_session, &count);
	if (!chain || count == 0)
		return;
	peer->is_ours = ca_check_client(request->service->ca, chain[0].data,
					chain[0].size, &peer->cert) == 0;
}

static const struct route *find_route(const char *method, const char *path,
				      unsigned int *ret_status)
{
	*ret_status = MHD_HTTP_NOT_FOUND;
	for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
		if (strcmp(ROUTES[i].path, path) != 0)
			continue;
		if (strcmp(ROUTES[i].method, method) == 0)
			return &ROUTES[i];
		*ret_status = MHD_HTTP_METHOD_NOT_ALLOWED;
	}
	return NULL;
}

static void refuse(struct request *request)
{
	atomic_fetch_add(&request->service->counters.refused, 1);
	request->is_refused = true;
	buf_fini(&request->body);
}

static void accept_head(struct request *request, const char *method,
			const char *path)
{
	unsigned int status;

	check_peer(request);
	request->route = find_route(method, path, &status);
	if (!request->route) {
		http_reply_text(&request->reply, status,
				status == MHD_HTTP_NOT_FOUND
					? "no such resource"
					: "not with this method");
		refuse(request);
		return;
	}
	request->body.limit = request->route->body_max;
	if (request->route->is_peer_required && !request->peer->is_ours) {
		http_reply_text(&request->reply, MHD_HTTP_UNAUTHORIZED,
				"a client certificate of this collector's CA"
				" is needed");
		refuse(request);
	}
}

static struct request *request_new(struct service *service,
				   struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct request *request;

	if (!info || !info->socket_context)
		return NULL;
	request = calloc(1, sizeof(*request));
	if (!request)
		return NULL;
	request->service = service;
	request->connection = connection;
	request->peer = info->socket_context;
	http_reply_init(&request->reply);
	atomic_fetch_add(&service->counters.requests, 1);
	return request;
}

static void request_free(struct request *request)
{
	if (!request)
		return;
	atomic_fetch_sub(&request->service->held_bytes, request->held);
	buf_fini(&request->body);
	buf_fini(&request->inflated);
	batch_fini(&request->batch);
	free(request->enrolment.csr);
	free(request->enrolment.pkcs7);
	http_reply_fini(&request->reply);
	free(request);
}

static void take_body(struct request *request, const char *data, size_t size)
{
	if (request->is_refused)
		return;
	if (size > request->body.limit - request->body.size) {
		http_reply_text(&request->reply, MHD_HTTP_CONTENT_TOO_LARGE,
				"the body is larger than %zu octets",
				request->body.limit);
		refuse(request);
	} else if (!request_hold(request, size) ||
		   buf_append(&request->body, data, size) < 0) {
		request_overload(request);
		refuse(request);
	}
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
				  const char *path, const char *method,
				  const char *version, const char *data,
				  size_t *size, void **request_ctx)
{
	struct request *request = *request_ctx;

	(void)version; /* 1.0 and 1.1 are treated alike */
	if (!request) {
		request = request_new(ctx, connection);
		if (!request)
			return MHD_NO;
		*request_ctx = request;
		accept_head(request, method, path);
		return MHD_YES;
	}
	if (*size > 0) {
		request->discarded += request->is_refused ? *size : 0;
		if (request->discarded > LIMIT_BODY_DISCARD_BYTES)
			return MHD_NO;
		take_body(request, data, *size);
		*size = 0;
		return MHD_YES;
	}

	if (atomic_load(&request->state) == REQUEST_READING) {
		if (!request->is_refused)
			request->route->handle(request);
		if (atomic_load(&request->state) != REQUEST_READING)
			return MHD_YES; /* called again when it is resumed */
		atomic_store(&request->state, REQUEST_READY);
	}
	if (atomic_load(&request->state) == REQUEST_WAITING)
		return MHD_YES;
	return http_reply_send(&request->reply, connection);
}

static void on_completed(void *ctx, struct MHD_Connection *connection,
			 void **request_ctx,
			 enum MHD_RequestTerminationCode code)
{
	(void)ctx, (void)connection, (void)code; /* all in the request */
	request_free(*request_ctx);
	*request_ctx = NULL;
}

static void on_connection(void *ctx, struct MHD_Connection *connection,
			  void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct service *service = ctx;

	/* The peer's certificate is read at the first request. */
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		struct peer *peer = calloc(1, sizeof(*peer));

		*socket_context = peer;
		if (peer)
			handshake_watch(service->handshake, connection,
					&peer->handshake);
		return;
	}
	free(*socket_context);
	*socket_context = NULL;
}

void agents_log(const struct log *log, const char *format, va_list args)
{
	char line[256];
	size_t len;

	(void)vsnprintf(line, sizeof(line), format, args); /* cut is fine */
	len = strlen(line);
	if (len > 0 && line[len - 1] == '\n')
		line[len - 1] = '\0';
	log_debug(log, "http: %s", line);
}

static void log_adapter(void *ctx, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
static void log_adapter(void *ctx, const char *format, va_list args)
{
	const struct service *service = ctx;

	agents_log(service->log, format, args);
}

int agents_start(struct service *service, const struct agents_config *config,
		 struct MHD_Daemon **ret_daemon)
{
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS |
			MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, service, MHD_OPTION_EXTERNAL_LOGGER,
		log_adapter, (void *)service, MHD_OPTION_LISTEN_SOCKET,
		config->listen_fd, MHD_OPTION_HTTPS_MEM_KEY, config->key_pem,
		MHD_OPTION_HTTPS_MEM_CERT, config->cert_pem,
		MHD_OPTION_HTTPS_MEM_TRUST, ca_pem(service->ca),
		MHD_OPTION_HTTPS_PRIORITIES, AGENTS_TLS_PRIORITY,
		MHD_OPTION_THREAD_POOL_SIZE, config->threads,
		MHD_OPTION_CONNECTION_LIMIT, config->max_connections,
		MHD_OPTION_CONNECTION_TIMEOUT, LIMIT_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)LIMIT_CONNECTION_BYTES, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
		service, MHD_OPTION_END);

	if (!daemon)
		return -EIO;
	*ret_daemon = daemon;
	return 0;
}
