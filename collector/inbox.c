/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents lie in the store's named values. A thread looks once a second
 * whether anything was published, by whatever collector or command, and answers
 * those who wait. The lock of those who wait is never held over a question to
 * the store: with many who wait and a slow database, that pass takes long, and
 * the listener's threads must go on taking events.
 */
#include "collector/inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/clock.h"
#include "agent/base/hex.h"
#include "agent/wire/jws.h"
#include "collector/worker.h"

#include "agent/base/banned.h"

#define KEY_VERSION "inbox.version" /* changes with every publication */
#define KEY_SIZE    128

static const char *const NAMES[] = {INBOX_POLICY, INBOX_ORDER, INBOX_GRANTS};
#define NAME_COUNT (sizeof(NAMES) / sizeof(NAMES[0]))

struct inbox {
	struct store *pass_store; /* the thread's alone */
	struct store *ask_store;  /* under `asking`, of those who come */
	pthread_mutex_t asking;
	const struct log *log;
	struct worker worker;
	char *version; /* the thread's: as last seen; NULL: nothing published */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_stopping;    /* under lock */
	uint64_t generation; /* under lock: changes with what is published */
	struct request *waiting; /* under lock; by request->inbox.next */
};

/* What one terminal is to have. */
struct parcel_text {
	struct buf body;
	char etag[INBOX_ETAG_SIZE];
};

static void make_key(const char *host, const char *name, char key[KEY_SIZE])
{
	(void)snprintf(key, KEY_SIZE, "inbox.%s.%s", host ? host : "all",
		       name); /* both are bounded words */
}

int inbox_read(struct store *store, const char *host, const char *name,
	       char **ret_text)
{
	char key[KEY_SIZE], *text = NULL;
	int r;

	make_key(host, name, key);
	r = store->ops->meta_get(store, key, &text);
	if (r == 0 && *text == '\0') {
		free(text); /* taken out again */
		return -ENOENT;
	}
	if (r == 0)
		*ret_text = text;
	return r;
}

/* A text for the terminal itself goes before one for all. */
static int find_document(struct store *store, const char *host,
			 const char *name, char **ret_text)
{
	char key[KEY_SIZE];
	int r;

	r = inbox_read(store, host, name, ret_text);
	if (r != -ENOENT)
		return r;
	make_key(NULL, name, key);
	return store->ops->meta_get(store, key, ret_text);
}

/* "NAME TEXT\n" for each document. */
static int collect(struct store *store, const char *host,
		   struct parcel_text *parcel)
{
	uint8_t hash[SECRET_HASH_BYTES];
	int r = 0;

	parcel->body.limit = HTTP_REPLY_MAX;
	for (size_t i = 0; r == 0 && i < NAME_COUNT; i++) {
		_cleanup_free_ char *text = NULL;

		r = find_document(store, host, NAMES[i], &text);
		if (r == 0 && *text)
			r = buf_printf(&parcel->body, "%s %s\n", NAMES[i],
				       text);
		else if (r == -ENOENT)
			r = 0;
	}
	if (r == 0)
		r = secret_hash(buf_text(&parcel->body), parcel->body.size,
				hash);
	if (r == 0)
		hex_encode(hash, sizeof(hash), parcel->etag);
	return r;
}

/* True: the reply is there. False: nothing new for this request. */
static bool answer(struct store *store, struct request *request)
{
	const char *host = request->peer->cert.ident.host;
	struct parcel_text parcel = {0};
	int r = collect(store, host, &parcel);

	if (r < 0) {
		request_unavailable(request, r);
	} else if (strcmp(parcel.etag, request->inbox.etag) != 0) {
		http_reply_text(&request->reply, MHD_HTTP_OK, "%s", "");
		buf_fini(&request->reply.body);
		request->reply.body = parcel.body;
		parcel.body = (struct buf){0};
		http_reply_header(&request->reply, "ETag", "\"%s\"",
				  parcel.etag);
	} else {
		r = 1;
	}
	buf_fini(&parcel.body);
	return r <= 0;
}

static void say_unchanged(struct request *request)
{
	http_reply_text(&request->reply, MHD_HTTP_NOT_MODIFIED, "%s", "");
	http_reply_header(&request->reply, "ETag", "\"%s\"",
			  request->inbox.etag);
}

/* Only quotes and a hash of ours are understood; else all is new. */
static void read_wishes(struct request *request)
{
	const char *etag = http_header(request->connection, "If-None-Match");
	const char *prefer = http_header(request->connection, "Prefer");
	unsigned long wait_s = 0;

	if (etag && strlen(etag) == INBOX_ETAG_SIZE + 1 && etag[0] == '"')
		memcpy(request->inbox.etag, etag + 1, INBOX_ETAG_SIZE - 1);
	if (prefer && strncmp(prefer, "wait=", 5) == 0)
		wait_s = strtoul(prefer + 5, NULL, 10);
	if (wait_s > INBOX_WAIT_MAX_S)
		wait_s = INBOX_WAIT_MAX_S;
	request->inbox.until_ns = clock_mono_ns() + wait_s * NS_PER_S;
}

static bool is_revoked(struct store *store, struct request *request)
{
	struct store_cert_state state = {0};
	int r = store->ops->cert_state(store, request->peer->cert.serial,
				       &state);

	if (r < 0)
		request_unavailable(request, r);
	else if (state.is_revoked)
		http_reply_text(&request->reply, MHD_HTTP_FORBIDDEN,
				"the certificate is revoked");
	return r < 0 || state.is_revoked;
}

/* From the store, without waiting for news. False: there is none. */
static bool answer_now(struct inbox *inbox, struct request *request)
{
	bool is_done;

	/* Our own mutex: cannot fail. */
	(void)pthread_mutex_lock(&inbox->asking);
	is_done = is_revoked(inbox->ask_store, request) ||
		  answer(inbox->ask_store, request);
	(void)pthread_mutex_unlock(&inbox->asking);
	return is_done;
}

enum stand {
	STAND_WAITS = 0,
	STAND_CHANGED, /* something was published meanwhile */
	STAND_STOPS,
};

/*
 * Lets the request wait, if since *generation nothing was published; else
 * *generation is that of now. With `request` NULL only the latter.
 */
static enum stand stand_in_line(struct inbox *inbox, struct request *request,
				uint64_t *generation)
{
	enum stand stand = STAND_CHANGED;

	worker_lock(&inbox->worker);
	if (inbox->worker.is_stopping) {
		stand = STAND_STOPS;
	} else if (request && inbox->generation == *generation) {
		request_suspend(request);
		request->inbox.next = inbox->waiting;
		inbox->waiting = request;
		stand = STAND_WAITS;
	}
	*generation = inbox->generation;
	worker_unlock(&inbox->worker);
	return stand;
}

void inbox_handle(struct request *request)
{
	struct inbox *inbox = request->service->inbox;
	uint64_t generation = 0;
	enum stand stand;

	if (!request_is_in_time(request, 0))
		return;
	read_wishes(request);
	stand = stand_in_line(inbox, NULL, &generation);
	while (stand == STAND_CHANGED) {
		if (answer_now(inbox, request))
			return;
		if (clock_mono_ns() >= request->inbox.until_ns) {
			say_unchanged(request);
			return;
		}
		stand = stand_in_line(inbox, request, &generation);
	}
	/* One that waits belongs to the thread from here on. */
	if (stand == STAND_STOPS)
		request_unavailable(request, -ESHUTDOWN);
}

/* ---- the thread ------------------------------------------------------------ */

/* Under the lock: whose time is over, and with `is_stopping` everybody. */
static void send_away(struct inbox *inbox)
{
	struct request **at = &inbox->waiting;
	uint64_t now_ns = clock_mono_ns();

	while (*at) {
		struct request *request = *at;

		if (inbox->worker.is_stopping) {
			request_unavailable(request, -ESHUTDOWN);
		} else if (now_ns >= request->inbox.until_ns) {
			say_unchanged(request);
		} else {
			at = &request->inbox.next;
			continue;
		}
		*at = request->inbox.next;
		request_resume(request);
	}
}

/* Everybody's documents are compared again; who waits on goes back in line. */
static void pass_on_news(struct inbox *inbox)
{
	struct request *line, **end;

	worker_lock(&inbox->worker);
	inbox->generation++;
	line = inbox->waiting;
	inbox->waiting = NULL;
	worker_unlock(&inbox->worker);

	end = &line;
	while (*end && !worker_is_stopping(&inbox->worker)) {
		struct request *request = *end, *next = request->inbox.next;

		if (!answer(inbox->pass_store, request)) {
			end = &request->inbox.next;
			continue;
		}
		*end = next;
		request_resume(request); /* it may be gone now */
	}
	while (*end)
		end = &(*end)->inbox.next;

	worker_lock(&inbox->worker);
	*end = inbox->waiting;
	inbox->waiting = line;
	worker_unlock(&inbox->worker);
}

/* Whether something was published since the last look. */
static bool look(struct inbox *inbox)
{
	struct store *store = inbox->pass_store;
	char *version = NULL;
	int r = store->ops->meta_get(store, KEY_VERSION, &version);

	if (r < 0)
		return false; /* none yet; or told by the other readers */
	bool is_news = !inbox->version || strcmp(version, inbox->version) != 0;
	free(inbox->version);
	inbox->version = version;
	return is_news;
}

static void *inbox_main(void *ctx)
{
	struct inbox *inbox = ctx;

	while (worker_wait_ms(&inbox->worker, MS_PER_S)) {
		worker_lock(&inbox->worker);
		send_away(inbox);
		worker_unlock(&inbox->worker);
		if (look(inbox))
			pass_on_news(inbox);
	}
	return NULL;
}

int inbox_start(struct store *pass_store, struct store *ask_store,
		const struct log *log, struct inbox **ret_inbox)
{
	struct inbox *inbox = calloc(1, sizeof(*inbox));
	int r;

	if (!inbox)
		return -ENOMEM;
	inbox->pass_store = pass_store;
	inbox->ask_store = ask_store;
	inbox->log = log;
	(void)pthread_mutex_init(&inbox->asking, NULL); /* cannot fail */
	r = worker_start(&inbox->worker, inbox_main, inbox);
	if (r < 0) {
		free(inbox);
		return r;
	}
	*ret_inbox = inbox;
	return 0;
}

void inbox_stop(struct inbox *inbox)
{
	if (!inbox)
		return;
	worker_end(&inbox->worker);
	/* Who was left when the thread ended; nobody stands in line any more. */
	worker_lock(&inbox->worker);
	send_away(inbox);
	worker_unlock(&inbox->worker);
}

void inbox_free(struct inbox *inbox)
{
	if (!inbox)
		return;
	worker_fini(&inbox->worker);
	(void)pthread_mutex_destroy(&inbox->asking); /* nobody holds it */
	free(inbox->version);
	free(inbox);
}

/* Three words of base64url with dots between: what a JWS looks like. Where it
 * ends, or NULL. */
static const char *skip_jws(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789-_";

	for (int word = 0; word < 3; word++) {
		size_t letters_len = strspn(text, letters);
		text += letters_len;
		if (letters_len == 0 || (word < 2 && *text != '.'))
			return NULL;
		text += word < 2;
	}
	return text;
}

static bool is_document(const char *name, const char *text)
{
	bool may_be_several = strcmp(name, INBOX_GRANTS) == 0;

	if (strlen(text) > JWS_TEXT_MAX_BYTES)
		return false;
	const char *end = skip_jws(text);
	while (end && *end == ' ' && may_be_several)
		end = skip_jws(end + 1);
	return end && *end == '\0';
}

static bool is_name(const char *name)
{
	for (size_t i = 0; i < NAME_COUNT; i++)
		if (strcmp(NAMES[i], name) == 0)
			return true;
	return false;
}

int inbox_publish(struct store *store, const char *host, const char *name,
		  const char *text)
{
	char key[KEY_SIZE], version[SECRET_TOKEN_SIZE];
	int r;

	if (!is_name(name) || (*text && !is_document(name, text)))
		return -EINVAL;
	make_key(host, name, key);
	r = store->ops->meta_set(store, key, text);
	if (r == 0)
		r = secret_token_new(version);
	return r < 0 ? r : store->ops->meta_set(store, KEY_VERSION, version);
}
