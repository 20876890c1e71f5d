/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order FILE: hands a signed order to the daemon as an open file, so that it
 * reads what the caller may read and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/ctl/bus.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/text.h"

int cmd_order(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	if (argc < 2)
		return ctl_usage(ctl, argv[0], "%s", _("a file is missing"));
	if (argc > 2)
		return ctl_usage(ctl, argv[0], _("unexpected argument '%s'"),
				 argv[2]);
	_cleanup_close_ int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		text_print(ctl->err, argv[1]);
		fprintf(ctl->err, ": %s\n", strerror(errno));
		return CTL_FAILED;
	}
	int r = bus_call(ctl, "Order", &reply, "h", fd);
	if (r != CTL_OK)
		return r;
	fprintf(ctl->out, _("The order counts.\n"));
	return CTL_OK;
}
