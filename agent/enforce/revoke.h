/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a mounted medium away without harm: write out, read-only, unmount.
 * Each call may hang as long as the medium does, so all of them are for a
 * thread of their own, which gives up its root and working folder with
 * revoke_begin() and is of no other use afterwards. The kernel guard exempts
 * threads of the daemon (by process), not its children. Decides nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The calling thread no longer shares root and working folder with the rest of
 * the process: without it the kernel lets nobody change the mount namespace
 * (setns(2), EINVAL). 0 or -errno.
 */
int revoke_begin(void) __attribute__((warn_unused_result));

/* Into the mount namespace of PID; PROC_FD is open on /proc. 0 or -errno. */
int revoke_enter(int proc_fd, uint32_t pid) __attribute__((warn_unused_result));

/*
 * The mount with this id (stx_mnt_id of statx(2)) at POINT as the namespace
 * has it. -ESTALE: another one covers it; ENFORCE_GONE: there is none any
 * more; ENFORCE_BUSY: something is open (for writing, where read-only is
 * meant); other -errno as the kernel says.
 */
/* Write everything out; -EIO and others: the medium did not take it. */
int revoke_sync(const char *point, uint64_t id)
	__attribute__((nonnull, warn_unused_result));
/* The file system as a whole, all its mounts with it (fspick(2)). Back to
 * read-write needs a device that can be written, and takes the flag off this
 * mount as well. */
int revoke_read_only(const char *point, uint64_t id)
	__attribute__((nonnull, warn_unused_result));
int revoke_read_write(const char *point, uint64_t id)
	__attribute__((nonnull, warn_unused_result));
/* LAZY: out of the tree now, the file system ends with the last open file. */
int revoke_unmount(const char *point, uint64_t id, bool lazy)
	__attribute__((nonnull, warn_unused_result));

/* Writes out what is mounted from the disk or partition NAME (below DEV_FD,
 * open on /dev), wherever it is mounted or if it is no more: BLKFLSBUF, which
 * does not say whether it could. 0 or -errno. */
int revoke_flush(int dev_fd, const char *name, uint32_t major, uint32_t minor)
	__attribute__((nonnull, warn_unused_result));

/* SIGSTOP and SIGCONT of a holder, so that nothing is written between the last
 * flush and the end. 0 or -errno; never our own process or PID 1. */
int revoke_hold(int proc_fd, uint32_t pid, bool hold)
	__attribute__((warn_unused_result));

/* Leaves in /run who is about to be stopped, for the daemon after this one; no
 * pids take it out again. 0 or -errno. */
#define REVOKE_HELD_PATH "run/sekimori/held"
int revoke_note_held(int root_fd, const uint32_t *pids, size_t count)
	__attribute__((warn_unused_result));
/* Lets go on whom a daemon that was killed had stopped. How many there were; a
 * process that has meanwhile got one of the numbers does not notice. */
int revoke_free_held(int root_fd, int proc_fd);
