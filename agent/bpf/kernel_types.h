/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few fields of kernel structures that the guard reads, by name. Each
 * struct carries preserve_access_index, so that the loader puts in the offsets
 * of the running kernel (CO-RE): order and size here mean nothing, names and
 * types do. Nothing else may be declared here; a generated vmlinux.h is 113000
 * lines of one kernel.
 */
#pragma once

#include <linux/types.h>
#include <stdbool.h>

typedef __u32 dev_t;

#define CO_RE __attribute__((preserve_access_index))

struct bus_type {
	const char *name;
} CO_RE;

struct class
{
	const char *name;
} CO_RE;

struct rb_node {
	struct rb_node *rb_right;
	struct rb_node *rb_left;
} CO_RE;

struct rb_root {
	struct rb_node *rb_node;
} CO_RE;

struct kernfs_node;

struct kernfs_elem_dir {
	struct rb_root children;
} CO_RE;

struct kernfs_elem_symlink {
	struct kernfs_node *target_kn;
} CO_RE;

struct kernfs_node {
	struct rb_node rb;
	union {
		struct kernfs_elem_dir dir;
		struct kernfs_elem_symlink symlink;
	};
	void *priv;
} CO_RE;

struct kobject {
	const char *name;
	struct kernfs_node *sd;
} CO_RE;

/* include/linux/device.h: DEVICE_REMOVABLE is an external PCI device. */
enum device_removable {
	DEVICE_REMOVABLE_NOT_SUPPORTED,
	DEVICE_REMOVABLE_UNKNOWN,
	DEVICE_FIXED,
	DEVICE_REMOVABLE
};

struct device {
	struct kobject kobj;
	struct device *parent;
	struct bus_type *bus;
	struct class *class;
	dev_t devt;
	enum device_removable removable;
} CO_RE;

struct gendisk;

struct block_device {
	dev_t bd_dev;
	struct gendisk *bd_disk;
	struct device bd_device;
} CO_RE;

struct gendisk {
	char disk_name[32];
	struct block_device *part0;
	__u64 diskseq;
	struct kobject *slave_dir; /* links to what it is stacked on */
} CO_RE;

struct file_system_type {
	const char *name;
} CO_RE;

struct super_block {
	dev_t s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct file_system_type *s_type;
	struct block_device *s_bdev;
} CO_RE;

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
	dev_t i_rdev;
	struct super_block *i_sb;
} CO_RE;

struct qstr {
	const unsigned char *name;
} CO_RE;

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct super_block *d_sb;
} CO_RE;

struct vfsmount;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} CO_RE;

struct file {
	unsigned int f_mode;
	struct path f_path;
	struct inode *f_inode;
} CO_RE;

struct vfsmount {
	struct super_block *mnt_sb;
} CO_RE;

struct ns_common {
	unsigned int inum;
} CO_RE;

struct mnt_namespace {
	struct ns_common ns;
} CO_RE;

/* fs/mount.h: a mount and the table it stands in; NULL or one without a number
 * when it is in none. */
struct mount {
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
} CO_RE;

/* include/linux/fs_context.h */
struct fs_context {
	struct dentry *root;
} CO_RE;

struct nsproxy {
	struct mnt_namespace *mnt_ns;
} CO_RE;

/* A struct of one number; absent from kernels without CONFIG_AUDIT. */
typedef struct {
	__u32 val;
} kuid_t;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} CO_RE;

struct files_struct {
	struct fdtable *fdt;
} CO_RE;

struct task_struct {
	int tgid;
	struct files_struct *files;
	struct task_struct *group_leader;
	struct nsproxy *nsproxy;
	__u64 start_boottime;
	kuid_t loginuid;
} CO_RE;
