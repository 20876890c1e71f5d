/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet: connections, TLS, requests and answers of simulated terminals.
 */
#include "tests/bench/terminals/fleet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "agent/base/clock.h"
#include "tests/bench/terminals/check.h"

#define REPLY_MAX   4096
#define EVENTS_MAX  256
#define AGAIN_NS    (200 * NS_PER_MS) /* after a connection broke */
#define SOURCES	    64		      /* addresses: each has 28,000 ports */
#define PER_HUNDRED 100
#define SILENCE_NS  (120 * NS_PER_S)

enum state {
	STATE_WAITING = 0, /* in the queue, until due_ns */
	STATE_CONNECTING,
	STATE_SHAKING,
	STATE_READY, /* with is_ahead: until all are */
	STATE_WRITING,
	STATE_READING,
	STATE_DONE,
};

struct link {
	struct terminal terminal;
	enum state state;
	int fd;
	SSL *ssl;
	struct request request;
	struct request *ahead; /* with is_ahead: all of them */
	size_t written;
	bool is_poll;	/* done: the request is the inbox's */
	bool is_repeat; /* the request was acknowledged once already */
	char *reply;
	size_t have;
	uint64_t due_ns, first_due_ns, from_ns;
};

struct fleet {
	const struct fleet_config *config;
	struct load load;
	struct fleet_result result;
	struct link *links;
	struct link **queue; /* a heap by due_ns */
	size_t queued;
	size_t under_way;
	size_t done;
	size_t held;
	size_t ready; /* with is_ahead: connected, waiting for the rest */
	size_t ack_capacity;
	bool is_over; /* one ran out of what was made ahead */
	uint64_t start_ns, heard_ns;
	uint32_t chance;
	SSL_CTX *tls;
	int epoll;
};

/* ---- who is due ----------------------------------------------------------- */

static void queue_push(struct fleet *f, struct link *l)
{
	size_t at = f->queued++;

	while (at > 0 && f->queue[(at - 1) / 2]->due_ns > l->due_ns) {
		f->queue[at] = f->queue[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	f->queue[at] = l;
}

static struct link *queue_pop(struct fleet *f)
{
	struct link *first = f->queue[0], *last = f->queue[--f->queued];
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= f->queued)
			break;
		if (child + 1 < f->queued &&
		    f->queue[child + 1]->due_ns < f->queue[child]->due_ns)
			child++;
		if (f->queue[child]->due_ns >= last->due_ns)
			break;
		f->queue[at] = f->queue[child];
		at = child;
	}
	f->queue[at] = last;
	return first;
}

static void wait_until(struct fleet *f, struct link *l, uint64_t due_ns)
{
	l->state = STATE_WAITING;
	l->due_ns = due_ns;
	queue_push(f, l);
}

/* ---- connections ---------------------------------------------------------- */

static void hang_up(struct link *l)
{
	SSL_free(l->ssl);
	l->ssl = NULL;
	if (l->fd >= 0)
		close(l->fd); /* leaves epoll too */
	l->fd = -1;
	free(l->request.data);
	l->request = (struct request){0};
	free(l->reply);
	l->reply = NULL;
	ERR_clear_error();
}

static void leave(struct fleet *f, struct link *l, uint64_t due_ns)
{
	hang_up(l);
	if (l->is_poll)
		return; /* done all the same */
	f->under_way--;
	wait_until(f, l, due_ns);
}

static void watch(struct fleet *f, struct link *l, uint32_t events, int op)
{
	struct epoll_event event = {.events = events, .data.ptr = l};

	CHECK(epoll_ctl(f->epoll, op, l->fd, &event) == 0);
}

static void call(struct fleet *f, struct link *l)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(f->config->port),
				       .sin_addr.s_addr =
					       htonl(INADDR_LOOPBACK)};
	struct sockaddr_in from = {.sin_family = AF_INET};
	int one = 1;

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 +
				     (uint32_t)((l - f->links) % SOURCES));
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(l->fd >= 0);
	CHECK(setsockopt(l->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
			 sizeof(one)) == 0);
	CHECK(setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ==
	      0);
	CHECK(bind(l->fd, (const struct sockaddr *)&from, sizeof(from)) == 0);
	l->from_ns = clock_mono_ns();
	f->under_way++;
	if (connect(l->fd, (const struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS) {
		f->result.broken++;
		leave(f, l, l->from_ns + AGAIN_NS);
		return;
	}
	l->state = STATE_CONNECTING;
	watch(f, l, EPOLLOUT, EPOLL_CTL_ADD);
}

static void start_tls(struct fleet *f, struct link *l)
{
	const uint8_t *der = l->terminal.cert;
	X509 *cert = d2i_X509(NULL, &der, (long)l->terminal.cert_size);

	l->ssl = SSL_new(f->tls);
	CHECK(l->ssl && cert && SSL_use_certificate(l->ssl, cert) == 1 &&
	      SSL_use_PrivateKey(l->ssl, f->config->ca->client_key) == 1 &&
	      SSL_set_fd(l->ssl, l->fd) == 1);
	SSL_set_connect_state(l->ssl);
	X509_free(cert);
	l->state = STATE_SHAKING;
}

/* true: it goes on now; false: later, or the connection is gone. */
static bool is_going_on(struct fleet *f, struct link *l, int result)
{
	switch (SSL_get_error(l->ssl, result)) {
	case SSL_ERROR_NONE:
		return true;
	case SSL_ERROR_WANT_READ:
		watch(f, l, EPOLLIN, EPOLL_CTL_MOD);
		return false;
	case SSL_ERROR_WANT_WRITE:
		watch(f, l, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
		return false;
	default:
		f->result.broken++;
		leave(f, l, clock_mono_ns() + AGAIN_NS);
		return false;
	}
}

/* ---- requests ------------------------------------------------------------- */

static bool happens(struct fleet *f, unsigned int percent)
{
	f->chance = f->chance * 1664525u + 1013904223u;
	return (f->chance >> 8) % PER_HUNDRED < percent;
}

/* As the shipper: a request always waits there for news, of which there are
 * none (the hash is that of no documents at all). */
static void poll_inbox(struct link *l)
{
	static const char text[] =
		"GET /v1/inbox HTTP/1.1\r\nHost: c\r\nPrefer: wait=55\r\n"
		"If-None-Match: "
		"\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b93"
		"4ca495991b7852b855\"\r\n\r\n";

	free(l->request.data);
	l->request.data = (uint8_t *)strdup(text);
	CHECK(l->request.data);
	l->request.size = strlen(text);
	l->written = 0;
	l->state = STATE_WRITING;
	free(l->reply);
	l->reply = NULL;
}

static void finish(struct fleet *f, struct link *l)
{
	f->under_way--;
	f->done++;
	f->result.whole_ns[f->result.whole_count++] = clock_mono_ns() -
						      l->first_due_ns;
	if (f->held == f->config->hold) {
		l->state = STATE_DONE;
		hang_up(l);
		return;
	}
	f->held++;
	l->is_poll = true;
	poll_inbox(l);
}

static void next_request(struct fleet *f, struct link *l)
{
	struct terminal *t = &l->terminal;

	if (t->acked == f->load.events) {
		f->is_over = f->config->is_ahead;
		finish(f, l);
		return;
	}
	free(l->request.data);
	l->request = (struct request){0};
	if (f->config->is_ahead) {
		struct request *made = &l->ahead[t->acked / f->load.batch];

		l->request = *made;
		CHECK(l->request.data || !"it was sent already");
		*made = (struct request){0};
		t->sent = t->acked + f->load.batch;
	} else {
		terminal_make_request(t, &f->load, &l->request);
	}
	l->written = 0;
	l->is_repeat = false;
	l->state = STATE_WRITING;
	l->from_ns = clock_mono_ns();
}

static void write_some(struct fleet *f, struct link *l)
{
	while (l->written < l->request.size) {
		int n = SSL_write(l->ssl, l->request.data + l->written,
				  (int)(l->request.size - l->written));

		if (n <= 0) {
			(void)is_going_on(f, l, n);
			return;
		}
		l->written += (size_t)n;
	}
	f->result.bytes += l->request.size;
	if (f->config->lose && !l->is_poll && happens(f, f->config->lose)) {
		f->result.lost++;
		leave(f, l, clock_mono_ns());
		return;
	}
	l->have = 0;
	l->state = STATE_READING;
	watch(f, l, EPOLLIN, EPOLL_CTL_MOD);
}

/* ---- answers -------------------------------------------------------------- */

static const char *find_header(const char *reply, const char *name)
{
	const char *at = strcasestr(reply, name);

	return at && at[-1] == '\n' ? at + strlen(name) : NULL;
}

/* The number behind "<stream>:"; it must be this terminal's stream. */
static uint64_t read_seq(const struct link *l, const char *value)
{
	CHECK(strncmp(value, l->terminal.stream, 32) == 0 && value[32] == ':');
	return strtoull(value + 33, NULL, 10);
}

static void send_again(struct fleet *f, struct link *l)
{
	f->result.repeated++;
	l->is_repeat = true;
	l->written = 0;
	l->state = STATE_WRITING;
	l->from_ns = clock_mono_ns();
}

static void take_ack(struct fleet *f, struct link *l, const char *ack)
{
	struct terminal *t = &l->terminal;

	CHECK(ack && read_seq(l, ack) == t->sent);
	f->result.requests++;
	if (!l->is_repeat) {
		f->result.acked += t->sent - t->acked;
		if (f->result.ack_count < f->ack_capacity)
			f->result.ack_ns[f->result.ack_count++] =
				clock_mono_ns() - l->from_ns;
		terminal_move(t, &f->load, t->sent);
	}
	if (!l->is_repeat && f->config->repeat && happens(f, f->config->repeat))
		send_again(f, l);
	else
		next_request(f, l);
}

static void take_answer(struct fleet *f, struct link *l)
{
	const char *value = find_header(l->reply, "Accept-Encoding:");
	unsigned long status = strtoul(l->reply + 9, NULL, 10);

	f->heard_ns = clock_mono_ns();
	if (l->is_poll) {
		CHECK(status == 304);
		poll_inbox(l);
		return;
	}
	if (value && strstr(value, "zstd") && !f->config->is_ahead)
		f->load.is_zstd = true;
	if (status == 200) {
		take_ack(f, l, find_header(l->reply, "X-Agent-Ack: "));
		return;
	}
	value = find_header(l->reply, "X-Agent-Expect: ");
	if (status == 409 && value) {
		f->result.rewound++;
		terminal_move(&l->terminal, &f->load, read_seq(l, value));
		next_request(f, l);
		return;
	}
	if (status != 429 && status != 503) {
		fprintf(stderr, "%s\n", l->reply);
		CHECK(!"an answer that a terminal can do something with");
	}
	value = find_header(l->reply, "Retry-After: ");
	CHECK(value);
	f->result.refused++;
	leave(f, l, f->heard_ns + strtoull(value, NULL, 10) * NS_PER_S);
}

/* Head and body are there. */
static bool is_whole(const struct link *l)
{
	const char *end = strstr(l->reply, "\r\n\r\n");
	const char *length = find_header(l->reply, "Content-Length: ");

	/* 304 has no body, whatever its length says (RFC 9112 6.3). */
	if (end && strncmp(l->reply + 9, "304", 3) == 0)
		return true;
	return end && length &&
	       l->have >=
		       (size_t)(end + 4 - l->reply) + strtoul(length, NULL, 10);
}

static void read_some(struct fleet *f, struct link *l)
{
	if (!l->reply)
		l->reply = malloc(REPLY_MAX);
	CHECK(l->reply);
	do {
		int n = SSL_read(l->ssl, l->reply + l->have,
				 (int)(REPLY_MAX - 1 - l->have));

		if (n <= 0) {
			(void)is_going_on(f, l, n);
			return;
		}
		l->have += (size_t)n;
		CHECK(l->have < REPLY_MAX - 1);
		l->reply[l->have] = '\0';
	} while (!is_whole(l));
	take_answer(f, l);
}

/* The clock starts when all have connected. */
static void start_all(struct fleet *f)
{
	f->start_ns = clock_mono_ns();
	for (size_t i = 0; i < f->config->terminals; i++) {
		next_request(f, &f->links[i]);
		write_some(f, &f->links[i]);
	}
}

static void shake(struct fleet *f, struct link *l)
{
	int r = SSL_do_handshake(l->ssl);
	uint64_t now_ns = clock_mono_ns();

	if (r != 1) {
		(void)is_going_on(f, l, r);
		return;
	}
	if (f->result.connect_count < f->config->terminals)
		f->result.connect_ns[f->result.connect_count++] = now_ns -
								  l->from_ns;
	if (!f->config->is_ahead) {
		next_request(f, l);
		return;
	}
	l->state = STATE_READY;
	if (++f->ready == f->config->terminals)
		start_all(f);
}

static void go_on(struct fleet *f, struct link *l)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (l->state == STATE_CONNECTING) {
		CHECK(getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &size) ==
		      0);
		if (error) {
			f->result.broken++;
			leave(f, l, clock_mono_ns() + AGAIN_NS);
			return;
		}
		start_tls(f, l);
	}
	if (l->state == STATE_SHAKING)
		shake(f, l);
	else if (l->state == STATE_READING)
		read_some(f, l);
	/* A new request, or the rest of one. */
	if (l->state == STATE_WRITING)
		write_some(f, l);
}

/* ---- the play ------------------------------------------------------------- */

static bool is_time_up(const struct fleet *f, uint64_t now_ns)
{
	return f->config->limit_ns && f->result.acked > 0 &&
	       now_ns - f->start_ns >= f->config->limit_ns;
}

static int call_those_due(struct fleet *f)
{
	uint64_t now_ns = clock_mono_ns();

	while (f->queued > 0 && f->under_way < f->config->under_way) {
		struct link *first = f->queue[0];

		if (first->due_ns > now_ns)
			return (int)((first->due_ns - now_ns) / NS_PER_MS) + 1;
		call(f, queue_pop(f));
	}
	return 1000;
}

static void play(struct fleet *f)
{
	struct epoll_event events[EVENTS_MAX];

	f->start_ns = f->heard_ns = clock_mono_ns();
	for (size_t i = 0; i < f->config->terminals; i++) {
		struct link *l = &f->links[i];

		l->first_due_ns = f->start_ns + f->config->window_ns * i /
							f->config->terminals;
		wait_until(f, l, l->first_due_ns);
	}
	while (f->done < f->config->terminals && !f->is_over) {
		int wait_ms = call_those_due(f);
		int n = epoll_wait(f->epoll, events, EVENTS_MAX, wait_ms);
		uint64_t now_ns;

		CHECK(n >= 0 || errno == EINTR);
		for (int i = 0; i < n; i++)
			go_on(f, events[i].data.ptr);
		now_ns = clock_mono_ns();
		if (is_time_up(f, now_ns))
			break;
		CHECK(now_ns - f->heard_ns < SILENCE_NS ||
		      !"the collector answers nobody");
	}
	f->result.took_ns = clock_mono_ns() - f->start_ns;
}

static void make_ahead(struct fleet *f, struct link *l)
{
	size_t count = f->load.events / f->load.batch;

	CHECK(f->load.events % f->load.batch == 0);
	l->ahead = calloc(count, sizeof(*l->ahead));
	CHECK(l->ahead);
	for (size_t i = 0; i < count; i++) {
		terminal_make_request(&l->terminal, &f->load, &l->ahead[i]);
		terminal_move(&l->terminal, &f->load, l->terminal.sent);
	}
	/* Their hashes are in the requests; only the numbers count now. */
	l->terminal.acked = l->terminal.sent = 0;
}

static SSL_CTX *make_tls(const struct authority *ca)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	CHECK(tls &&
	      X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), ca->cert) == 1);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return tls;
}

static void set_up(struct fleet *f)
{
	const struct fleet_config *config = f->config;
	size_t n = config->terminals;
	uint64_t requests = (f->load.events + f->load.batch - 1) /
			    f->load.batch * n;

	f->load.is_zstd = f->load.is_zstd || config->is_ahead;
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	f->tls = make_tls(config->ca);
	f->links = calloc(n, sizeof(*f->links));
	f->queue = calloc(n, sizeof(struct link *));
	/* Behind an answer of 409 some are acknowledged once more. */
	f->ack_capacity = 2 * requests;
	f->result.ack_ns = calloc(f->ack_capacity, sizeof(uint64_t));
	f->result.connect_ns = calloc(n, sizeof(uint64_t));
	f->result.whole_ns = calloc(n, sizeof(uint64_t));
	CHECK(f->epoll >= 0 && f->links && f->queue && f->result.ack_ns &&
	      f->result.connect_ns && f->result.whole_ns);
	for (size_t i = 0; i < n; i++) {
		f->links[i].fd = -1;
		terminal_init(&f->links[i].terminal, config->ca, config->seed,
			      i);
		if (config->is_ahead)
			make_ahead(f, &f->links[i]);
	}
}

static void tear_down(struct fleet *f)
{
	for (size_t i = 0; i < f->config->terminals; i++) {
		struct link *l = &f->links[i];

		hang_up(l);
		for (size_t k = 0;
		     l->ahead && k < f->load.events / f->load.batch; k++)
			free(l->ahead[k].data);
		free(l->ahead);
		terminal_fini(&l->terminal);
	}
	free(f->links);
	free(f->queue);
	SSL_CTX_free(f->tls);
	close(f->epoll);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void fleet_play(const struct fleet_config *config,
		void (*at_end)(const struct fleet_result *result, void *ctx),
		void *ctx, struct fleet_result *ret_result)
{
	struct fleet f = {.config = config, .load = config->load, .chance = 1};
	struct fleet_result *r = &f.result;

	set_up(&f);
	play(&f);
	for (size_t i = 0; i < config->terminals; i++)
		r->open += f.links[i].fd >= 0;
	qsort(r->ack_ns, r->ack_count, sizeof(uint64_t), compare);
	qsort(r->connect_ns, r->connect_count, sizeof(uint64_t), compare);
	qsort(r->whole_ns, r->whole_count, sizeof(uint64_t), compare);
	at_end(r, ctx);
	tear_down(&f);
	*ret_result = *r;
}
