/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `key = value` files such as /etc/sekimori/agent.conf: one pair a line, '#'
 * starts a comment line, blanks around key and value are dropped, UTF-8 passes
 * through. Keys are [a-z0-9_]+ and appear once. Which keys exist and what they
 * mean is the caller's business.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/base/buf.h"

#define CONF_FILE_MAX  65536
#define CONF_PAIRS_MAX 128
#define CONF_KEY_MAX   32
#define CONF_VALUE_MAX 512
#define CONF_ERROR_MAX 256

struct conf_pair {
	char key[CONF_KEY_MAX + 1];
	char *value; /* points into the file's text */
	unsigned line;
};

struct conf {
	char *text; /* owned */
	struct conf_pair pairs[CONF_PAIRS_MAX];
	size_t count;
};

/* Frees what conf_parse or conf_load set; accepts a zeroed struct. */
void conf_fini(struct conf *conf) __attribute__((nonnull));

#define _cleanup_conf_ _cleanup_(conf_fini)

/*
 * Parses text of `size` bytes; `name` only appears in the message. Returns 0,
 * -EINVAL with "NAME:LINE: reason" in ret_error (CONF_ERROR_MAX bytes), or
 * -ENOMEM. *ret_conf is unchanged on failure.
 */
int conf_parse(const char *name, const char *text, size_t size,
	       struct conf *ret_conf, char *ret_error)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads and parses a file of at most CONF_FILE_MAX bytes. Returns as
 * conf_parse, or -errno of the file with the message set too; -ENOENT is for
 * the caller to take as "all defaults".
 */
int conf_load(int dirfd, const char *path, struct conf *ret_conf,
	      char *ret_error) __attribute__((nonnull, warn_unused_result));

/* The value, or NULL. Owned by the conf. */
const char *conf_get(const struct conf *conf, const char *key)
	__attribute__((nonnull));

/*
 * A decimal number within [min, max]; *ret_value is unchanged when the key is
 * absent, so the caller puts the default there. Returns 0, or -EINVAL with
 * "LINE: reason" in ret_error and the value unchanged.
 */
int conf_get_u64(const struct conf *conf, const char *key,
		 const uint64_t bounds[2], uint64_t *ret_value, char *ret_error)
	__attribute__((nonnull, warn_unused_result));

/*
 * The first pair whose key is not in the NULL-terminated list, or NULL: a
 * misspelt key must be reported, not ignored.
 */
const struct conf_pair *conf_find_unknown(const struct conf *conf,
					  const char *const *known)
	__attribute__((nonnull));

/*
 * Copies a file's text to `out` with `key` set to `value`: its line is replaced
 * where it stands, or added at the end; everything else, comments included,
 * stays byte for byte. Returns 0, -EINVAL for a key or value that could not be
 * read back, or what buf_append returns.
 */
int conf_edit(const char *text, const char *key, const char *value,
	      struct buf *out) __attribute__((nonnull, warn_unused_result));
