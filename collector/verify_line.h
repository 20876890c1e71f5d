/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_line: one line of `export --proof` taken apart, without a JSON tree and
 * without a copy. Only the form that `export` writes is read: one object of
 * texts, numbers and literals, "event" last. Pure.
 */
#pragma once

#include "agent/base/buf.h"
#include "policy/span.h"

/* Longest line: a record in base64 and its columns. */
#define VERIFY_LINE_MAX 300000u

/* The values as they stand, texts without their quotes; ptr NULL: not there. */
struct verify_line {
	struct span proof, scope, checkpoint; /* the first line */
	struct span leaf, leaf_hash, terminal, stream, seq, hash, prev;
	struct span flags, wall_ns, boot_ns, lost, retired;
	struct span event, raw;
	struct span tree, level; /* a subtree that is not in the export */
	struct span end;	 /* where a stream ends */
};

/* 0 and *ret_line (borrowing `text`, which has no newline), or -EINVAL. */
int verify_line_parse(struct span text, struct verify_line *ret_line)
	__attribute__((nonnull(2), warn_unused_result));

/* Appends a text with its \uXXXX below 0x80 resolved. 0, -EINVAL, -ENOMEM. */
int verify_line_unescape(struct span text, struct buf *out)
	__attribute__((nonnull(2), warn_unused_result));
