/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of grants as its own files (grants*.c) share it; see grants.h.
 */
#pragma once

#include "agent/daemon/grants.h"

/* What has ended, or was refused by the desk: never again. */
struct grants_gone {
	char id[GRANT_ID_CHARS + 1];
	uint64_t wall_issued_s;
};

struct grants {
	struct grants_options options;
	struct grants_row *first; /* newest first */
	size_t count;
	/* Rings, oldest first */
	struct grants_gone gone[GRANTS_GONE_MAX];
	size_t gone_count;
	char seen[GRANTS_SEEN_MAX][GRANTS_DIGEST_SIZE];
	size_t seen_count;
	/* What was issued up to then may have been forgotten */
	uint64_t issued_floor;
	bool is_loaded;
	uint64_t boot_saved_ns;
};

/* A row with the object of TEXT, at the front, or NULL: no memory, too many, or
 * no object. */
struct grants_row *grants_add(struct grants *grants, struct span text)
	__attribute__((nonnull));
/* Takes it out and frees it. */
void grants_drop(struct grants *grants, struct grants_row *row)
	__attribute__((nonnull));
struct grants_row *grants_row_of(const struct grants *grants, struct span id)
	__attribute__((nonnull));
bool grants_is_gone(const struct grants *grants, struct span id)
	__attribute__((nonnull));
void grants_note_gone(struct grants *grants, struct span id,
		      uint64_t wall_issued_s) __attribute__((nonnull));
/* True: it was not there. */
bool grants_note_seen(struct grants *grants,
		      const char digest[GRANTS_DIGEST_SIZE])
	__attribute__((nonnull));

/* Begins to count: the budget runs from BOOT_NS on for LEFT_NS, not beyond
 * not-after. */
void grants_activate(struct grants_row *row, uint64_t left_ns,
		     struct grants_now now) __attribute__((nonnull));

/* An event about ROW. */
void grants_tell(struct grants *grants, const struct grants_row *row,
		 enum record_code code, enum record_reason reason,
		 struct grants_now now) __attribute__((nonnull));
/* grant.requested, with the device that is meant. */
void grants_tell_request(struct grants *grants, const struct grants_row *row,
			 const struct grants_wish *wish, struct grants_now now)
	__attribute__((nonnull));
/* A use of ROW; OF has .decision, and .media or .usb. */
void grants_tell_use(struct grants *grants, const struct grants_row *row,
		     const struct record *of, struct grants_now now)
	__attribute__((nonnull));
/* An object that counts for nothing; GRANT may be empty. */
void grants_tell_refused(struct grants *grants, const struct grant *grant,
			 const char *approvers, enum record_reason reason,
			 const char *detail) __attribute__((nonnull(1, 2)));
/* Ends ROW for good: told, remembered, freed; saving is the caller's. */
void grants_finish(struct grants *grants, struct grants_row *row,
		   enum record_code code, enum record_reason reason,
		   struct grants_now now) __attribute__((nonnull));
