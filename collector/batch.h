/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: the inflated body of POST /v1/logs into events ready for the store. It
 * holds the body to what the headers and the certificate say and recomputes the
 * hash chain from each event's bytes. No clock, no store, no network.
 */
#pragma once

#include <stddef.h>

#include "agent/base/cleanup.h"
#include "collector/headers.h"
#include "collector/store.h"

struct batch {
	struct store_event *events; /* owned */
	size_t count;
	char hostname[LIMIT_HOSTNAME_BYTES +
		      1]; /* of the last event that said */
	char unit[LIMIT_UNIT_BYTES + 1];
	struct store_status status;
};

enum batch_outcome {
	BATCH_MALFORMED = 1, /* not an OTLP request, or not one of ours: 400 */
	BATCH_TOO_LARGE,     /* more than LIMIT_BATCH_EVENTS: 413 */
	BATCH_DISAGREES,     /* with its headers or its certificate: 400 */
	BATCH_BROKEN_CHAIN,  /* prev, events and tip do not fit: 409 */
};

/*
 * Decodes `size` octets at `data`, which must outlive the batch. `host` is the
 * host id of the certificate. Events whose JSON fails event_scan(), or whose
 * metadata.sequence is not their own, are marked quarantined and kept. Returns 0
 * and *ret_batch for batch_fini(), an enum batch_outcome or -ENOMEM (unchanged).
 */
int batch_decode(const void *data, size_t size, const struct headers *headers,
		 const char *host, struct batch *ret_batch)
	__attribute__((nonnull, warn_unused_result));

void batch_fini(struct batch *batch) __attribute__((nonnull));

#define _cleanup_batch_ _cleanup_(batch_fini)

/* For the client and the log. */
const char *batch_outcome_to_str(int outcome) __attribute__((returns_nonnull));
