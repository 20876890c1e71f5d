/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between mount(2) and the watch lie milliseconds, and a mount of a namespace
 * of its own never comes into our table: there the kernel half tells of each
 * file that is opened for writing, or refuses. This says to it what is
 * watched, and takes what it tells. Judges nothing.
 */
#include "agent/daemon/files_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"

/* Told and not yet taken by the reader; what is above is counted only. */
#define TOLD_MAX 1024

/* The mount may have changed since: what was watched is another one now. */
void files_guard_ask(const struct files *files, struct files_mount *mount)
{
	const struct files_guard *guard = &files->options.guard;

	if (guard->born_ns)
		__atomic_store_n(&mount->born_ns,
				 guard->born_ns(guard->userdata, mount->major,
						mount->minor),
				 __ATOMIC_RELEASE);
}

void files_guard_tell(const struct files *files, struct files_mount *mount)
{
	const struct files_guard *guard = &files->options.guard;
	uint64_t born_ns = __atomic_load_n(&mount->watched_ns,
					   __ATOMIC_ACQUIRE);

	if (!guard->watch || mount->why || mount->is_away ||
	    born_ns == mount->told_ns)
		return;
	guard->watch(guard->userdata, mount->major, mount->minor, born_ns);
	mount->told_ns = born_ns;
}

void files_guard_end(const struct files *files, struct files_mount *mount)
{
	const struct files_guard *guard = &files->options.guard;

	if (!guard->watch || mount->why || !mount->told_ns)
		return;
	guard->watch(guard->userdata, mount->major, mount->minor, 0);
	mount->told_ns = 0;
}

struct told_file *files_take_told(struct files_mount *mount)
{
	struct told_file *told, *first = NULL;

	(void)pthread_mutex_lock(&mount->files->lock);
	while ((told = mount->told)) {
		mount->told = told->next;
		told->next = first;
		first = told;
	}
	mount->told_count = 0;
	(void)pthread_mutex_unlock(&mount->files->lock);
	return first;
}

void files_fill_told(const struct files_mount *mount,
		     const struct told_file *told,
		     struct files_event *ret_event)
{
	const char *path = files_below(mount->point, told->path);
	struct stat st;

	*ret_event = (struct files_event){
		.change = FILES_CLOSED,
		.pid = (int32_t)told->tgid,
		.fd = -1,
		.path = path ? path : told->path,
		.has_stat = true,
		.inode = told->inode,
		.link_count = 1,
	};
	if (lstat(told->path, &st) == 0 && st.st_ino == told->inode)
		files_fill_stat(ret_event, &st);
	ret_event->owner_uid = told->uid;
	ret_event->is_writer = true;
}

/* Under the lock. False: no such mount. */
static bool hand_over(struct files *files, const struct guard_writing *writing)
{
	struct files_mount *mount = files->mounts;
	size_t size = strnlen(writing->path, sizeof(writing->path));

	while (mount && (mount->why || mount->is_away ||
			 GUARD_KEY(false, mount->major, mount->minor) !=
				 writing->file_system))
		mount = mount->next;
	if (!mount)
		return false;
	struct told_file *told = mount->told_count < TOLD_MAX
					 ? calloc(1, sizeof(*told) + size + 1)
					 : NULL;
	if (!told) {
		mount->sum.lost++;
		files->lost_untold++;
		files_poke(files->done_fd);
		return true;
	}
	told->inode = writing->inode;
	told->tgid = writing->event.tgid;
	told->uid = writing->event.uid;
	memcpy(told->path, writing->path, size);
	told->next = mount->told;
	mount->told = told;
	mount->told_count++;
	files_poke(files->wake_fd);
	return true;
}

/* It is mounted no more, or was not where we could look. */
static void tell_unseen(const struct files *files,
			const struct guard_writing *writing)
{
	const struct guard_event *event = &writing->event;
	const struct medium_entry *medium =
		devices_medium_number(files->options.devices,
				      GUARD_KEY_MAJOR(event->key),
				      GUARD_KEY_MINOR(event->key));
	_cleanup_free_ struct files_mount *mount = calloc(1, sizeof(*mount));
	const struct record_actor actor = {.has_uid = true, .uid = event->uid};
	const struct record_process process = {
		.pid = event->tgid,
		.has_uid = true,
		.uid = event->uid,
		.name = event->comm,
	};
	const struct record_file file = {
		.path = writing->path,
		.unhashed = "unmounted before it was read",
		.user_by = "process",
	};
	uint64_t wall_ms = clock_wall_ns() / NS_PER_MS;
	struct record record = {
		.code = RECORD_FILE_WRITTEN,
		.wall_time_ms = (int64_t)wall_ms,
		.wall_first_ms = (int64_t)wall_ms,
		.wall_last_ms = (int64_t)wall_ms,
		.file = &file,
		.actor = &actor,
		.process = &process,
	};

	if (!medium || !mount)
		return;
	files_fill_medium(mount, files, medium);
	files_fill_medium_part(mount, &record);
	files->options.sink.emit(files->options.sink.userdata, &record);
}

void files_writing(struct files *files, const struct guard_writing *writing)
{
	(void)pthread_mutex_lock(&files->lock);
	bool is_taken = hand_over(files, writing);
	(void)pthread_mutex_unlock(&files->lock);
	if (is_taken)
		return;
	files_sync(files); /* the table has not told us yet */
	(void)pthread_mutex_lock(&files->lock);
	is_taken = hand_over(files, writing);
	(void)pthread_mutex_unlock(&files->lock);
	if (!is_taken)
		tell_unseen(files, writing);
}
