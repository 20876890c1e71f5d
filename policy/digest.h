/* SPDX-License-Identifier: Apache-2.0 */
/* digest: SHA-256 of a text in lower-case hex. Pure; libcrypto does the work. */
#pragma once

#include "policy/span.h"

#define DIGEST_HEX_SIZE 65 /* 64 digits and a NUL */

/* 0, or -ENOMEM with ret_hex unchanged. */
int digest_sha256(struct span text, char ret_hex[DIGEST_HEX_SIZE])
	__attribute__((warn_unused_result));
