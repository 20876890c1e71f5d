/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and their files; the order of the files is what a crash leaves. */
#include "agent/daemon/rotation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

#include "agent/base/banned.h"

#define TAG "sekimori-key-v1" /* its NUL ends it in the message */

static int raw_public(EVP_PKEY *key, uint8_t ret_raw[ROTATION_PUBLIC_SIZE])
{
	size_t size = ROTATION_PUBLIC_SIZE;

	return EVP_PKEY_get_raw_public_key(key, ret_raw, &size) == 1 &&
			       size == ROTATION_PUBLIC_SIZE
		       ? 0
		       : -EINVAL;
}

static int id_of(EVP_PKEY *key, char ret_id[HEX_SIZE(SEGMENT_KEY_ID_SIZE)])
{
	uint8_t id[SEGMENT_KEY_ID_SIZE];
	int r = segment_key_id(key, id);

	if (r == 0)
		hex_encode(id, sizeof(id), ret_id);
	return r;
}

static int sign(EVP_PKEY *old, const uint8_t *message, size_t size,
		char ret_signature[HEX_SIZE(SEGMENT_SIGNATURE_SIZE)])
{
	uint8_t signature[SEGMENT_SIGNATURE_SIZE];
	size_t length = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context &&
		  EVP_DigestSignInit(context, NULL, NULL, NULL, old) == 1 &&
		  EVP_DigestSign(context, signature, &length, message, size) ==
			  1;

	EVP_MD_CTX_free(context);
	if (ok)
		hex_encode(signature, sizeof(signature), ret_signature);
	return ok ? 0 : -ENOMEM;
}

void rotation_fini(struct rotation *rotation)
{
	EVP_PKEY_free(rotation->key);
	rotation->key = NULL;
}

int rotation_make(const struct identity *identity, struct rotation *rotation)
{
	uint8_t message[sizeof(TAG) + FRAME_ID_SIZE + ROTATION_PUBLIC_SIZE];
	uint8_t *public = message + sizeof(TAG) + FRAME_ID_SIZE;

	*rotation = (struct rotation){
		.key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
	if (!rotation->key)
		return -ENOMEM;
	memcpy(message, TAG, sizeof(TAG));
	memcpy(message + sizeof(TAG), identity->host_id, FRAME_ID_SIZE);
	int r = raw_public(rotation->key, public);
	if (r == 0)
		r = id_of(identity->key, rotation->old_id);
	if (r == 0)
		r = id_of(rotation->key, rotation->new_id);
	if (r == 0)
		r = sign(identity->key, message, sizeof(message),
			 rotation->signature);
	if (r < 0) {
		rotation_fini(rotation);
		return r;
	}
	hex_encode(public, ROTATION_PUBLIC_SIZE, rotation->public_key);
	return 0;
}

int rotation_save(int state_fd, struct rotation *rotation,
		  struct identity *identity)
{
	char name[sizeof(HOST_PUBLIC) + HEX_SIZE(SEGMENT_KEY_ID_SIZE)];

	(void)snprintf(name, sizeof(name), HOST_PUBLIC ".%s",
		       rotation->old_id); /* fits */
	int r = identity_save_public(state_fd, name, identity->key);
	if (r == 0)
		r = identity_save_host_key(state_fd, rotation->key);
	if (r < 0)
		return r;
	EVP_PKEY *old = identity->key;
	identity->key = TAKE_PTR(rotation->key);
	rotation->key = old; /* freed with it; the spool has the new one */
	return 0;
}
