/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl: the command line. Finds the row of the command and hands over; knows
 * nothing of what a command does.
 */
#include "agent/ctl/ctl.h"

#include <stdarg.h>
#include <string.h>

static const struct ctl_command commands[] = {
	{"status", "[--json]", N_("show whether this terminal is protected"),
	 N_("Shows the tier of protection, the policy, each layer, and how far "
	    "the events\nare. Exit status: 0 enforcing, 1 degraded or monitor "
	    "mode, 2 not running.\n\n"
	    "  --json   one JSON object\n"),
	 cmd_status},
	{"devices", "[--json]", N_("list devices and what was decided"),
	 N_("Lists USB devices, media and radios that are present.\n\n"
	    "  --json   one JSON array\n"),
	 cmd_devices},
	{"events", "[-f] [-n N] [--code C] [--since SEQ] [--json]",
	 N_("show what happened"),
	 N_("Shows the newest events, oldest first.\n\n"
	    "  -f, --follow   go on with new events as they come\n"
	    "  -n N           at most N events (20)\n"
	    "  --code C       only this event code, or those that begin with "
	    "it:\n"
	    "                 usb.device.blocked, or usb\n"
	    "  --since SEQ    from this sequence number on\n"
	    "  --json         the records as they are kept, one a line\n"),
	 cmd_events},
	{"explain", "DEVICE [--json]", N_("say why a device is as it is"),
	 N_("Says which rule decided, which rule would have allowed the device "
	    "and why it\ndid not, what to ask for and whom to call. DEVICE is "
	    "a name of the list that\n\"sekimorictl devices\" shows, a node "
	    "(/dev/sda1), vendor:product, or a channel\n(wifi).\n\n"
	    "  --json   one JSON object\n"),
	 cmd_explain},
	{"confirm", "DEVICE", N_("use a new keyboard that waits"),
	 N_("A keyboard that no rule names waits until the person at the "
	    "terminal confirms,\nfrom another keyboard and with their own "
	    "password, that it is theirs. It can then\nbe used until it is "
	    "unplugged. DEVICE is its name in \"sekimorictl devices\".\n"),
	 cmd_confirm},
	{"reload", "", N_("read the policy again and judge what is present"),
	 N_("The new policy is in force when the command returns. When it has "
	    "an error,\nthe old one stays and the error is shown with file, "
	    "line and column.\n"),
	 cmd_reload},
	{"policy", "load FILE", N_("put a signed policy in force"),
	 N_("The daemon proves the signature and the terms and judges what is "
	    "present by the\nnew policy before the command returns. When "
	    "anything is wrong with it, the old\none stays and the reason is "
	    "shown. Signed with: sekimori-policy sign.\n"),
	 cmd_policy},
	{"login",
	 "lint | status | prove | test USER | enforce | confirm | report",
	 N_("two proven factors: check, try, switch on"),
	 N_("  lint [--json]        find ways in past the two factors\n"
	    "  status [--json]      mode, and the sessions with their factors\n"
	    "  prove                prove two factors again, at the terminal\n"
	    "  test USER [--json]   could this person prove two factors? "
	    "Nobody is asked\n"
	    "  enforce              refuse who proves fewer, on trial for five "
	    "minutes\n"
	    "  confirm [--untested] keep it\n"
	    "  report               refuse nobody again, only report\n\n"
	    "Exit status: 0 good, 1 errors found or refused. test: 0 two "
	    "factors, 1 not.\n"),
	 cmd_login},
	{"order", "FILE", N_("give a signed order to the daemon"),
	 N_("An order lifts tamper protection on this terminal for a while, "
	    "for a removal or\na repair. It counts once. Signed with: "
	    "sekimori-policy order.\n"),
	 cmd_order},
	{"spool", "verify [--expect SEQ:HASH] [DIR] | show [DIR] | rotate-key",
	 N_("check the events kept on this terminal"),
	 N_("  verify   names each event that was deleted, edited, swapped, "
	    "cut "
	    "off or forked,\n"
	    "           and where; without DIR also the streams set aside\n"
	    "  show     the records as they are kept, one a line\n"
	    "  rotate-key   a new key for the signatures\n\n"
	    "  --expect SEQ:HASH   an event's hash as the collector's export "
	    "has it\n\n"
	    "Reads the files, so it needs no daemon but the right to read "
	    "them. "
	    "Exit status:\n0 whole, 1 something is wrong.\n"),
	 cmd_spool},
	{"request", "DEVICE --reason WORD [--minutes N] [--access A]",
	 N_("ask for an exception"),
	 N_("Asks for an exception for the person who sits at this terminal. "
	    "DEVICE is a name of\nthe list that \"sekimorictl devices\" shows. "
	    "Prints the id of the request.\n\n"
	    "  --reason WORD   why: needed\n"
	    "  --minutes N     how long (30)\n"
	    "  --access A      read-only (of a medium), read-write or "
	    "authorise\n"
	    "  --ticket WORD   of the helpdesk\n"
	    "  --note TEXT     a line for who decides\n"),
	 cmd_request},
	{"code", "RECEIPT CODE", N_("use a code from the helpdesk"),
	 N_("For a terminal without its network: the helpdesk answers the "
	    "receipt "
	    "number that the\nblock showed with a code. It counts once, for "
	    "this person and this device.\n"),
	 cmd_code},
	{"grants", "[--json]", N_("list requests and exceptions"),
	 N_("Lists requests that wait and exceptions that are not over: your "
	    "own, "
	    "for root all.\n\n"
	    "  --json   one JSON array\n"),
	 cmd_grants},
	{"extend", "ID [--minutes N] [--note TEXT]", N_("ask for more time"),
	 N_("Asks for more time for what is used now. Prints the id of the new "
	    "request.\n\n"
	    "  --minutes N   how much longer (30)\n"
	    "  --note TEXT   a line for who decides\n"),
	 cmd_extend},
	{"end", "ID", N_("take back a request, or end an exception"),
	 N_("What is mounted under it is written out and unmounted, as at its "
	    "time.\n"),
	 cmd_end},
	{"selftest", "[--light] [--json]",
	 N_("try every way out and show what is closed"),
	 N_("Tries every way out with devices that the kernel makes up, as "
	    "root and as\nnobody, and shows which are closed on this machine. "
	    "Nothing that is plugged in\nis touched; modules that were not "
	    "loaded are unloaded again. Exit status: 0 all\nthat could be "
	    "tried is closed, 1 something is open, 2 not running.\n\n"
	    "  --light   load no module: the guard itself only\n"
	    "  --json    one JSON object\n"),
	 cmd_selftest},
	{"help", "[COMMAND]", N_("explain a command"), "", cmd_help},
	{0},
};

const struct ctl_command *ctl_commands(void)
{
	return commands;
}

const struct ctl_command *ctl_command(const char *name)
{
	for (const struct ctl_command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

const char *ctl_text(const struct ctl *ctl, const char *english)
{
	const char *japanese = ctl->is_japanese ? ja_lookup(english) : NULL;

	return japanese ? japanese : english;
}

void ctl_print_help(const struct ctl *ctl, const struct ctl_command *command,
		    FILE *to)
{
	fprintf(to, _("Usage: sekimorictl %s %s\n"), command->name,
		command->arguments);
	if (command->help[0])
		fprintf(to, "\n%s", _(command->help));
}

int ctl_usage(const struct ctl *ctl, const char *command, const char *format,
	      ...)
{
	va_list args;

	fputs("sekimorictl: ", ctl->err);
	va_start(args, format);
	vfprintf(ctl->err, format, args);
	va_end(args);
	fputc('\n', ctl->err);
	if (command)
		fprintf(ctl->err, _("See: sekimorictl help %s\n"), command);
	else
		fprintf(ctl->err, _("See: sekimorictl --help\n"));
	return CTL_USAGE;
}

/* Options before the command; returns the index of the command, or -exit-1. */
static int take_options(struct ctl *ctl, int argc, char **argv)
{
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--help") == 0 ||
		    strcmp(argv[at], "-h") == 0) {
			(void)cmd_help(ctl, 1, argv);
			return -CTL_OK - 1;
		}
		if (strcmp(argv[at], "--version") == 0) {
			fprintf(ctl->out, "sekimorictl %s\n", SEKIMORI_VERSION);
			return -CTL_OK - 1;
		}
		/* For tests: another bus than the system's, another root. */
		if (strcmp(argv[at], "--bus") == 0 && at + 1 < argc) {
			ctl->bus_address = argv[++at];
			continue;
		}
		if (strcmp(argv[at], "--root") == 0 && at + 1 < argc) {
			ctl->root = argv[++at];
			continue;
		}
		return -ctl_usage(ctl, NULL, _("there is no option '%s'"),
				  argv[at]) -
		       1;
	}
	return at;
}

int ctl_run(struct ctl *ctl, int argc, char **argv)
{
	int at = take_options(ctl, argc, argv);
	if (at < 0)
		return -at - 1;
	if (at == argc)
		return ctl_usage(ctl, NULL, "%s", _("a command is missing"));

	const struct ctl_command *command = ctl_command(argv[at]);
	if (!command)
		return ctl_usage(ctl, NULL, _("there is no command '%s'"),
				 argv[at]);
	for (int i = at + 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			ctl_print_help(ctl, command, ctl->out);
			return CTL_OK;
		}
	}

	int code = command->run(ctl, argc - at, argv + at);
	/* A full disk behind a redirection must not look like success. */
	if (fflush(ctl->out) != 0 && code == CTL_OK)
		return CTL_FAILED;
	return code;
}

void ctl_fini(struct ctl *ctl)
{
	ctl->bus = sd_bus_flush_close_unref(ctl->bus);
}
