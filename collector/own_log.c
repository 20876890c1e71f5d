/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_log: the stream's id, number and tip stand in the store's named values, in
 * the transaction that moves them. OCSF has the class for it: Event Log Activity
 * (1008), Delete.
 */
#include "collector/own_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/hex.h"
#include "agent/wire/frame.h"

#include "agent/base/banned.h"

#define META_KEY   "own.stream" /* "STREAM SEQ TIP" */
#define STATE_SIZE 128
#define HOST_SIZE  65
#define EVENT_MAX  2048
#define LAST_LEAF  "\"last_leaf\":"

struct position {
	char stream[IDENT_HEX_LEN + 1];
	uint64_t seq;
	uint8_t tip[FRAME_HASH_SIZE];
};

int own_log_init(struct span origin, struct own_log *ret_log)
{
	static const char label[] = "sekimori-collector\n";
	_cleanup_buf_ struct buf text = BUF_INIT(sizeof(label) + NOTE_NAME_MAX);
	uint8_t hash[SECRET_HASH_BYTES];
	int r = buf_append(&text, label, sizeof(label) - 1);

	if (r == 0)
		r = buf_append(&text, origin.ptr, origin.len);
	if (r == 0)
		r = secret_hash(text.data, text.size, hash);
	if (r == 0)
		hex_encode(hash, FRAME_ID_SIZE, ret_log->host);
	return r;
}

static int begin_stream(const struct own_log *log, struct position *ret)
{
	uint8_t stream[FRAME_ID_SIZE], host[FRAME_ID_SIZE];
	int r = hex_decode(log->host, IDENT_HEX_LEN, host, sizeof(host));

	if (r == 0 && getrandom(stream, sizeof(stream), 0) != sizeof(stream))
		r = -EIO;
	if (r < 0)
		return r;
	hex_encode(stream, sizeof(stream), ret->stream);
	ret->seq = 0;
	return frame_origin(stream, host, ret->tip);
}

static int read_position(const struct own_log *log, struct store *store,
			 struct position *ret)
{
	_cleanup_free_ char *text = NULL;
	char *seq, *tip;
	int r = store->ops->meta_get(store, META_KEY, &text);

	if (r == -ENOENT)
		return begin_stream(log, ret);
	if (r < 0)
		return r;
	seq = strchr(text, ' ');
	tip = seq ? strchr(seq + 1, ' ') : NULL;
	if (!tip || seq - text != IDENT_HEX_LEN)
		return -EBADMSG;
	*seq++ = *tip++ = '\0';
	memcpy(ret->stream, text, sizeof(ret->stream));
	if (headers_parse_count(seq, &ret->seq) < 0 ||
	    hex_decode(tip, strlen(tip), ret->tip, sizeof(ret->tip)) < 0)
		return -EBADMSG;
	return 0;
}

static int write_position(struct store *store, const struct headers *headers)
{
	char state[STATE_SIZE], tip[HEX_SIZE(FRAME_HASH_SIZE)];

	hex_encode(headers->tip_hash, FRAME_HASH_SIZE, tip);
	(void)snprintf(state, sizeof(state), "%s %" PRIu64 " %s",
		       headers->stream, headers->last_seq, tip); /* fits */
	return store->ops->meta_set(store, META_KEY, state);
}

/* This machine's name, fit for JSON. */
static void read_hostname(char name[HOST_SIZE])
{
	name[0] = '\0';
	if (gethostname(name, HOST_SIZE - 1) < 0)
		name[0] = '\0'; /* then it says nothing */
	name[HOST_SIZE - 1] = '\0';
	for (char *c = name; *c; c++)
		if (*c <= ' ' || *c == '"' || *c == '\\' || *c > '~')
			*c = '-';
}

static size_t write_event(const struct own_log *log, uint64_t seq,
			  int64_t now_ms, const struct own_retention *what,
			  char out[EVENT_MAX])
{
	char name[HOST_SIZE];

	read_hostname(name);
	/* Fits: numbers and bounded words. */
	return (size_t)snprintf(
		out, EVENT_MAX,
		"{\"activity_id\":2,\"category_uid\":1,\"class_uid\":1008,"
		"\"device\":{\"hostname\":\"%s\",\"type_id\":1,\"uid\":\"%s\"},"
		"\"log_name\":\"sekimori\",\"log_provider\":"
		"\"sekimori-collector\",\"message\":\"保存期間(%" PRIu64
		"日)を過ぎた記録の本文を消去\",\"metadata\":{\"event_code\":"
		"\"" OWN_LOG_RETENTION "\",\"product\":{\"name\":\"Sekimori\","
		"\"vendor_name\":\"Sekimori\",\"version\":\"" SEKIMORI_VERSION
		"\"},\"sequence\":%" PRIu64
		",\"version\":\"1.8.0\"},\"sekimori\":{\"retention\":"
		"{\"before\":%" PRId64 ",\"days\":%" PRIu64
		",\"first_leaf\":%" PRIu64 "," LAST_LEAF "%" PRIu64
		"}},\"severity_id\":1,\"time\":%" PRId64
		",\"type_uid\":100802}",
		name, log->host, what->days, seq, what->before_ms, what->days,
		what->first_leaf, what->last_leaf, now_ms);
}

static int put(const struct own_log *log, struct store *store,
	       struct store_event *event, struct headers *headers)
{
	static const struct store_status status;
	struct ca_cert peer = {0};
	struct frame frame = {
		.flags = event->flags,
		.seq = event->seq,
		.wall_ns = event->wall_ns,
		.boot_ns = event->boot_ns,
		.payload = (const uint8_t *)event->body,
		.payload_size = event->body_len,
	};
	struct store_batch batch = {.peer = &peer,
				    .headers = headers,
				    .events = event,
				    .count = 1,
				    .recv_ms = event->time_ms,
				    .hostname = "",
				    .unit = "",
				    .status = &status};
	struct store_ack ack;
	int r;

	memcpy(peer.ident.host, log->host, sizeof(peer.ident.host));
	memcpy(frame.prev, headers->prev_hash, FRAME_HASH_SIZE);
	r = frame_hash(&frame, event->hash);
	memcpy(headers->tip_hash, event->hash, FRAME_HASH_SIZE);
	if (r == 0)
		r = store->ops->put_batch(store, &batch, &ack);
	/* Another collector on this database came first: undone, later again */
	return r > 0 || (r == 0 && ack.stored != 1) ? -EBUSY : r;
}

int own_log_retention(struct own_log *log, struct store *store,
		      const struct own_retention *what)
{
	uint64_t wall_ns = clock_wall_ns();
	struct headers headers = {.count = 1};
	struct store_event event = {
		.wall_ns = wall_ns,
		.boot_ns = clock_boot_ns(),
		.flags = 1,
		.time_ms = (int64_t)(wall_ns / NS_PER_MS),
		.severity = 1,
		.code = {OWN_LOG_RETENTION, sizeof(OWN_LOG_RETENTION) - 1},
	};
	struct position at = {0};
	char text[EVENT_MAX];
	int r = read_position(log, store, &at);

	if (r < 0)
		return r;
	memcpy(headers.stream, at.stream, sizeof(headers.stream));
	memcpy(headers.prev_hash, at.tip, FRAME_HASH_SIZE);
	headers.first_seq = headers.last_seq = headers.tail_seq = at.seq + 1;
	event.seq = at.seq + 1;
	event.body = text;
	event.body_len = write_event(log, event.seq, event.time_ms, what, text);
	r = put(log, store, &event, &headers);
	return r < 0 ? r : write_position(store, &headers);
}

int own_log_read(const struct own_log *log, const char *host, struct span event,
		 uint64_t *ret_last_leaf)
{
	static const char code[] = "\"event_code\":\"" OWN_LOG_RETENTION "\"";
	const char *at, *end;
	struct span number;

	if (!event.ptr || strcmp(host, log->host) != 0 ||
	    !memmem(event.ptr, event.len, code, sizeof(code) - 1))
		return -EINVAL;
	at = memmem(event.ptr, event.len, LAST_LEAF, sizeof(LAST_LEAF) - 1);
	if (!at)
		return -EINVAL;
	at += sizeof(LAST_LEAF) - 1;
	end = memchr(at, '}', (size_t)(event.ptr + event.len - at));
	number = span_of(at, end ? (size_t)(end - at) : 0);
	return note_number_parse(number, ret_last_leaf) == 0 ? 0 : -EINVAL;
}
