/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hasher's thread: reads the files that have been closed, with the lowest
 * claim on the disk, and lets go of the mount again and again. It does not
 * touch the loop's things: what is finished goes to files.done.
 */
#include "agent/daemon/files_parts.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/daemon/files_hash.h"

/* A copy has the processor first; with less, files would be held open, and the
 * lock kept, for too long. */
#define HASHER_NICE 5
/* After HASH_HOLD_NS of holding files of a mount, nothing is held for: */
#define REST_NS (25 * NS_PER_MS)
/* The loop is behind: the hasher waits for it. */
#define DONE_MAX 2048

static void lock(struct files *files)
{
	(void)pthread_mutex_lock(&files->lock);
}

static void unlock(struct files *files)
{
	(void)pthread_mutex_unlock(&files->lock);
}

struct hashing {
	struct files *files;
	struct files_mount *mount;
	struct note *note;
	struct hash *hash;
	uint64_t held_ns; /* since the last rest */
};

static bool should_stop(void *userdata)
{
	const struct hashing *hashing = userdata;

	return __atomic_load_n(&hashing->mount->why, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&hashing->mount->is_away, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&hashing->note->is_changed, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&hashing->files->is_stopping, __ATOMIC_ACQUIRE);
}

/* Under the lock: waits for work, at most until then. */
static void wait_until(struct files *files, uint64_t mono_ns)
{
	struct timespec at = {
		.tv_sec = (time_t)(mono_ns / NS_PER_S),
		.tv_nsec = (long)(mono_ns % NS_PER_S),
	};

	(void)pthread_cond_timedwait(&files->work, &files->lock, &at);
}

static void rest(struct hashing *hashing)
{
	uint64_t mono_end_ns = clock_mono_ns() + REST_NS;

	hashing->held_ns = 0;
	while (clock_mono_ns() < mono_end_ns && !should_stop(hashing))
		wait_until(hashing->files, mono_end_ns);
}

/* One slice, the lock let go meanwhile; what hash_slice() says. */
static int slice(struct hashing *hashing, const char *path)
{
	struct note *note = hashing->note;
	struct hash_file file = {
		.point = hashing->mount->point,
		.path = path,
		.inode = note->inode,
		.size_bytes = note->size_bytes,
		.should_stop = should_stop,
		.userdata = hashing,
	};
	char hex[DIGEST_HEX_SIZE] = "";
	uint64_t size_bytes = 0;

	unlock(hashing->files);
	uint64_t mono_begin_ns = clock_mono_ns();
	int r = hash_slice(hashing->hash, &file, hex, &size_bytes);
	hashing->held_ns += clock_mono_ns() - mono_begin_ns;
	lock(hashing->files);
	if (r == 0) {
		memcpy(note->sha256, hex, sizeof(note->sha256));
		note->size_bytes = size_bytes;
		note->mynumber_count = hash_mynumbers(hashing->hash);
	}
	return r;
}

static const char *why_not(int r)
{
	if (r == HASH_OTHER)
		return "replaced before it was read";
	if (r == HASH_CHANGING)
		return "changes all the time";
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EXDEV)
		return "moved or deleted before it was read";
	return r == -ENOMEM ? "no memory" : "cannot be read";
}

/* Under the lock: where the note goes after its last slice. */
static void settle(struct hashing *hashing, int r, const char *path)
{
	struct files *files = hashing->files;
	struct files_mount *mount = hashing->mount;
	struct note *note = hashing->note;
	bool has_moved = !note->path || strcmp(note->path, path) != 0;

	if (mount->is_ended || mount->why) {
		if (r != 0 || note->is_changed) {
			note->sha256[0] = '\0';
			note->unhashed = mount->why;
		}
		files_finish(files, note);
	} else if (note->is_changed || (r == -ENOENT && has_moved) ||
		   (r != 0 && mount->is_away)) {
		note->sha256[0] = '\0';
		note->state = NOTE_OPEN;
		if (!note->is_changed || !note->is_reopened)
			note_table_queue(&mount->table, note, clock_mono_ns());
		note->is_changed = note->is_reopened = false;
	} else {
		if (r != 0)
			note->unhashed = why_not(r);
		note_table_told(&mount->table, note, clock_mono_ns());
		files_finish(files, note);
	}
}

/* Under the lock, let go while reading. */
static void hash_note(struct hashing *hashing)
{
	struct note *note = hashing->note;
	_cleanup_free_ char *path = note->path ? strdup(note->path) : NULL;
	int r = path ? HASH_MORE : -ENOMEM;

	hashing->mount->users++;
	note->state = NOTE_HASHING;
	hash_reset(hashing->hash);
	while (r == HASH_MORE && !should_stop(hashing)) {
		if (hashing->held_ns >= HASH_HOLD_NS)
			rest(hashing);
		r = slice(hashing, path);
	}
	settle(hashing, r, path ? path : "");
	unlock(hashing->files);
	files_leave(hashing->mount);
	lock(hashing->files);
}

/* Under the lock: the next file to be read, or when to look again. */
static bool next_note(struct files *files, struct hashing *hashing,
		      uint64_t *ret_due_ns)
{
	uint64_t mono_now_ns = clock_mono_ns(), due_ns = 0, first_ns = 0;

	for (struct files_mount *mount = files->mounts; mount;
	     mount = mount->next) {
		if (mount->why || mount->is_ended || mount->is_away)
			continue;
		struct note *note = note_table_due(&mount->table, mono_now_ns,
						   &due_ns);
		if (note) {
			hashing->mount = mount;
			hashing->note = note;
			return true;
		}
		if (due_ns && (!first_ns || due_ns < first_ns))
			first_ns = due_ns;
	}
	*ret_due_ns = first_ns;
	return false;
}

static void lower_claims(void)
{
	/* Refused: it then reads like anybody else */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), HASHER_NICE);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		      IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

void *files_hasher_main(void *userdata)
{
	struct files *files = userdata;
	struct hashing hashing = {.files = files};
	uint64_t due_ns;

	lower_claims();
	/* Tried again with each file: until then they wait */
	(void)!hash_new(&hashing.hash);
	lock(files);
	while (!__atomic_load_n(&files->is_stopping, __ATOMIC_ACQUIRE)) {
		bool is_ready = files->done.count < DONE_MAX &&
				(hashing.hash || hash_new(&hashing.hash) == 0);
		if (is_ready && next_note(files, &hashing, &due_ns))
			hash_note(&hashing);
		else if (is_ready && due_ns)
			wait_until(files, due_ns);
		else
			(void)pthread_cond_wait(&files->work, &files->lock);
	}
	unlock(files);
	hash_free(hashing.hash);
	return NULL;
}
