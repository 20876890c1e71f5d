/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorictl: asks the daemon over D-Bus and shows the answer. Runs with the
 * caller's rights; decides nothing and keeps nothing. One struct ctl a run,
 * made in main.c (or by a test), passed down.
 *
 * A command is one cmd_x.c and one row of the table in ctl.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

/* What the program exits with; scripts rely on it (sekimorictl(1)). */
enum ctl_exit {
	CTL_OK = 0,	     /* status: enforcing */
	CTL_FAILED = 1,	     /* refused, failed; status: degraded or monitor */
	CTL_NOT_RUNNING = 2, /* no bus, or no daemon on it */
	CTL_USAGE = 64,	     /* EX_USAGE: the command line is wrong */
};

struct ctl {
	FILE *out;
	FILE *err;
	const char *bus_address; /* NULL: the system bus */
	const char *root;	 /* NULL: this machine's; another in tests */
	sd_bus *bus;		 /* owned; opened by the first call */
	int64_t wall_now_ms;	 /* for "14 s ago"; set at start */
	bool is_japanese;
};

struct ctl_command {
	const char *name;
	const char *arguments; /* "[--json]", "DEVICE": one line */
	const char *summary;
	const char *help; /* what follows the usage line */
	/* argv[0] is the command's name. Returns an enum ctl_exit. */
	int (*run)(struct ctl *ctl, int argc, char **argv);
};

/*
 * Runs one command line, argv[0] being the program. Returns an enum ctl_exit.
 * Everything is written to ctl->out and ctl->err. The caller ends with
 * ctl_fini(). May be called more than once with one ctl.
 */
int ctl_run(struct ctl *ctl, int argc, char **argv)
	__attribute__((nonnull, warn_unused_result));

/* Closes the bus. */
void ctl_fini(struct ctl *ctl) __attribute__((nonnull));

/* The table, ended by a row without name; and one row of it, or NULL. */
const struct ctl_command *ctl_commands(void) __attribute__((returns_nonnull));
const struct ctl_command *ctl_command(const char *name)
	__attribute__((nonnull));

/* "Usage: sekimorictl NAME …" and the help of a command. */
void ctl_print_help(const struct ctl *ctl, const struct ctl_command *command,
		    FILE *to) __attribute__((nonnull));

/*
 * One line of complaint about the command line, and where help is. Returns
 * CTL_USAGE.
 */
int ctl_usage(const struct ctl *ctl, const char *command, const char *format,
	      ...) __attribute__((format(printf, 3, 4), nonnull(1, 3)));

/*
 * The text in the language of the run: a lookup in ja.c, or `english` itself.
 * _() marks it for xgettext too and wants a variable called ctl in scope.
 */
const char *ctl_text(const struct ctl *ctl, const char *english)
	__attribute__((format_arg(2), nonnull, returns_nonnull));
#define _(text) ctl_text(ctl, text)
/* Marks a text in a table; whoever prints it puts it through _(). */
#define N_(text) text

/* ja.c: NULL when there is no Japanese for it. */
const char *ja_lookup(const char *english) __attribute__((nonnull));
/* The pair at `index`, for the test that compares their formats; 0 at the end. */
bool ja_pair(size_t index, const char **ret_english, const char **ret_japanese)
	__attribute__((nonnull));

int cmd_status(struct ctl *ctl, int argc, char **argv);
int cmd_devices(struct ctl *ctl, int argc, char **argv);
int cmd_events(struct ctl *ctl, int argc, char **argv);
int cmd_explain(struct ctl *ctl, int argc, char **argv);
int cmd_confirm(struct ctl *ctl, int argc, char **argv);
int cmd_reload(struct ctl *ctl, int argc, char **argv);
int cmd_policy(struct ctl *ctl, int argc, char **argv);
int cmd_login(struct ctl *ctl, int argc, char **argv);
int cmd_order(struct ctl *ctl, int argc, char **argv);
int cmd_spool(struct ctl *ctl, int argc, char **argv);
int cmd_request(struct ctl *ctl, int argc, char **argv);
int cmd_code(struct ctl *ctl, int argc, char **argv);
int cmd_grants(struct ctl *ctl, int argc, char **argv);
int cmd_extend(struct ctl *ctl, int argc, char **argv);
int cmd_end(struct ctl *ctl, int argc, char **argv);
int cmd_selftest(struct ctl *ctl, int argc, char **argv);
int cmd_help(struct ctl *ctl, int argc, char **argv);
