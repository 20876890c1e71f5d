/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of guard.bpf.c: no file of a medium is written without the daemon's
 * knowing. A file system on a medium is noted when it is first mounted, be it
 * through device-mapper; until the daemon has said that it watches it, each
 * opening for writing is told with the file's path, and one that cannot be
 * told is refused. It records nothing itself and knows no content.
 */
#pragma once

#include "agent/bpf/guard_classify.h"
#include "agent/bpf/guard_verdict.h"

enum {
	FMODE_WRITE = 2,
	/* include/linux/fs.h: nobody is told of what is done through it, as
	 * overlayfs opens its files and fanotify its own. */
	FMODE_NONOTIFY = 0x4000000,
	/* Devices looked at below a stacked one; a power of two. */
	STACK_MAX = 16
};

/*
 * File systems on media. Key: their number as GUARD_KEY of a block device.
 * Value: struct guard_mounted. Full: that file system is only watched from
 * when the daemon sees it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_MOUNTED_MAX);
	__type(key, __u64);
	__type(value, struct guard_mounted);
} mounted SEC(".maps");

/*
 * Those that the daemon watches. Key: as above. Value: .born_ns of the one it
 * means. Full: the daemon gets the error; openings go on being told.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_MOUNTED_MAX);
	__type(key, __u64);
	__type(value, __u64);
} watched SEC(".maps");

/*
 * 6.12 wants to see that a hook returns 0 or a literal errno. The empty asm
 * keeps the compiler from turning the two into one negated flag.
 */
static __always_inline int hook_refuses(const struct guard_config *conf,
					struct tale *tale)
{
	if (refuse(conf, tale, true)) {
		asm volatile("");
		return REFUSED;
	}
	return 0;
}

/* ---- what is mounted --------------------------------------------------- */

/* Links to devices that wait to be looked at. */
struct stack {
	__u64 links[STACK_MAX]; /* struct kernfs_node * */
	__u32 count;
};

static __always_inline void push(struct stack *stack, struct rb_node *node)
{
	if (node && stack->count < STACK_MAX)
		stack->links[stack->count++ & (STACK_MAX - 1)] =
			(__u64)container_of(node, struct kernfs_node, rb);
}

/* /sys/block/dm-0/slaves of the disk of DEVICE. */
static __always_inline void push_slaves(struct stack *stack,
					struct block_device *device)
{
	push(stack, BPF_CORE_READ(device, bd_disk, slave_dir, sd,
				  dir.children.rb_node));
}

static __always_inline struct block_device *target_of(struct kernfs_node *link)
{
	struct kobject *target = BPF_CORE_READ(link, symlink.target_kn, priv);
	struct device *device = container_of(target, struct device, kobj);

	return container_of(device, struct block_device, bd_device);
}

/*
 * The medium below a block device, as a key of "devices"; 0: none. More than
 * STACK_MAX devices below one are not all looked at.
 */
static __always_inline __u64 medium_below(struct block_device *device)
{
	struct stack below = {};
	const struct guard_device *info;
	struct kernfs_node *link;
	__u64 key;

	for (__u32 i = 0; i <= STACK_MAX; i++) {
		key = key_of(false, BPF_CORE_READ(device, bd_device.devt));
		info = bpf_map_lookup_elem(&devices, &key);
		if (info && is_medium(info))
			return info->disk;
		if (info && info->bus == GUARD_BUS_VIRTUAL)
			push_slaves(&below, device);
		if (i >= below.count)
			break;
		link = (struct kernfs_node *)below.links[i & (STACK_MAX - 1)];
		push(&below, BPF_CORE_READ(link, rb.rb_left));
		push(&below, BPF_CORE_READ(link, rb.rb_right));
		device = target_of(link);
	}
	return 0;
}

/* Another mount of what is mounted already finds its entry. */
static __always_inline void note_mounted(struct super_block *sb, __u64 disk)
{
	__u64 key = key_of(false, BPF_CORE_READ(sb, s_dev));
	const struct guard_device *info = bpf_map_lookup_elem(&devices, &disk);
	const struct guard_mounted own = {.born_ns = bpf_ktime_get_boot_ns(),
					  .disk = disk};

	if (!info || (info->flags & GUARD_DEVICE_SYSTEM))
		return;
	bpf_map_update_elem(&mounted, &key, &own, BPF_NOEXIST);
}

static __always_inline bool is_mounting(void)
{
	__u64 task = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&mounting, &task) != NULL;
}

/* A file system of several disks (btrfs) does not say which they are: what it
 * opens on the way tells. */
static __always_inline void note_medium(const struct tale *tale)
{
	__u64 task, *disk;

	if (!(tale->mode & GUARD_MODE_WRITE) || !tale->info ||
	    !is_medium(tale->info))
		return;
	task = bpf_get_current_pid_tgid();
	disk = bpf_map_lookup_elem(&mounting, &task);
	if (disk)
		*disk = tale->info->disk;
}

/* fs/super.c: every mount of both APIs goes through it, in the context of the
 * process that asked, and before anybody can reach a file. */
SEC("fentry/vfs_get_tree")
int BPF_PROG(guard_mount_begin)
{
	__u64 task = bpf_get_current_pid_tgid();
	__u64 none = 0;

	bpf_map_update_elem(&mounting, &task, &none, BPF_ANY);
	return 0;
}

SEC("fexit/vfs_get_tree")
int BPF_PROG(guard_mount_end, struct fs_context *context, int result)
{
	__u64 task = bpf_get_current_pid_tgid();
	__u64 *opened = bpf_map_lookup_elem(&mounting, &task);
	__u64 disk = opened ? *opened : 0;
	struct super_block *sb;
	struct block_device *device;

	bpf_map_delete_elem(&mounting, &task);
	if (result)
		return 0;
	sb = BPF_CORE_READ(context, root, d_sb);
	device = BPF_CORE_READ(sb, s_bdev);
	if (!disk && device)
		disk = medium_below(device);
	if (disk)
		note_mounted(sb, disk);
	return 0;
}

/* fs/super.c: nothing of it is open or mounted anywhere any more. */
SEC("fentry/generic_shutdown_super")
int BPF_PROG(guard_mount_gone, struct super_block *sb)
{
	__u64 key = key_of(false, BPF_CORE_READ(sb, s_dev));

	bpf_map_delete_elem(&mounted, &key);
	return 0;
}

/* ---- a file is opened for writing -------------------------------------- */

/* Through a mount in the table that the daemon reads: it will find the file.
 * A private namespace's, or one that stands in no table, it never sees. */
static __always_inline bool is_in_sight(const struct guard_config *conf,
					struct file *file)
{
	struct vfsmount *below = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount = container_of(below, struct mount, mnt);

	return BPF_CORE_READ(mount, mnt_ns, ns.inum) == conf->mount_namespace;
}

static __always_inline bool tell_writing(const struct tale *tale,
					 __u64 file_system, struct file *file)
{
	struct guard_writing *writing =
		bpf_ringbuf_reserve(&events, sizeof(*writing), 0);

	if (!writing)
		return false;
	fill_event(&writing->event, tale, true);
	writing->event.hook = GUARD_HOOK_WRITING;
	writing->file_system = file_system;
	writing->inode = BPF_CORE_READ(file, f_inode, i_ino);
	if (bpf_d_path(&file->f_path, writing->path, sizeof(writing->path)) <
	    0) {
		bpf_ringbuf_discard(writing, 0);
		return false;
	}
	bpf_ringbuf_submit(writing, 0);
	return true;
}

static __always_inline int judge_writing(struct file *file)
{
	__u64 key = key_of(false, BPF_CORE_READ(file, f_inode, i_sb, s_dev));
	const struct guard_mounted *own = bpf_map_lookup_elem(&mounted, &key);
	const struct guard_config *conf;
	struct tale tale = {.hook = GUARD_HOOK_FILE_OPEN,
			    .mode = GUARD_MODE_WRITE};
	const __u64 *born_ns;

	if (!own)
		return 0;
	conf = get_config();
	if (!conf || !(conf->flags & GUARD_ENFORCE))
		return 0;
	tale.key = own->disk;
	tale.info = bpf_map_lookup_elem(&devices, &tale.key);
	if (!(file->f_mode & FMODE_NONOTIFY)) {
		born_ns = bpf_map_lookup_elem(&watched, &key);
		if (born_ns && *born_ns == own->born_ns)
			return 0;
		if (is_in_sight(conf, file) && tell_writing(&tale, key, file))
			return 0;
	}
	return hook_refuses(conf, &tale);
}
