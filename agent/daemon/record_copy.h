/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record with everything it points to, in one allocation: for events that
 * happen before the spool can be opened (/var is not there yet, or read-only),
 * when neither sequence number nor terminal id are known and the JSON cannot
 * be written. Copies and frees; never changes a value.
 */
#pragma once

#include "policy/record.h"

/* Longer strings are cut: record_write() cuts at far fewer code points. */
#define RECORD_COPY_TEXT_MAX 2048

/* Copies RECORD but for .terminal and .stream, which are the recorder's and
 * NULL in the copy. NULL when there is no memory. Free with free(). */
struct record *record_copy(const struct record *record)
	__attribute__((nonnull, malloc, warn_unused_result));
