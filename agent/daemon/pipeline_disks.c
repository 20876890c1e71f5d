/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Built-in disks: known ones are entered into the guard, any other is judged
 * as a medium. The guard's own mark of the disks that the system stands on
 * comes before both.
 */
#include "agent/daemon/pipeline.h"

#include <errno.h>
#include <stdio.h>

#include <sys/sysmacros.h>

#include "agent/base/clock.h"
#include "agent/daemon/known_disks.h"

static uint64_t key_of(const struct block_disk *disk)
{
	return block_guard_key(false, makedev(disk->major, disk->minor));
}

/* What the guard would hold back once a fixed disk needs an entry. */
static bool is_fixed(const struct pipeline *pipeline,
		     const struct block_disk *disk)
{
	struct guard_device device;

	return pipeline->options.guard && !disk->is_partition &&
	       block_guard_device(pipeline->options.guard, key_of(disk),
				  &device) == 0 &&
	       device.bus == GUARD_BUS_FIXED &&
	       device.kind == GUARD_KIND_DISK &&
	       !(device.flags & GUARD_DEVICE_SYSTEM);
}

bool pipeline_is_known_disk(const struct pipeline *pipeline,
			    const struct block_disk *disk)
{
	const struct known_disks *known = pipeline->options.disks;
	char identity[BLOCK_IDENTITY_SIZE];

	if (!known || !known->is_known)
		return true; /* nothing has been learned yet */
	block_identity(pipeline->options.root_fd, disk, identity);
	return known_disks_has(known, identity);
}

static bool has_entry(const struct pipeline *pipeline,
		      const struct block_disk *disk)
{
	struct guard_policy entry;

	return block_guard_entry(pipeline->options.guard, key_of(disk),
				 &entry) == 0 &&
	       entry.diskseq == disk->diskseq &&
	       entry.access == GUARD_READ_WRITE;
}

void pipeline_admit_disk(struct pipeline *pipeline,
			 const struct block_disk *disk)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	int r;

	if (!pipeline->options.disks || !pipeline->options.disks->is_known ||
	    !is_fixed(pipeline, disk) || has_entry(pipeline, disk))
		return;
	if (pipeline->is_disks_held && !pipeline->is_monitor)
		/* Its partitions could not be read when it came */
		r = enforce.ops->media_set(enforce.context, disk->name,
					   disk->diskseq, GUARD_READ_WRITE);
	else
		r = block_guard_set(pipeline->options.guard, key_of(disk),
				    GUARD_READ_WRITE, disk->diskseq);
	if (r < 0)
		log_error(pipeline->options.log,
			  "cannot let in the built-in disk '%s': %s",
			  disk->name, errno_text(r));
}

struct learning {
	struct pipeline *pipeline;
	struct known_disks *disks;
};

/* What the guard will hold, the system's disks too, which may hold the system
 * no more after the next start. Without a guard nothing is held. */
static bool is_to_learn(const struct pipeline *pipeline,
			const struct block_disk *disk)
{
	struct guard_device device;

	if (disk->is_partition)
		return false;
	if (!pipeline->options.guard)
		return disk->bus == MEDIA_BUS_SATA ||
		       disk->bus == MEDIA_BUS_NVME;
	return block_guard_device(pipeline->options.guard, key_of(disk),
				  &device) == 0 &&
	       device.bus == GUARD_BUS_FIXED && device.kind == GUARD_KIND_DISK;
}

static int learn_one(const char *name, void *userdata)
{
	struct learning *learning = userdata;
	const struct pipeline *pipeline = learning->pipeline;
	char link[64], devpath[SYSFS_PATH_MAX], identity[BLOCK_IDENTITY_SIZE];
	struct block_disk disk;

	(void)snprintf(link, sizeof(link), "sys/class/block/%.32s", name);
	if (sysfs_devpath_of(pipeline->options.root_fd, link, devpath) < 0 ||
	    block_read(pipeline->options.root_fd, devpath, &disk) < 0 ||
	    !is_to_learn(pipeline, &disk))
		return 0;
	block_identity(pipeline->options.root_fd, &disk, identity);
	return known_disks_add(learning->disks, identity) ? 0 : -E2BIG;
}

int pipeline_learn_disks(struct pipeline *pipeline, struct known_disks *disks)
{
	struct learning learning = {pipeline, disks};

	return sysfs_each(pipeline->options.root_fd, "sys/class/block",
			  learn_one, &learning);
}

static int admit_one(const char *name, void *userdata)
{
	struct pipeline *pipeline = userdata;
	char link[64], devpath[SYSFS_PATH_MAX];
	struct block_disk disk;

	(void)snprintf(link, sizeof(link), "sys/class/block/%.32s", name);
	if (sysfs_devpath_of(pipeline->options.root_fd, link, devpath) == 0 &&
	    block_read(pipeline->options.root_fd, devpath, &disk) == 0 &&
	    !disk.is_partition && pipeline_is_known_disk(pipeline, &disk))
		pipeline_admit_disk(pipeline, &disk);
	return 0;
}

void pipeline_hold_disks(struct pipeline *pipeline)
{
	if (!pipeline->options.guard || !pipeline->options.disks ||
	    !pipeline->options.disks->is_known || pipeline->is_disks_held)
		return;
	/* The entries first: no known disk is refused for a moment */
	int r = sysfs_each(pipeline->options.root_fd, "sys/class/block",
			   admit_one, pipeline);
	if (r == 0)
		r = block_guard_set_fixed(pipeline->options.guard, true);
	if (r < 0) {
		log_error(pipeline->options.log,
			  "unknown disks cannot be held: %s", errno_text(r));
		return;
	}
	pipeline->is_disks_held = true;
}
