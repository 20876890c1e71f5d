/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness: what a witness decides and keeps. For each log it knows it keeps the
 * last checkpoint it signed in a file, and signs another only when that one
 * provably continues it (C2SP tlog-witness, cosignature/v1). No network here.
 */
#pragma once

#include <stdint.h>

#include "agent/wire/note.h"

#define WITNESS_LOGS_MAX  16u
#define WITNESS_BODY_MAX  20000u /* an addition; more is refused */
#define WITNESS_KEY_FILE  "witness"
#define WITNESS_LOGS_FILE "logs" /* one vkey a line; '#' begins a comment */

/* What the answer is; the HTTP status says it (C2SP tlog-witness). */
enum witness_outcome {
	WITNESS_MALFORMED = 1, /* 400 */
	WITNESS_UNKNOWN,       /* 404: no such log */
	WITNESS_UNSIGNED,      /* 403: not signed by the log's key */
	WITNESS_ELSEWHERE,     /* 409: the last size signed is another */
	WITNESS_INCONSISTENT,  /* 422: it does not continue the last one */
};

struct witness {
	int dirfd; /* owned */
	struct note_key key;
	struct note_key logs[WITNESS_LOGS_MAX];
	size_t log_count;
};

/*
 * Makes the key, called `name`, and an empty list of logs below `dir`. 0,
 * -EEXIST, -EINVAL (no name for a key), or -errno.
 */
int witness_init(const char *dir, const char *name)
	__attribute__((nonnull, warn_unused_result));

/* 0 and *ret_witness, for witness_close(); -EBADMSG: a key is none; -errno. */
int witness_open(const char *dir, struct witness *ret_witness)
	__attribute__((nonnull, warn_unused_result));
void witness_close(struct witness *witness) __attribute__((nonnull));

/*
 * Judges one addition at `time_s`. 0 and the signature line in ret_line, after
 * the checkpoint was stored; WITNESS_ELSEWHERE and *ret_size; another outcome;
 * or -errno: nothing was signed. One call at a time.
 */
int witness_add(struct witness *witness, struct span body, uint64_t time_s,
		char ret_line[NOTE_LINE_SIZE], uint64_t *ret_size)
	__attribute__((nonnull(1, 4, 5), warn_unused_result));
