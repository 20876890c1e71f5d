/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard goes first: while it is there, nobody but the daemon may write the
 * sysfs switches.
 */
#include "agent/daemon/release.h"

#include <errno.h>
#include <fcntl.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/enforce/block_guard.h"
#include "agent/enforce/usb_auth.h"

#include "agent/base/banned.h"

#define STATE_DIR "var/lib/sekimori/state"

static int unload_guard(int sys_fd, int proc_fd)
{
	const struct block_guard_options options = {
		.sys_fd = sys_fd,
		.proc_fd = proc_fd,
	};
	struct block_guard *guard = NULL;

	int r = block_guard_new(&options, &guard);
	if (r < 0)
		return r;
	r = block_guard_unload(guard);
	block_guard_free(guard);
	return r == -ENOENT ? 0 : r;
}

static int restore_usb(int root_fd, int sys_fd)
{
	struct usb_auth *auth = NULL;

	/* Without the state folder the kernel's own defaults come back. */
	_cleanup_close_ int state = open_below(root_fd, STATE_DIR,
					       O_RDONLY | O_DIRECTORY, 0);
	int r = usb_auth_new(sys_fd, &auth);
	if (r < 0)
		return r;
	r = usb_auth_restore(auth, state, "usb-defaults");
	usb_auth_free(auth);
	return r == -EBADF && state < 0 ? 0 : r;
}

int release(const char *root, const struct log *log)
{
	_cleanup_close_ int root_fd = open(root,
					   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	_cleanup_close_ int sys_fd = open_below(root_fd, "sys",
						O_RDONLY | O_DIRECTORY, 0);
	_cleanup_close_ int proc_fd = open_below(root_fd, "proc",
						 O_RDONLY | O_DIRECTORY, 0);
	if (sys_fd < 0 || proc_fd < 0)
		return sys_fd < 0 ? sys_fd : proc_fd;

	int guard = unload_guard(sys_fd, proc_fd);
	if (guard < 0)
		log_error(log, "the kernel guard stays: %s", errno_text(guard));
	int usb = restore_usb(root_fd, sys_fd);
	if (usb < 0)
		log_error(log, "USB authorisation is not as it was: %s",
			  errno_text(usb));
	if (guard == 0 && usb == 0)
		log_notice(log, "released: nothing is guarded any more");
	return guard < 0 ? guard : usb;
}
