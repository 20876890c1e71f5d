/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ETag of the last answer is kept in memory only: after a start everything
 * is asked for once, and what the inbox has already is not written again.
 */
#include "agent/ship/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/ship/backoff.h"
#include "agent/ship/http.h"
#include "agent/ship/inbox.h"
#include "agent/wire/jws.h"

#include "agent/base/banned.h"

#define INBOX	  "inbox"
#define BODY_MAX  (2u * JWS_TEXT_MAX_BYTES + 4096)
#define TIMEOUT_S 90u /* more than WAIT, and than a request takes */
#define WAIT	  "Prefer: wait=55"
/* A collector from before there was an inbox. */
#define ABSENT_S 3600u

struct fetch {
	int inbox_fd;
	const struct log *log;
	struct http *http;
	struct http_response response;
	struct backoff backoff;
	bool is_running;
	bool is_failing;  /* as told in the log */
	uint64_t next_ns; /* mono; when to ask again */
	char etag[ANSWER_HEADER_MAX];
	char known[ANSWER_HEADER_MAX + 32];
	const char *headers[3];
};

DEFINE_CLEANUP(fetch, struct fetch *, fetch_free);

struct fetch *fetch_free(struct fetch *fetch)
{
	if (!fetch)
		return NULL;
	if (fetch->is_running) {
		http_cancel(fetch->http);
		http_response_fini(&fetch->response);
	}
	http_free(fetch->http);
	cleanup_close(&fetch->inbox_fd);
	free(fetch);
	return NULL;
}

int fetch_new(const struct fetch_config *config, struct fetch **ret_fetch)
{
	_cleanup_(cleanup_fetch) struct fetch *fetch = calloc(1,
							      sizeof(*fetch));
	const struct http_config http = {
		.base_url = config->settings->collector,
		.proxy = config->settings->proxy,
		.ca_pem = config->identity->ca_pem,
		.cert_pem = config->identity->cert_pem,
		.key_pem = config->identity->key_pem,
		.clock = identity_clock(config->identity),
		.timeout_s = TIMEOUT_S,
	};
	int r;

	if (!fetch)
		return -ENOMEM;
	fetch->log = config->log;
	fetch->backoff.max_ms = config->settings->backoff_max_s * MS_PER_S;
	fetch->inbox_fd = openat(config->state_fd, INBOX,
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC |
					 O_NOFOLLOW);
	if (fetch->inbox_fd < 0)
		return -errno;
	r = http_new(&http, &fetch->http);
	if (r < 0)
		return r;
	*ret_fetch = TAKE_PTR(fetch);
	return 0;
}

/* ---- the answer ---- */

static void wait_for(struct fetch *fetch, uint64_t ms)
{
	fetch->next_ns = clock_mono_ns() + ms * NS_PER_MS;
}

static void fail(struct fetch *fetch, const char *what)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = clock_mono_ns();
	wait_for(fetch, backoff_next_ms(&fetch->backoff, random));
	if (!fetch->is_failing)
		log_notice(fetch->log, "The inbox cannot be fetched: %s", what);
	fetch->is_failing = true;
}

static void succeed(struct fetch *fetch, const struct http_response *response)
{
	backoff_reset(&fetch->backoff);
	/* Without it there would be no waiting: as often as now is enough */
	wait_for(fetch, response->etag[0] ? 0 : 60 * MS_PER_S);
	(void)snprintf(fetch->etag, sizeof(fetch->etag), "%s", response->etag);
	if (fetch->is_failing)
		log_info(fetch->log, "The inbox is fetched again");
	fetch->is_failing = false;
}

static void take_documents(struct fetch *fetch,
			   const struct http_response *response)
{
	struct span text = {buf_text(&response->body), response->body.size};
	int r = inbox_store(fetch->inbox_fd, text);

	if (r < 0) {
		fail(fetch, r == -EBADMSG ? "the answer is not understood"
					  : errno_text(r));
		return;
	}
	if (r > 0)
		log_info(fetch->log, "New in the inbox: %d", r);
	succeed(fetch, response);
}

static void take_answer(struct fetch *fetch)
{
	const struct http_response *response = &fetch->response;

	switch (response->status) {
	case 200:
		take_documents(fetch, response);
		break;
	case 304:
		succeed(fetch, response);
		break;
	case 404:
		wait_for(fetch, ABSENT_S * MS_PER_S);
		break;
	case 0:
		fail(fetch, response->error);
		break;
	default: {
		char status[32];
		(void)snprintf(status, sizeof(status), "status %ld",
			       response->status);
		fail(fetch, status);
	}
	}
	http_response_fini(&fetch->response);
	fetch->is_running = false;
}

/* ---- the question ---- */

static void begin(struct fetch *fetch)
{
	const struct http_request request = {
		.path = "/v1/inbox",
		.headers = fetch->headers,
		.body_max = BODY_MAX,
	};
	size_t count = 0;

	if (fetch->etag[0]) {
		(void)snprintf(fetch->known, sizeof(fetch->known),
			       "If-None-Match: %s", fetch->etag);
		fetch->headers[count++] = fetch->known;
		fetch->headers[count++] = WAIT;
	}
	fetch->headers[count] = NULL;
	if (http_begin(fetch->http, &request, &fetch->response) < 0)
		fail(fetch, "no memory");
	else
		fetch->is_running = true;
}

void fetch_sleep(void *userdata, int fd, int timeout_ms)
{
	struct fetch *fetch = userdata;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint64_t now_ns = clock_mono_ns();

	if (!fetch->is_running && now_ns >= fetch->next_ns)
		begin(fetch);
	if (fetch->is_running) {
		if (http_wait(fetch->http, fd, timeout_ms) == HTTP_DONE)
			take_answer(fetch);
		return;
	}
	uint64_t left_ms = (fetch->next_ns - now_ns) / NS_PER_MS + 1;
	if (timeout_ms < 0 || left_ms < (uint64_t)timeout_ms)
		timeout_ms = left_ms > INT_MAX ? INT_MAX : (int)left_ms;
	/* Interrupted or not: the caller looks at everything again */
	(void)poll(&ready, 1, timeout_ms);
}
