/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading, attaching and pinning by libbpf. A kernel that refuses one part
 * gets the rest: the parts are tried from the richest to the poorest.
 */
#include "agent/enforce/guard_set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <guard_fmod.skel.h>
#include <guard_lsm.skel.h>

#include "agent/base/cleanup.h"
#include "agent/base/banned.h"

/* Which cgroup program this kernel can run. */
enum task_need { ANY_KERNEL, WITH_TASK, WITHOUT_TASK };

static const struct program {
	const char *name;
	uint32_t group;
	enum task_need task;
	bool optional; /* its absence does not break the group */
	/* Kernel function it hangs on, without the variant's prefix; NULL for
	 * cgroup programs. */
	const char *function;
} programs[] = {
	{"guard_device_add", GUARD_GROUP_DEVICES, ANY_KERNEL, false,
	 "device_add"},
	{"guard_device_del", GUARD_GROUP_DEVICES, ANY_KERNEL, false,
	 "device_del"},
	{"guard_media_change", GUARD_GROUP_DEVICES, ANY_KERNEL, true,
	 "inc_diskseq"},
	{"guard_mount_begin", GUARD_GROUP_DEVICES, ANY_KERNEL, true,
	 "vfs_get_tree"},
	{"guard_mount_end", GUARD_GROUP_DEVICES, ANY_KERNEL, true,
	 "vfs_get_tree"},
	{"guard_mount_gone", GUARD_GROUP_DEVICES, ANY_KERNEL, false,
	 "generic_shutdown_super"},
	{"guard_cgroup_enter", GUARD_GROUP_DEVICES, WITHOUT_TASK, false,
	 "devcgroup_check_permission"},
	{"guard_cgroup_exit", GUARD_GROUP_DEVICES, WITHOUT_TASK, false,
	 "devcgroup_check_permission"},
	{"guard_cgroup_task", GUARD_GROUP_CGROUP, WITH_TASK, false, NULL},
	{"guard_cgroup_group", GUARD_GROUP_CGROUP, WITHOUT_TASK, false, NULL},
	{"guard_sysctl", GUARD_GROUP_SYSCTL, ANY_KERNEL, false, NULL},
	{"guard_file_open", GUARD_GROUP_HOOKS, ANY_KERNEL, false, "file_open"},
	{"guard_file_ioctl", GUARD_GROUP_HOOKS, ANY_KERNEL, false,
	 "file_ioctl"},
	{"guard_file_ioctl_compat", GUARD_GROUP_HOOKS, ANY_KERNEL, true,
	 "file_ioctl_compat"},
	{"guard_sb_kern_mount", GUARD_GROUP_HOOKS, ANY_KERNEL, false,
	 "sb_kern_mount"},
	{"guard_sb_remount", GUARD_GROUP_HOOKS, ANY_KERNEL, false,
	 "sb_remount"},
	{"guard_task_kill", GUARD_GROUP_TAMPER, ANY_KERNEL, false, "task_kill"},
	{"guard_ptrace", GUARD_GROUP_TAMPER, ANY_KERNEL, false,
	 "ptrace_access_check"},
	{"guard_unlink", GUARD_GROUP_TAMPER, ANY_KERNEL, false, "inode_unlink"},
	{"guard_rmdir", GUARD_GROUP_TAMPER, ANY_KERNEL, false, "inode_rmdir"},
	{"guard_rename", GUARD_GROUP_TAMPER, ANY_KERNEL, false, "inode_rename"},
	{"guard_umount", GUARD_GROUP_TAMPER, ANY_KERNEL, false, "sb_umount"},
	{"guard_mount", GUARD_GROUP_TAMPER, ANY_KERNEL, false, "sb_mount"},
	{"guard_move_mount", GUARD_GROUP_TAMPER, ANY_KERNEL, false,
	 "move_mount"},
	{"guard_bpf", GUARD_GROUP_TAMPER, ANY_KERNEL, false, "bpf"},
};
enum { PROGRAM_COUNT = sizeof(programs) / sizeof(programs[0]) };
_Static_assert((int)PROGRAM_COUNT <= (int)GUARD_PROGRAMS_MAX, "link array");

static const char *const map_names[] = {
	[GUARD_MAP_DEVICES] = "devices",   [GUARD_MAP_POLICY] = "policy",
	[GUARD_MAP_COUNTERS] = "counters", [GUARD_MAP_EVENTS] = "events",
	[GUARD_MAP_MOUNTED] = "mounted",   [GUARD_MAP_WATCHED] = "watched",
	[GUARD_MAP_CONFIG] = "config",
};
_Static_assert(sizeof(map_names) / sizeof(map_names[0]) == GUARD_MAP_COUNT,
	       "a name for each map");

struct guard_set {
	enum guard_variant variant;
	char name[GUARD_SET_NAME_MAX];
	uint32_t groups; /* what works so far */
	bool taskless;
	int maps[GUARD_MAP_COUNT];
	struct bpf_object *object; /* NULL when taken over or pinned */
	struct bpf_link *links[GUARD_PROGRAMS_MAX];
};

static void close_object(struct bpf_object **object)
{
	bpf_object__close(*object);
}

static void free_btf(struct btf **btf)
{
	btf__free(*btf);
}

/* ---- what is in the object --------------------------------------------- */

static const void *variant_code(enum guard_variant variant, size_t *ret_size)
{
	return variant == GUARD_VARIANT_LSM ? guard_lsm__elf_bytes(ret_size)
					    : guard_fmod__elf_bytes(ret_size);
}

/* FNV-1a, 64 bits: not against forgers (root writes the pins anyway), only
 * to tell one build from the next. */
static uint64_t hash_code(enum guard_variant variant)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	size_t size;
	const unsigned char *code = variant_code(variant, &size);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ code[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static int new_set(enum guard_variant variant, struct guard_set **ret_set)
{
	struct guard_set *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->variant = variant;
	for (int i = 0; i < GUARD_MAP_COUNT; i++)
		set->maps[i] = -1;
	(void)snprintf(set->name, sizeof(set->name), "%016llx-%s",
		       (unsigned long long)hash_code(variant),
		       variant == GUARD_VARIANT_LSM ? "lsm" : "fmod");
	*ret_set = set;
	return 0;
}

struct guard_set *guard_set_free(struct guard_set *set)
{
	if (!set)
		return NULL;
	for (int i = 0; i < PROGRAM_COUNT; i++)
		(void)bpf_link__destroy(set->links[i]); /* NULL is fine */
	for (int i = 0; i < GUARD_MAP_COUNT; i++) {
		if (set->maps[i] >= 0)
			(void)close(set->maps[i]);
	}
	bpf_object__close(set->object);
	free(set);
	return NULL;
}

/* ---- loading ----------------------------------------------------------- */

static bool kernel_has(const struct btf *kernel, enum guard_variant variant,
		       const struct program *program)
{
	char name[64];
	const char *prefix = "";

	if (!program->function)
		return true;
	if (program->group & (GUARD_GROUP_HOOKS | GUARD_GROUP_TAMPER))
		prefix = variant == GUARD_VARIANT_LSM ? "bpf_lsm_"
						      : "security_";
	(void)snprintf(name, sizeof(name), "%s%s", prefix, program->function);
	return btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC) > 0;
}

/* Linux 6.1 let cgroup programs ask for the current process. They choose their
 * errno since 5.18; that cannot be probed for without an attach type. */
static bool cgroup_sees_task(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_DEVICE,
				       BPF_FUNC_get_current_pid_tgid,
				       NULL) == 1 &&
	       libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_DEVICE,
				       BPF_FUNC_get_current_comm, NULL) == 1 &&
	       libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_DEVICE,
				       BPF_FUNC_get_current_task_btf,
				       NULL) == 1;
}

static bool is_wanted(const struct guard_set *set, const struct btf *kernel,
		      const struct program *program, uint32_t groups)
{
	enum task_need unfit = set->taskless ? WITH_TASK : WITHOUT_TASK;

	return (program->group & groups) && program->task != unfit &&
	       kernel_has(kernel, set->variant, program);
}

static int load_groups(struct guard_set *set, const struct btf *kernel,
		       uint32_t groups)
{
	_cleanup_(close_object) struct bpf_object *object = NULL;
	struct bpf_program *program;
	const void *code;
	size_t size;
	int r;

	code = variant_code(set->variant, &size);
	object = bpf_object__open_mem(code, size, NULL);
	if (!object)
		return -errno;

	for (int i = 0; i < PROGRAM_COUNT; i++) {
		program = bpf_object__find_program_by_name(object,
							   programs[i].name);
		if (!program)
			return -ENOENT;
		r = bpf_program__set_autoload(
			program, is_wanted(set, kernel, &programs[i], groups));
		if (r < 0)
			return r;
	}
	r = bpf_object__load(object);
	if (r < 0)
		return r;
	set->object = TAKE_PTR(object);
	return 0;
}

static int keep_maps(struct guard_set *set)
{
	for (int i = 0; i < GUARD_MAP_COUNT; i++) {
		int fd = bpf_object__find_map_fd_by_name(set->object,
							 map_names[i]);

		if (fd < 0)
			return fd;
		set->maps[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (set->maps[i] < 0)
			return -errno;
	}
	return 0;
}

int guard_set_load(const struct guard_set_want *want,
		   struct guard_set **ret_set)
{
	static const uint32_t leave_out[] = {
		0,
		GUARD_GROUP_TAMPER,
		GUARD_GROUP_TAMPER | GUARD_GROUP_HOOKS,
		GUARD_GROUP_TAMPER | GUARD_GROUP_HOOKS | GUARD_GROUP_DEVICES,
	};
	const size_t tries = sizeof(leave_out) / sizeof(leave_out[0]);
	_cleanup_(free_btf) struct btf *kernel = btf__load_vmlinux_btf();
	struct guard_set *set;
	int r;

	r = new_set(want->variant, &set);
	if (r < 0)
		return r;
	set->taskless = want->is_taskless || !cgroup_sees_task();

	r = kernel ? -EOPNOTSUPP : -errno;
	for (size_t i = 0; kernel && r < 0 && i < tries; i++) {
		set->groups = want->groups & ~leave_out[i];
		r = load_groups(set, kernel, set->groups);
	}
	if (r == 0)
		r = keep_maps(set);
	if (r < 0) {
		guard_set_free(set);
		return r;
	}
	*ret_set = set;
	return 0;
}

/* ---- attaching --------------------------------------------------------- */

static struct bpf_link *attach_one(struct guard_set *set, int i, int cgroup_fd)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(set->object, programs[i].name);

	if (!program || !bpf_program__autoload(program)) {
		errno = ENOENT;
		return NULL;
	}
	if (!programs[i].function)
		return bpf_program__attach_cgroup(program, cgroup_fd);
	return bpf_program__attach(program);
}

/* A program this kernel's half of a pair does not need is not missing. */
static bool is_needed(const struct guard_set *set, int i)
{
	enum task_need unfit = set->taskless ? WITH_TASK : WITHOUT_TASK;

	return !programs[i].optional && programs[i].task != unfit;
}

void guard_set_attach(struct guard_set *set, uint32_t groups, int cgroup_fd)
{
	for (int i = 0; i < PROGRAM_COUNT; i++) {
		if (!(programs[i].group & groups & set->groups) ||
		    set->links[i])
			continue;
		set->links[i] = attach_one(set, i, cgroup_fd);
		if (!set->links[i] && is_needed(set, i))
			set->groups &= ~programs[i].group;
	}
}

/* ---- pins -------------------------------------------------------------- */

static int pin_path(char *ret_path, size_t size, const char *pin_dir,
		    const char *set, const char *file)
{
	int n = snprintf(ret_path, size, "%s/%s%s%s", pin_dir, set,
			 *file ? "/" : "", file);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int unpin(const char *pin_dir, const char *set)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *entry;
	int r = pin_path(path, sizeof(path), pin_dir, set, "");

	if (r < 0)
		return r;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			r = -errno;
	}
	if (rmdir(path) < 0 && r == 0)
		r = -errno;
	return r;
}

static int pin_links(struct guard_set *set, const char *pin_dir)
{
	char path[PATH_MAX];
	int r;

	for (int i = 0; i < PROGRAM_COUNT; i++) {
		if (!set->links[i])
			continue;
		r = pin_path(path, sizeof(path), pin_dir, set->name,
			     programs[i].name);
		if (r == 0)
			r = bpf_link__pin(set->links[i], path);
		if (r < 0)
			return r;
	}
	return 0;
}

static int pin_maps(struct guard_set *set, const char *pin_dir)
{
	char path[PATH_MAX];
	int r;

	for (int i = 0; i < GUARD_MAP_COUNT; i++) {
		r = pin_path(path, sizeof(path), pin_dir, set->name,
			     map_names[i]);
		if (r < 0)
			return r;
		if (bpf_obj_pin(set->maps[i], path) < 0)
			return -errno;
	}
	return 0;
}

/* The pins keep everything alive from here on: the object code, its BTF and
 * the links' descriptors are dead weight in the daemon. */
static void shed(struct guard_set *set)
{
	for (int i = 0; i < PROGRAM_COUNT; i++) {
		(void)bpf_link__destroy(set->links[i]);
		set->links[i] = NULL;
	}
	bpf_object__close(set->object);
	set->object = NULL;
	(void)malloc_trim(0); /* several MB of parsed BTF */
}

int guard_set_pin(struct guard_set *set, const char *pin_dir)
{
	char path[PATH_MAX];
	int r = pin_path(path, sizeof(path), pin_dir, set->name, "");

	if (r < 0)
		return r;
	if (mkdir(pin_dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	/* Left over from a crash while pinning, or it would have been reused */
	r = unpin(pin_dir, set->name);
	if (r < 0)
		return r;
	if (mkdir(path, 0700) < 0)
		return -errno;

	r = pin_links(set, pin_dir);
	if (r == 0)
		r = pin_maps(set, pin_dir);
	if (r < 0) {
		(void)unpin(pin_dir, set->name); /* R says it already */
		return r;
	}
	shed(set);
	return 0;
}

static bool is_set_name(const char *name)
{
	size_t length = strspn(name, "0123456789abcdef");

	return length == 16 && (strcmp(name + length, "-lsm") == 0 ||
				strcmp(name + length, "-fmod") == 0);
}

/* The next set below DIR that is not KEEP; NULL at the end. */
static const char *next_other(DIR *dir, const struct guard_set *keep)
{
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		if (is_set_name(entry->d_name) &&
		    (!keep || strcmp(entry->d_name, keep->name) != 0))
			return entry->d_name;
	}
	return NULL;
}

int guard_set_drop_others(const char *pin_dir, const struct guard_set *keep)
{
	_cleanup_closedir_ DIR *dir = opendir(pin_dir);
	const char *name;
	int result = 0;
	int r;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((name = next_other(dir, keep))) {
		r = unpin(pin_dir, name);
		if (r < 0)
			result = r;
	}
	return result;
}

int guard_set_open_pinned(const char *pin_dir, enum guard_map which,
			  uint32_t size)
{
	_cleanup_closedir_ DIR *dir = opendir(pin_dir);
	struct bpf_map_info info = {0};
	uint32_t info_size = sizeof(info);
	char path[PATH_MAX];
	const char *name;

	while (dir && (name = next_other(dir, NULL))) {
		_cleanup_close_ int fd = -1;

		if (pin_path(path, sizeof(path), pin_dir, name,
			     map_names[which]) < 0)
			continue;
		fd = bpf_obj_get(path);
		if (fd >= 0 &&
		    bpf_obj_get_info_by_fd(fd, &info, &info_size) == 0 &&
		    (size == 0 || info.value_size == size))
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

bool guard_set_is_locked(const char *pin_dir)
{
	_cleanup_closedir_ DIR *dir = opendir(pin_dir);
	char path[PATH_MAX];
	const char *name;

	while (dir && (name = next_other(dir, NULL))) {
		_cleanup_close_ int fd = -1;

		if (pin_path(path, sizeof(path), pin_dir, name,
			     map_names[GUARD_MAP_CONFIG]) < 0)
			continue;
		fd = bpf_obj_get(path);
		if (fd < 0 && errno == EPERM)
			return true;
	}
	return false;
}

/* The groups of which every needed link is still pinned. */
static int find_links(struct guard_set *set, const char *pin_dir)
{
	char path[PATH_MAX];
	uint32_t broken = 0;
	struct stat st;
	int r;

	for (int i = 0; i < PROGRAM_COUNT; i++) {
		r = pin_path(path, sizeof(path), pin_dir, set->name,
			     programs[i].name);
		if (r < 0)
			return r;
		if (lstat(path, &st) < 0 && is_needed(set, i))
			broken |= programs[i].group;
	}
	set->groups = GUARD_GROUP_ALL & ~broken;
	return 0;
}

void guard_set_check_pins(struct guard_set *set, const char *pin_dir)
{
	uint32_t before = set->groups;

	if (set->object)
		return; /* ours alone, nobody can take its links away */
	set->groups = 0;
	if (find_links(set, pin_dir) == 0)
		set->groups &= before;
}

static int open_maps(struct guard_set *set, const char *pin_dir)
{
	char path[PATH_MAX];
	int r;

	for (int i = 0; i < GUARD_MAP_COUNT; i++) {
		r = pin_path(path, sizeof(path), pin_dir, set->name,
			     map_names[i]);
		if (r < 0)
			return r;
		set->maps[i] = bpf_obj_get(path);
		if (set->maps[i] < 0)
			return -errno;
	}
	return 0;
}

int guard_set_reuse(const char *pin_dir, const struct guard_set_want *want,
		    struct guard_set **ret_set)
{
	struct guard_set *set;
	int r = new_set(want->variant, &set);

	if (r < 0)
		return r;
	set->taskless = want->is_taskless || !cgroup_sees_task();
	r = open_maps(set, pin_dir);
	if (r == 0)
		r = find_links(set, pin_dir);
	if (r == 0 && (want->groups & ~set->groups))
		r = -ENOENT;
	if (r < 0) {
		guard_set_free(set);
		return r;
	}
	*ret_set = set;
	return 0;
}

/* ---- what it is -------------------------------------------------------- */

uint32_t guard_set_groups(const struct guard_set *set)
{
	return set->groups;
}

bool guard_set_is_taskless(const struct guard_set *set)
{
	return set->taskless;
}

enum guard_variant guard_set_variant(const struct guard_set *set)
{
	return set->variant;
}

const char *guard_set_name(const struct guard_set *set)
{
	return set->name;
}

int guard_set_map(const struct guard_set *set, enum guard_map which)
{
	return set->maps[which];
}

const char *guard_set_map_name(enum guard_map which)
{
	return map_names[which];
}
