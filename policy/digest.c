/* SPDX-License-Identifier: Apache-2.0 */
/* One-shot digest; the only failure of EVP here is memory. */
#include "policy/digest.h"

#include <errno.h>
#include <stdio.h>

#include <openssl/evp.h>

int digest_sha256(struct span text, char ret_hex[DIGEST_HEX_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (EVP_Digest(text.len ? text.ptr : "", text.len, hash, &size,
		       EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	for (size_t i = 0; i < size; i++)
		(void)snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
	return 0;
}
