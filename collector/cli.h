/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: the command line: options common to all commands, one function for each
 * command, exit codes. Texts for people go to stdout in Japanese or English;
 * what scripts read has one fixed form.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/log.h"
#include "collector/config.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,	  /* the work could not be done; stderr says why */
	CLI_USAGE = 2,	  /* the command line is wrong; nothing was touched */
	CLI_DEVIATES = 3, /* verify: not the history that was signed */
};

/* Which options were given, for the check against what a command takes. */
enum cli_option {
	CLI_OPT_NAME = 1 << 0,
	CLI_OPT_HOST = 1 << 1,
	CLI_OPT_COUNT = 1 << 2,
	CLI_OPT_HOURS = 1 << 3,
	CLI_OPT_REENROL = 1 << 4,
	CLI_OPT_TERMINAL = 1 << 5,
	CLI_OPT_PLAIN = 1 << 6,
	CLI_OPT_PROOF = 1 << 7,
	CLI_OPT_CHECKPOINT = 1 << 8,
	CLI_OPT_KEY = 1 << 9,
	CLI_OPT_PAPER = 1 << 10,
	CLI_OPT_ORDER = 1 << 11,
	CLI_OPT_ROLE = 1 << 12,
	CLI_OPT_REMOVE = 1 << 13,
};

#define CLI_LIST_MAX 8u /* of an option that may be repeated */

struct cli_list {
	const char *values[CLI_LIST_MAX];
	size_t count;
};

struct cli {
	struct log log;
	struct config config; /* file, then --dir and the like, applied */
	bool is_japanese;
	unsigned int given; /* enum cli_option */
	const char *config_path;
	const char *dir;
	const char *name;
	const char *role;
	const char *hosts; /* comma-separated, as given */
	const char *terminal;
	struct cli_list checkpoints; /* files */
	struct cli_list keys;	     /* vkeys, or files that hold one */
	const char *file; /* the argument of `verify`, `publish` … */
	uint64_t count;
	uint64_t hours;
};

/* All of main(): parses, runs one command, returns the exit code. */
int cli_main(int argc, char **argv) __attribute__((nonnull));

/* The text in the person's language. */
const char *cli_say(const struct cli *cli, const char *ja, const char *en)
	__attribute__((nonnull, returns_nonnull, format_arg(2), format_arg(3)));

/*
 * Makes sure that what root does in the state folder belongs to the folder's
 * owner (the service's user): gives up root for that user. With `is_new` the
 * folder is made first, for user sekimori-collector where there is one. 0 or
 * CLI_FAILED, said.
 */
int cli_enter(const struct cli *cli, bool is_new)
	__attribute__((nonnull, warn_unused_result));

int cmd_init(struct cli *cli) __attribute__((nonnull));
int cmd_token(struct cli *cli) __attribute__((nonnull));
int cmd_person(struct cli *cli) __attribute__((nonnull));
int cmd_revoke(struct cli *cli) __attribute__((nonnull));
int cmd_terminals(struct cli *cli) __attribute__((nonnull));
int cmd_export(struct cli *cli) __attribute__((nonnull));
int cmd_checkpoint(struct cli *cli) __attribute__((nonnull));
int cmd_verify(struct cli *cli) __attribute__((nonnull));
int cmd_publish(struct cli *cli) __attribute__((nonnull));
int cmd_backup(struct cli *cli) __attribute__((nonnull));
int cmd_restore(struct cli *cli) __attribute__((nonnull));
int cmd_migrate(struct cli *cli) __attribute__((nonnull));
int cmd_serve(struct cli *cli) __attribute__((nonnull));
