/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: the records under /run/sekimori/mfa, the module's only way to speak to
 * the daemon, and the only one it needs: the daemon watches the directories
 * with inotify, and a daemon that is down or stopped holds up nobody. The
 * permission of the directory (root, 0700) stands in for any check of a peer.
 *
 *   ev/ID            what a transaction proved; the daemon takes it away
 *   open/PID-START   the leader of a session; away when the session closes
 *   denied/ID        a refusal; the daemon takes it away
 *
 * Each is bounded; what is full takes no more, and says so.
 */
#pragma once

#include <stdbool.h>

#include "agent/pam/places.h"
#include "policy/mfa_text.h"

#define STORE_FILES_MAX	 256 /* in each directory */
#define STORE_NAME_MAX	 64
#define STORE_TMPFS_MODE 0700

/* Who a process is. 0, or -errno; start is never 0 on success. */
int store_process(uint32_t pid, struct login_process *ret_process)
	__attribute__((nonnull, warn_unused_result));

/* 32 fresh random hex characters. 0, or -errno (-EAGAIN: none yet). */
int store_random_id(char ret_id[LOGIN_ID_CHARS + 1])
	__attribute__((warn_unused_result));

/*
 * Writes the record under the name of its kind, replacing an older one, with
 * fsync and rename. Makes the directories. 0, -ENOSPC when the directory is
 * full of live records, -EPERM when it is not root's alone, or -errno.
 */
int store_write(const struct pam_places *places,
		const struct login_record *record)
	__attribute__((nonnull, warn_unused_result));

/* Reads evidence by its id. 0, -EINVAL, -EPERM, -ENOENT or -errno. */
int store_read_evidence(const struct pam_places *places, const char *id,
			struct login_record *ret_record)
	__attribute__((nonnull, warn_unused_result));

/* Takes a record away; 0 when it is gone. The fields of its name are read. */
int store_remove(const struct pam_places *places,
		 const struct login_record *record) __attribute__((nonnull));
