/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confirm DEVICE: the person at the terminal says that a keyboard that waits
 * is theirs. polkit asks them for their password; nothing is decided here.
 */
#include "agent/ctl/bus.h"
#include "agent/ctl/ctl.h"

int cmd_confirm(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	if (argc < 2)
		return ctl_usage(ctl, argv[0], "%s", _("a device is missing"));
	if (argc > 2)
		return ctl_usage(ctl, argv[0], _("unexpected argument '%s'"),
				 argv[2]);
	int r = bus_call(ctl, "ConfirmKeyboard", &reply, "s", argv[1]);
	if (r != CTL_OK)
		return r;
	fprintf(ctl->out,
		_("The keyboard can be used until it is unplugged.\n"));
	return CTL_OK;
}
