/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet: many simulated terminals at one collector, in one thread with epoll:
 * each connects with its own certificate, sends batch after batch and waits for
 * each acknowledgement, goes back where the answer says so, waits as 429 and
 * 503 ask and connects again when a connection breaks. Memory is bounded by how
 * many may be under way at once.
 */
#pragma once

#include "tests/bench/terminals/terminal.h"

struct fleet_config {
	const struct authority *ca;
	struct load load;
	uint64_t seed;
	size_t terminals;
	size_t under_way;    /* at once; held connections do not count */
	uint64_t window_ns;  /* they come evenly within it */
	uint64_t limit_ns;   /* 0: until all is acknowledged */
	bool is_ahead;	     /* requests are made before the clock starts */
	size_t hold;	     /* connections that stay open to the end */
	unsigned int lose;   /* of 100 acknowledgements, not waited for */
	unsigned int repeat; /* of 100 acknowledged requests, sent again */
	uint16_t port;
};

struct fleet_result {
	uint64_t took_ns;
	uint64_t acked;	   /* events */
	uint64_t requests; /* that were answered with 200 */
	uint64_t lost;	   /* acknowledgements not waited for */
	uint64_t repeated; /* acknowledged requests sent once more */
	uint64_t refused;  /* 429 and 503 */
	uint64_t rewound;  /* 409 with X-Agent-Expect */
	uint64_t broken;   /* connections that broke */
	size_t open;	   /* connections at the end */
	uint64_t bytes;	   /* of requests */
	/* Sorted: request to its 200; connect() to the end of the handshake;
	 * due to its last acknowledgement. */
	uint64_t *ack_ns, *connect_ns, *whole_ns;
	size_t ack_count, connect_count, whole_count;
};

/*
 * Plays all of it; returns when everything is acknowledged or the time is up.
 * `at_end` is called then, before held connections are closed. The caller frees
 * the result's lists.
 */
void fleet_play(const struct fleet_config *config,
		void (*at_end)(const struct fleet_result *result, void *ctx),
		void *ctx, struct fleet_result *ret_result);
