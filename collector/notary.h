/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notary: signs the tree. One thread with a read-only store of its own: every
 * minute, or after 10,000 leaves, it makes a checkpoint, keeps it in a file
 * outside the database, and asks the configured witnesses to sign it too. It
 * signs nothing that does not continue what it signed last: a database put back
 * from yesterday is an error that stays until a person looks, not a fork.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/log.h"
#include "agent/wire/note.h"
#include "collector/config.h"
#include "collector/store.h"

#define NOTARY_INTERVAL_S 60u
#define NOTARY_LEAVES	  10000u

/* "URL VKEY" as configured, read. */
struct notary_witness {
	char url[513]; /* http:// or https://, without /add-checkpoint */
	struct note_key key;
	uint64_t size; /* what it has signed, as far as we know */
	bool is_failing;
};

struct notary_config {
	const char *dir;
	const struct log *log;
	struct store *store; /* STORE_READ, the thread's alone from now on */
	struct notary_witness witnesses[CONFIG_WITNESSES];
	size_t witness_count;
};

struct notary;

/* Reads "URL VKEY". 0, or -EINVAL (unchanged). */
int notary_read_witness(const char *text, struct notary_witness *ret_witness)
	__attribute__((nonnull, warn_unused_result));

/*
 * Starts the thread and signs what is there. 0 and *ret_notary; -ENOENT,
 * -EBADMSG: log.key is missing or no key; or -errno.
 */
int notary_start(const struct notary_config *config, struct notary **ret_notary)
	__attribute__((nonnull, warn_unused_result));

/* More leaves were committed. NULL is fine; any thread. */
void notary_count(struct notary *notary, uint64_t leaves);

/* Signs what came last, without witnesses, ends the thread, frees. NULL is fine. */
void notary_stop(struct notary *notary);

/*
 * One checkpoint now, as the thread does it, without witnesses; for `export`
 * and `checkpoint` while nothing serves. 0; 1: the tree is the one signed
 * last; -ESTALE: it does not continue what was signed last; or -errno.
 */
int notary_sign_once(const char *dir, struct store *store)
	__attribute__((nonnull, warn_unused_result));
