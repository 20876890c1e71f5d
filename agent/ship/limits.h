/* SPDX-License-Identifier: Apache-2.0 */
/* Every bound of the shipper; only numbers. */
#pragma once

/* One request (DESIGN §14): events, and their bytes before coding. */
#define BATCH_EVENTS_MAX 500u
#define BATCH_BYTES_MAX	 (1u << 20)
/* What a server may say: a body longer than this is nonsense. */
#define ANSWER_BODY_MAX	  65536u
#define ANSWER_HEADER_MAX 128u
/* Certificates and keys, as files and as answers. */
#define PEM_FILE_MAX 32768u
/* Seconds. */
#define CONNECT_TIMEOUT_S 10u
#define REQUEST_TIMEOUT_S 60u
#define BACKOFF_FIRST_MS  1000u
#define BACKOFF_MAX_S	  900u
#define SPLAY_MAX_S	  60u
#define RENEW_CHECK_S	  3600u
#define DAY_S		  86400
/* How long after its end a certificate may still be renewed (collector). */
#define RENEW_GRACE_DAYS 180
/* An outage longer than this is drained at half duty. */
#define OUTAGE_S 600u
/* Events that another's receiver refused, kept as files. */
#define REFUSED_FILES_MAX 64u
