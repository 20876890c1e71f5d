/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help: the table of commands, or the help of one of them.
 */
#include "agent/ctl/ctl.h"
#include "agent/ctl/text.h"

#define NAME_COLUMNS 10

int cmd_help(struct ctl *ctl, int argc, char **argv)
{
	if (argc > 1) {
		const struct ctl_command *command = ctl_command(argv[1]);
		if (!command)
			return ctl_usage(ctl, NULL,
					 _("there is no command '%s'"),
					 argv[1]);
		ctl_print_help(ctl, command, ctl->out);
		return CTL_OK;
	}

	fprintf(ctl->out, _("Usage: sekimorictl COMMAND …\n\n"));
	for (const struct ctl_command *c = ctl_commands(); c->name; c++) {
		fputs("  ", ctl->out);
		text_print_padded(ctl->out, c->name, NAME_COLUMNS);
		fprintf(ctl->out, "%s\n", _(c->summary));
	}
	fprintf(ctl->out,
		_("\n  --help, --version\n\n"
		  "More: sekimorictl help COMMAND, man sekimorictl\n"));
	return CTL_OK;
}
