/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which a medium is opened to the terminal, and closed again:
 * first what restrains, then what lets in, then what announces. Internal to
 * agent/enforce; enforce.h (media_set) is what others use.
 */
#pragma once

#include <stdint.h>

#include "agent/bpf/guard.h"

struct block_guard;

struct media_place {
	int sys_fd;		   /* open on /sys */
	int dev_fd;		   /* open on /dev */
	struct block_guard *guard; /* or NULL: tier T4 */
};

/*
 * ACCESS is GUARD_READ_ONLY or GUARD_READ_WRITE: read-only flag, entry,
 * partition table, "add". Results as media_set in enforce.h; unless it is 0
 * or ENFORCE_BUSY the medium is as closed as before.
 */
int media_allow(const struct media_place *place, const char *disk,
		uint64_t diskseq, enum guard_access access)
	__attribute__((nonnull, warn_unused_result));

/* The entry alone: nobody opens it (for writing, where ACCESS is read-only)
 * from now on; what is mounted or open goes on. 0, ENFORCE_GONE or -errno. */
int media_close(const struct media_place *place, const char *disk,
		uint64_t diskseq, enum guard_access access)
	__attribute__((nonnull, warn_unused_result));

/* ENFORCE_BUSY while a file system, mounted or lazily unmounted, or something
 * stacked has a claim on the disk or one of its partitions (bd_may_claim() in
 * block/bdev.c); 0 when nothing has. Open nodes are no claims. */
int media_in_use(const struct media_place *place, const char *disk,
		 uint64_t diskseq) __attribute__((nonnull, warn_unused_result));

/*
 * Whether ACCESS is in force: the guard's entry, and the read-only flag where
 * it is one. 0, ENFORCE_DIFFERS, ENFORCE_GONE (also: another medium by now) or
 * -errno.
 */
int media_check(const struct media_place *place, const char *disk,
		uint64_t diskseq, enum guard_access access)
	__attribute__((nonnull, warn_unused_result));

/* Entry, read-only flag, partitions out, "change". */
int media_deny(const struct media_place *place, const char *disk,
	       uint64_t diskseq) __attribute__((nonnull, warn_unused_result));
