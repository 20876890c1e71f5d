/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push: a small HTTP client, for this one request only. The answer is bounded
 * and read to its end (Connection: close); redirects are not followed.
 */
#include "collector/push.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "agent/base/buf.h"
#include "agent/base/cleanup.h"

#include "agent/base/banned.h"

#define TIMEOUT_S   10
#define ANSWER_MAX  8192u
#define REQUEST_MAX (NOTE_BYTES_MAX + 8192u)
#define HOST_SIZE   256u
#define PORT_SIZE   8u

struct target {
	bool is_tls;
	char host[HOST_SIZE];
	char port[PORT_SIZE];
	const char *path; /* "" or "/…" */
};

DEFINE_CLEANUP(ssl_ctx, SSL_CTX *, SSL_CTX_free);
DEFINE_CLEANUP(ssl, SSL *, SSL_free);

static int copy(char *out, size_t size, const char *from, size_t len)
{
	if (len == 0 || len >= size)
		return -EINVAL;
	memcpy(out, from, len);
	out[len] = '\0';
	return 0;
}

static int parse_url(const char *url, struct target *target)
{
	const char *at, *colon;
	size_t len;

	target->is_tls = strncmp(url, "https://", 8) == 0;
	at = url + (target->is_tls ? 8 : 7);
	len = strcspn(at, "/");
	target->path = at + len;
	colon = at[0] == '[' ? memchr(at, ']', len) : NULL;
	colon = memchr(colon ? colon : at, ':',
		       len - (colon ? (size_t)(colon - at) : 0));
	if (!colon) {
		memcpy(target->port, target->is_tls ? "443" : "80",
		       target->is_tls ? 4 : 3);
	} else {
		if (copy(target->port, PORT_SIZE, colon + 1,
			 (size_t)(at + len - colon) - 1) < 0)
			return -EINVAL;
		len = (size_t)(colon - at);
	}
	if (at[0] == '[' && len > 2 && at[len - 1] == ']') {
		at++;
		len -= 2;
	}
	return copy(target->host, HOST_SIZE, at, len);
}

static int connect_to(const struct target *target, int *ret_fd)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	struct addrinfo *list = NULL;
	int r = -EHOSTUNREACH;

	if (getaddrinfo(target->host, target->port, &hints, &list) != 0)
		return -EHOSTUNREACH;
	for (const struct addrinfo *at = list; at; at = at->ai_next) {
		_cleanup_close_ int fd = socket(at->ai_family,
						SOCK_STREAM | SOCK_CLOEXEC, 0);

		/* Without a limit it would only wait longer. */
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout,
				 sizeof(timeout));
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
				 sizeof(timeout));
		if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
			*ret_fd = TAKE_FD(fd);
			r = 0;
			break;
		}
		r = -errno;
	}
	freeaddrinfo(list);
	return r;
}

static int exchange_plain(int fd, const struct buf *out, struct buf *in)
{
	char part[2048];
	size_t sent = 0;
	ssize_t n;

	while (sent < out->size) {
		n = send(fd, out->data + sent, out->size - sent, MSG_NOSIGNAL);
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		sent += (size_t)n;
	}
	while ((n = recv(fd, part, sizeof(part), 0)) > 0) {
		int r = buf_append(in, part, (size_t)n);

		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}

static int exchange_tls(int fd, const struct target *target,
			const struct buf *out, struct buf *in)
{
	_cleanup_(cleanup_ssl_ctx)
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	_cleanup_(cleanup_ssl) SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	char part[2048];
	int n, r = 0;

	if (!ssl || SSL_CTX_set_default_verify_paths(ctx) != 1 ||
	    SSL_set_fd(ssl, fd) != 1 ||
	    SSL_set_tlsext_host_name(ssl, target->host) != 1 ||
	    SSL_set1_host(ssl, target->host) != 1)
		return -ENOMEM;
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (SSL_connect(ssl) != 1 ||
	    SSL_write(ssl, out->data, (int)out->size) != (int)out->size)
		return -ECONNABORTED;
	while (r == 0 && (n = SSL_read(ssl, part, sizeof(part))) > 0)
		r = buf_append(in, part, (size_t)n);
	return r;
}

static int format_request(const struct push_request *request,
			  const struct target *target, struct buf *out)
{
	_cleanup_buf_ struct buf body = BUF_INIT(REQUEST_MAX);
	char hash[NOTE_HASH_TEXT_SIZE];
	int r = buf_printf(&body, "old %" PRIu64 "\n", request->old_size);

	for (size_t i = 0; r == 0 && i < request->proof.count; i++) {
		note_hash_format(request->proof.hashes[i], hash);
		r = buf_printf(&body, "%s\n", hash);
	}
	if (r == 0)
		r = buf_printf(&body, "\n%s", request->checkpoint->text);
	if (r == 0)
		r = buf_printf(out,
			       "POST %s/add-checkpoint HTTP/1.1\r\n"
			       "Host: %s:%s\r\nConnection: close\r\n"
			       "Content-Type: text/plain; charset=utf-8\r\n"
			       "Content-Length: %zu\r\n\r\n%s",
			       target->path, target->host, target->port,
			       body.size, buf_text(&body));
	return r;
}

/* A line of the answer that is the witness's signature. */
static int find_line(const struct push_request *request, const char *body,
		     char ret_line[NOTE_LINE_SIZE])
{
	_cleanup_buf_ struct buf whole = BUF_INIT(NOTE_BYTES_MAX);
	struct note note;
	uint64_t time_s;
	int r = buf_append(&whole, request->checkpoint->note.text.ptr,
			   request->checkpoint->note.text.len);

	if (r == 0)
		r = buf_printf(&whole, "\n%s", body);
	if (r < 0)
		return r;
	if (note_parse(span_of(whole.data, whole.size), &note) != 0)
		return -EPROTO;
	r = note_verify(&note, request->key, &time_s);
	if (r != 0)
		return r < 0 ? r : -EKEYREJECTED;
	/* One line a witness: theirs is the whole body. */
	if (note.count != 1 || strlen(body) >= NOTE_LINE_SIZE)
		return -EPROTO;
	(void)snprintf(ret_line, NOTE_LINE_SIZE, "%s", body); /* fits */
	return 0;
}

static int read_answer(const struct push_request *request, const char *answer,
		       char ret_line[NOTE_LINE_SIZE], uint64_t *ret_size)
{
	const char *body = strstr(answer, "\r\n\r\n");
	size_t len;

	if (!body || strncmp(answer, "HTTP/1.1 ", 9) != 0)
		return -EPROTO;
	body += 4;
	if (strncmp(answer + 9, "200", 3) == 0)
		return find_line(request, body, ret_line);
	len = strcspn(body, "\n");
	if (strncmp(answer + 9, "409", 3) == 0 &&
	    note_number_parse(span_of(body, len), ret_size) == 0)
		return PUSH_ELSEWHERE;
	return -EPROTO;
}

int push_checkpoint(const struct push_request *request,
		    char ret_line[NOTE_LINE_SIZE], uint64_t *ret_size)
{
	_cleanup_buf_ struct buf out = BUF_INIT(REQUEST_MAX);
	_cleanup_buf_ struct buf in = BUF_INIT(ANSWER_MAX);
	_cleanup_close_ int fd = -1;
	struct target target = {0};
	int r = parse_url(request->url, &target);

	if (r == 0)
		r = format_request(request, &target, &out);
	if (r == 0)
		r = connect_to(&target, &fd);
	if (r == 0)
		r = target.is_tls ? exchange_tls(fd, &target, &out, &in)
				  : exchange_plain(fd, &out, &in);
	return r < 0 ? r
		     : read_answer(request, buf_text(&in), ret_line, ret_size);
}
