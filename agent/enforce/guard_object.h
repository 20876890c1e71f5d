/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a guard, for the two files that make it up: block_guard.c (its
 * life) and block_guard_entries.c (what is in its maps). Nobody else includes
 * it.
 */
#pragma once

#include "agent/enforce/block_guard.h"
#include "agent/enforce/guard_identity.h"
#include "agent/enforce/guard_kept.h"
#include "agent/enforce/guard_set.h"

struct ring_buffer;

struct block_guard {
	struct block_guard_options options;
	struct guard_place place; /* of the options */
	struct block_guard_status status;
	struct guard_set *set;
	struct ring_buffer *ring;
	int events; /* epoll: readable when the ring is, whichever it is */
	struct guard_kept kept; /* from the service manager */
	/* Only while block_guard_dispatch runs. */
	block_guard_event_fn fn;
	void *userdata;
};

/* What the daemon before this one watched is watched no more. */
void block_guard_watch_none(struct block_guard *guard) __attribute__((nonnull));
