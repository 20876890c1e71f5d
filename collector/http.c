/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: replies and sockets. The Content-Security-Policy allows this server's
 * own files and nothing inline: event texts come from hostile devices, and even
 * one that got through the escaping could not run.
 */
#include "collector/http.h"

#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "collector/limits.h"

#include "agent/base/banned.h"

#define BACKLOG 1024

void http_reply_init(struct http_reply *reply)
{
	*reply = (struct http_reply){
		.status = MHD_HTTP_INTERNAL_SERVER_ERROR,
		.type = "text/plain; charset=utf-8",
		.body = BUF_INIT(HTTP_REPLY_MAX),
	};
}

void http_reply_fini(struct http_reply *reply)
{
	buf_fini(&reply->body);
	if (reply->made)
		MHD_destroy_response(reply->made);
}

void http_reply_text(struct http_reply *reply, unsigned int status,
		     const char *format, ...)
{
	char line[HTTP_HEADER_VALUE * 2];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args); /* cut is fine */
	va_end(args);
	buf_clear(&reply->body);
	reply->type = "text/plain; charset=utf-8";
	reply->status = status;
	/* Without memory the status alone is sent. */
	(void)!buf_printf(&reply->body, "%s\n", line);
}

void http_reply_header(struct http_reply *reply, const char *name,
		       const char *format, ...)
{
	struct http_header *header;
	va_list args;

	assert(reply->header_count < HTTP_HEADERS_MAX);
	header = &reply->headers[reply->header_count++];
	header->name = name;
	va_start(args, format);
	(void)vsnprintf(header->value, sizeof(header->value), format,
			args); /* ours fit; a cut one is only odd */
	va_end(args);
}

static bool add_headers(struct MHD_Response *response,
			const struct http_reply *reply)
{
	static const char *const always[][2] = {
		{"Content-Security-Policy",
		 "default-src 'self'; frame-ancestors 'none'; "
		 "base-uri 'none'; form-action 'self'"},
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
		{"Cache-Control", "no-store"},
	};
	bool is_ok = MHD_add_response_header(response, "Content-Type",
					     reply->type) == MHD_YES;

	for (size_t i = 0; is_ok && i < sizeof(always) / sizeof(always[0]); i++)
		is_ok = MHD_add_response_header(response, always[i][0],
						always[i][1]) == MHD_YES;
	for (size_t i = 0; is_ok && i < reply->header_count; i++)
		is_ok = MHD_add_response_header(response,
						reply->headers[i].name,
						reply->headers[i].value) ==
			MHD_YES;
	return is_ok;
}

enum MHD_Result http_reply_send(struct http_reply *reply,
				struct MHD_Connection *connection)
{
	size_t size = reply->body.size;
	char *data = TAKE_PTR(reply->body.data);
	struct MHD_Response *response = TAKE_PTR(reply->made);
	enum MHD_Result result = MHD_NO;

	buf_fini(&reply->body);
	if (response)
		free(data);
	else
		response = MHD_create_response_from_buffer(
			size, data,
			data ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!response) {
		free(data);
		return MHD_NO;
	}
	if (add_headers(response, reply))
		result = MHD_queue_response(connection, reply->status,
					    response);
	MHD_destroy_response(response);
	return result;
}

const char *http_header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

const char *http_argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND,
					   name);
}

/* "[::]:8443" to "::" and "8443"; `host` and `port` point into `text`. */
static int split_address(char *text, char **ret_host, char **ret_port)
{
	char *colon = strrchr(text, ':');

	if (!colon || colon[1] == '\0')
		return -EINVAL;
	*colon = '\0';
	if (text[0] == '[') {
		if (colon[-1] != ']')
			return -EINVAL;
		colon[-1] = '\0';
		text++;
	} else if (strchr(text, ':')) {
		return -EINVAL;
	}
	*ret_host = text;
	*ret_port = colon + 1;
	return 0;
}

static int bind_socket(const struct addrinfo *info, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	int one = 1, zero = 0;

	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	/* [::] is every address, IPv4 included. */
	if (info->ai_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) < 0)
		return -errno;
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int read_port(int fd, uint16_t *ret_port)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;
	socklen_t len = sizeof(storage);

	if (getsockname(fd, (struct sockaddr *)&storage, &len) < 0)
		return -errno;
	memcpy(&v4, &storage, sizeof(v4));
	memcpy(&v6, &storage, sizeof(v6));
	*ret_port = ntohs(storage.ss_family == AF_INET6 ? v6.sin6_port
							: v4.sin_port);
	return 0;
}

int http_listen(const char *address, int *ret_fd, uint16_t *ret_port)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	_cleanup_free_ char *text = strdup(address);
	_cleanup_close_ int fd = -1;
	struct addrinfo *info = NULL;
	char *host = NULL, *port = NULL;
	int r;

	if (!text)
		return -ENOMEM;
	r = split_address(text, &host, &port);
	if (r < 0)
		return r;
	if (getaddrinfo(host, port, &hints, &info) != 0)
		return -EINVAL;
	r = bind_socket(info, &fd);
	freeaddrinfo(info);
	if (r == 0)
		r = read_port(fd, ret_port);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}
