/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of signed policy: the trust anchor, the one that was kept, the highest
 * serial, and the inbox that the shipper, whom nobody trusts, writes. Reads
 * and writes them; judges nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/daemon/bundle.h"
#include "agent/wire/trust.h"

#define BUNDLE_ANCHOR "etc/sekimori/trust.pub"
#define BUNDLE_INBOX  "var/lib/sekimori-ship/inbox"

struct bundle_store {
	/* Only signed policy counts: there is an anchor, or there was one */
	bool is_anchored;
	struct trust trust; /* no keys: nothing can be proven */
	uint64_t floor;	    /* highest serial that ever counted; 0 none */
	char error[BUNDLE_ERROR_MAX]; /* why there are no keys; "" */
};

/* Reads anchor and floor below ROOT_FD anew. An anchor that cannot be read, or
 * that has gone although signed policy counted here before, leaves is_anchored
 * set and no keys: it never opens the way for files that are not signed. 0 or
 * -ENOMEM. */
int bundle_store_read(int root_fd, struct bundle_store *store)
	__attribute__((nonnull, warn_unused_result));
void bundle_store_fini(struct bundle_store *store) __attribute__((nonnull));

/* A regular file of at most JWS_TEXT_MAX_BYTES. 0 and *ret_text (to be freed);
 * -EINVAL another kind of file, -EFBIG, other -errno. Never waits. */
int bundle_store_read_fd(int fd, char **ret_text, size_t *ret_size)
	__attribute__((nonnull, warn_unused_result));

/* The same for the policy that was kept and for the one in the inbox;
 * -ENOENT: there is none. */
int bundle_store_kept(int root_fd, char **ret_text, size_t *ret_size)
	__attribute__((nonnull, warn_unused_result));
int bundle_store_inbox(int root_fd, char **ret_text, size_t *ret_size)
	__attribute__((nonnull, warn_unused_result));

/* The same of another file in the inbox. */
int bundle_store_inbox_named(int root_fd, const char *name, char **ret_text,
			     size_t *ret_size)
	__attribute__((nonnull, warn_unused_result));

/* Keeps TEXT, then its serial as the floor, each across a power cut. 0, or
 * -errno: the old one is kept, or the new one with the old floor. */
int bundle_store_keep(int root_fd, struct span text, uint64_t serial,
		      struct bundle_store *store)
	__attribute__((nonnull, warn_unused_result));
