/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest: POST /v1/logs. On the connection's thread the body is inflated,
 * decoded, checked and chained; on the writer's it is stored; the answer goes
 * out after the commit. A 200 here is the promise that nothing acknowledged is
 * lost, so no other path may set X-Agent-Ack.
 */
#include "collector/request.h"

#include <string.h>

#include "agent/base/clock.h"
#include "agent/wire/otlp.h"
#include "collector/inflate.h"
#include "collector/limits.h"
#include "collector/pace.h"

#include "agent/base/banned.h"

static void refuse_batch(struct request *request, int outcome)
{
	unsigned int status = MHD_HTTP_BAD_REQUEST;

	if (outcome < 0) {
		request_unavailable(request, outcome);
		return;
	}
	if (outcome == BATCH_TOO_LARGE)
		status = MHD_HTTP_CONTENT_TOO_LARGE;
	http_reply_text(&request->reply, status, "%s",
			batch_outcome_to_str(outcome));
}

/* The headers that are the protocol; *_hash go through base64. */
static bool read_headers(struct request *request)
{
	struct MHD_Connection *c = request->connection;
	const struct header_text text = {
		.stream = http_header(c, "X-Agent-Stream"),
		.first_seq = http_header(c, "X-Agent-First-Seq"),
		.count = http_header(c, "X-Agent-Count"),
		.prev_hash = http_header(c, "X-Agent-Prev-Hash"),
		.tip_hash = http_header(c, "X-Agent-Tip-Hash"),
		.tail_seq = http_header(c, "X-Agent-Tail-Seq"),
		.time = http_header(c, "X-Agent-Time"),
		.lost = http_header(c, "X-Agent-Lost"),
	};
	const char *name;

	if (headers_parse(&text, &request->headers, &name) == 0)
		return true;
	http_reply_text(&request->reply, MHD_HTTP_BAD_REQUEST,
			"header %s is missing or malformed", name);
	return false;
}

static bool inflate_into(struct request *request)
{
	enum headers_coding coding = headers_parse_coding(
		http_header(request->connection, "Content-Encoding"));
	int r;

	if (coding == HEADERS_CODING_UNKNOWN ||
	    !headers_has_type(http_header(request->connection, "Content-Type"),
			      "application/x-protobuf")) {
		http_reply_text(&request->reply,
				MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
				"application/x-protobuf, plain, gzip or zstd");
		return false;
	}
	request->inflated.limit = LIMIT_BODY_INFLATED_BYTES;
	r = inflate_body(coding, buf_text(&request->body), request->body.size,
			 &request->inflated);
	buf_fini(&request->body);
	if (r == INFLATE_TOO_LARGE)
		http_reply_text(&request->reply, MHD_HTTP_CONTENT_TOO_LARGE,
				"the body inflates to more than %u octets",
				LIMIT_BODY_INFLATED_BYTES);
	else if (r == INFLATE_CORRUPT)
		http_reply_text(&request->reply, MHD_HTTP_BAD_REQUEST,
				"the body is not in its Content-Encoding");
	else if (r < 0 || !request_hold(request, request->inflated.capacity))
		request_overload(request);
	else
		return true;
	return false;
}

static int ingest_run(struct job *job, struct store *store)
{
	struct request *request = (struct request *)job;

	return store->ops->put_batch(store, &request->store_batch,
				     &request->ack);
}

static void count(struct counters *counters, const struct store_ack *ack)
{
	atomic_fetch_add(&counters->events, ack->stored);
	atomic_fetch_add(&counters->duplicates, ack->duplicates);
	atomic_fetch_add(&counters->quarantined, ack->quarantined);
}

/* Before it comes to 429: terminals with a backlog send it slower. */
static void set_pace(struct request *request)
{
	const struct service *service = request->service;
	struct writer_stats stats;
	unsigned int rate;

	writer_read_stats(service->writer, &stats);
	rate = pace_per_minute(stats.waiting,
			       atomic_load(&service->held_bytes));
	if (rate > 0)
		http_reply_header(&request->reply, "X-Agent-Rate", "%u", rate);
}

/* 200: ExportLogsServiceResponse, empty but for what was quarantined. */
static void acknowledge(struct request *request)
{
	uint8_t buffer[OTLP_ERROR_TEXT_MAX];
	struct otlp_output out = {.buffer = buffer, .capacity = sizeof(buffer)};
	struct otlp_response response = {.rejected = request->ack.quarantined};

	if (response.rejected > 0)
		response.message =
			SPAN("stored, but set aside: not a record of ours");
	count(&request->service->counters, &request->ack);
	notary_count(request->service->notary, request->ack.stored);
	buf_clear(&request->reply.body);
	if (otlp_encode_response(&response, &out) < 0 ||
	    buf_append(&request->reply.body, out.data, out.size) < 0) {
		/* Committed all the same: the ack must go out. */
		buf_clear(&request->reply.body);
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = "application/x-protobuf";
	http_reply_header(&request->reply, "X-Agent-Ack", "%s:%llu",
			  request->headers.stream,
			  (unsigned long long)request->ack.seq);
	set_pace(request);
}

static void answer(struct request *request, int r)
{
	struct counters *counters = &request->service->counters;

	switch (r) {
	case 0:
		acknowledge(request);
		break;
	case STORE_GAP:
		atomic_fetch_add(&counters->gaps, 1);
		http_reply_text(&request->reply, MHD_HTTP_CONFLICT,
				"events are missing before these");
		http_reply_header(&request->reply, "X-Agent-Expect", "%s:%llu",
				  request->headers.stream,
				  (unsigned long long)request->ack.seq);
		break;
	case STORE_MISMATCH:
		atomic_fetch_add(&counters->mismatches, 1);
		http_reply_text(&request->reply, MHD_HTTP_CONFLICT,
				"the history differs from the stored one");
		http_reply_header(&request->reply, "X-Agent-Chain", "mismatch");
		break;
	case STORE_REVOKED:
		http_reply_text(&request->reply, MHD_HTTP_FORBIDDEN,
				"the certificate is revoked");
		break;
	default:
		request_unavailable(request, r);
		break;
	}
}

static void ingest_done(struct job *job, int r)
{
	struct request *request = (struct request *)job;

	answer(request, r);
	request_resume(request);
}

/* A chain that breaks inside the batch is an incident of its own. */
static int mismatch_run(struct job *job, struct store *store)
{
	struct request *request = (struct request *)job;
	const struct store_incident incident = {
		.kind = "chain.mismatch",
		.host = request->peer->cert.ident.host,
		.stream = request->headers.stream,
		.seq = request->headers.first_seq,
		.detail = "a batch does not chain to its own last hash",
		.recv_ms = (int64_t)(clock_wall_ns() / NS_PER_MS),
	};
	struct store_cert_state cert;
	int r = store->ops->cert_state(store, request->peer->cert.serial,
				       &cert);

	if (r == 0 && cert.is_revoked)
		return STORE_REVOKED;
	if (r == 0)
		r = store->ops->put_incident(store, &incident);
	return r < 0 ? r : STORE_MISMATCH;
}

static void prepare(struct request *request)
{
	request->store_batch = (struct store_batch){
		.peer = &request->peer->cert,
		.headers = &request->headers,
		.events = request->batch.events,
		.count = request->batch.count,
		.recv_ms = (int64_t)(clock_wall_ns() / NS_PER_MS),
		.hostname = request->batch.hostname,
		.unit = request->batch.unit,
		.status = &request->batch.status,
	};
	request->job = (struct job){
		.weight = request->batch.count,
		.run = ingest_run,
		.done = ingest_done,
	};
}

void ingest_handle(struct request *request)
{
	int r;

	http_reply_header(&request->reply, "Accept-Encoding", "zstd, gzip");
	if (!request_is_in_time(request, 0) || !read_headers(request) ||
	    !inflate_into(request))
		return;
	r = batch_decode(buf_text(&request->inflated), request->inflated.size,
			 &request->headers, request->peer->cert.ident.host,
			 &request->batch);
	if (r == BATCH_BROKEN_CHAIN) {
		request->job = (struct job){.weight = 1,
					    .run = mismatch_run,
					    .done = ingest_done};
		request_submit(request);
		return;
	}
	if (r != 0) {
		refuse_batch(request, r);
		return;
	}
	if (!request_hold(request,
			  request->batch.count * sizeof(struct store_event))) {
		request_overload(request);
		return;
	}
	prepare(request);
	request_submit(request);
}
