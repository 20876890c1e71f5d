/* SPDX-License-Identifier: Apache-2.0 */
/* A folder, a terminal and its chained events, for the tests of the store. */
#pragma once

#include <assert.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/hex.h"
#include "agent/wire/frame.h"
#include "collector/store.h"

#define FIXTURE_MAX    64u
#define FIXTURE_HOST   "00112233445566778899aabbccddeeff"
#define FIXTURE_STREAM "0123456789abcdef0123456789abcdef"

static inline char *fixture_folder(void)
{
	char *path = strdup("/tmp/collector-test-XXXXXX");

	assert(path && mkdtemp(path));
	return path;
}

static inline void fixture_remove(char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	assert(dir);
	while ((entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name,
			       0); /* . and .. fail */
	(void)closedir(dir);
	(void)rmdir(path); /* a leftover is seen in /tmp */
	free(path);
}

/* Events 1..count of one stream, hashes[n] the chain hash of event n. */
struct fixture {
	struct ca_cert peer;
	struct headers headers;
	struct store_event events[FIXTURE_MAX + 1];
	char bodies[FIXTURE_MAX + 1][256];
	uint8_t hashes[FIXTURE_MAX + 1][FRAME_HASH_SIZE];
	struct store_status status;
};

/* `salt` makes another history of the same length. */
static inline void fixture_init(struct fixture *f, const char *stream, int salt)
{
	uint8_t stream_id[16], host_id[16];

	*f = (struct fixture){.peer.serial = "0a"};
	memcpy(f->peer.ident.host, FIXTURE_HOST, sizeof(FIXTURE_HOST));
	memcpy(f->peer.ident.tenant, "999999", 7);
	memcpy(f->headers.stream, stream, IDENT_HEX_LEN);
	assert(hex_decode(stream, 32, stream_id, 16) == 0);
	assert(hex_decode(FIXTURE_HOST, 32, host_id, 16) == 0);
	assert(frame_origin(stream_id, host_id, f->hashes[0]) == 0);
	for (unsigned int n = 1; n <= FIXTURE_MAX; n++) {
		struct store_event *e = &f->events[n];
		struct frame frame = {.flags = 1,
				      .seq = n,
				      .wall_ns = n,
				      .boot_ns = n,
				      .payload = (uint8_t *)f->bodies[n]};

		frame.payload_size =
			(size_t)snprintf(f->bodies[n], sizeof(f->bodies[n]),
					 "{\"n\":%u,\"salt\":%d}", n, salt);
		memcpy(frame.prev, f->hashes[n - 1], FRAME_HASH_SIZE);
		assert(frame_hash(&frame, f->hashes[n]) == 0);
		*e = (struct store_event){
			.seq = n,
			.wall_ns = n,
			.boot_ns = n,
			.flags = 1,
			.time_ms = 1000 + n,
			.severity = (int)(n % 6),
			.code = {n % 2 ? "odd.code" : "even.code",
				 n % 2 ? 8u : 9u},
			.body = f->bodies[n],
			.body_len = frame.payload_size,
		};
		memcpy(e->unit, n % 3 ? "A" : "B", 2);
		memcpy(e->hash, f->hashes[n], FRAME_HASH_SIZE);
	}
}

/* The batch first..last; valid until the next call. */
static inline struct store_batch fixture_batch(struct fixture *f,
					       uint64_t first, uint64_t last)
{
	f->headers.first_seq = first;
	f->headers.last_seq = last;
	f->headers.count = (uint32_t)(last - first + 1);
	memcpy(f->headers.prev_hash, f->hashes[first - 1], FRAME_HASH_SIZE);
	memcpy(f->headers.tip_hash, f->hashes[last], FRAME_HASH_SIZE);
	return (struct store_batch){
		.peer = &f->peer,
		.headers = &f->headers,
		.events = &f->events[first],
		.count = f->headers.count,
		.recv_ms = 86400000ll * 20000 + 5,
		.hostname = "kz",
		.unit = "A",
		.status = &f->status,
	};
}
