/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console: routes and the door. Everything but /healthz, the checkpoint and
 * the tiles (hashes only) wants the login. GET and HEAD change nothing; the one
 * POST there is takes what a browser cannot be made to send from elsewhere.
 */
#include "collector/console.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/clock.h"
#include "collector/agents.h"
#include "collector/limits.h"

#include "agent/base/banned.h"

#define STATIC_PREFIX "/static/"
#define TILE_PREFIX   "/tile/8/"
#define GRANTS_PATH   "/api/v1/grants"

struct resource {
	const char *path;
	void (*fill)(struct console_request *request);
};

static const struct resource RESOURCES[] = {
	{"/", web_now},
	{"/terminals", web_terminals},
	{"/terminal", web_terminal},
	{"/events", web_events},
	{"/event", web_event},
	{"/events/stream", web_stream},
	{"/requests", web_requests},
	{"/proof", web_proof},
	{"/api/v1/terminals", api_terminals},
	{"/api/v1/events", api_events},
	{"/api/v1/status", api_status},
	{"/api/v1/events.csv", api_export_csv},
	{"/api/v1/events.ndjson", api_export_ndjson},
	{"/api/v1/events/stream", api_stream},
	{"/api/v1/requests", api_requests},
	{GRANTS_PATH, api_grants},
	{"/metrics", metrics_reply},
};

void console_failed(struct console_request *request, int r)
{
	log_warning(request->console->service->log,
		    "Reading the store for the console failed: %s",
		    errno_text(r));
	http_reply_text(&request->reply, MHD_HTTP_INTERNAL_SERVER_ERROR,
			"the store cannot be read: %s", errno_text(r));
}

/* IPv4 as ::ffff:a.b.c.d, so that both kinds are one key. */
static void read_address(struct MHD_Connection *connection, uint8_t out[16])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	memset(out, 0, 16);
	if (!info || !info->client_addr)
		return;
	if (info->client_addr->sa_family == AF_INET6) {
		memcpy(&v6, info->client_addr, sizeof(v6));
		memcpy(out, &v6.sin6_addr, 16);
	} else if (info->client_addr->sa_family == AF_INET) {
		memcpy(&v4, info->client_addr, sizeof(v4));
		memset(out + 10, 0xff, 2);
		memcpy(out + 12, &v4.sin_addr, 4);
	}
}

static bool is_logged_in(struct console_request *request)
{
	struct login_answer answer = {0};
	uint8_t address[16];
	int r;

	read_address(request->connection, address);
	r = login_check(&request->console->login,
			http_header(request->connection, "Authorization"),
			address, clock_mono_ns() / NS_PER_MS, &answer);
	request->person = answer.person;
	if (r == 0)
		return true;
	if (r < 0) {
		console_failed(request, r);
		return false;
	}
	if (r == LOGIN_LATER) {
		http_reply_text(&request->reply, MHD_HTTP_TOO_MANY_REQUESTS,
				"too many failed logins");
		http_reply_header(&request->reply, "Retry-After", "%u",
				  answer.wait_s);
		return false;
	}
	http_reply_text(&request->reply, MHD_HTTP_UNAUTHORIZED,
			"ログインが必要です / login needed");
	http_reply_header(&request->reply, "WWW-Authenticate",
			  "Basic realm=\"Sekimori\", charset=\"UTF-8\"");
	return false;
}

/* Everybody who is logged in may read everything; the rest is by role. */
#define MAY_HAND_IN                                                            \
	(PEOPLE_BIT(PEOPLE_HELPDESK) | PEOPLE_BIT(PEOPLE_APPROVER) |           \
	 PEOPLE_BIT(PEOPLE_ADMINISTRATOR))

static bool is_allowed(struct console_request *request, unsigned int roles)
{
	if (PEOPLE_BIT(request->person.role) & roles)
		return true;
	http_reply_text(&request->reply, MHD_HTTP_FORBIDDEN,
			"the role %s may not do this",
			people_role_to_str(request->person.role));
	return false;
}

static int find_person(const char *name, struct person *ret_person, void *ctx)
{
	const struct console *console = ctx;

	return people_find(console->store, name, ret_person);
}

static void reply_health(struct console_request *request)
{
	struct writer_stats stats;

	writer_read_stats(request->console->service->writer, &stats);
	if (stats.is_failing)
		http_reply_text(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE,
				"storing fails");
	else
		http_reply_text(&request->reply, MHD_HTTP_OK, "ok");
}

static void fill(struct console_request *request, const char *path)
{
	const size_t skip = sizeof(STATIC_PREFIX) - 1;

	if (strcmp(path, "/healthz") == 0) {
		reply_health(request);
		return;
	}
	if (strcmp(path, "/checkpoint") == 0) {
		api_checkpoint(request);
		return;
	}
	if (strncmp(path, TILE_PREFIX, sizeof(TILE_PREFIX) - 1) == 0) {
		api_tile(request, path + sizeof(TILE_PREFIX) - 1);
		return;
	}
	if (!is_logged_in(request))
		return;
	for (size_t i = 0; i < sizeof(RESOURCES) / sizeof(RESOURCES[0]); i++)
		if (strcmp(RESOURCES[i].path, path) == 0) {
			RESOURCES[i].fill(request);
			return;
		}
	if (strncmp(path, STATIC_PREFIX, skip) == 0 &&
	    web_static(request, path + skip))
		return;
	http_reply_text(&request->reply, MHD_HTTP_NOT_FOUND,
			"no such resource");
}

/* What one request has sent so far. */
struct upload {
	struct buf body;
	bool is_too_large;
};

static void take_data(struct upload *upload, const char *data, size_t size)
{
	if (upload->is_too_large)
		return;
	if (upload->body.limit == 0)
		upload->body = (struct buf)BUF_INIT(LIMIT_CONSOLE_BODY_BYTES);
	upload->is_too_large = buf_append(&upload->body, data, size) < 0;
}

static void post(struct console_request *request, const char *path)
{
	if (strcmp(path, GRANTS_PATH) != 0)
		http_reply_text(&request->reply, MHD_HTTP_METHOD_NOT_ALLOWED,
				"read only");
	else if (is_logged_in(request) && is_allowed(request, MAY_HAND_IN))
		api_grants_post(request);
}

static void answer(struct console_request *request, const char *method,
		   const char *path, const struct upload *upload)
{
	if (upload->is_too_large)
		http_reply_text(&request->reply, MHD_HTTP_CONTENT_TOO_LARGE,
				"the body is larger than %u octets",
				LIMIT_CONSOLE_BODY_BYTES);
	else if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
		 strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
		fill(request, path);
	else if (strcmp(method, MHD_HTTP_METHOD_POST) == 0)
		post(request, path);
	else
		http_reply_text(&request->reply, MHD_HTTP_METHOD_NOT_ALLOWED,
				"read only");
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
				  const char *path, const char *method,
				  const char *version, const char *data,
				  size_t *size, void **request_ctx)
{
	struct upload *upload = *request_ctx;
	struct console_request request = {
		.console = ctx,
		.connection = connection,
	};
	enum MHD_Result result;

	(void)version; /* 1.0 and 1.1 are treated alike */
	if (!upload) {
		*request_ctx = calloc(1, sizeof(*upload));
		return *request_ctx ? MHD_YES : MHD_NO;
	}
	if (*size > 0) {
		take_data(upload, data, *size);
		*size = 0;
		return MHD_YES;
	}

	http_reply_init(&request.reply);
	request.body = &upload->body;
	answer(&request, method, path, upload);
	result = http_reply_send(&request.reply, connection);
	http_reply_fini(&request.reply);
	return result;
}

static void on_completed(void *ctx, struct MHD_Connection *connection,
			 void **request_ctx,
			 enum MHD_RequestTerminationCode code)
{
	struct upload *upload = *request_ctx;

	(void)ctx, (void)connection, (void)code; /* all in the upload */
	if (upload)
		buf_fini(&upload->body);
	free(upload);
	*request_ctx = NULL;
}

static void on_connection(void *ctx, struct MHD_Connection *connection,
			  void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	const struct console *console = ctx;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = calloc(1, sizeof(struct handshake_wait));
		if (*socket_context)
			handshake_watch(console->service->handshake, connection,
					*socket_context);
		return;
	}
	free(*socket_context);
	*socket_context = NULL;
}

static void log_adapter(void *ctx, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
static void log_adapter(void *ctx, const char *format, va_list args)
{
	const struct console *console = ctx;

	agents_log(console->service->log, format, args);
}

int console_start(struct console *console, const struct console_config *config,
		  struct MHD_Daemon **ret_daemon)
{
	struct MHD_Daemon *daemon;

	console->login.find = find_person;
	console->login.ctx = console;
	daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS |
			MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME,
		0, NULL, NULL, on_request, console, MHD_OPTION_EXTERNAL_LOGGER,
		log_adapter, (void *)console, MHD_OPTION_LISTEN_SOCKET,
		config->listen_fd, MHD_OPTION_HTTPS_MEM_KEY, config->key_pem,
		MHD_OPTION_HTTPS_MEM_CERT, config->cert_pem,
		MHD_OPTION_HTTPS_PRIORITIES, AGENTS_TLS_PRIORITY,
		MHD_OPTION_CONNECTION_LIMIT, LIMIT_CONSOLE_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, LIMIT_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)LIMIT_CONNECTION_BYTES, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
		console, MHD_OPTION_END);

	if (!daemon)
		return -EIO;
	*ret_daemon = daemon;
	return 0;
}
