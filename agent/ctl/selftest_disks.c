/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to a medium, on disks of the scsi_debug module: eight megabytes of
 * memory that nobody else uses.
 */
#include "agent/ctl/selftest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/banned.h"

#define MODULE	"scsi_debug"
#define DM_NAME "sekimori-selftest"
#define ALIAS	"/dev/sekimori-selftest"
#define MODULES N_("this kernel has no module for it")
#define IN_USE	N_("the module is in use")

struct disk {
	char name[32]; /* "sdb" */
	char node[64]; /* "/dev/sdb" */
	dev_t number;
	char folder[SELFTEST_PATH_MAX]; /* to mount on */
	char sg[64];			/* "/dev/sg2"; "" none */
	char bsg[64];
	const char *fs_type; /* one that the kernel has loaded; NULL */
};

/* ---- deeds --------------------------------------------------------------- */

static int open_as(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? DEED_UNTESTED : errno;
	(void)close(fd);
	return 0;
}

static int deed_read(const void *userdata)
{
	return open_as(((const struct disk *)userdata)->node, O_RDONLY);
}

static int deed_write(const void *userdata)
{
	return open_as(((const struct disk *)userdata)->node, O_WRONLY);
}

/* The same number under another name; made by root for both tries. */
static int deed_alias(const void *userdata)
{
	const struct disk *disk = userdata;

	(void)mknod(ALIAS, S_IFBLK | 0666, disk->number);
	return open_as(ALIAS, O_RDONLY);
}

static int deed_sg(const void *userdata)
{
	return open_as(((const struct disk *)userdata)->sg, O_RDWR);
}

static int deed_bsg(const void *userdata)
{
	return open_as(((const struct disk *)userdata)->bsg, O_RDWR);
}

/* There is no file system on it: whoever may open it hears EINVAL. */
static int reached(int error)
{
	return error == EINVAL || error == EUCLEAN ? 0 : error;
}

static int enter_own_namespace(void)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

static int deed_mount(const void *userdata)
{
	const struct disk *disk = userdata;

	if (!disk->fs_type)
		return DEED_UNTESTED;
	if (enter_own_namespace() < 0)
		return EPERM;
	if (mount(disk->node, disk->folder, disk->fs_type, MS_RDONLY, NULL) ==
	    0)
		return 0; /* gone with the namespace */
	return errno == ENODEV ? DEED_UNTESTED : reached(errno);
}

/* fsopen(2) and its kin. */
static int deed_new_mount(const void *userdata)
{
	const struct disk *disk = userdata;
	_cleanup_close_ int fd = -1;

	if (!disk->fs_type)
		return DEED_UNTESTED;
	fd = fsopen(disk->fs_type, FSOPEN_CLOEXEC);
	if (fd < 0)
		return errno == ENODEV ? DEED_UNTESTED : errno;
	if (fsconfig(fd, FSCONFIG_SET_STRING, "source", disk->node, 0) < 0)
		return DEED_UNTESTED;
	if (fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		return 0;
	return reached(errno);
}

static int deed_swap(const void *userdata)
{
	const struct disk *disk = userdata;

	if (swapon(disk->node, 0) == 0) {
		(void)swapoff(disk->node);
		return 0;
	}
	return reached(errno);
}

static void begin_dm(struct dm_ioctl *head, size_t size)
{
	memset(head, 0, size);
	head->version[0] = DM_VERSION_MAJOR;
	head->data_size = (uint32_t)size;
	head->data_start = sizeof(*head);
	(void)snprintf(head->name, sizeof(head->name), DM_NAME);
}

/* A linear table over the first sector; 0 or errno. */
static int load_table(int control, const struct disk *disk)
{
	struct {
		struct dm_ioctl head;
		struct dm_target_spec target;
		char text[64];
	} table;

	begin_dm(&table.head, sizeof(table));
	table.head.target_count = 1;
	memset(&table.target, 0, sizeof(table.target));
	table.target.length = 1;
	(void)snprintf(table.target.target_type,
		       sizeof(table.target.target_type), "linear");
	(void)snprintf(table.text, sizeof(table.text), "%u:%u 0",
		       major(disk->number), minor(disk->number));
	if (ioctl(control, DM_TABLE_LOAD, &table) == 0)
		return 0;
	/* The mapper says EINVAL or ENXIO for a device it may not open */
	return errno == EINVAL || errno == ENXIO ? EPERM : errno;
}

static int deed_mapper(const void *userdata)
{
	_cleanup_close_ int control = open("/dev/mapper/control",
					   O_RDWR | O_CLOEXEC);
	struct dm_ioctl head;

	if (control < 0)
		return errno == ENOENT ? DEED_UNTESTED : errno;
	begin_dm(&head, sizeof(head));
	if (ioctl(control, DM_DEV_CREATE, &head) < 0)
		return errno == EPERM || errno == EACCES ? errno
							 : DEED_UNTESTED;
	int error = load_table(control, userdata);
	begin_dm(&head, sizeof(head));
	(void)ioctl(control, DM_DEV_REMOVE, &head); /* ours alone */
	return error;
}

/* ---- the disk ------------------------------------------------------------ */

/* The one name in a folder of sysfs. */
static bool only_entry(const char *path, char *ret_name, size_t size)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(ret_name, size, "%.*s", (int)size - 1,
			       entry->d_name);
		return true;
	}
	return false;
}

static void find_beside(const struct disk *disk, const char *class,
			const char *prefix, char ret_node[64])
{
	char path[SELFTEST_PATH_MAX], name[40];

	(void)snprintf(path, sizeof(path), "/sys/block/%s/device/%s",
		       disk->name, class);
	ret_node[0] = '\0';
	if (only_entry(path, name, sizeof(name)))
		(void)snprintf(ret_node, 64, "%s%s", prefix, name);
}

/* The disk of the module, by what it says it is. */
static bool find_disk(void *userdata)
{
	struct disk *disk = userdata;
	_cleanup_closedir_ DIR *dir = opendir("/sys/block");
	struct dirent *entry;
	char path[SELFTEST_PATH_MAX], model[32];
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path),
			       "/sys/block/%.32s/device/model", entry->d_name);
		if (read_line_file(AT_FDCWD, path, model, sizeof(model)) < 0 ||
		    strncmp(model, MODULE, strlen(MODULE)) != 0)
			continue;
		(void)snprintf(disk->name, sizeof(disk->name), "%.31s",
			       entry->d_name);
		(void)snprintf(disk->node, sizeof(disk->node), "/dev/%s",
			       disk->name);
		if (stat(disk->node, &st) < 0)
			continue;
		disk->number = st.st_rdev;
		return true;
	}
	return false;
}

/* A mount must not load a module that would stay. */
static const char *loaded_fs_type(void)
{
	static const char *const types[] = {"ext4", "xfs", "btrfs", "vfat"};
	_cleanup_free_ char *text = NULL;
	char word[16];

	if (read_small_file(AT_FDCWD, "/proc/filesystems", 65536, &text, NULL) <
	    0)
		return NULL;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		(void)snprintf(word, sizeof(word), "\t%s\n", types[i]);
		if (strstr(text, word))
			return types[i];
	}
	return NULL;
}

/* Opening the mapper's node would load its module for good. */
static void try_mapper(struct selftest *test, struct disk *disk)
{
	static const char title[] = N_("a mapped device over a disk");
	int r = selftest_load("dm_mod", NULL);

	if (r < 0) {
		selftest_note(test, "disk-mapper", title, WAY_UNTESTED,
			      MODULES);
		return;
	}
	selftest_try(test, "disk-mapper", title, deed_mapper, disk);
	if (r == 0)
		selftest_unload("dm_mod");
}

static void try_disk(struct selftest *test, struct disk *disk)
{
	disk->fs_type = loaded_fs_type();
	selftest_wait_verdict(test, disk->name);
	(void)snprintf(disk->folder, sizeof(disk->folder), "%s", test->folder);
	selftest_try(test, "disk-read", N_("reading a disk"), deed_read, disk);
	selftest_try(test, "disk-write", N_("writing a disk"), deed_write,
		     disk);
	selftest_try(test, "disk-alias", N_("a disk under another node"),
		     deed_alias, disk);
	(void)unlink(ALIAS); /* where it was made */
	selftest_try(test, "disk-mount", N_("mounting a disk"), deed_mount,
		     disk);
	selftest_try(test, "disk-fsopen", N_("mounting by the newer calls"),
		     deed_new_mount, disk);
	selftest_try(test, "disk-swap", N_("swapping to a disk"), deed_swap,
		     disk);
	try_mapper(test, disk);
	find_beside(disk, "scsi_generic", "/dev/", disk->sg);
	selftest_try(test, "disk-sg", N_("raw SCSI commands (sg)"), deed_sg,
		     disk);
	find_beside(disk, "bsg", "/dev/bsg/", disk->bsg);
	selftest_try(test, "disk-bsg", N_("raw SCSI commands (bsg)"), deed_bsg,
		     disk);
}

/* A disk of the kind that PARAMETERS make, for as long as FN runs. */
static const char *with_module(struct selftest *test, const char *parameters,
			       void (*fn)(struct selftest *test))
{
	int r = selftest_load(MODULE, parameters);

	if (r != 0)
		return r > 0 ? IN_USE : MODULES;
	fn(test);
	selftest_unload(MODULE);
	return NULL;
}

static void with_disk(struct selftest *test)
{
	struct disk disk = {0};

	if (selftest_wait(find_disk, &disk))
		try_disk(test, &disk);
	else
		selftest_note(test, "disk-read", N_("reading a disk"),
			      WAY_UNTESTED, N_("no disk came up"));
}

static bool has_node(void *path)
{
	return access(path, F_OK) == 0;
}

static int deed_node(const void *path)
{
	return open_as(path, O_RDONLY);
}

/* The first node of a class that hangs on the module's host. */
static bool find_node(const char *class, char ret_node[64])
{
	char folder[64], link[SELFTEST_PATH_MAX], target[512];
	struct dirent *entry;

	(void)snprintf(folder, sizeof(folder), "/sys/class/%s", class);
	_cleanup_closedir_ DIR *dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		(void)snprintf(link, sizeof(link), "%s/%.64s", folder,
			       entry->d_name);
		ssize_t n = readlink(link, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (!strstr(target, "/pseudo_0/"))
			continue;
		(void)snprintf(ret_node, 64, "/dev/%.48s", entry->d_name);
		return true;
	}
	return false;
}

static bool find_optical(void *node)
{
	return find_node("block", node) && has_node(node);
}

static bool find_tape(void *node)
{
	return find_node("scsi_tape", node) && has_node(node);
}

static void with_optical(struct selftest *test)
{
	char node[64] = "";

	if (selftest_wait(find_optical, node))
		selftest_wait_verdict(test, node + strlen("/dev/"));
	selftest_try(test, "optical", N_("an optical drive"), deed_node, node);
}

static void with_tape(struct selftest *test)
{
	char node[64] = "";

	(void)selftest_wait(find_tape, node);
	selftest_try(test, "tape", N_("a tape drive"), deed_node, node);
}

static void try_network_disk(struct selftest *test)
{
	char node[] = "/dev/nbd0";
	int r = selftest_load("nbd", "nbds_max=1");

	if (r != 0) {
		selftest_note(test, "disk-network", N_("a network disk (nbd)"),
			      WAY_UNTESTED, r > 0 ? IN_USE : MODULES);
		return;
	}
	if (selftest_wait(has_node, node))
		selftest_wait_verdict(test, node + strlen("/dev/"));
	selftest_try(test, "disk-network", N_("a network disk (nbd)"),
		     deed_node, node);
	selftest_unload("nbd");
}

void selftest_disks(struct selftest *test)
{
	const char *why;

	if (test->is_light)
		return;
	why = with_module(test, "dev_size_mb=8", with_disk);
	if (why)
		selftest_note(test, "disk-read", N_("reading a disk"),
			      WAY_UNTESTED, why);
	why = with_module(test, "dev_size_mb=8 ptype=5", with_optical);
	if (why)
		selftest_note(test, "optical", N_("an optical drive"),
			      WAY_UNTESTED, why);
	why = with_module(test, "dev_size_mb=8 ptype=1", with_tape);
	if (why)
		selftest_note(test, "tape", N_("a tape drive"), WAY_UNTESTED,
			      why);
	try_network_disk(test);
}
