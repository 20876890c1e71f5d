/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbox: what terminals fetch: GET /v1/inbox. Signed documents of the
 * administrator, kept as they came; whether they are good only the terminal can
 * say, with the key it has pinned. A request that knows all of it may wait
 * (RFC 7240 `Prefer: wait=`) and is answered as soon as there is another text.
 */
#pragma once

#include "collector/request.h"

/* Who waits longest is told "nothing new" after this; and what a terminal may
 * ask for is cut to it. */
#define INBOX_WAIT_MAX_S 120
#define INBOX_ETAG_SIZE	 (2 * SECRET_HASH_BYTES + 1)

/* The documents there are; the values are their names in the inbox. */
#define INBOX_POLICY "policy.jws"
#define INBOX_ORDER  "order.jws"
#define INBOX_GRANTS "grants.jws" /* several texts, blanks in between */

struct inbox;

/*
 * Both stores are read only by the inbox from now on, one by its thread and one
 * by the listener's; they outlive it. 0 or -errno.
 */
int inbox_start(struct store *pass_store, struct store *ask_store,
		const struct log *log, struct inbox **ret_inbox)
	__attribute__((nonnull, warn_unused_result));

/* Answers all who wait (503) and takes no more. Accepts NULL. */
void inbox_stop(struct inbox *inbox);
/* After the listener has stopped. Accepts NULL. */
void inbox_free(struct inbox *inbox);

/* GET /v1/inbox. */
void inbox_handle(struct request *request) __attribute__((nonnull));

/* The document NAME of one terminal, and no other's; the caller frees. -ENOENT:
 * there is none. */
int inbox_read(struct store *store, const char *host, const char *name,
	       char **ret_text) __attribute__((nonnull, warn_unused_result));

/*
 * In a transaction: the document NAME for one terminal, or for all (HOST NULL);
 * TEXT "" takes it out. -EINVAL: not a compact JWS, or no such document.
 */
int inbox_publish(struct store *store, const char *host, const char *name,
		  const char *text)
	__attribute__((nonnull(1, 3, 4), warn_unused_result));
