/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request: one request on the agents' listener, from its first octet to its
 * answer, and what all of them share. The handlers (ingest, enroll) get a
 * whole, bounded body and a verified peer, and either fill the reply or hand
 * the request to the writer and are answered after the commit.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/base/buf.h"
#include "collector/batch.h"
#include "collector/ca.h"
#include "collector/handshake.h"
#include "collector/config.h"
#include "collector/http.h"
#include "collector/notary.h"
#include "collector/own_log.h"
#include "collector/writer.h"

/* Counters for /metrics; each only grows. */
struct counters {
	atomic_ullong requests;
	atomic_ullong refused;
	atomic_ullong events;
	atomic_ullong duplicates;
	atomic_ullong quarantined;
	atomic_ullong gaps;
	atomic_ullong mismatches;
	atomic_ullong enrolled;
	atomic_ullong overload;
};

/* What the listeners share; lives as long as the program serves. */
struct service {
	const struct ca *ca;
	struct writer *writer;
	struct notary *notary; /* NULL: none */
	struct inbox *inbox;
	struct handshake *handshake;
	struct output *outputs[CONFIG_OUTPUTS]; /* NULL: none */
	const struct log *log;
	struct own_log own; /* no terminal may be called as it is */
	struct counters counters;
	atomic_size_t held_bytes; /* of all requests' bodies */
};

/* The other end of one TLS connection; looked at once. */
struct peer {
	struct handshake_wait handshake;
	bool is_checked;
	bool is_ours; /* signed by our CA; `cert` is set */
	struct ca_cert cert;
};

enum request_state {
	REQUEST_READING = 0,
	REQUEST_WAITING, /* suspended until its job is done */
	REQUEST_READY,	 /* the reply is there */
};

struct inbox;
struct request;

struct route {
	const char *method;
	const char *path;
	size_t body_max;
	bool is_peer_required;
	/* Called once with the whole body: fill the reply or submit. */
	void (*handle)(struct request *request);
};

struct enrolment {
	uint8_t token[SECRET_HASH_BYTES];
	uint8_t *csr;
	size_t csr_len;
	struct ca_cert wanted;
	int64_t now_ms;
	char *pkcs7; /* the answer, sent only after the commit */
};

/* What a terminal has already, and how long it will wait for more. */
struct inbox_wish {
	struct request *next;
	uint64_t until_ns; /* of the monotonic clock */
	char etag[2 * SECRET_HASH_BYTES + 1];
};

struct request {
	struct job job;
	struct service *service;
	struct MHD_Connection *connection;
	struct peer *peer;
	const struct route *route;
	atomic_int state;
	struct buf body;  /* as received */
	size_t discarded; /* octets dropped of a refused body */
	size_t held;	  /* our part of service->held_bytes */
	struct http_reply reply;
	bool is_refused; /* the reply is there already, the body is dropped */

	/* POST /v1/logs */
	struct buf inflated;
	struct batch batch;
	struct headers headers;
	struct store_batch store_batch;
	struct store_ack ack;

	struct enrolment enrolment;

	/* GET /v1/inbox */
	struct inbox_wish inbox;
};

/*
 * Counts `size` octets against LIMIT_HELD_BYTES. false: too much is held by all
 * together; nothing was counted. Given back when the request ends.
 */
bool request_hold(struct request *request, size_t size)
	__attribute__((nonnull, warn_unused_result));

/*
 * Suspends the connection and queues request->job (run and done are set by the
 * caller; done ends with request_resume()). When the writer cannot take it the
 * reply is set to 429 or 503 and nothing is suspended.
 */
void request_submit(struct request *request) __attribute__((nonnull));

/* Waits for request_resume(); from the handler only. */
void request_suspend(struct request *request) __attribute__((nonnull));

/* The reply is ready, send it: from the job's done, or where it was waited
 * for. */
void request_resume(struct request *request) __attribute__((nonnull));

/* 429 with Retry-After in proportion to what waits. */
void request_overload(struct request *request) __attribute__((nonnull));

/* 503 for an errno of the store. */
void request_unavailable(struct request *request, int r)
	__attribute__((nonnull));

/*
 * Is the peer's certificate inside its time, or expired by at most `grace_s`?
 * false: the reply is a 403 that says why.
 */
bool request_is_in_time(struct request *request, int64_t grace_s)
	__attribute__((nonnull, warn_unused_result));

/* ingest.c, enroll.c */
void ingest_handle(struct request *request) __attribute__((nonnull));
void enroll_cacerts(struct request *request) __attribute__((nonnull));
void enroll_simple(struct request *request) __attribute__((nonnull));
void enroll_again(struct request *request) __attribute__((nonnull));
