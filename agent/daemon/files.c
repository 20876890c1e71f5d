/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop's side: which mounts are recorded, and finished notes to records.
 * Whatever may wait for a medium is the threads' (files_worker.c).
 */
#include "agent/daemon/files_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/daemon/pipeline.h"
#include "agent/sense/mount.h"

/* Of one turn: the loop must come round to the guard. */
#define NOTES_PER_TURN 32
/* Events that the recorder may hold in memory before we wait for it. */
#define RECORDER_QUEUE_MAX 64
/* Longest time between a mount and its notice, and the grain of vfat. */
#define WINDOW_S    3
#define STACK_BYTES ((size_t)256 * 1024)

static void lock(struct files *files)
{
	(void)pthread_mutex_lock(&files->lock);
}

static void unlock(struct files *files)
{
	(void)pthread_mutex_unlock(&files->lock);
}

static int init_locks(struct files *files)
{
	pthread_condattr_t attr;
	int r = pthread_mutex_init(&files->lock, NULL);

	if (r == 0)
		r = pthread_condattr_init(&attr);
	if (r == 0)
		r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (r == 0)
		r = pthread_cond_init(&files->work, &attr);
	if (r == 0)
		r = pthread_cond_init(&files->gone, &attr);
	return -r;
}

int files_new(const struct files_options *options, struct files **ret_files)
{
	struct files *files = calloc(1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	files->options = *options;
	files->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	files->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = files->wake_fd < 0 || files->done_fd < 0 ? -errno : 0;
	if (r == 0)
		r = init_locks(files);
	if (r < 0) {
		cleanup_close(&files->wake_fd);
		cleanup_close(&files->done_fd);
		free(files);
		return r;
	}
	*ret_files = files;
	return 0;
}

int files_event_fd(const struct files *files)
{
	return files->done_fd;
}

/* The signals of the process are the loop's: it blocked them before. */
static int start_threads(struct files *files)
{
	pthread_attr_t attr;

	if (files->is_started)
		return 0;
	int r = pthread_attr_init(&attr);
	if (r != 0)
		return -r;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	r = pthread_create(&files->reader, &attr, files_reader_main, files);
	if (r == 0) {
		r = pthread_create(&files->hasher, &attr, files_hasher_main,
				   files);
		if (r != 0) {
			__atomic_store_n(&files->is_stopping, true,
					 __ATOMIC_RELEASE);
			files_poke(files->wake_fd);
			(void)pthread_join(files->reader, NULL);
			files->is_stopping = false;
		}
	}
	pthread_attr_destroy(&attr);
	files->is_started = r == 0;
	return -r;
}

/* ---- mounts -------------------------------------------------------------- */

static const struct medium_entry *medium_of(const struct files *files,
					    const struct mount_entry *entry)
{
	char devpaths[MOUNT_BACKING_MAX][SYSFS_PATH_MAX];
	size_t count = 0;

	if (mount_disks(files->options.root_fd, entry, devpaths, &count) < 0)
		return NULL;
	/* One medium among the disks below it is enough */
	for (size_t i = 0; i < count; i++) {
		const struct medium_entry *medium =
			devices_medium_at(files->options.devices, devpaths[i]);
		if (medium && medium->access == MEDIA_READ_WRITE)
			return medium;
	}
	return NULL;
}

static bool is_same_system(const struct files_mount *mount,
			   const struct mount_entry *entry)
{
	return mount->major == entry->major && mount->minor == entry->minor;
}

/* First pass: what is recorded and still there. */
static int mark_seen(const struct mount_entry *entry, void *userdata)
{
	struct files *files = userdata;

	for (struct files_mount *mount = files->mounts; mount;
	     mount = mount->next) {
		if (!is_same_system(mount, entry) || mount->why ||
		    mount->is_away || strcmp(mount->point, entry->point) != 0)
			continue;
		mount->is_seen = true;
		files_guard_ask(files, mount);
		__atomic_store_n(&mount->must_renew, true, __ATOMIC_RELEASE);
	}
	return 0;
}

void files_fill_medium(struct files_mount *mount, const struct files *files,
		       const struct medium_entry *medium)
{
	const struct usb_entry *parent = NULL;

	if (medium->disk.usb_devpath[0] != '\0')
		parent = devices_usb(files->options.devices,
				     medium->disk.usb_devpath);
	if (parent)
		mount->usb = parent->device.fact;
	block_fact(&medium->disk, parent ? &mount->usb : NULL, &mount->media);
	memcpy(mount->media.fs_type, medium->fs_type,
	       sizeof(mount->media.fs_type));
	memcpy(mount->media.fs_uuid, medium->fs_uuid,
	       sizeof(mount->media.fs_uuid));
	memcpy(mount->media.label, medium->label, sizeof(mount->media.label));
	mount->media.is_encrypted = medium->is_encrypted;
	memcpy(mount->disk, medium->disk.name, sizeof(mount->disk));
	memcpy(mount->plug, medium->plug, sizeof(mount->plug));
	mount->decision = medium->decision;
}

static bool is_recorded(const struct files *files,
			const struct mount_entry *entry)
{
	for (const struct files_mount *mount = files->mounts; mount;
	     mount = mount->next)
		if (is_same_system(mount, entry) && mount->is_seen)
			return true;
	return false;
}

static unsigned int count_mounts(const struct files *files)
{
	unsigned int count = 0;

	for (const struct files_mount *mount = files->mounts; mount;
	     mount = mount->next)
		count++;
	return count;
}

/* Second pass: what is new. Another mount of a file system that is recorded is
 * seen by the same watch. */
static int add_new(const struct mount_entry *entry, void *userdata)
{
	struct files *files = userdata;

	if (is_recorded(files, entry))
		return 0;
	const struct medium_entry *medium = medium_of(files, entry);
	if (!medium)
		return 0;
	struct files_mount *mount = NULL;
	if (count_mounts(files) < FILES_MOUNTS_MAX)
		mount = calloc(1, sizeof(*mount));
	if (!mount) {
		log_error(files->options.log,
			  "files written to '%s' are not "
			  "recorded: too many mounts",
			  entry->point);
		return 0;
	}
	mount->files = files;
	mount->wall_since_s = (int64_t)(clock_wall_ns() / NS_PER_S) - WINDOW_S;
	mount->major = entry->major;
	mount->minor = entry->minor;
	memcpy(mount->point, entry->point, sizeof(mount->point));
	memcpy(mount->node, entry->source, sizeof(mount->node));
	files_fill_medium(mount, files, medium);
	mount->is_seen = true;
	files_guard_ask(files, mount);
	mount->next = files->mounts;
	files->mounts = mount;
	log_info(files->options.log, "recording files written to '%s'",
		 mount->point);
	return 0;
}

static void end_mount(struct files_mount *mount, const char *why)
{
	files_guard_end(mount->files, mount);
	if (!mount->why)
		__atomic_store_n(&mount->why, why, __ATOMIC_RELEASE);
}

/* The reader ends it once nobody has it open any more. */
static void leave_mount(struct files_mount *mount)
{
	files_guard_end(mount->files, mount);
	__atomic_store_n(&mount->is_away, true, __ATOMIC_RELEASE);
}

void files_sync(struct files *files)
{
	lock(files);
	for (struct files_mount *mount = files->mounts; mount;
	     mount = mount->next)
		mount->is_seen = false;
	int r = mount_each(files->options.root_fd, mark_seen, files);
	if (r == 0)
		r = mount_each(files->options.root_fd, add_new, files);
	if (r == 0)
		for (struct files_mount *mount = files->mounts; mount;
		     mount = mount->next)
			if (!mount->is_seen)
				leave_mount(mount);
	bool has_mounts = files->mounts != NULL;
	(void)pthread_cond_broadcast(&files->work);
	unlock(files);

	if (has_mounts && r == 0)
		r = start_threads(files);
	files_poke(files->wake_fd);
	if (r < 0)
		log_error(files->options.log, "files are not recorded: %s",
			  errno_text(r));
}

/* Waits until no mount of DISK (NULL: none at all) is left to the threads. */
static int wait_gone(struct files *files, const char *disk)
{
	uint64_t mono_ns = clock_mono_ns() + RELEASE_WAIT_MS * NS_PER_MS;
	struct timespec until = {
		.tv_sec = (time_t)(mono_ns / NS_PER_S),
		.tv_nsec = (long)(mono_ns % NS_PER_S),
	};

	for (;;) {
		const struct files_mount *mount = files->mounts;
		while (mount && disk && strcmp(mount->disk, disk) != 0)
			mount = mount->next;
		if (!mount)
			return 0;
		int r = pthread_cond_timedwait(&files->gone, &files->lock,
					       &until);
		if (r != 0)
			return -r;
	}
}

static int release(struct files *files, const char *disk, const char *why)
{
	if (!files->is_started)
		return 0;
	lock(files);
	for (struct files_mount *mount = files->mounts; mount;
	     mount = mount->next)
		if (!disk || strcmp(mount->disk, disk) == 0)
			end_mount(mount, why);
	(void)pthread_cond_broadcast(&files->work);
	files_poke(files->wake_fd);
	int r = wait_gone(files, disk);
	unlock(files);
	return r;
}

int files_release(struct files *files, const char *disk)
{
	return release(files, disk, "access ended");
}

/* ---- records ------------------------------------------------------------- */

static void emit(const struct files *files, const struct record *record)
{
	files->options.sink.emit(files->options.sink.userdata, record);
}

void files_fill_medium_part(const struct files_mount *mount,
			    struct record *record)
{
	record->correlation = mount->plug;
	record->media = &mount->media;
	pipeline_fill_decision(&mount->decision, "media", &record->decision);
}

static void tell_summary(const struct files *files,
			 const struct files_mount *mount)
{
	struct record record = {
		.code = RECORD_FILE_SUMMARY,
		.u.files = mount->sum,
	};

	record.u.files.mount = mount->point;
	record.u.files.node = mount->node;
	record.u.files.why = mount->why;
	files_fill_medium_part(mount, &record);
	emit(files, &record);
}

static void count(struct files_mount *mount, const struct note *note)
{
	struct record_files *sum = &mount->sum;

	switch (note->kind) {
	case NOTE_WRITTEN:
		sum->written++;
		sum->bytes += note->size_bytes;
		sum->unhashed += note->sha256[0] == '\0';
		sum->mynumbers += note->sha256[0] ? note->mynumber_count : 0;
		break;
	case NOTE_DELETED:
		sum->deleted++;
		break;
	case NOTE_RENAMED:
		sum->renamed++;
		break;
	case NOTE_SUMMARY:
		break;
	}
}

static void fill_person(const struct person *person,
			struct record_actor *ret_actor,
			struct record_process *ret_process)
{
	*ret_actor = (struct record_actor){
		.user = person->user,
		.has_uid = person->has_person,
		.uid = person->person_uid,
	};
	*ret_process = (struct record_process){
		.pid = person->pid,
		.has_uid = person->has_uid,
		.uid = person->uid,
		.name = person->comm,
		.path = person->exe,
	};
}

static void tell_file(const struct files *files, const struct note *note)
{
	static const enum record_code codes[] = {
		[NOTE_WRITTEN] = RECORD_FILE_WRITTEN,
		[NOTE_DELETED] = RECORD_FILE_DELETED,
		[NOTE_RENAMED] = RECORD_FILE_RENAMED,
	};
	const struct person *person = note->person;
	struct record_actor actor;
	struct record_process process;
	const struct record_file file = {
		.path = note->path,
		.to = note->to,
		.mount = note->mount->point,
		.node = note->mount->node,
		.is_directory = note->is_directory,
		.has_size = note->has_size,
		.size_bytes = note->size_bytes,
		.sha256 = note->sha256,
		.has_mynumbers = note->sha256[0] != '\0',
		.mynumber_count = note->mynumber_count,
		.unhashed = note->unhashed,
		.write_count = note->write_count,
		.user_by = person ? person->known_by : NULL,
	};
	struct record record = {
		.code = codes[note->kind],
		.wall_time_ms = (int64_t)note->wall_last_ms,
		.file = &file,
	};

	if (note->kind == NOTE_WRITTEN) {
		record.wall_first_ms = (int64_t)note->wall_first_ms;
		record.wall_last_ms = (int64_t)note->wall_last_ms;
	}
	if (person) {
		fill_person(person, &actor, &process);
		record.actor = &actor;
		record.process = &process;
	}
	files_fill_medium_part(note->mount, &record);
	emit(files, &record);
	if (file.has_mynumbers && file.mynumber_count > 0 &&
	    note->mount->decision.grant[0] && files->options.on_mynumbers)
		files->options.on_mynumbers(files->options.userdata,
					    note->mount->decision.grant,
					    file.mynumber_count);
}

static void tell_gap(const struct files *files, uint64_t count, const char *why)
{
	struct record record = {
		.code = RECORD_LOG_GAP,
		.u.gap = {.count = count, .why = why},
	};

	emit(files, &record);
}

static void tell_lost(const struct files *files, uint64_t lost)
{
	tell_gap(files, lost, "events of files on a medium were lost");
}

static void tell(struct files *files, struct note *note)
{
	struct files_mount *mount = note->mount;

	if (note->kind == NOTE_SUMMARY) {
		log_info(files->options.log,
			 "'%s': %s, %llu files were written", mount->point,
			 mount->why, (unsigned long long)mount->sum.written);
		if (mount->is_unwatched)
			tell_gap(files, 1,
				 "files written to a medium cannot be seen");
		tell_summary(files, mount);
		free(mount); /* its last note */
	} else if (!note->path) {
		mount->sum.lost++;
		tell_lost(files, 1);
	} else {
		count(mount, note);
		tell_file(files, note);
	}
	note_free(note);
}

/* What the recorder cannot take goes into its queue and, when that is full, is
 * lost; here it can wait. */
static bool has_room(const struct files *files)
{
	struct recorder_status status;

	if (!files->options.recorder)
		return true;
	recorder_status(files->options.recorder, &status);
	return status.queued < RECORDER_QUEUE_MAX;
}

/* 0: nothing was there. */
static unsigned int dispatch(struct files *files, unsigned int max)
{
	unsigned int told = 0;

	for (; told < max; told++) {
		lock(files);
		struct note *note = note_list_pop(&files->done);
		uint64_t lost = files->lost_untold;
		files->lost_untold = 0;
		if (note)
			files->bytes -= note->bytes;
		unlock(files);
		if (lost)
			tell_lost(files, lost);
		if (!note)
			break;
		tell(files, note);
	}
	if (told > 0)
		(void)pthread_cond_signal(&files->work);
	return told;
}

static void tell_guard(struct files *files)
{
	lock(files);
	for (struct files_mount *mount = files->mounts; mount;
	     mount = mount->next)
		files_guard_tell(files, mount);
	unlock(files);
}

void files_dispatch(struct files *files)
{
	uint64_t ignored;

	(void)!read(files->done_fd, &ignored, sizeof(ignored));
	tell_guard(files);
	files->is_waiting = !has_room(files);
	if (files->is_waiting)
		return;
	if (dispatch(files, NOTES_PER_TURN) == NOTES_PER_TURN)
		files_poke(files->done_fd);
}

void files_resume(struct files *files)
{
	if (files->is_waiting)
		files_poke(files->done_fd);
}

/* False: a read hangs in the kernel, and the thread with it. */
static bool join(pthread_t thread)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

struct files *files_free(struct files *files)
{
	if (!files)
		return NULL;
	(void)release(files, NULL, "agent stops");
	if (files->is_started) {
		__atomic_store_n(&files->is_stopping, true, __ATOMIC_RELEASE);
		files_poke(files->wake_fd);
		(void)pthread_cond_broadcast(&files->work);
		if (!join(files->reader) || !join(files->hasher))
			return NULL; /* its memory is still in use */
	}
	while (dispatch(files, NOTES_PER_TURN) > 0)
		;
	(void)pthread_cond_destroy(&files->work);
	(void)pthread_cond_destroy(&files->gone);
	(void)pthread_mutex_destroy(&files->lock);
	cleanup_close(&files->wake_fd);
	cleanup_close(&files->done_fd);
	free(files);
	return NULL;
}
