/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new key in place of the one that signs the spool. The old one signs the new
 * one, so that who trusts the first can follow; its public half is kept for
 * what it has signed. Makes and saves keys; writes no event and no spool.
 */
#pragma once

#include "agent/daemon/identity.h"
#include "agent/wire/segment.h"

#define ROTATION_PUBLIC_SIZE 32

struct rotation {
	EVP_PKEY *key; /* the new one */
	char old_id[HEX_SIZE(SEGMENT_KEY_ID_SIZE)];
	char new_id[HEX_SIZE(SEGMENT_KEY_ID_SIZE)];
	char public_key[HEX_SIZE(ROTATION_PUBLIC_SIZE)];
	char signature[HEX_SIZE(SEGMENT_SIGNATURE_SIZE)];
};

/* Makes a key and has it signed by the identity's: "sekimori-key-v1", a zero
 * byte, the terminal's id, the new public key. 0, -EINVAL or -ENOMEM. */
int rotation_make(const struct identity *identity, struct rotation *rotation)
	__attribute__((nonnull, warn_unused_result));
void rotation_fini(struct rotation *rotation) __attribute__((nonnull));

/* Puts it in place below STATE_FD, durably: the old public half as
 * host.pub.OLD-ID, then host.pub, then host.key; a cut between leaves the old
 * key in use. The identity has the new one then. 0 or -errno, unchanged. */
int rotation_save(int state_fd, struct rotation *rotation,
		  struct identity *identity)
	__attribute__((nonnull, warn_unused_result));
