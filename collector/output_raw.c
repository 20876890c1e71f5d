/* SPDX-License-Identifier: Apache-2.0 */
/* output_raw: libcrypto's base64 (RFC 4648 §4), in pieces of three octets. */
#include "collector/output_raw.h"

#include <openssl/evp.h>

#include "agent/base/banned.h"

#define PIECE 3072u /* a multiple of three */

int output_raw(const struct store_row *row, struct buf *out)
{
	size_t len = row->body_len < OUTPUT_RAW_MAX ? row->body_len
						    : OUTPUT_RAW_MAX;
	unsigned char text[PIECE / 3 * 4 + 1];
	int r = 0;

	for (size_t at = 0; r == 0 && at < len; at += PIECE) {
		size_t size = len - at < PIECE ? len - at : PIECE;
		int n = EVP_EncodeBlock(text,
					(const unsigned char *)row->body + at,
					(int)size);

		r = buf_append(out, text, (size_t)n);
	}
	return r;
}
