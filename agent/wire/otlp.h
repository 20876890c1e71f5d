/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp: the few protobuf messages of OTLP/HTTP logs that agent and collector
 * exchange (opentelemetry-proto v1, collector/logs/v1/logs_service.proto).
 *
 * The event's bytes travel as LogRecord.body.string_value, untouched: they are
 * what is hashed. Attributes only route. With agent.seq, agent.flags and
 * agent.mono_ns beside time_unix_nano and the previous hash (X-Agent-Prev-Hash
 * for the first record, the computed one for the others) the collector rebuilds
 * each frame's chain hash, see wire/frame.h.
 *
 *	struct otlp_resource	Resource.attributes, by the names below
 *	.wall_ns		LogRecord.time_unix_nano
 *	.observed_ns		observed_time_unix_nano, 0 left out
 *	.severity_id		severity_number, see otlp_severity_number()
 *	.event_name		event_name, and attribute "event.action"
 *	.body			body.string_value
 *	.seq .flags .boot_ns	"agent.seq" "agent.flags" "agent.mono_ns", int
 *	.event_id		"event.id", text
 *
 * The encoder writes from the back of the caller's buffer to its front, so
 * nested lengths are known without a second pass. The decoder takes any
 * sender's message: unknown fields and attributes are skipped, several
 * resources are read in turn; what is malformed or over a limit is refused.
 *
 * PURE: no I/O, clock or allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/span.h"

/* A request's records, and the attributes of one record or resource. */
#define OTLP_RECORDS_MAX    4096u
#define OTLP_ATTRIBUTES_MAX 64u
/* Resources and scopes of one request that hold no record are junk. */
#define OTLP_EMPTY_MAX 64u
/* What a record and a request cost beyond the caller's own strings. */
#define OTLP_RECORD_OVERHEAD_MAX  320u
#define OTLP_REQUEST_OVERHEAD_MAX 512u
#define OTLP_ERROR_TEXT_MAX	  512u

/* Strings are borrowed; an empty span is an attribute that is not there. */
struct otlp_resource {
	struct span host_id;	     /* host.id, 32 hex */
	struct span host_name;	     /* host.name */
	struct span service_name;    /* service.name */
	struct span service_version; /* service.version */
	struct span stream;	     /* agent.stream, 32 hex */
	struct span boot_id;	     /* agent.boot.id */
	struct span os_description;  /* os.description */
};

struct otlp_record {
	uint64_t seq;
	uint32_t flags;
	uint32_t severity_id; /* OCSF 0..6 */
	uint64_t wall_ns;
	uint64_t observed_ns;
	uint64_t boot_ns;
	struct span event_name; /* usb.device.blocked */
	struct span event_id;	/* 26 characters of base32, see otlp_event_id */
	struct span body;	/* canonical JSON */
	bool has_seq;		/* decoder only: agent.seq was there */
};

/* OCSF severity_id to OTLP severity_number: 1→9 2→10 3→13 4→17 5→21 6→24. */
uint32_t otlp_severity_number(uint32_t severity_id);

/* The other way; anything between maps to the next lower OCSF id. Total. */
uint32_t otlp_severity_id(uint32_t severity_number);

/*
 * event.id: the first 16 bytes of the frame's chain hash in lower-case base32
 * (RFC 4648, no padding), OTLP_EVENT_ID_LENGTH characters and a NUL.
 */
#define OTLP_EVENT_ID_LENGTH 26u
void otlp_event_id(const uint8_t hash[32],
		   char ret_text[OTLP_EVENT_ID_LENGTH + 1])
	__attribute__((nonnull));

/* The caller's buffer, and where in it the message came to stand. */
struct otlp_output {
	uint8_t *buffer; /* in */
	size_t capacity; /* in */
	uint8_t *data;	 /* out, within buffer */
	size_t size;	 /* out */
};

/*
 * Encodes an ExportLogsServiceRequest with one resource, one scope and `count`
 * records. Returns 0, -E2BIG beyond OTLP_RECORDS_MAX, -ENOBUFS when the buffer
 * is too small. A buffer of OTLP_REQUEST_OVERHEAD_MAX plus the resource's
 * strings plus for each record OTLP_RECORD_OVERHEAD_MAX and its body and twice
 * its event name is always enough.
 */
int otlp_encode_request(const struct otlp_resource *resource,
			const struct otlp_record *records, size_t count,
			struct otlp_output *output)
	__attribute__((nonnull(1, 4), warn_unused_result));

/* Position of a decoder; treat as opaque. Lives on the caller's stack. */
struct otlp_reader {
	struct span request;	   /* rest of ExportLogsServiceRequest */
	struct span resource_logs; /* rest of the current ResourceLogs */
	struct span scope_logs;	   /* rest of the current ScopeLogs */
	struct otlp_resource resource;
	size_t record_count;
	size_t empty_count;
};

enum otlp_outcome { OTLP_END = 1 };

/* Starts reading a request; the data must outlive the reader. */
void otlp_reader_init(struct otlp_reader *reader, struct span data)
	__attribute__((nonnull));

/*
 * The next record, with reader->resource describing its sender. Returns 0,
 * OTLP_END, -EBADMSG (malformed; a known attribute twice or of the wrong type),
 * or -E2BIG (a limit). *ret_record is unchanged unless 0. Spans point into the
 * data. After a failure the reader must not be used again.
 */
int otlp_reader_next(struct otlp_reader *reader, struct otlp_record *ret_record)
	__attribute__((nonnull, warn_unused_result));

struct otlp_response {
	uint64_t rejected;   /* partial_success.rejected_log_records */
	struct span message; /* partial_success.error_message */
};

/*
 * Encodes an ExportLogsServiceResponse; empty when nothing was rejected and
 * there is no message. Returns 0 or -ENOBUFS.
 */
int otlp_encode_response(const struct otlp_response *response,
			 struct otlp_output *output)
	__attribute__((nonnull, warn_unused_result));

/* Decodes one; a message over OTLP_ERROR_TEXT_MAX is cut. 0 or -EBADMSG. */
int otlp_decode_response(struct span data, struct otlp_response *ret_response)
	__attribute__((nonnull, warn_unused_result));
