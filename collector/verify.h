/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify: what an export proves. It reads the lines of `export --proof` in one
 * pass and holds each event to its chain, its leaf and the tree, and the tree
 * to signed checkpoints; it keeps the tree's frontier and one small row a
 * stream. It trusts nothing but the keys and checkpoints it is given.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/wire/note.h"
#include "collector/logkey.h"

#define VERIFY_KEYS_MAX	       8u
#define VERIFY_CHECKPOINTS_MAX 8u
/* Streams in one export; more is an error, as memory grows with them. */
#define VERIFY_STREAMS_MAX 4000000u

/* How a history can differ from the one that was signed. */
enum verify_kind {
	VERIFY_DELETE = 0, /* an event is not there any more */
	VERIFY_EDIT,	   /* an event is not what was recorded */
	VERIFY_SWAP,	   /* events have changed places */
	VERIFY_TRUNCATE,   /* the end is missing */
	VERIFY_FORK,	   /* the tree is not the one that was signed */
	VERIFY_SIGNATURE,  /* a signature is wrong or missing */
	VERIFY_UNPROVEN,   /* the export does not say enough to tell */
	VERIFY_MALFORMED,  /* a line that is none of ours */
	VERIFY_RETIRED,	   /* no deviation: removed by retention */
	VERIFY_KIND_COUNT_
};

/* "delete", …; total. */
const char *verify_kind_to_str(enum verify_kind kind)
	__attribute__((returns_nonnull));

/* Each deviation, as soon as it is certain: one line of text without newline. */
typedef void verify_report_fn(enum verify_kind kind, const char *text,
			      void *ctx);

struct verify_config {
	struct note_key keys[VERIFY_KEYS_MAX];
	size_t key_count;
	struct logkey_checkpoint checkpoints[VERIFY_CHECKPOINTS_MAX];
	size_t checkpoint_count;
	verify_report_fn *report;
	void *ctx;
};

struct verify_result {
	uint64_t lines;
	uint64_t events;
	uint64_t leaves;
	uint64_t streams;
	uint64_t lost;	     /* events that the terminals said they had lost */
	uint64_t unchecked;  /* contents: the event before is missing */
	uint64_t retired;    /* contents: removed by retention */
	uint64_t signatures; /* that were checked and good */
	uint64_t deviations[VERIFY_KIND_COUNT_];
};

struct verify;

/* `config` is borrowed. 0 and *ret_verify, for verify_free(), or -ENOMEM. */
int verify_new(const struct verify_config *config, struct verify **ret_verify)
	__attribute__((nonnull, warn_unused_result));
void verify_free(struct verify *verify);

/* The next line, without its newline. 0, -ENOMEM, -ENOBUFS: too many streams. */
int verify_add(struct verify *verify, struct span line)
	__attribute__((nonnull, warn_unused_result));

/* A line that could not even be read as one. */
void verify_add_malformed(struct verify *verify) __attribute__((nonnull));

/* After the last line: what is told only then, and the sums. 0 or -ENOMEM. */
int verify_finish(struct verify *verify, struct verify_result *ret_result)
	__attribute__((nonnull, warn_unused_result));

/* Lines so far; for progress. */
uint64_t verify_lines(const struct verify *verify) __attribute__((nonnull));
