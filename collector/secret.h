/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret: tokens that people copy, their hashes, and the two text codings the
 * protocol needs. A token carries 125 random bits, so a plain SHA-256 of it is
 * safe to store. Must not keep or log a token.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SECRET_HASH_BYTES 32u
#define SECRET_TOKEN_SIZE 30u /* 5 groups of 5, 4 dashes, NUL */

/* Makes a token "xxxxx-xxxxx-xxxxx-xxxxx-xxxxx". 0, or -EIO: no randomness. */
int secret_token_new(char ret_token[static SECRET_TOKEN_SIZE])
	__attribute__((warn_unused_result));

/* SHA-256 of `len` octets at `data`. 0, or -ENOMEM from the library. */
int secret_hash(const void *data, size_t len,
		uint8_t ret_hash[static SECRET_HASH_BYTES])
	__attribute__((warn_unused_result));

/* Equal, in time that does not depend on where they differ. */
bool secret_is_equal(const void *a, const void *b, size_t len)
	__attribute__((nonnull));

/* Base64 (RFC 4648 §4) on one line; the caller frees. 0 or -ENOMEM. */
int secret_to_base64(const uint8_t *data, size_t len, char **ret_text)
	__attribute__((warn_unused_result));

/*
 * Decodes base64 with padding; CR, LF, space and tab are skipped (RFC 8951).
 * At most `cap` octets into `buf`. Returns the number of octets, -EINVAL for
 * what is not base64, -EMSGSIZE when it does not fit.
 */
ssize_t secret_from_base64(const char *text, size_t len, uint8_t *buf,
			   size_t cap) __attribute__((warn_unused_result));
