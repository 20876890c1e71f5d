/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SHA-256 of a file, and how many 個人番号 are in it, in slices. Between two slices the file is closed, so
 * that whoever unmounts the medium meanwhile can; a file that changes on the
 * way is started again. Reads one file and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "policy/digest.h"

/* How long one slice may hold the file open. */
#define HASH_HOLD_NS (50 * NS_PER_MS)

struct hash; /* of one file */

int hash_new(struct hash **ret_hash)
	__attribute__((nonnull, warn_unused_result));
struct hash *hash_free(struct hash *hash);
/* Another file from here on. */
void hash_reset(struct hash *hash) __attribute__((nonnull));

enum hash_outcome {
	HASH_MORE = 1, /* call again, some time later */
	HASH_STOPPED,  /* should_stop() said so */
	HASH_OTHER,    /* it is not the file INODE any more */
	HASH_CHANGING, /* it changed each time it was read */
};

struct hash_file {
	const char *point; /* where the medium is mounted */
	const char *path;  /* below it; no link on the way is followed */
	uint64_t inode;
	uint64_t size_bytes; /* when it was closed */
	/* Asked between two reads. */
	bool (*should_stop)(void *userdata);
	void *userdata;
};

/* One slice. 0: done, *ret_hex and *ret_size (what was hashed) are set; an
 * enum hash_outcome; or -errno. May be called from any thread. */
int hash_slice(struct hash *hash, const struct hash_file *file,
	       char ret_hex[DIGEST_HEX_SIZE], uint64_t *ret_size)
	__attribute__((nonnull, warn_unused_result));
/* After hash_slice() returned 0: the 個人番号 counted in the same bytes. */
uint64_t hash_mynumbers(const struct hash *hash) __attribute__((nonnull));
