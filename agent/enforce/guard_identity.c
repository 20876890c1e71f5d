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
	*ret_config = config;
	return 0;
}
