/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step: fill a batch, ask, judge, act. Every way out either moves the
 * cursor because the collector has the events, or waits; there is no path that
 * skips an event of our own collector.
 */
#include "agent/ship/sender.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/ship/answer.h"
#include "agent/ship/backoff.h"
#include "agent/ship/coding.h"
#include "agent/ship/cursor.h"
#include "agent/ship/http.h"
#include "agent/ship/refused.h"
#include "agent/ship/resource.h"
#include "agent/ship/source.h"

#include "agent/base/banned.h"

#define HEADER_COUNT 10u
#define HEADER_SIZE  160u
#define BASE64_SIZE  (4 * ((FRAME_HASH_SIZE + 2) / 3) + 1)

struct sender {
	struct sender_config config;
	struct resource resource;
	struct source *source;
	struct batch *batch;
	struct http *http;
	struct cursor cursor;
	struct backoff backoff;
	struct buf coded;
	enum coding coding;
	bool is_zstd_refused;
	size_t events_max;
	bool is_denied;
	bool is_draining;    /* at half duty, after an outage */
	bool is_forked;	     /* the collector holds another history of… */
	uint64_t ask_ns;     /* …this stream; mono, when to ask again */
	uint64_t failing_ns; /* mono; since when, 0 = not failing */
	char headers[HEADER_COUNT][HEADER_SIZE];
	const char *header_list[HEADER_COUNT + 1];
};

DEFINE_CLEANUP(sender, struct sender *, sender_free);

struct sender *sender_free(struct sender *sender)
{
	if (!sender)
		return NULL;
	source_free(sender->source);
	batch_free(sender->batch);
	http_free(sender->http);
	buf_fini(&sender->coded);
	free(sender);
	return NULL;
}

int sender_new(const struct sender_config *config, struct sender **ret_sender)
{
	_cleanup_(cleanup_sender) struct sender *sender =
		calloc(1, sizeof(*sender));
	if (!sender)
		return -ENOMEM;

	const struct http_config http = {
		.base_url = config->settings->collector,
		.proxy = config->settings->proxy,
		.ca_pem = config->identity->ca_pem,
		.cert_pem = config->identity->cert_pem,
		.key_pem = config->identity->key_pem,
		.clock = identity_clock(config->identity),
		.timeout_s = config->settings->request_timeout_s,
	};
	sender->config = *config;
	sender->coded.limit = (size_t)2 * BATCH_BYTES_MAX;
	sender->coding = CODING_GZIP;
	sender->events_max = BATCH_EVENTS_MAX;
	sender->backoff.max_ms = config->settings->backoff_max_s * MS_PER_S;
	resource_init(&sender->resource, config->root_fd);

	int r = cursor_read(config->state_fd, &sender->cursor);
	if (r == -EBADMSG)
		log_warning(config->log, "The cursor is damaged, asking the "
					 "collector anew");
	else if (r < 0 && r != -ENOENT)
		return r;
	r = source_new(config->root_fd, &sender->source);
	if (r == 0)
		r = batch_new(&sender->batch);
	if (r == 0)
		r = http_new(&http, &sender->http);
	if (r < 0)
		return r;
	*ret_sender = TAKE_PTR(sender);
	return 0;
}

bool sender_take_denied(struct sender *sender)
{
	bool is_denied = sender->is_denied;

	sender->is_denied = false;
	return is_denied;
}

/* ---- what people and the daemon are told ---- */

static void save_cursor(struct sender *sender)
{
	int r = cursor_write(sender->config.state_fd, &sender->cursor);

	/* What was acknowledged is then asked for again, and known there. */
	if (r < 0)
		log_warning(sender->config.log, "Cannot write the cursor: %s",
			    errno_text(r));
}

/* Writes a new state, once, and logs it. */
static void tell(struct sender *sender, const char *state, const char *detail)
{
	struct cursor *cursor = &sender->cursor;
	char text[CURSOR_STATE_MAX + 1];

	(void)snprintf(text, sizeof(text), "%s%s%s", state, *detail ? ": " : "",
		       detail);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	if (strcmp(cursor->state, text) == 0)
		return;
	(void)snprintf(cursor->state, sizeof(cursor->state), "%s", text);
	save_cursor(sender);
	log_notice(sender->config.log, "Shipping waits at %" PRIu64 ": %s",
		   cursor->acked.seq, text);
}

static uint64_t random_u64(void)
{
	uint64_t value = 0;

	/* Without randomness the delay is the least; that is all. */
	(void)!getrandom(&value, sizeof(value), GRND_NONBLOCK);
	return value;
}

static uint64_t back_off(struct sender *sender, uint64_t least_s)
{
	uint64_t wait_ms = backoff_next_ms(&sender->backoff, random_u64());
	uint64_t least_ms = least_s * MS_PER_S;

	if (!sender->failing_ns)
		sender->failing_ns = clock_mono_ns();
	if (least_ms > sender->backoff.max_ms)
		least_ms = sender->backoff.max_ms;
	return wait_ms > least_ms ? wait_ms : least_ms;
}

/* ---- asking ---- */

static void hash_text(const uint8_t hash[FRAME_HASH_SIZE],
		      char ret_text[BASE64_SIZE])
{
	(void)EVP_EncodeBlock((unsigned char *)ret_text, hash, FRAME_HASH_SIZE);
}

__attribute__((format(printf, 3, 4))) static void set_header(
	struct sender *sender, size_t index, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(sender->headers[index], HEADER_SIZE, format, arguments);
	va_end(arguments);
	sender->header_list[index] = sender->headers[index];
	sender->header_list[index + 1] = NULL;
}

static void set_headers(struct sender *sender, const char *stream,
			uint64_t tail_seq)
{
	const struct batch_info *info = batch_info(sender->batch);
	uint64_t wall_ms = clock_wall_ns() / NS_PER_MS;
	uint64_t wanted = sender->cursor.acked.seq + 1;
	char hash[BASE64_SIZE];
	size_t n = 0;

	set_header(sender, n++, "X-Agent-Stream: %s", stream);
	set_header(sender, n++, "X-Agent-First-Seq: %" PRIu64, info->first_seq);
	set_header(sender, n++, "X-Agent-Count: %zu", info->count);
	hash_text(info->prev, hash);
	set_header(sender, n++, "X-Agent-Prev-Hash: %s", hash);
	hash_text(info->tip, hash);
	set_header(sender, n++, "X-Agent-Tip-Hash: %s", hash);
	set_header(sender, n++, "X-Agent-Tail-Seq: %" PRIu64, tail_seq);
	set_header(sender, n++, "X-Agent-Time: %" PRIu64 ".%03" PRIu64,
		   wall_ms / MS_PER_S, wall_ms % MS_PER_S);
	set_header(sender, n++,
		   "Idempotency-Key: \"%s:%" PRIu64 "-%" PRIu64 "\"", stream,
		   info->first_seq, info->last_seq);
	if (sender->coding != CODING_IDENTITY)
		set_header(sender, n++, "Content-Encoding: %s",
			   coding_to_str(sender->coding));
	if (info->first_seq > wanted)
		set_header(sender, n++, "X-Agent-Lost: %" PRIu64 "-%" PRIu64,
			   wanted, info->first_seq - 1);
	assert(n <= HEADER_COUNT);
}

static int ask(struct sender *sender, const struct spool_tail *tail,
	       const char *stream, struct http_response *response)
{
	const struct otlp_resource resource = resource_attributes(
		&sender->resource, sender->config.host_id, stream);
	struct span data;

	int r = batch_encode(sender->batch, &resource, &data);
	if (r < 0)
		return r;
	buf_clear(&sender->coded);
	r = coding_apply(sender->coding, data, &sender->coded);
	if (r < 0)
		return r;

	set_headers(sender, stream, tail->seq);
	const struct http_request request = {
		.path = "/v1/logs",
		.content_type = "application/x-protobuf",
		.body = span_of(sender->coded.data, sender->coded.size),
		.headers = sender->header_list,
	};
	return http_send(sender->http, &request, response);
}

/* ---- acting on the answer ---- */

/*
 * Before the next request, `took_ms` after the last one was begun: what the
 * collector says; else after an outage as long as it took, half duty.
 */
static uint64_t pause_ms(const struct sender *sender,
			 const struct answer *answer, uint64_t took_ms)
{
	if (answer->spacing_ms > 0)
		return answer->spacing_ms > took_ms
			       ? answer->spacing_ms - took_ms
			       : 0;
	return sender->is_draining ? took_ms : 0;
}

static uint64_t acknowledge(struct sender *sender, const struct answer *answer,
			    uint64_t asked_ns)
{
	struct cursor *cursor = &sender->cursor;
	uint64_t now_ns = clock_mono_ns();

	if (answer->rejected)
		log_warning(sender->config.log,
			    "The collector set %" PRIu64
			    " events aside as not valid",
			    answer->rejected);
	if (sender->failing_ns) {
		log_info(sender->config.log, "Shipping goes on");
		sender->is_draining = now_ns - sender->failing_ns >
				      OUTAGE_S * NS_PER_S;
	}
	cursor->acked.seq = answer->seq;
	cursor->contact_s = clock_wall_ns() / NS_PER_S;
	(void)snprintf(cursor->state, sizeof(cursor->state), "%s",
		       answer->is_foreign ? "foreign" : "ok");
	save_cursor(sender);

	backoff_reset(&sender->backoff);
	sender->failing_ns = 0;
	if (sender->events_max < BATCH_EVENTS_MAX)
		sender->events_max *= 2;
	return pause_ms(sender, answer, (now_ns - asked_ns) / NS_PER_MS);
}

static uint64_t rewind_to(struct sender *sender, const struct answer *answer)
{
	struct cursor *cursor = &sender->cursor;
	const struct batch_info *info = batch_info(sender->batch);

	if (answer->seq + 1 == info->first_seq) {
		tell(sender, "collector contradicts itself", "");
		return back_off(sender, 0);
	}
	if (answer->seq == cursor->acked.seq) {
		/* It wants what the spool no longer has. */
		char range[48];

		(void)snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64,
			       answer->seq + 1, info->first_seq - 1);
		tell(sender, "lost", range);
		return back_off(sender, 0);
	}
	log_notice(sender->config.log,
		   "The collector has events up to %" PRIu64 ", not %" PRIu64
		   ": going on there",
		   answer->seq, cursor->acked.seq);
	cursor->acked.seq = answer->seq;
	save_cursor(sender);
	return back_off(sender, 0);
}

/* The batch is too large or holds something refused: find out what. */
static uint64_t bisect(struct sender *sender, const struct answer *answer)
{
	const struct batch_info *info = batch_info(sender->batch);
	char number[24];

	if (info->count > 1) {
		sender->events_max = info->count / 2;
		return 0;
	}
	(void)snprintf(number, sizeof(number), "%" PRIu64, info->first_seq);
	if (sender->config.settings->is_foreign &&
	    refused_keep(sender->config.state_fd, &sender->cursor.acked,
			 info->first_seq, batch_body(sender->batch, 0)) == 0) {
		log_warning(sender->config.log,
			    "The receiver refuses event %s; kept as a file",
			    number);
		sender->cursor.acked.seq = info->first_seq;
		save_cursor(sender);
		return 0;
	}
	/* Our collector stores what it cannot read; so this is a fault there
	 * or between, and leaving the event out would break the chain. */
	tell(sender, answer->reason, number);
	return back_off(sender, 0);
}

static uint64_t recode(struct sender *sender, const struct answer *answer)
{
	if (sender->coding == CODING_IDENTITY) {
		tell(sender, answer->reason, "");
		return back_off(sender, 0);
	}
	sender->is_zstd_refused = true;
	sender->coding = coding_simpler(sender->coding);
	return 0;
}

static uint64_t hold(struct sender *sender, const struct answer *answer)
{
	tell(sender, answer->reason, "");
	return back_off(sender, sender->backoff.max_ms / MS_PER_S);
}

/*
 * The state's first word asks the daemon for a new stream (sekimori.spool(5)).
 * Until spool.tail names one, this one is tried now and then.
 */
static uint64_t mismatch(struct sender *sender, const struct answer *answer)
{
	uint64_t wait_ms = hold(sender, answer);

	sender->is_forked = true;
	sender->ask_ns = clock_mono_ns() + wait_ms * NS_PER_MS;
	return wait_ms;
}

static uint64_t act(struct sender *sender, const struct answer *answer,
		    const struct http_response *response, uint64_t asked_ns)
{
	switch (answer->action) {
	case ANSWER_ACK:
		return acknowledge(sender, answer, asked_ns);
	case ANSWER_REWIND:
		return rewind_to(sender, answer);
	case ANSWER_HALVE:
	case ANSWER_REFUSED:
		return bisect(sender, answer);
	case ANSWER_RECODE:
		return recode(sender, answer);
	case ANSWER_DENIED:
		sender->is_denied = true;
		return hold(sender, answer);
	case ANSWER_MISMATCH:
		return mismatch(sender, answer);
	case ANSWER_RETRY:
	default:
		tell(sender, answer->reason, response->error);
		return back_off(sender, answer->wait_s);
	}
}

static uint64_t ask_and_act(struct sender *sender,
			    const struct spool_tail *tail)
{
	_cleanup_(http_response_fini) struct http_response response = {0};
	char stream[HEX_SIZE(FRAME_ID_SIZE)];
	uint64_t asked_ns = clock_mono_ns();

	hex_encode(tail->stream, FRAME_ID_SIZE, stream);
	int r = ask(sender, tail, stream, &response);
	if (r < 0) {
		tell(sender, "cannot make a request", errno_text(r));
		return back_off(sender, 0);
	}

	const struct batch_info *info = batch_info(sender->batch);
	const struct answer_question question = {
		.stream = stream,
		.first_seq = info->first_seq,
		.last_seq = info->last_seq,
		.tail_seq = tail->seq,
		.is_foreign = sender->config.settings->is_foreign,
	};
	const struct answer_reply reply = {
		.status = response.status,
		.ack = response.ack,
		.expect = response.expect,
		.chain = response.chain,
		.retry_after = response.retry_after,
		.rate = response.rate,
		.body = span_of(response.body.data, response.body.size),
	};
	const struct answer answer = answer_judge(&question, &reply);

	if (answer.action == ANSWER_ACK && !sender->is_zstd_refused &&
	    strstr(response.accept_encoding, "zstd"))
		sender->coding = CODING_ZSTD;
	return act(sender, &answer, &response, asked_ns);
}

/* ---- one step ---- */

/*
 * After boot, terminals that all started at 08:30 spread what is not urgent
 * over splay_max_s, each at its own moment.
 */
static uint64_t splay_ms(const struct sender *sender)
{
	uint64_t max_ms = sender->config.settings->splay_max_s * MS_PER_S;
	uint64_t boot_ms = clock_boot_ns() / NS_PER_MS;
	uint8_t id[FRAME_ID_SIZE];
	uint64_t mine = 0;

	if (max_ms == 0 || batch_info(sender->batch)->is_urgent ||
	    hex_decode(sender->config.host_id, (size_t)2 * FRAME_ID_SIZE, id,
		       sizeof(id)) < 0)
		return 0;
	memcpy(&mine, id, sizeof(mine));
	mine %= max_ms;
	return boot_ms < mine ? mine - boot_ms : 0;
}

/* Another stream than before: nothing of it has been told anybody. */
static void begin_stream(struct sender *sender, const struct spool_tail *tail)
{
	struct cursor *cursor = &sender->cursor;

	memcpy(cursor->acked.stream, tail->stream, FRAME_ID_SIZE);
	cursor->acked.seq = 0;
	cursor->state[0] = '\0'; /* was the old one's */
	sender->is_forked = false;
	backoff_reset(&sender->backoff);
}

struct sender_wait sender_step(struct sender *sender,
			       const struct spool_tail *tail)
{
	struct cursor *cursor = &sender->cursor;
	uint64_t now_ns = clock_mono_ns();

	if (memcmp(cursor->acked.stream, tail->stream, FRAME_ID_SIZE) != 0)
		begin_stream(sender, tail);
	if (sender->is_forked && now_ns < sender->ask_ns)
		return (struct sender_wait){
			(sender->ask_ns - now_ns) / NS_PER_MS + 1, true};
	sender->is_forked = false;
	if (cursor->acked.seq >= tail->seq) {
		sender->is_draining = false;
		return (struct sender_wait){SENDER_IDLE, true};
	}

	const struct source_want want = {
		.tail = *tail,
		.acked_seq = cursor->acked.seq,
		.events_max = sender->events_max,
	};
	int r = source_fill(sender->source, &want, sender->batch);
	if (r != 0) {
		tell(sender, "cannot read the spool",
		     r < 0 ? errno_text(r) : "events are missing");
		return (struct sender_wait){back_off(sender, 0), false};
	}

	uint64_t wait_ms = splay_ms(sender);
	if (wait_ms > 0)
		return (struct sender_wait){wait_ms, true};
	wait_ms = ask_and_act(sender, tail);
	return (struct sender_wait){wait_ms, sender->is_forked};
}
