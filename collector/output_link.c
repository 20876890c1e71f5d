/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_link: blocking sockets with time limits, OpenSSL above them. SIGPIPE
 * is blocked by the program.
 */
#include "collector/output_link.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/sockios.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "agent/base/cleanup.h"

#include "agent/base/banned.h"

/* What a peer of a one-way protocol may send before its end is an error. */
#define IDLE_TALK_MAX 65536u
#define WRITE_MAX     16384u /* one TLS record */

int output_target_parse(const char *text, struct output_target *target)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!colon || colon[1] == '\0' || strlen(colon + 1) >= OUTPUT_PORT_SIZE)
		return -EINVAL;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= OUTPUT_HOST_SIZE || memchr(text, '/', len) ||
	    memchr(text, ' ', len))
		return -EINVAL;
	memcpy(target->host, text, len);
	target->host[len] = '\0';
	memcpy(target->port, colon + 1, strlen(colon + 1) + 1);
	return 0;
}

/* ---- the gate ------------------------------------------------------------- */

static int gate_enter(struct output_gate *gate, int fd)
{
	bool is_closed;

	/* Our own mutex: cannot fail. */
	(void)pthread_mutex_lock(&gate->lock);
	is_closed = gate->is_closed;
	gate->fd = is_closed ? -1 : fd;
	(void)pthread_mutex_unlock(&gate->lock);
	return is_closed ? -ECANCELED : 0;
}

static void gate_leave(struct output_gate *gate)
{
	/* Our own mutex: cannot fail. */
	(void)pthread_mutex_lock(&gate->lock);
	gate->fd = -1;
	(void)pthread_mutex_unlock(&gate->lock);
}

void output_gate_close(struct output_gate *gate)
{
	/* Our own mutex: cannot fail. */
	(void)pthread_mutex_lock(&gate->lock);
	gate->is_closed = true;
	if (gate->fd >= 0)
		(void)shutdown(gate->fd, SHUT_RDWR); /* or it ended itself */
	(void)pthread_mutex_unlock(&gate->lock);
}

/* ---- opening -------------------------------------------------------------- */

static int connect_one(const struct addrinfo *at, struct output_link *link)
{
	const struct timeval limit = {.tv_sec = OUTPUT_STEP_S};
	int r;

	link->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return -errno;
	/* Without a limit it would only wait longer. */
	(void)setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
			 sizeof(limit));
	(void)setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
			 sizeof(limit));
	r = gate_enter(link->gate, link->fd);
	if (r == 0 && connect(link->fd, at->ai_addr, at->ai_addrlen) < 0)
		r = errno == EINPROGRESS ? -ETIMEDOUT : -errno;
	if (r < 0)
		output_link_close(link);
	return r;
}

static int connect_to(const struct output_target *target,
		      struct output_link *link)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int r = -EHOSTUNREACH;

	if (getaddrinfo(target->host, target->port, &hints, &list) != 0)
		return -EHOSTUNREACH;
	for (const struct addrinfo *at = list; at && r != 0; at = at->ai_next)
		r = connect_one(at, link);
	freeaddrinfo(list);
	return r;
}

static int load_files(const struct output_target *target, SSL_CTX *ctx)
{
	int is_good = target->ca[0]
			      ? SSL_CTX_load_verify_locations(ctx, target->ca,
							      NULL)
			      : SSL_CTX_set_default_verify_paths(ctx);

	if (is_good == 1 && target->cert[0])
		is_good =
			SSL_CTX_use_certificate_chain_file(ctx, target->cert) ==
					1
				? SSL_CTX_use_PrivateKey_file(ctx, target->key,
							      SSL_FILETYPE_PEM)
				: 0;
	return is_good == 1 ? 0 : -ENOENT;
}

/* The certificate must name what was configured, be it a name or an address. */
static int expect_host(const struct output_target *target, SSL *ssl)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (X509_VERIFY_PARAM_set1_ip_asc(param, target->host) == 1)
		return 0;
	return SSL_set1_host(ssl, target->host) == 1 &&
			       SSL_set_tlsext_host_name(ssl, target->host) == 1
		       ? 0
		       : -ENOMEM;
}

/* What an I/O of OpenSSL that returned n <= 0 means. */
static int tls_error(const struct output_link *link, int n)
{
	int saved_errno = errno, kind = SSL_get_error(link->ssl, n);

	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return -ETIMEDOUT; /* SO_RCVTIMEO, SO_SNDTIMEO */
	if (kind == SSL_ERROR_ZERO_RETURN)
		return -EPIPE;
	if (kind == SSL_ERROR_SYSCALL && saved_errno != 0)
		return -saved_errno;
	if (kind == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) ==
					     SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return -EPIPE;
	return -ECONNABORTED;
}

static int start_tls(const struct output_target *target,
		     struct output_link *link)
{
	int n, r;

	link->ctx = SSL_CTX_new(TLS_client_method());
	if (!link->ctx ||
	    SSL_CTX_set_min_proto_version(link->ctx, TLS1_2_VERSION) != 1)
		return -ENOMEM;
	r = load_files(target, link->ctx);
	if (r < 0)
		return r;
	link->ssl = SSL_new(link->ctx);
	if (!link->ssl || SSL_set_fd(link->ssl, link->fd) != 1)
		return -ENOMEM;
	r = expect_host(target, link->ssl);
	if (r < 0)
		return r;
	ERR_clear_error();
	n = SSL_connect(link->ssl);
	if (n == 1)
		return 0;
	return SSL_get_verify_result(link->ssl) == X509_V_OK
		       ? tls_error(link, n)
		       : -EKEYREJECTED;
}

int output_link_open(const struct output_target *target,
		     struct output_gate *gate, struct output_link *ret_link)
{
	struct output_link link = {.gate = gate, .fd = -1};
	int r = connect_to(target, &link);

	if (r == 0 && target->is_tls)
		r = start_tls(target, &link);
	ERR_clear_error();
	if (r < 0)
		output_link_close(&link);
	else
		*ret_link = link;
	return r;
}

void output_link_close(struct output_link *link)
{
	gate_leave(link->gate);
	SSL_free(link->ssl);
	SSL_CTX_free(link->ctx);
	if (link->fd >= 0)
		(void)close(link->fd); /* what counts was waited for */
	link->ssl = NULL;
	link->ctx = NULL;
	link->fd = -1;
}

/* ---- talking -------------------------------------------------------------- */

int output_link_write(struct output_link *link, const char *data, size_t size)
{
	while (size > 0) {
		size_t part = size < WRITE_MAX ? size : WRITE_MAX;
		ssize_t n;

		ERR_clear_error();
		n = link->ssl ? SSL_write(link->ssl, data, (int)part)
			      : send(link->fd, data, part, MSG_NOSIGNAL);
		if (n <= 0 && link->ssl)
			return tls_error(link, (int)n);
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

int output_link_read(struct output_link *link, char *data, size_t size,
		     size_t *ret_size)
{
	ssize_t n;

	ERR_clear_error();
	n = link->ssl ? SSL_read(link->ssl, data, (int)size)
		      : recv(link->fd, data, size, 0);
	if (n <= 0 && link->ssl)
		return tls_error(link, (int)n);
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	*ret_size = (size_t)n;
	return 0;
}

int output_link_finish(struct output_link *link)
{
	char part[1024];
	size_t size, total = 0;
	int n, r, unsent = -1;

	ERR_clear_error();
	n = SSL_shutdown(link->ssl);
	if (n < 0)
		return tls_error(link, n);
	/* Session tickets and the like; talk of the peer is not for us. */
	do {
		size = 0;
		r = output_link_read(link, part, sizeof(part), &size);
		total += size;
	} while (r == 0 && total < IDLE_TALK_MAX);
	if (r != -EPIPE)
		return r == 0 ? -EPROTO : r;
	/* Closed before our octets came: the kernel there never took them. */
	if (ioctl(link->fd, SIOCOUTQ, &unsent) < 0)
		return -errno;
	return unsent == 0 ? 0 : -ECONNRESET;
}
