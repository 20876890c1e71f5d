/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's side of the folders below /run/sekimori/mfa (agent/pam/store.h
 * is the other): makes them, reads what the module left, and keeps its own
 * memory of sessions beside them, so that a restart forgets nothing. The
 * folders are root's alone: that is the whole proof of who wrote.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/mfa_text.h"

#define LOGIN_RUN_DIR	   "run/sekimori/mfa"
#define LOGIN_FILES_MAX	   512 /* looked at in a folder */
#define LOGIN_FILE_ID_SIZE 64

/* Makes the folders; 0 or -errno. One that is there and not root's is -EPERM. */
int login_store_make(int root_fd) __attribute__((warn_unused_result));

/* The folder of a kind, opened; -errno. */
int login_store_open(int root_fd, enum login_record_kind kind)
	__attribute__((warn_unused_result));

/* The record of the process that leads a session. 0, -ENOENT, -EINVAL. */
int login_store_find(int root_fd, const struct login_process *leader,
		     struct login_record *ret_record)
	__attribute__((nonnull, warn_unused_result));

/*
 * Calls FN with every record of a kind that reads well, each with its file
 * name; FN says whether the file shall go. What does not parse goes. 0 or
 * -errno.
 */
typedef bool (*login_store_fn)(const char *name,
			       const struct login_record *record,
			       void *userdata);
int login_store_each(int root_fd, enum login_record_kind kind,
		     login_store_fn fn, void *userdata)
	__attribute__((nonnull(3), warn_unused_result));

/* Takes the record of a session away that is over. */
void login_store_forget(int root_fd, const struct login_process *leader)
	__attribute__((nonnull));
