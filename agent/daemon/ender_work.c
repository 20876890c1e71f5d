/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of the end of a medium, from mount table to system calls. Runs
 * outside the loop: it may touch nothing of the daemon but what it is given.
 */
#include "agent/daemon/ender.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/enforce/revoke.h"

/* For naming holders; what is not seen by then is said to be missing. */
#define HOLDERS_BUDGET_MS 3000

struct step {
	const struct ender_place *place;
	const struct ender_job *job;
	struct ender_answer *answer;
	bool is_busy; /* some mount did not do as it should */
	uint32_t in;  /* the process whose namespace we are in */
};

/* Whether the mount can be reached now. */
static bool enter(struct step *step, const struct holders_mount *mount)
{
	if (step->in == mount->pid)
		return true;
	step->in = 0;
	if (revoke_enter(step->place->proc_fd, mount->pid) < 0)
		return false; /* ended meanwhile: the next step finds another */
	step->in = mount->pid;
	return true;
}

typedef int (*mount_call)(const char *point, uint64_t id);

/* Returns how many calls failed; busy is remembered. */
static size_t each_mount(struct step *step, mount_call call)
{
	const struct holders *holders = &step->answer->holders;
	size_t failed = 0;

	for (size_t i = 0; i < holders->mount_count; i++) {
		const struct holders_mount *mount = &holders->mounts[i];
		int r = enter(step, mount) ? call(mount->point, mount->id)
					   : -ESRCH;
		if (r != 0 && r != ENFORCE_GONE)
			failed++;
	}
	return failed;
}

/* Inner mounts before those they are in. */
static void unmount_all(struct step *step)
{
	const struct holders *holders = &step->answer->holders;
	bool lazy = step->job->kind == ENDER_FORCE;

	for (size_t i = holders->mount_count; i > 0; i--) {
		const struct holders_mount *mount = &holders->mounts[i - 1];
		if (!enter(step, mount)) {
			step->is_busy = true;
			continue;
		}
		int r = revoke_unmount(mount->point, mount->id, lazy);
		if (r == 0 && lazy)
			step->answer->lazy_count++;
		else if (r != 0 && r != ENFORCE_GONE)
			step->is_busy = true;
	}
}

/* What is mounted nowhere any more, and what was written to the bare device. Of
 * stacked ones the topmost first. */
static void flush_all(const struct step *step)
{
	const struct holders *holders = &step->answer->holders;

	for (size_t i = holders->number_count; i > 0; i--)
		/* It does not say what it could; a mount's own sync does */
		(void)!revoke_flush(step->place->dev_fd,
				    holders->numbers[i - 1].name,
				    holders->numbers[i - 1].major,
				    holders->numbers[i - 1].minor);
}

/* LUKS, LVM, a loop: writing goes past the disk's own read-only flag. */
static bool is_stacked(const struct ender_job *job,
		       const struct holders *holders)
{
	size_t len = strlen(job->disk.name);

	for (size_t i = 0; i < holders->number_count; i++)
		if (strncmp(holders->numbers[i].name, job->disk.name, len) != 0)
			return true;
	return false;
}

static bool is_claimed(const struct step *step)
{
	const struct enforce *enforce = &step->place->enforce;
	const struct block_disk *disk = &step->job->disk;

	return enforce->ops->media_in_use(enforce->context, disk->name,
					  disk->diskseq) == ENFORCE_BUSY;
}

static void find_processes(struct step *step)
{
	if (holders_find_processes(step->place->root_fd, HOLDERS_BUDGET_MS,
				   &step->answer->holders) < 0)
		step->answer->holders.is_partial = true;
}

/* Sync before read-only, so that an error of the medium is ours to tell;
 * read-only before unmounting, so that nothing is written while readers keep
 * it mounted. */
static void try_end(struct step *step)
{
	struct ender_answer *answer = step->answer;
	bool keeps = step->job->keeps_reading &&
		     !is_stacked(step->job, &answer->holders);

	answer->is_synced = each_mount(step, revoke_sync) == 0;
	flush_all(step);
	bool is_written = each_mount(step, revoke_read_only) != 0;
	if (!keeps || step->job->kind == ENDER_FORCE)
		unmount_all(step);
	else
		step->is_busy = is_written;

	find_processes(step);
	bool claimed = is_claimed(step);
	if (keeps)
		/* A claim without a mount is a file system that was unmounted
		 * lazily, and may be written */
		answer->is_free = !step->is_busy &&
				  (answer->mount_count > 0 || !claimed);
	else
		answer->is_free = !claimed && !step->is_busy &&
				  (answer->holders.process_count == 0 ||
				   step->job->keeps_reading);
}

int ender_interface_of(const struct block_disk *disk, char *ret_name,
		       size_t size)
{
	size_t len = strlen(disk->usb_devpath);

	if (len == 0 || strncmp(disk->devpath, disk->usb_devpath, len) != 0 ||
	    disk->devpath[len] != '/')
		return -ENOENT;
	const char *name = disk->devpath + len + 1;
	size_t name_len = strcspn(name, "/");
	if (!memchr(name, ':', name_len) || name_len >= size)
		return -ENOENT;
	(void)snprintf(ret_name, size, "%.*s", (int)name_len, name);
	return 0;
}

/* Noted first: were the daemon killed in between, the next one frees them. */
static void hold_all(const struct step *step, bool hold)
{
	const struct holders *holders = &step->answer->holders;
	uint32_t pids[HOLDERS_MAX] = {0};
	size_t count = 0;

	for (size_t i = 0; i < holders->process_count && i < HOLDERS_MAX; i++)
		pids[count++] = holders->list[i].pid;
	if (hold && revoke_note_held(step->place->root_fd, pids, count) < 0)
		return; /* written out without stopping anybody, then */
	for (size_t i = 0; i < count; i++)
		/* One that has ended holds nothing any more */
		(void)!revoke_hold(step->place->proc_fd, pids[i], hold);
	if (!hold)
		(void)!revoke_note_held(step->place->root_fd, NULL, 0);
}

/* Off, and on again for what policy still allows: as if it had been pulled out
 * and put back, but after everything was written. */
static int cut(const struct step *step)
{
	const struct enforce *enforce = &step->place->enforce;
	char interface[64];

	int r = ender_interface_of(&step->job->disk, interface,
				   sizeof(interface));
	if (r < 0)
		return -EOPNOTSUPP;
	hold_all(step, true);
	flush_all(step);
	r = enforce->ops->usb_interface(enforce->context, interface, false);
	hold_all(step, false);
	if (r < 0)
		return r;
	r = enforce->ops->usb_interface(enforce->context, interface, true);
	return r < 0 ? r : 0;
}

void ender_work(const struct ender_place *place, const struct ender_job *job,
		struct ender_answer *ret_answer)
{
	struct step step = {
		.place = place,
		.job = job,
		.answer = ret_answer,
	};

	memset(ret_answer, 0, sizeof(*ret_answer));
	int r = revoke_begin();
	if (r == 0)
		r = holders_find_mounts(place->root_fd, &job->disk,
					&ret_answer->holders);
	ret_answer->mount_count = (uint32_t)ret_answer->holders.mount_count;
	if (r < 0) {
		ret_answer->result = r;
		return;
	}
	switch (job->kind) {
	case ENDER_LOOK:
		find_processes(&step);
		break;
	case ENDER_TRY:
	case ENDER_FORCE:
		try_end(&step);
		break;
	case ENDER_CUT:
		find_processes(&step);
		ret_answer->result = cut(&step);
		break;
	case ENDER_REOPEN:
		if (each_mount(&step, revoke_read_write) > 0)
			ret_answer->result = -EBUSY;
		break;
	}
}
