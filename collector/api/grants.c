/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants: POST /api/v1/grants takes one signed text (application/jose) for the
 * terminal it names; GET /api/v1/grants?terminal= gives those that are kept for
 * one. A browser elsewhere cannot send this content type without asking first,
 * and what is not signed at the desk is refused by every terminal.
 */
#include "collector/api/json.h"
#include "collector/console.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "collector/grants.h"
#include "collector/headers.h"
#include "collector/writer.h"

#include "agent/base/banned.h"

/* One commit, waited for: the listener has one thread, a commit takes
 * milliseconds. */
struct publication {
	struct job job; /* first: the job is it */
	const char *text;
	int result;
	bool is_done;
	pthread_mutex_t lock;
	pthread_cond_t wake;
};

static int run(struct job *job, struct store *store)
{
	struct publication *p = (struct publication *)job;

	return grants_publish(store, p->text, (int64_t)time(NULL));
}

static void done(struct job *job, int r)
{
	struct publication *p = (struct publication *)job;

	/* A plain mutex and its condition cannot fail */
	(void)pthread_mutex_lock(&p->lock);
	p->result = r;
	p->is_done = true;
	(void)pthread_cond_signal(&p->wake);
	(void)pthread_mutex_unlock(&p->lock);
}

static int publish(struct writer *writer, const char *text)
{
	struct publication p = {
		.job = {.weight = 1, .run = run, .done = done},
		.text = text,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.wake = PTHREAD_COND_INITIALIZER,
	};
	int r = writer_submit(writer, &p.job);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&p.lock);
	while (!p.is_done)
		(void)pthread_cond_wait(&p.wake, &p.lock);
	(void)pthread_mutex_unlock(&p.lock);
	return p.result;
}

static bool is_jose(struct console_request *request)
{
	const char *type = http_header(request->connection, "Content-Type");

	if (type && strcmp(type, "application/jose") == 0)
		return true;
	http_reply_text(&request->reply, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			"application/jose is wanted: one compact JWS");
	return false;
}

static void answer(struct console_request *request, int r)
{
	static const char *const refusals[] = {
		[GRANTS_NO_JWS] = "not a compact JWS of a grant",
		[GRANTS_NO_GRANT] = "what is signed is no grant",
		[GRANTS_OVER] = "it has expired already",
	};

	if (r == 0)
		http_reply_text(&request->reply, MHD_HTTP_ACCEPTED,
				"the terminal will judge it");
	else if (r > 0 && r <= GRANTS_OVER)
		http_reply_text(&request->reply, MHD_HTTP_BAD_REQUEST, "%s",
				refusals[r]);
	else
		console_failed(request, r);
}

void api_grants_post(struct console_request *request)
{
	if (!is_jose(request))
		return;
	answer(request, publish(request->console->service->writer,
				buf_text(request->body)));
}

void api_grants(struct console_request *request)
{
	const char *host = http_argument(request->connection, "terminal");
	_cleanup_free_ char *texts = NULL;
	struct buf *out = &request->reply.body;
	int r;

	if (!host || !ident_is_hex(host, strnlen(host, IDENT_HEX_LEN + 1))) {
		http_reply_text(&request->reply, MHD_HTTP_BAD_REQUEST,
				"'terminal' wants 32 hexadecimal digits");
		return;
	}
	r = grants_kept(request->console->store, host, &texts);
	if (r < 0 && r != -ENOENT) {
		console_failed(request, r);
		return;
	}
	buf_clear(out);
	/* Letters, digits and dots: nothing to escape */
	r = buf_append_text(out, "{\"grants\":[");
	for (const char *at = texts; r == 0 && at && *at;) {
		size_t len = strcspn(at, " ");
		r = buf_printf(out, "\n\"%.*s\",", (int)len, at);
		at += len + (at[len] == ' ');
	}
	if (r == 0)
		r = json_close(out, "\n]}\n");
	if (r < 0) {
		console_failed(request, r);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = "application/json";
}
