/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64url without padding (RFC 4648 §5, RFC 7515 §2), strictly: one spelling
 * for one run of bytes, so that a text cannot be changed without changing what
 * it says. Pure, allocates nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/span.h"

/* Characters that n bytes take. */
#define BASE64URL_CHARS(n) (((n)*4 + 2) / 3)
/* Bytes that n characters hold. */
#define BASE64URL_BYTES(n) ((n)*3 / 4)

/* Writes BASE64URL_CHARS(size) characters, no NUL. */
void base64url_encode(const uint8_t *data, size_t size, char *ret_text)
	__attribute__((nonnull(3)));

/*
 * Decodes all of `text` into BASE64URL_BYTES(text.len) bytes; `ret_data` may
 * be where the text is. Returns 0, or -EINVAL for padding, white space, a
 * character of another alphabet, a length that no encoder makes, or left-over
 * bits that are not zero; ret_data is undefined then.
 */
int base64url_decode(struct span text, uint8_t *ret_data)
	__attribute__((nonnull, warn_unused_result));
