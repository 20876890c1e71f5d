/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store alone, one writer: batches of 20 events of 645 octets from 64
 * streams, a commit for each round of all of them. Processor time, not wall
 * time, so that the figures of two versions compare on a busy machine; and what
 * the tree alone costs, hashed as the store does it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/hex.h"
#include "agent/wire/frame.h"
#include "collector/store.h"

#define STREAMS 64
#define BATCH	20
#define ROUNDS	40
#define EVENTS	((double)STREAMS * BATCH * ROUNDS)

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "bench_store:%d: %s\n", __LINE__,      \
				#condition);                                   \
			exit(1);                                               \
		}                                                              \
	} while (0)

static double cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

struct stream {
	struct ca_cert peer;
	struct headers headers;
	struct store_event events[BATCH];
};

static char body[646];

static void next_batch(struct stream *s, uint64_t first)
{
	s->headers.first_seq = first;
	s->headers.last_seq = first + BATCH - 1;
	s->headers.count = BATCH;
	memcpy(s->headers.prev_hash, s->headers.tip_hash, 32);
	for (unsigned int i = 0; i < BATCH; i++) {
		struct store_event *e = &s->events[i];

		*e = (struct store_event){.seq = first + i,
					  .wall_ns = 1764572400000000000ull + i,
					  .boot_ns = first + i,
					  .flags = 1,
					  .time_ms = 1764572400000ll,
					  .severity = (int)(i % 5),
					  .code = {"usb.device.blocked", 18},
					  .body = body,
					  .body_len = sizeof(body) - 1};
		memcpy(e->unit, "A", 2);
		/* Any octets do: chaining is not the store's work. */
		memcpy(e->hash, s->headers.tip_hash, 32);
		memcpy(e->hash, &e->seq, sizeof(e->seq));
	}
	memcpy(s->headers.tip_hash, s->events[BATCH - 1].hash, 32);
}

static double run_round(struct store *store, struct stream *streams,
			uint64_t first)
{
	static const struct store_status status;
	double from_us;

	for (int i = 0; i < STREAMS; i++)
		next_batch(&streams[i], first);
	from_us = cpu_us();
	CHECK(store->ops->begin(store) == 0);
	for (int i = 0; i < STREAMS; i++) {
		const struct store_batch batch = {.peer = &streams[i].peer,
						  .headers =
							  &streams[i].headers,
						  .events = streams[i].events,
						  .count = BATCH,
						  .recv_ms = 1764572400000ll,
						  .hostname = "h",
						  .unit = "A",
						  .status = &status};
		struct store_ack ack;

		CHECK(store->ops->step_begin(store) == 0);
		CHECK(store->ops->put_batch(store, &batch, &ack) == 0);
		CHECK(store->ops->step_end(store, true) == 0);
	}
	CHECK(store->ops->commit(store) == 0);
	return cpu_us() - from_us;
}

static void init_stream(struct stream *s, int number)
{
	uint8_t stream[16], host[16];

	*s = (struct stream){.peer.serial = "0a"};
	snprintf(s->peer.ident.host, sizeof(s->peer.ident.host), "%032x",
		 number);
	snprintf(s->headers.stream, sizeof(s->headers.stream), "%032x",
		 number + 1000);
	memcpy(s->peer.ident.tenant, "999999", 7);
	CHECK(hex_decode(s->headers.stream, 32, stream, 16) == 0);
	CHECK(hex_decode(s->peer.ident.host, 32, host, 16) == 0);
	CHECK(frame_origin(stream, host, s->headers.tip_hash) == 0);
}

#ifndef BENCH_STORE_WITHOUT_TREE
#include "agent/wire/merkle.h"

static void hash_alone(void)
{
	uint8_t id[16] = {1}, hash[32] = {2}, leaf[32];
	struct merkle tree = {0};
	double from_us = cpu_us();

	for (unsigned int i = 0; i < (unsigned int)EVENTS; i++) {
		CHECK(merkle_event_leaf(id, i, hash, leaf) == 0);
		CHECK(merkle_append(&tree, leaf, NULL, NULL) == 0);
	}
	printf("store_tree_hash %.2f us/ev\n", (cpu_us() - from_us) / EVENTS);
}
#endif

int main(void)
{
	static const char *const names[] = {"collector.db", "collector.db-wal",
					    "collector.db-shm"};
	static struct stream streams[STREAMS];
	char folder[] = "/var/tmp/bench-store-XXXXXX", path[64];
	struct store *store;
	double us = 0;

	memset(body, 'x', sizeof(body) - 1);
	CHECK(mkdtemp(folder));
	CHECK(store_sqlite_open(folder, STORE_CREATE, &store) == 0);
	for (int i = 0; i < STREAMS; i++)
		init_stream(&streams[i], i);
	for (int i = 0; i < ROUNDS; i++)
		us += run_round(store, streams, 1 + (uint64_t)i * BATCH);
	printf("store_put_cpu %.2f us/ev\n", us / EVENTS);
#ifndef BENCH_STORE_WITHOUT_TREE
	hash_alone();
#endif
	store_close(store);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	return 0;
}
