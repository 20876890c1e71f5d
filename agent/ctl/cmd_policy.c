/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy load FILE: hands a signed policy to the daemon as an open file, so
 * that it reads what the caller may read and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/ctl/bus.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/text.h"

static int tell_file(const struct ctl *ctl, const char *path, int error)
{
	text_print(ctl->err, path);
	fprintf(ctl->err, ": %s\n", strerror(error));
	return CTL_FAILED;
}

int cmd_policy(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	if (argc < 2 || strcmp(argv[1], "load") != 0)
		return ctl_usage(ctl, argv[0], "%s",
				 _("expected: policy load FILE"));
	if (argc < 3)
		return ctl_usage(ctl, argv[0], "%s", _("a file is missing"));
	if (argc > 3)
		return ctl_usage(ctl, argv[0], _("unexpected argument '%s'"),
				 argv[3]);
	_cleanup_close_ int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tell_file(ctl, argv[2], errno);
	int r = bus_call(ctl, "LoadPolicy", &reply, "h", fd);
	if (r != CTL_OK)
		return r;
	fprintf(ctl->out, _("The signed policy is in force.\n"));
	return CTL_OK;
}
