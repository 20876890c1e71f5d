/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine in a temporary folder for tests of the PAM module: its own pam.d,
 * modules, policy and records, and a login program that talks to it through
 * pam_start_confdir(). Needs no privilege. Aborts when it cannot be set up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <security/pam_appl.h>

#include "policy/mfa_text.h"

struct world {
	char dir[64];
};

void world_init(struct world *world);
void world_fini(struct world *world);
/* Removes a folder and all below it. */
void world_tree_remove(const char *path);

/* A file below the folder; "%%", "%M" (the wrapper module) and "%D" (the
 * folder of factor modules) in the text are replaced. */
void world_file(struct world *world, const char *path, mode_t mode,
		const char *text);
/* Reads a file; "" when missing. Static buffer. */
const char *world_read(struct world *world, const char *path);
/* Copies a file from anywhere to anywhere, mode 0644. */
void world_copy(const char *from, const char *to);
/* Removes a file or an empty folder. */
void world_remove(struct world *world, const char *path);
/* Files in a folder, and the name of the last one seen ("" when empty). */
size_t world_count(struct world *world, const char *path, char ret_name[256]);
/* Parses the only record of a kind of folder ("ev", "open", "denied"). */
bool world_record(struct world *world, const char *folder,
		  struct login_record *ret_record);

/* One login. */
struct login {
	const char *service; /* "login" */
	const char *user;    /* "sato" */
	const char *tty;     /* none */
	const char *rhost;   /* none */
	const char *env;     /* put into the PAM environment first */
	int flags;
	const char *answers[6]; /* to prompts, in order */

	/* What came of it. -1: not reached. */
	int auth;
	int account;
	int session;
	int setcred;
	char said[2048]; /* what the module told the person */
	char token[128]; /* SEKIMORI_MFA in the environment at the end */
	pam_handle_t *pamh;
	size_t answer_count;
};

/* auth, account, setcred, session open and close, as far as they go. */
void login_run(struct world *world, struct login *login);

/* The steps one by one. */
void login_start(struct world *world, struct login *login);
void login_auth(struct login *login);
void login_account(struct login *login);
void login_session(struct login *login);
void login_end(struct login *login);
