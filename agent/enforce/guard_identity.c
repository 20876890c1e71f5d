/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the guard's daemon is, as the kernel half will recognise it: process
 * number and start time, and on old kernels its cgroup. Reads /proc and the
 * cgroup tree, writes the one value of the map "config".
 */
#include "agent/enforce/guard_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/banned.h"

/* More than any version's value will ever have. */
enum { VALUE_MAX = 4096 };
_Static_assert(offsetof(struct guard_config, tamper_off_until_ns) ==
		       GUARD_CONFIG_MIN_BYTES,
	       "what every version has comes first");

/* proc(5): field 22 of stat. Field 3 follows the name's last parenthesis. */
static int read_start_ticks(int proc_fd, uint64_t *ret_ticks)
{
	enum { FIRST_FIELD = 3, START_FIELD = 22 };
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	char *field;
	char *end;
	int r = read_small_file(proc_fd, "self/stat", 4096, &text, NULL);

	if (r < 0)
		return r;
	field = strrchr(text, ')');
	if (!field)
		return -EINVAL;
	field = strtok_r(field + 1, " ", &save);
	for (int i = FIRST_FIELD; field && i < START_FIELD; i++)
		field = strtok_r(NULL, " ", &save);
	if (!field || *field < '0' || *field > '9')
		return -EINVAL;
	errno = 0;
	*ret_ticks = strtoull(field, &end, 10);
	return errno != 0 || *end != '\0' ? -EINVAL : 0;
}

static bool is_cgroup2(int fd)
{
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 &&
	       fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Pure v2, or beside v1 controllers (systemd's hybrid layout). */
int guard_identity_open_cgroup(const struct guard_place *place)
{
	static const char *const places[] = {"fs/cgroup", "fs/cgroup/unified"};
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	if (place->cgroup_dir) {
		int fd = open(place->cgroup_dir, flags);

		return fd < 0 ? -errno : fd;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		_cleanup_close_ int fd = openat(place->sys_fd, places[i],
						flags);

		if (is_cgroup2(fd))
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

/*
 * The id of our cgroup is its directory's inode number (kernfs). In the root
 * cgroup, where the kernel's own threads live, nobody is exempt: 0.
 */
static uint64_t own_cgroup(const struct guard_place *place, int root_cgroup_fd)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	char *path;

	if (read_small_file(place->proc_fd, "self/cgroup", 65536, &text, NULL) <
	    0)
		return 0;
	path = strncmp(text, "0::/", 4) == 0 ? text + 3
					     : strstr(text, "\n0::/");
	if (!path)
		return 0;
	path = strchr(path, '/') + 1;
	path[strcspn(path, "\n")] = '\0';
	if (*path == '\0' || fstatat(root_cgroup_fd, path, &st, 0) < 0)
		return 0;
	return st.st_ino;
}

int guard_identity_read(int fd, struct guard_config *ret_config)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(fd, &zero, ret_config) < 0 ? -errno : 0;
}

int guard_identity_write(int fd, const struct guard_config *config)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(fd, &zero, config, BPF_ANY) < 0 ? -errno : 0;
}

/* The value of whatever version's map FD is; to be freed. */
static int read_raw(int fd, uint32_t *ret_size, unsigned char **ret_value)
{
	struct bpf_map_info info = {0};
	uint32_t info_size = sizeof(info);
	_cleanup_free_ unsigned char *value = NULL;
	uint32_t zero = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &info_size) < 0)
		return -errno;
	if (info.value_size < GUARD_CONFIG_MIN_BYTES ||
	    info.value_size > VALUE_MAX)
		return -EINVAL;
	value = calloc(1, info.value_size);
	if (!value)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &zero, value) < 0)
		return -errno;
	*ret_size = info.value_size;
	*ret_value = TAKE_PTR(value);
	return 0;
}

int guard_identity_read_old(int fd, struct guard_config *ret_config)
{
	_cleanup_free_ unsigned char *value = NULL;
	struct guard_config config = {0};
	uint32_t size;
	int r = read_raw(fd, &size, &value);

	if (r < 0)
		return r;
	memcpy(&config, value, size < sizeof(config) ? size : sizeof(config));
	*ret_config = config;
	return 0;
}

int guard_identity_claim(int fd, const struct guard_config *own)
{
	_cleanup_free_ unsigned char *value = NULL;
	struct guard_config config;
	uint32_t zero = 0;
	uint32_t size;
	int r = read_raw(fd, &size, &value);

	if (r < 0)
		return r;
	memcpy(&config, value, GUARD_CONFIG_MIN_BYTES);
	config.daemon_tgid = own->daemon_tgid;
	config.daemon_start_ticks = own->daemon_start_ticks;
	config.daemon_cgroup = own->daemon_cgroup;
	memcpy(value, &config, GUARD_CONFIG_MIN_BYTES);
	return bpf_map_update_elem(fd, &zero, value, BPF_ANY) < 0 ? -errno : 0;
}

/* nsfs: the inode number of the link's target. 0, which no namespace has,
 * where it cannot be read. */
static uint32_t own_namespace(const struct guard_place *place)
{
	struct stat st;

	return fstatat(place->proc_fd, "self/ns/mnt", &st, 0) < 0
		       ? 0
		       : (uint32_t)st.st_ino;
}

int guard_identity_fill(const struct guard_place *place, int root_cgroup_fd,
			struct guard_config *ret_config)
{
	struct guard_config config = {.daemon_tgid = (uint32_t)getpid()};
	uint64_t ticks;
	int r = read_start_ticks(place->proc_fd, &ticks);

	if (r < 0)
		return r;
	config.daemon_start_ticks = ticks;
	config.daemon_cgroup = own_cgroup(place, root_cgroup_fd);
	config.mount_namespace = own_namespace(place);
	*ret_config = config;
	return 0;
}
