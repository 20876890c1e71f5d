/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy in force: the rule files of a folder, compiled, replaced whole or
 * not at all. Reads files; decides nothing and touches no device.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/ruleset.h"

#define BUNDLE_DIGEST_SIZE (7 + 64 + 1) /* "sha256:" and 64 hex digits */
#define BUNDLE_ERROR_MAX   512
#define BUNDLE_NAME_MAX	   128
#define BUNDLE_ZONE_SIZE   65 /* PARCEL_ZONE_MAX and a NUL */
#define BUNDLE_SIGNER_SIZE 44 /* a key id of agent/wire/jws.h and a NUL */

/* What is known of one set of rule files, in force or refused. */
struct bundle_info {
	char name[BUNDLE_NAME_MAX];
	uint64_t serial;
	char digest[BUNDLE_DIGEST_SIZE];
	uint32_t rule_count;
	uint64_t wall_loaded_ms;
	uint64_t wall_until_s; /* Unix time; 0: without end */
	bool is_monitor;
	char signer[BUNDLE_SIGNER_SIZE]; /* "": files, not signed */
	char zone[BUNDLE_ZONE_SIZE];	 /* of a signed one */
};

struct bundle {
	struct ruleset *ruleset;      /* NULL: none could ever be read */
	struct bundle_info info;      /* of the rule set in force */
	char error[BUNDLE_ERROR_MAX]; /* why the newest offer was refused */
};

enum bundle_outcome {
	BUNDLE_OK = 0,
	BUNDLE_SAME = 1,       /* the files are those in force already */
	BUNDLE_REJECTED = 2,   /* an error in a rule file */
	BUNDLE_UNREADABLE = 3, /* the folder or a file cannot be read */
	BUNDLE_FORGED = 4,     /* not signed by a key that is trusted */
	BUNDLE_OLD = 5,	       /* the serial does not rise */
	BUNDLE_ELSEWHERE = 6,  /* for another zone, or another time */
	BUNDLE_LIFELINE = 7, /* would cut the last keyboard, pointer, reader */
};

void bundle_fini(struct bundle *bundle) __attribute__((nonnull));

/* Reads and compiles DIR ("etc/sekimori/rules.d") below ROOT_FD: its *.rules
 * files in byte order of their names. On 0 the new rule set is in force. Every
 * other outcome leaves ruleset and info as they were, and bundle->error says
 * why ("FILE:LINE:COL: …"); *ret_offer (may be NULL) tells what is known of
 * the refused files. -ENOMEM likewise. Only the daemon's loop calls it. */
int bundle_load(struct bundle *bundle, int root_fd, const char *dir,
		struct bundle_info *ret_offer)
	__attribute__((nonnull(1, 3), warn_unused_result));

/* --- shared with bundle_signed.c ------------------------------------------ */

/* Compiles texts; fills OFFER but for its digest. 0, BUNDLE_REJECTED (told in
 * bundle->error) or -ENOMEM. Puts nothing in force. */
int bundle_compile(struct bundle *bundle, const struct rules_text *texts,
		   size_t count, struct bundle_info *offer,
		   struct ruleset **ret_ruleset)
	__attribute__((nonnull, warn_unused_result));

/* Puts a rule set in force; takes the caller's reference. */
void bundle_put(struct bundle *bundle, const struct bundle_info *offer,
		struct ruleset *ruleset) __attribute__((nonnull));

/* Says in bundle->error why an offer was refused; returns OUTCOME. */
int bundle_refuse(struct bundle *bundle, int outcome, const char *format, ...)
	__attribute__((nonnull(1, 3), format(printf, 3, 4)));
