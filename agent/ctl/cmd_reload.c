/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload: asks the daemon to read its policy again.
 */
#include "agent/ctl/bus.h"
#include "agent/ctl/ctl.h"

int cmd_reload(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	if (argc > 1)
		return ctl_usage(ctl, argv[0], _("unexpected argument '%s'"),
				 argv[1]);
	int r = bus_call(ctl, "Reload", &reply, NULL);
	if (r != CTL_OK)
		return r;
	fprintf(ctl->out, _("The policy was read; it is in force.\n"));
	return CTL_OK;
}
