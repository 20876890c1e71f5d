/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is entered into the guard's maps, and what they know. Enters what it is
 * told; judges nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include <bpf/bpf.h>

#include "agent/enforce/guard_object.h"
#include "agent/base/banned.h"

uint64_t block_guard_key(bool is_char, dev_t device)
{
	return GUARD_KEY(is_char, major(device), minor(device));
}

int block_guard_set(struct block_guard *guard, uint64_t key,
		    enum guard_access access, uint64_t diskseq)
{
	const struct guard_policy entry = {.diskseq = diskseq,
					   .access = access};

	if (!guard->set)
		return -EBADF;
	return bpf_map_update_elem(guard_set_map(guard->set, GUARD_MAP_POLICY),
				   &key, &entry, BPF_ANY) < 0
		       ? (errno == E2BIG ? -ENOSPC : -errno)
		       : 0;
}

int block_guard_clear(struct block_guard *guard, uint64_t key)
{
	if (!guard->set)
		return -EBADF;
	if (bpf_map_delete_elem(guard_set_map(guard->set, GUARD_MAP_POLICY),
				&key) < 0 &&
	    errno != ENOENT)
		return -errno;
	return 0;
}

static int look_up(const struct block_guard *guard, enum guard_map map,
		   uint64_t key, void *ret_value)
{
	if (!guard->set)
		return -EBADF;
	return bpf_map_lookup_elem(guard_set_map(guard->set, map), &key,
				   ret_value) < 0
		       ? -errno
		       : 0;
}

int block_guard_device(const struct block_guard *guard, uint64_t key,
		       struct guard_device *ret_device)
{
	return look_up(guard, GUARD_MAP_DEVICES, key, ret_device);
}

int block_guard_entry(const struct block_guard *guard, uint64_t key,
		      struct guard_policy *ret_entry)
{
	return look_up(guard, GUARD_MAP_POLICY, key, ret_entry);
}

int block_guard_mounted(const struct block_guard *guard, uint64_t file_system,
			struct guard_mounted *ret_mounted)
{
	return look_up(guard, GUARD_MAP_MOUNTED, file_system, ret_mounted);
}

int block_guard_watch(struct block_guard *guard, uint64_t file_system,
		      uint64_t born_ns)
{
	int fd, r;

	if (!guard->set)
		return -EBADF;
	fd = guard_set_map(guard->set, GUARD_MAP_WATCHED);
	r = born_ns ? bpf_map_update_elem(fd, &file_system, &born_ns, BPF_ANY)
		    : bpf_map_delete_elem(fd, &file_system);
	return r < 0 && (born_ns || errno != ENOENT) ? -errno : 0;
}

void block_guard_watch_none(struct block_guard *guard)
{
	int fd = guard_set_map(guard->set, GUARD_MAP_WATCHED);
	uint64_t key;

	for (int i = 0;
	     i < GUARD_MOUNTED_MAX && bpf_map_get_next_key(fd, NULL, &key) == 0;
	     i++)
		(void)bpf_map_delete_elem(fd, &key);
}

int block_guard_next_device(const struct block_guard *guard,
			    const uint64_t *key, uint64_t *ret_key)
{
	if (!guard->set)
		return -EBADF;
	return bpf_map_get_next_key(guard_set_map(guard->set,
						  GUARD_MAP_DEVICES),
				    key, ret_key) < 0
		       ? -errno
		       : 0;
}

int block_guard_entries(const struct block_guard *guard, uint64_t *ret_keys,
			size_t capacity, size_t *ret_count)
{
	size_t count = 0;
	int fd;

	if (!guard->set)
		return -EBADF;
	fd = guard_set_map(guard->set, GUARD_MAP_POLICY);
	while (count < capacity) {
		if (bpf_map_get_next_key(fd,
					 count ? &ret_keys[count - 1] : NULL,
					 &ret_keys[count]) < 0)
			break;
		count++;
	}
	if (count < capacity && errno != ENOENT)
		return -errno;
	*ret_count = count;
	return 0;
}
