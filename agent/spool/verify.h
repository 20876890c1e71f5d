/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify: is a spool what was written? Walks every segment of a directory,
 * checks CRCs, numbers, chain, footers and signatures, compares the end with
 * what is known from elsewhere, and names each thing that is wrong and where.
 * Reads only; needs neither the writer nor a lock, but an open spool may grow
 * meanwhile: its end is as far as it was read.
 *
 * What it cannot see by itself (sekimori.spool(5), CAVEATS): a chain rewritten
 * to its end and signed with the terminal's own key. For that, give it `expect`
 * from the collector.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/spool/tail.h"
#include "agent/wire/frame.h"

#define SPOOL_VERIFY_KEYS_MAX 32u

enum spool_fault {
	SPOOL_FAULT_DELETE = 0, /* numbers are missing between others */
	SPOOL_FAULT_EDIT,	/* an event's bytes are not what was chained */
	SPOOL_FAULT_SWAP,	/* events or files changed places */
	SPOOL_FAULT_TRUNCATE,	/* the end is missing */
	SPOOL_FAULT_FORK,	/* from here on, another history */
	SPOOL_FAULT_SIGNATURE,	/* a footer that is not the terminal's */
	SPOOL_FAULT_HEADER,	/* a file whose beginning cannot be read */
};

/* "delete", "edit", …; total. */
const char *spool_fault_to_str(enum spool_fault fault)
	__attribute__((returns_nonnull));

struct spool_finding {
	enum spool_fault fault;
	uint64_t first; /* events; the same twice for one */
	uint64_t last;
	const char *file;   /* valid during the call */
	uint64_t offset;    /* in the segment as it was before packing */
	const char *detail; /* static */
};

typedef void spool_finding_fn(const struct spool_finding *finding,
			      void *userdata);

struct spool_verify_options {
	int dirfd; /* of the segments; borrowed */
	/* Public keys in PEM that may have signed. None: signatures are not
	 * looked at. */
	const char *keys[SPOOL_VERIFY_KEYS_MAX];
	size_t key_count;
	/* Ends known from elsewhere (spool.tail, the shipper's cursor); one of
	 * another stream says nothing. */
	struct spool_tail known[2];
	/* An event's hash as the collector has it; seq 0: none. */
	uint64_t expect_seq;
	uint8_t expect_hash[FRAME_HASH_SIZE];
	spool_finding_fn *found;
	void *userdata;
};

struct spool_verified {
	uint8_t stream[FRAME_ID_SIZE]; /* of the last segment */
	uint64_t first_seq;	       /* 0: there is no event */
	uint64_t last_seq;
	uint64_t event_count;
	uint8_t tip[FRAME_HASH_SIZE];
	size_t segment_count;
	size_t signed_count; /* segments whose signature was checked */
	size_t fault_count;
};

/*
 * Returns 0 with *ret_verified set, whatever was found (fault_count); -ENOENT
 * for a directory without segments; -EBADMSG for a key that is none; or -errno.
 */
int spool_verify(const struct spool_verify_options *options,
		 struct spool_verified *ret_verified)
	__attribute__((nonnull, warn_unused_result));
