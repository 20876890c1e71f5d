/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants: signed grants, denials and revocations on their way to one terminal.
 * They were made and signed at the desk; the collector has no key of theirs and
 * proves nothing. It only looks where each belongs, keeps the few that a
 * terminal may still need, and lets the next person who must approve sign the
 * same one.
 */
#pragma once

#include <stdint.h>

#include "collector/store.h"
#include "policy/grant.h"

/* One signed text. */
#define GRANTS_TEXT_MAX ((size_t)8192)
/* As many as a terminal looks at; the oldest go. */
#define GRANTS_KEPT_MAX 64u
/* What is over is kept so long, for terminals that are off. */
#define GRANTS_OVER_S (UINT64_C(7) * 24 * 3600)

enum grants_outcome {
	GRANTS_NO_JWS = 1, /* not a compact JWS of a grant */
	GRANTS_NO_GRANT,   /* its payload is none, or a request */
	GRANTS_OVER,	   /* it has expired already */
};

/* What a text says; borrowed from `payload`. */
struct grants_text {
	char payload[GRANT_MAX_BYTES];
	struct grant grant;
	char host[GRANT_TERMINAL_CHARS + 1];
};

/* Reads TEXT, whoever signed it. 0 or an outcome. */
int grants_read(const char *text, size_t len, struct grants_text *ret_text)
	__attribute__((nonnull, warn_unused_result));

/* In a transaction: TEXT (NUL-terminated) joins those for its terminal. 0, also
 * when it was there; an outcome; -errno. */
int grants_publish(struct store *store, const char *text, int64_t now_s)
	__attribute__((nonnull, warn_unused_result));

/* Those for HOST, blanks in between; the caller frees. -ENOENT: none. */
int grants_kept(struct store *store, const char *host, char **ret_texts)
	__attribute__((nonnull, warn_unused_result));
