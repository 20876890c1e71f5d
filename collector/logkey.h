/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logkey: the keys that sign checkpoints, the collector's (log.key, log.vkey)
 * and a witness's, as text files of one line (note.h), and checkpoints as files.
 * Must not decide what is signed.
 */
#pragma once

#include "agent/base/buf.h"
#include "agent/wire/note.h"

#define LOGKEY_NAME	  "log"
#define LOGKEY_CHECKPOINT "checkpoint" /* the newest, below the state folder */

/*
 * Makes <file>.key (0600) and <file>.vkey (0644) below `dirfd`, for a random
 * Ed25519 key called `name`. 0, -EEXIST (there is a key: never replaced),
 * -EINVAL (no name for a key), or -errno.
 */
int logkey_create(int dirfd, const char *file, const char *name, uint8_t type)
	__attribute__((nonnull, warn_unused_result));

/* Loads <file>.key. 0; -ENOENT; -EBADMSG: not a key; or -errno. */
int logkey_load(int dirfd, const char *file, struct note_key *ret_key)
	__attribute__((nonnull, warn_unused_result));

/*
 * "<host>/<organisation>" fit for an origin: '+' and spaces become '-', what is
 * too long is cut at a character.
 */
void logkey_origin(const char *host, const char *organisation,
		   char ret_origin[NOTE_NAME_MAX + 1]) __attribute__((nonnull));

/* A checkpoint with the text it was read from. */
struct logkey_checkpoint {
	char *text; /* owned */
	struct note note;
	struct note_checkpoint checkpoint;
};

void logkey_checkpoint_fini(struct logkey_checkpoint *checkpoint)
	__attribute__((nonnull));
#define _cleanup_checkpoint_ _cleanup_(logkey_checkpoint_fini)

/*
 * Reads a checkpoint's file, or takes text (which it then owns, even when it
 * fails). 0; -EBADMSG: not a checkpoint; or -errno of the file.
 */
int logkey_checkpoint_load(int dirfd, const char *path,
			   struct logkey_checkpoint *ret_checkpoint)
	__attribute__((nonnull, warn_unused_result));
int logkey_checkpoint_read(char *text, struct logkey_checkpoint *ret_checkpoint)
	__attribute__((nonnull, warn_unused_result));
