/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori-policy: one file a command, one row a command in main.c. The tool
 * reads files and prints; it never touches the machine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/decide.h"
#include "policy/ruleset.h"

/* Exit codes of every command. */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_ERROR = 1, /* the input is wrong, or could not be read */
	TOOL_USAGE = 2,
};

/* argv[0] is the command's name. Returns an exit code. */
int cmd_check(int argc, char **argv);
int cmd_format(int argc, char **argv);
int cmd_decide(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_hash(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_key(int argc, char **argv);
int cmd_sign(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_order(int argc, char **argv);

/* Rule texts read from files; "-" is the standard input. */
struct rule_files {
	struct rules_text *texts;
	char **contents;
	size_t count;
};

/*
 * Reads the named files. A file that cannot be read is named on the standard
 * error. Returns 0 or -errno; the caller frees with rule_files_fini() in both
 * cases.
 */
int rule_files_read(struct rule_files *files, char *const *paths, size_t count)
	__attribute__((nonnull(1), warn_unused_result));
void rule_files_fini(struct rule_files *files);

/* Prints FILE:LINE:COL: severity: text, for every message. */
void report_print(const struct rule_files *files,
		  const struct rules_report *report);

/*
 * Reads and compiles; prints what is wrong on the standard error. Returns 0 or
 * an exit code.
 */
int rule_files_compile(const struct rule_files *files, unsigned flags,
		       struct ruleset **ret_ruleset)
	__attribute__((nonnull, warn_unused_result));

/* What decide and explain have in common: rules, clock, devices. */
struct judgement {
	struct ruleset *ruleset;
	struct rule_files files;
	struct decide_context context;
	struct usb_fact *devices;
	size_t device_count;
	const struct usb_fact **authorized;
	const char **groups;
	struct usb_fact *authorized_facts;
	bool has_implicit;
	enum usb_target implicit;
};

/*
 * Parses the options of decide and explain into *j; prints what is wrong.
 * Returns 0 or an exit code. Free with judgement_fini() in both cases.
 */
int judgement_init(struct judgement *j, int argc, char **argv)
	__attribute__((nonnull, warn_unused_result));
void judgement_fini(struct judgement *j);
