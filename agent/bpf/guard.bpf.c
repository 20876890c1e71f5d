/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel half of the guard: knows every block device by the bus it hangs
 * on before anybody can open it, and refuses what has no entry. It decides by
 * its maps alone and never by name, path or content. Compiled twice: for the
 * BPF LSM, and with -DSEKIMORI_FMOD for kernels whose LSM list lacks `bpf`
 * (the hooks then modify the return value of security_*()). The cgroup
 * programs need neither. Must load on 5.15, 6.1, 6.8 and 6.12.
 */
#include "agent/bpf/guard_classify.h"
#include "agent/bpf/guard_verdict.h"
#include "agent/bpf/guard_record.h"

#ifdef SEKIMORI_FMOD
#define HOOK(name) SEC("fmod_ret/security_" #name)
#else
#define HOOK(name) SEC("lsm/" #name)
#endif

enum {
	S_IFMT = 00170000,
	S_IFBLK = 0060000,
	S_IFCHR = 0020000,
	S_IFREG = 0100000,

	SG_MAJOR = 21,
	SB_RDONLY = 1,
	SYSFS_MAGIC = 0x62656572,
	CONFIGFS_MAGIC = 0x62656570
};

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* ---- devices come and go ----------------------------------------------- */

/* drivers/base/core.c: before the uevent and before bdev_add makes the node
 * openable, so nobody is faster. */
SEC("fentry/device_add")
int BPF_PROG(guard_device_add, struct device *device)
{
	__u32 kind = kind_of(device);
	dev_t number = BPF_CORE_READ(device, devt);
	struct guard_device info = {.kind = kind};
	struct tale tale = {.hook = GUARD_HOOK_DEVICE_ADD};
	__u64 key = key_of(kind != GUARD_KIND_DISK, number);

	/* No entry may wait for a device that has this number next. */
	if (number)
		bpf_map_delete_elem(&policy, &key);
	if (kind == GUARD_KIND_OTHER)
		return 0;

	info.disk = key;
	info.bus = bus_of(device);
	bpf_probe_read_kernel_str(info.name, sizeof(info.name),
				  BPF_CORE_READ(device, kobj.name));
	if (kind == GUARD_KIND_DISK)
		fill_block(device, &info);
	if (bpf_map_update_elem(&devices, &key, &info, BPF_ANY))
		count(GUARD_COUNT_DEVICES_FULL);

	if (info.bus == GUARD_BUS_VIRTUAL || info.kind == GUARD_KIND_SG)
		return 0;
	tale.key = key;
	tale.info = &info;
	tell(&tale, true);
	return 0;
}

SEC("fentry/device_del")
int BPF_PROG(guard_device_del, struct device *device)
{
	dev_t number = BPF_CORE_READ(device, devt);
	struct tale tale = {.hook = GUARD_HOOK_DEVICE_DEL};
	struct guard_device *info;
	__u64 key;

	if (!number)
		return 0;
	key = key_of(kind_of(device) != GUARD_KIND_DISK, number);
	info = bpf_map_lookup_elem(&devices, &key);
	if (info && info->bus != GUARD_BUS_VIRTUAL &&
	    info->kind != GUARD_KIND_SG) {
		tale.key = key;
		tale.info = info;
		tell(&tale, true);
	}
	bpf_map_delete_elem(&policy, &key);
	bpf_map_delete_elem(&devices, &key);
	return 0;
}

/*
 * block/genhd.c: another medium in the same drive. The entry for the old one
 * stops counting with this line, its diskseq being the old one.
 */
SEC("fexit/inc_diskseq")
int BPF_PROG(guard_media_change, struct gendisk *disk)
{
	__u64 key = BPF_CORE_READ(disk, part0, bd_device.devt);
	struct guard_device *info = bpf_map_lookup_elem(&devices, &key);
	struct tale tale = {.hook = GUARD_HOOK_MEDIA_CHANGE, .key = key};

	if (!info)
		return 0;
	info->diskseq = BPF_CORE_READ(disk, diskseq);
	if (info->bus == GUARD_BUS_VIRTUAL)
		return 0;
	tale.info = info;
	tell(&tale, true);
	return 0;
}

/* ---- cgroup: the opens that come from inside the kernel too ------------ */

static __always_inline __u64 key_of_cgroup(struct bpf_cgroup_dev_ctx *ctx)
{
	return GUARD_KEY((ctx->access_type & 0xffff) == BPF_DEVCG_DEV_CHAR,
			 ctx->major, ctx->minor);
}

/* MODE of an event for the cgroup's access bits. 0: mknod only. */
static __always_inline __u32 mode_of_cgroup(__u32 wanted)
{
	return (wanted & BPF_DEVCG_ACC_READ ? GUARD_MODE_READ : 0) |
	       (wanted & BPF_DEVCG_ACC_WRITE ? GUARD_MODE_WRITE : 0);
}

/*
 * Fills the tale of one request; false: let it through. The read-only flag of
 * the block layer does not stop a device-mapper table that was opened for
 * writing (bio_check_ro only warns), so writing opens of a read-only medium
 * end here too.
 */
static __always_inline bool is_refused(const struct guard_config *conf,
				       struct tale *tale)
{
	__u32 access = access_of(conf, tale->key, &tale->info);

	if (access == GUARD_READ_WRITE)
		return false;
	if (access == GUARD_READ_ONLY) {
		if (!(tale->mode & GUARD_MODE_WRITE))
			return false;
		tale->verdict = READ_ONLY;
	}
	return true;
}

/* From 6.1 on: knows who asks and chooses the errno. */
SEC("cgroup/dev")
int guard_cgroup_task(struct bpf_cgroup_dev_ctx *ctx)
{
	const struct guard_config *conf = get_config();
	struct tale tale = {.hook = GUARD_HOOK_CGROUP_DEV};

	if (!conf)
		return 1;
	tale.key = key_of_cgroup(ctx);
	if (is_daemon(conf))
		return is_probe(conf, GUARD_HOOK_CGROUP_DEV, tale.key) ? 0 : 1;

	tale.mode = mode_of_cgroup(ctx->access_type >> 16);
	if (!tale.mode)
		return 1;
	if (!is_refused(conf, &tale)) {
		note_medium(&tale);
		return 1;
	}
	if (is_mounting())
		tale.mode |= GUARD_MODE_MOUNT;
	if (!refuse(conf, &tale, true))
		return 1;
	if (tale.verdict == READ_ONLY)
		bpf_set_retval(READ_ONLY);
	return 0;
}

/* ---- the same on 5.15, where a cgroup program sees only the cgroup ----- */

/* security/device_cgroup.c: around the cgroup program, in the process. */
SEC("fentry/devcgroup_check_permission")
int BPF_PROG(guard_cgroup_enter, short type, __u32 major, __u32 minor)
{
	const struct guard_config *conf = get_config();
	__u32 zero = 0;
	struct asker *asker = bpf_map_lookup_elem(&asking, &zero);

	if (!conf || !asker)
		return 0;
	asker->key = GUARD_KEY(type == BPF_DEVCG_DEV_CHAR, major, minor);
	asker->flags = (is_mounting() ? ASKER_MOUNTS : 0) |
		       (is_daemon(conf) ? ASKER_IS_DAEMON : 0);
	return 0;
}

/*
 * The note is the CPU's: a caller that is moved to another one in between is
 * nobody in particular, and refused.
 */
static __always_inline __u64 noted(const struct guard_config *conf, __u64 key)
{
	__u32 zero = 0;
	const struct asker *asker;

	if (!(conf->flags & GUARD_TASK_IS_NOTED)) {
		return conf->daemon_cgroup && bpf_get_current_cgroup_id() ==
						      conf->daemon_cgroup
			       ? ASKER_IS_DAEMON
			       : 0;
	}
	asker = bpf_map_lookup_elem(&asking, &zero);
	return asker && asker->key == key ? asker->flags : 0;
}

/* A write of a read-only medium is left to the block layer inside a mount,
 * because our EPERM would be its end. */
SEC("cgroup/dev")
int guard_cgroup_group(struct bpf_cgroup_dev_ctx *ctx)
{
	const struct guard_config *conf = get_config();
	struct tale tale = {.hook = GUARD_HOOK_CGROUP_DEV};
	__u64 asker;

	if (!conf)
		return 1;
	tale.key = key_of_cgroup(ctx);
	asker = noted(conf, tale.key);
	if (asker & ASKER_IS_DAEMON)
		return is_probe(conf, GUARD_HOOK_CGROUP_DEV, tale.key) ? 0 : 1;

	tale.mode = mode_of_cgroup(ctx->access_type >> 16);
	if (!tale.mode || !is_refused(conf, &tale) ||
	    (tale.verdict == READ_ONLY && (asker & ASKER_MOUNTS)))
		return 1;
	tale.verdict = REFUSED;
	if (conf->flags & GUARD_TASK_IS_NOTED)
		return conf->flags & GUARD_ENFORCE ? 0 : 1;
	return refuse(conf, &tale, false) ? 0 : 1;
}

/* Names the process that was refused, which the cgroup program cannot. */
SEC("fexit/devcgroup_check_permission")
int BPF_PROG(guard_cgroup_exit, short type, __u32 major, __u32 minor,
	     short wanted, int result)
{
	const struct guard_config *conf = get_config();
	struct tale tale = {.hook = GUARD_HOOK_CGROUP_DEV};

	if (!conf || !(conf->flags & GUARD_TASK_IS_NOTED))
		return 0;
	if (!result && (conf->flags & GUARD_ENFORCE))
		return 0;
	tale.key = GUARD_KEY(type == BPF_DEVCG_DEV_CHAR, major, minor);
	tale.mode = mode_of_cgroup(wanted);
	if (!tale.mode || is_daemon(conf) || !is_refused(conf, &tale))
		return 0;
	if (is_mounting())
		tale.mode |= GUARD_MODE_MOUNT;
	refuse(conf, &tale, true);
	return 0;
}

union sysctl_name {
	char text[24];
	__u64 third[3];
};

/*
 * kernel.ftrace_enabled=0 would silence every program that hangs on a
 * function, without unloading it. A cgroup program does not.
 */
SEC("cgroup/sysctl")
int guard_sysctl(struct bpf_sysctl *ctx)
{
	const struct guard_config *conf = get_config();
	const union sysctl_name ftrace = {"kernel/ftrace_enabled"};
	union sysctl_name name = {};
	struct tale tale = {.hook = GUARD_HOOK_SYSCTL,
			    .mode = GUARD_MODE_WRITE};

	if (!conf || !ctx->write)
		return 1;
	bpf_sysctl_get_name(ctx, name.text, sizeof(name.text), 0);
	if (name.third[0] != ftrace.third[0] ||
	    name.third[1] != ftrace.third[1] ||
	    name.third[2] != ftrace.third[2])
		return 1;
	/* The self-test's own write: refused like any, but not told of. */
	if (is_probe(conf, GUARD_HOOK_SYSCTL, 0))
		return 0;
	return refuse(conf, &tale, false) ? 0 : 1;
}

/* ---- security hooks ---------------------------------------------------- */

static __always_inline __u32 mode_of(struct file *file)
{
	return (file->f_mode & FMODE_WRITE) ? GUARD_MODE_READ | GUARD_MODE_WRITE
					    : GUARD_MODE_READ;
}

/* include/uapi/linux/fs.h, hdreg.h, cdrom.h: what a reader may ask of a
 * read-only disk. Anything else may carry a command that writes. */
static __always_inline bool is_harmless_ioctl(__u32 request)
{
	switch (request & 0xffff) {
	case 0x125e: /* BLKROGET */
	case 0x1260: /* BLKGETSIZE */
	case 0x1261: /* BLKFLSBUF */
	case 0x1262: /* BLKRASET */
	case 0x1263: /* BLKRAGET */
	case 0x1264: /* BLKFRASET */
	case 0x1265: /* BLKFRAGET */
	case 0x1268: /* BLKSSZGET */
	case 0x1270: /* BLKBSZGET */
	case 0x1272: /* BLKGETSIZE64 */
	case 0x1278: /* BLKIOMIN */
	case 0x1279: /* BLKIOOPT */
	case 0x127a: /* BLKALIGNOFF */
	case 0x127b: /* BLKPBSZGET */
	case 0x127c: /* BLKDISCARDZEROES */
	case 0x127e: /* BLKROTATIONAL */
	case 0x1280: /* BLKGETDISKSEQ */
	case 0x1284: /* BLKGETZONESZ */
	case 0x1285: /* BLKGETNRZONES */
	case 0x0215: /* FDGETFDCSTAT: libblkid asks whether it is a floppy */
	case 0x0301: /* HDIO_GETGEO */
	case 0x5305: /* CDROMREADTOCHDR */
	case 0x5306: /* CDROMREADTOCENTRY */
	case 0x5309: /* CDROMEJECT */
	case 0x5310: /* CDROMMULTISESSION */
	case 0x5319: /* CDROMCLOSETRAY */
	case 0x5320: /* CDROM_SET_OPTIONS: auto-close, lock */
	case 0x5321: /* CDROM_CLEAR_OPTIONS */
	case 0x5325: /* CDROM_MEDIA_CHANGED */
	case 0x5326: /* CDROM_DRIVE_STATUS */
	case 0x5327: /* CDROM_DISC_STATUS */
	case 0x5329: /* CDROM_LOCKDOOR */
	case 0x5331: /* CDROM_GET_CAPABILITY */
	case 0x5395: /* CDROM_LAST_WRITTEN */
	case 0x5401: /* TCGETS: isatty(3) */
		return true;
	default:
		return false;
	}
}

/* A driver's own files: /sys/bus/BUS/drivers/DRIVER/FILE. */
static __always_inline bool is_below_drivers(struct file *file)
{
	struct word name;

	read_word(&name,
		  (const char *)BPF_CORE_READ(file, f_path.dentry, d_parent,
					      d_parent, d_name.name));
	return word_is(&name, "drivers");
}

/* A radio's own files: …/rfkillN/soft, …/rfkillN/state. */
static __always_inline bool is_of_radio(struct file *file)
{
	struct word name;

	read_word(&name, (const char *)BPF_CORE_READ(file, f_path.dentry,
						     d_parent, d_name.name));
	return word_begins(&name, "rfkill");
}

/* net/rfkill/core.c: what the node /dev/rfkill does, too. */
static __always_inline bool is_radio_switch(struct file *file)
{
	struct word name;

	read_word(&name, (const char *)BPF_CORE_READ(file, f_path.dentry,
						     d_name.name));
	return (word_is(&name, "soft") || word_is(&name, "state")) &&
	       is_of_radio(file);
}

/*
 * What lets a device in or gives it a driver, by the name of its file:
 * drivers/usb/core/sysfs.c, drivers/base/bus.c, drivers/pci/pci-sysfs.c,
 * drivers/scsi/scsi_sysfs.c, drivers/thunderbolt/switch.c.
 */
static __always_inline bool is_switch(struct file *file)
{
	struct word name;

	read_word(&name, (const char *)BPF_CORE_READ(file, f_path.dentry,
						     d_name.name));
	if (word_is(&name, "authorized") ||
	    word_is(&name, "authorized_default") ||
	    word_is(&name, "interface_authorized_default") ||
	    /* Gives every interface its default again: authorised */
	    word_is(&name, "bConfigurationValue") ||
	    word_is(&name, "drivers_probe") ||
	    word_is(&name, "drivers_autoprobe") ||
	    word_is(&name, "driver_override") || word_is(&name, "scan") ||
	    word_is(&name, "boot_acl"))
		return true;
	return (word_is(&name, "bind") || word_is(&name, "unbind") ||
		word_is(&name, "new_id") || word_is(&name, "remove_id")) &&
	       is_below_drivers(file);
}

/*
 * target/core/pscsi_N/NAME/FILE of configfs: the kernel's own SCSI target speaks
 * to any SCSI device by its number, past its node and past every open
 * (drivers/target/target_core_pscsi.c). The hba's name has to begin so.
 */
static __always_inline bool is_scsi_target(struct file *file)
{
	struct word name;

	read_word(&name,
		  (const char *)BPF_CORE_READ(file, f_path.dentry, d_parent,
					      d_parent, d_name.name));
	return word_begins(&name, "pscsi_");
}

/* Root must not authorise by hand what policy keeps out. */
static __always_inline int judge_sysfs(struct file *file)
{
	const struct guard_config *conf;
	struct tale tale = {.hook = GUARD_HOOK_SYSFS, .mode = GUARD_MODE_WRITE};
	unsigned long magic = BPF_CORE_READ(file, f_inode, i_sb, s_magic);

	if (magic != SYSFS_MAGIC && magic != CONFIGFS_MAGIC)
		return 0;
	conf = get_config();
	if (!conf || is_daemon(conf))
		return 0;
	if (magic == CONFIGFS_MAGIC && !is_scsi_target(file))
		return 0;
	if (magic == SYSFS_MAGIC && !is_switch(file) &&
	    (!(conf->flags & GUARD_GATE_RADIO) || !is_radio_switch(file)))
		return 0;
	tale.name = (const char *)BPF_CORE_READ(file, f_path.dentry,
						d_name.name);
	return hook_refuses(conf, &tale);
}

HOOK(file_open)
int BPF_PROG(guard_file_open, struct file *file, int previous)
{
	struct inode *inode = file->f_inode;
	__u32 format = inode->i_mode & S_IFMT;
	const struct guard_config *conf;
	struct tale tale = {.hook = GUARD_HOOK_FILE_OPEN};
	__u32 access;

	if (previous)
		return previous;
	if (format == S_IFREG && (file->f_mode & FMODE_WRITE)) {
		int r = judge_sysfs(file);
		return r ? r : judge_writing(file);
	}
	if (format != S_IFBLK && format != S_IFCHR)
		return 0;
	conf = get_config();
	if (!conf)
		return 0;

	tale.key = key_of(format == S_IFCHR, inode->i_rdev);
	if (is_daemon(conf)) {
		if (is_probe(conf, GUARD_HOOK_FILE_OPEN, tale.key))
			return REFUSED;
		return 0;
	}
	access = access_of(conf, tale.key, &tale.info);
	tale.mode = mode_of(file);
	if (access == GUARD_READ_WRITE ||
	    (access == GUARD_READ_ONLY && !(tale.mode & GUARD_MODE_WRITE)))
		return 0;
	return hook_refuses(conf, &tale);
}

/*
 * Descriptors from before a refusal keep read and write: a hook on every read
 * of the machine costs a sixth of a small one (measured), and what is revoked
 * is unbound from its bus in the end. usbfs is left alone: a card reader in
 * use when the guard comes up must not lose its driver.
 */
static __always_inline bool is_raw_scsi(__u32 format, dev_t number)
{
	return format == S_IFCHR && number >> GUARD_MINOR_BITS == SG_MAJOR;
}

static __always_inline int judge_ioctl(struct file *file, __u32 request)
{
	struct inode *inode = file->f_inode;
	__u32 format = inode->i_mode & S_IFMT;
	const struct guard_config *conf;
	struct tale tale = {.hook = GUARD_HOOK_FILE_IOCTL};
	__u32 access;

	if (format != S_IFBLK && !is_raw_scsi(format, inode->i_rdev))
		return 0;
	conf = get_config();
	if (!conf || is_daemon(conf))
		return 0;

	tale.key = key_of(format == S_IFCHR, inode->i_rdev);
	access = access_of(conf, tale.key, &tale.info);
	if (access == GUARD_READ_WRITE ||
	    (access == GUARD_READ_ONLY && is_harmless_ioctl(request)))
		return 0;
	tale.mode = request;
	return hook_refuses(conf, &tale);
}

HOOK(file_ioctl)
int BPF_PROG(guard_file_ioctl, struct file *file, unsigned int request,
	     unsigned long argument, int previous)
{
	(void)argument;
	if (previous)
		return previous;
	return judge_ioctl(file, request);
}

/* Only some kernels ask it for 32-bit callers; the others ask file_ioctl. */
HOOK(file_ioctl_compat)
int BPF_PROG(guard_file_ioctl_compat, struct file *file, unsigned int request,
	     unsigned long argument, int previous)
{
	(void)argument;
	if (previous)
		return previous;
	return judge_ioctl(file, request);
}

/* The daemon may take a mounted medium back to read-only, nobody else may
 * touch its flags. */
static __always_inline int judge_superblock(struct super_block *sb, __u32 hook)
{
	struct block_device *bdev = sb->s_bdev;
	const struct guard_config *conf;
	struct tale tale = {.hook = hook};
	__u32 access;

	if (!bdev)
		return 0;
	conf = get_config();
	if (!conf || is_daemon(conf))
		return 0;

	tale.key = key_of(false, bdev->bd_dev);
	access = access_of(conf, tale.key, &tale.info);
	tale.mode = sb->s_flags & SB_RDONLY
			    ? GUARD_MODE_READ
			    : GUARD_MODE_READ | GUARD_MODE_WRITE;
	if (access == GUARD_READ_WRITE ||
	    (access == GUARD_READ_ONLY && hook == GUARD_HOOK_SB_KERN_MOUNT &&
	     !(tale.mode & GUARD_MODE_WRITE)))
		return 0;
	tale.name = sb->s_type->name;
	return hook_refuses(conf, &tale);
}

HOOK(sb_kern_mount)
int BPF_PROG(guard_sb_kern_mount, struct super_block *sb, int previous)
{
	if (previous)
		return previous;
	return judge_superblock(sb, GUARD_HOOK_SB_KERN_MOUNT);
}

/* The new flags are not to be seen here, so no remount at all. */
HOOK(sb_remount)
int BPF_PROG(guard_sb_remount, struct super_block *sb, void *options,
	     int previous)
{
	(void)options;
	if (previous)
		return previous;
	return judge_superblock(sb, GUARD_HOOK_SB_REMOUNT);
}

#include "agent/bpf/guard_tamper.h"
