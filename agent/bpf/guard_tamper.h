/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of guard.bpf.c: while GUARD_TAMPER is set, root may not end, stop or
 * take over the daemon and may not reach the pinned programs and maps, nor
 * mount anything over them. What it does not stop: PID 1, which is how a
 * service is stopped (the gate stays shut then), and what DESIGN names as out
 * of reach (kexec, modules, the boot loader).
 */
#pragma once

#include "agent/bpf/guard_verdict.h"

enum {
	INIT_TGID = 1,
	PTRACE_MODE_ATTACH = 2, /* include/linux/ptrace.h */
	SIGNAL_NONE = 0,
	SIGNAL_HANGUP = 1, /* "reload", which does no harm */

	/* include/uapi/linux/bpf.h: how to get hold of something pinned. A
	 * link can be detached or replaced only by who holds it. */
	CMD_OBJ_GET = 7,
	CMD_MAP_GET_FD_BY_ID = 14,
	CMD_LINK_GET_FD_BY_ID = 30
};

/* NULL: the switch is off, or the caller may. */
static __always_inline const struct guard_config *tamper_config(void)
{
	const struct guard_config *conf = get_config();

	if (!conf || !(conf->flags & GUARD_TAMPER) || is_daemon(conf))
		return NULL;
	/* A signed order; its end needs nobody to be alive. */
	if (conf->tamper_off_until_ns &&
	    bpf_ktime_get_boot_ns() < conf->tamper_off_until_ns)
		return NULL;
	return conf;
}

static __always_inline int tamper(const struct guard_config *conf, __u32 way)
{
	struct tale tale = {.hook = GUARD_HOOK_TAMPER, .mode = way};

	return hook_refuses(conf, &tale);
}

static __always_inline bool is_daemon_task(const struct guard_config *conf,
					   struct task_struct *task)
{
	return (__u32)BPF_CORE_READ(task, tgid) == conf->daemon_tgid &&
	       BPF_CORE_READ(task, group_leader, start_boottime) /
			       NS_PER_TICK ==
		       conf->daemon_start_ticks;
}

HOOK(task_kill)
int BPF_PROG(guard_task_kill, struct task_struct *task, void *info, int signal)
{
	const struct guard_config *conf = tamper_config();

	if (!conf || signal == SIGNAL_NONE || signal == SIGNAL_HANGUP ||
	    bpf_get_current_pid_tgid() >> 32 == INIT_TGID ||
	    !is_daemon_task(conf, task))
		return 0;
	return tamper(conf, GUARD_TAMPER_KILL);
}

/* PID 1 as well: it keeps our map in its descriptor store. */
HOOK(ptrace_access_check)
int BPF_PROG(guard_ptrace, struct task_struct *task, unsigned int mode)
{
	const struct guard_config *conf = tamper_config();

	if (!conf || !(mode & PTRACE_MODE_ATTACH) ||
	    (BPF_CORE_READ(task, tgid) != INIT_TGID &&
	     !is_daemon_task(conf, task)))
		return 0;
	return tamper(conf, GUARD_TAMPER_PTRACE);
}

static __always_inline int judge_pins(struct super_block *sb)
{
	const struct guard_config *conf = tamper_config();

	if (!conf || BPF_CORE_READ(sb, s_dev) != conf->pin_dev)
		return 0;
	return tamper(conf, GUARD_TAMPER_PINS);
}

HOOK(inode_unlink)
int BPF_PROG(guard_unlink, struct inode *dir)
{
	return judge_pins(dir->i_sb);
}

HOOK(inode_rmdir)
int BPF_PROG(guard_rmdir, struct inode *dir)
{
	return judge_pins(dir->i_sb);
}

HOOK(inode_rename)
int BPF_PROG(guard_rename, struct inode *dir)
{
	return judge_pins(dir->i_sb);
}

HOOK(sb_umount)
int BPF_PROG(guard_umount, struct vfsmount *mount)
{
	return judge_pins(mount->mnt_sb);
}

/* include/uapi/linux/mount.h: changes of a mount that is there already, as
 * service managers make them in namespaces of their own. */
enum { MOUNT_CHANGES = 1 << 5 | 1 << 17 | 1 << 18 | 1 << 19 | 1 << 20 };

/* What hides the pins from one namespace but not from the daemon's is that
 * namespace's business. */
static __always_inline int judge_mount_over(const struct path *path)
{
	const struct guard_config *conf = tamper_config();
	struct task_struct *task;

	if (!conf || BPF_CORE_READ(path, dentry, d_sb, s_dev) != conf->pin_dev)
		return 0;
	task = bpf_get_current_task_btf();
	if (BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) !=
	    conf->mount_namespace)
		return 0;
	return tamper(conf, GUARD_TAMPER_MOUNT);
}

HOOK(sb_mount)
int BPF_PROG(guard_mount, const char *device, const struct path *path,
	     const char *type, unsigned long flags)
{
	(void)device;
	(void)type;
	if (flags & MOUNT_CHANGES)
		return 0;
	return judge_mount_over(path);
}

HOOK(move_mount)
int BPF_PROG(guard_move_mount, const struct path *from, const struct path *to)
{
	(void)from;
	return judge_mount_over(to);
}

/* The root of its file system, as the caller's descriptor FD names it. */
static __always_inline bool is_root_dir(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct dentry *dentry;
	struct file *file = NULL;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return false;
	bpf_probe_read_kernel(&file, sizeof(file),
			      BPF_CORE_READ(table, fd) + fd);
	dentry = BPF_CORE_READ(file, f_path.dentry);
	return dentry && BPF_CORE_READ(dentry, d_parent) == dentry;
}

/*
 * All programs of a cgroup and those above it have to agree, but one that runs
 * after ours takes our refusal back with bpf_set_retval(0) (kernel/bpf/
 * cgroup.c). PID 1 filters the devices of its services, which run before the
 * root's; on the root (BPFProgram= of -.slice) it may not either.
 */
static __always_inline bool undoes_cgroup(int command, const void *attributes)
{
	struct {
		__u32 first;
		__u32 second;
		__u32 type;
	} head = {};
	__u32 target;

	if (command != BPF_PROG_ATTACH && command != BPF_LINK_CREATE)
		return false;
	bpf_probe_read_kernel(&head, sizeof(head), attributes);
	if (head.type != BPF_CGROUP_DEVICE && head.type != BPF_CGROUP_SYSCTL)
		return false;
	if (bpf_get_current_pid_tgid() >> 32 != INIT_TGID)
		return true;
	target = command == BPF_PROG_ATTACH ? head.first : head.second;
	return is_root_dir(target);
}

HOOK(bpf)
int BPF_PROG(guard_bpf, int command, void *attributes)
{
	const struct guard_config *conf;

	if (command != CMD_OBJ_GET && command != CMD_MAP_GET_FD_BY_ID &&
	    command != CMD_LINK_GET_FD_BY_ID &&
	    !undoes_cgroup(command, attributes))
		return 0;
	conf = tamper_config();
	return conf ? tamper(conf, GUARD_TAMPER_BPF) : 0;
}
