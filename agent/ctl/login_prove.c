/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login prove: the person at the terminal proves again who they are. polkit
 * asks; the daemon believes what the PAM gate recorded of it.
 */
#include "agent/ctl/bus.h"
#include "agent/ctl/login.h"

int login_prove(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	if (argc > 1)
		return ctl_usage(ctl, "login", _("unexpected argument '%s'"),
				 argv[1]);
	int r = bus_call(ctl, "StepUp", &reply, NULL);
	if (r != CTL_OK)
		return r;
	fprintf(ctl->out, _("Two factors were proven just now.\n"));
	return CTL_OK;
}
