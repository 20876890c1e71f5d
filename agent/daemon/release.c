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

static bool is_locked(int sys_fd, int proc_fd)
{
	const struct block_guard_options options = {
		.sys_fd = sys_fd,
		.proc_fd = proc_fd,
	};
	struct block_guard *guard = NULL;

	if (block_guard_new(&options, &guard) < 0)
		return false;
	bool locked = block_guard_is_locked(guard);
	block_guard_free(guard);
	return locked;
}

/* For the person at dpkg, hence in both languages. */
static int tell_locked(const struct log *log)
{
	log_error(log, "tamper protection is on: this terminal is released "
		       "only under a signed order");
	log_error(log, "  administrator: sekimori-policy order --key KEY "
		       "--terminal ID -o order.jws");
	log_error(log, "  here: sekimorictl order order.jws, then again");
	log_error(log, "妨害防止が有効です。削除には署名された指示が必要です"
		       " (情報政策課に依頼してください)");
	return -EPERM;
}

int release_check(const char *root, const struct log *log)
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
	return is_locked(sys_fd, proc_fd) ? tell_locked(log) : 0;
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

	/* Half a release would be worse than none */
	if (is_locked(sys_fd, proc_fd))
		return tell_locked(log);
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
