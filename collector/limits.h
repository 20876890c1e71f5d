/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits: every bound on what a client may send or make the collector keep.
 * Only numbers; each says what happens when it is passed.
 */
#pragma once

/* Body of POST /v1/logs as sent: more is 413. */
#define LIMIT_BODY_RAW_BYTES (1u << 20)
/* The same body inflated, checked while inflating: more is 413. */
#define LIMIT_BODY_INFLATED_BYTES (8u << 20)
/* A body over its limit is read and dropped up to here, then disconnected. */
#define LIMIT_BODY_DISCARD_BYTES (16u << 20)
/* Body of a POST to the console (one signed grant): more is 413. */
#define LIMIT_CONSOLE_BODY_BYTES 8192u
/* Body of an enrolment request (base64 CSR): more is 413. */
#define LIMIT_CSR_BYTES 16384u
/* Log of a zstd window a client may ask us to allocate (2 MiB): else 413. */
#define LIMIT_ZSTD_WINDOW_LOG 21

/* Events in one request: more is 413, the terminal halves its batch. */
#define LIMIT_BATCH_EVENTS 2000u
/* One event's JSON: more is quarantined, stored as it is. */
#define LIMIT_EVENT_BYTES (64u << 10)
/* Nesting of an event's JSON: more is quarantined. */
#define LIMIT_EVENT_DEPTH 16
/* Text kept of an event in columns of its own, in octets of UTF-8. */
#define LIMIT_CODE_BYTES     64u
#define LIMIT_UNIT_BYTES     128u
#define LIMIT_HOSTNAME_BYTES 128u
#define LIMIT_TEXT_BYTES     64u

/* Bodies held in memory by all requests together: more is 429. */
#define LIMIT_HELD_BYTES (64u << 20)
/* Events in one transaction; the rest of the queue waits for the next. */
#define LIMIT_GROUP_EVENTS 20000u
/* Events that may wait to be stored, some seconds of work: more is 429. */
#define LIMIT_WAITING_EVENTS (4u * LIMIT_GROUP_EVENTS)
/* Header block of a request and MHD's read buffer for one connection. */
#define LIMIT_CONNECTION_BYTES (32u << 10)
/* Connections of the agents' listener, of one address, and of the console. */
#define LIMIT_CONNECTIONS	  60000u
#define LIMIT_CONSOLE_CONNECTIONS 264u
/* A TLS handshake that takes longer is cut off. */
#define LIMIT_HANDSHAKE_S 10u
/* A connection silent for this long is closed. */
#define LIMIT_IDLE_S 180u

/* Rows of one answer of /api/v1/events; more is cut to this. */
#define LIMIT_QUERY_ROWS 1000u
/* Terminals on the page; the rest is counted. */
#define LIMIT_PAGE_TERMINALS 500u
#define LIMIT_PAGE_EVENTS    100u
/* Terminals that want a look on the first page; the rest is counted. */
#define LIMIT_PAGE_WANTING 30u
/* Live tails at once: more is 503. */
#define LIMIT_STREAMS 200u
/* Addresses whose failed console logins are remembered; oldest goes first. */
#define LIMIT_LOGIN_ADDRESSES 64u

/* The line that says what an incident was about. */
#define LIMIT_INCIDENT_DETAIL_BYTES 200u
/* Incidents of one terminal by stream; a further stream's are counted in one
 * row a kind, of no stream. Text: it is part of SQL. */
#define LIMIT_HOST_INCIDENTS "64"

/* Lifetimes. Client: RFC 7030 leaves them to the CA. */
#define LIFE_CLIENT_DAYS       90
#define LIFE_GRACE_DAYS	       180
#define LIFE_SERVER_DAYS       825
#define LIFE_SERVER_RENEW_DAYS 90
#define LIFE_CA_DAYS	       3653
