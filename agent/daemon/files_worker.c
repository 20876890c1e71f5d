/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two threads. The reader takes events as they come, because an unread one
 * pins the mount and the process behind it may be gone a moment later; the
 * hasher reads files, with the lowest claim on the disk, and lets go of the
 * mount again and again. Neither touches the loop's things: what is finished
 * goes to files.done.
 */
#include "agent/daemon/files_parts.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/daemon/files_hash.h"
#include "agent/sense/files_walk.h"

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

void files_poke(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one)); /* full: it is readable anyway */
}

void files_finish(struct files *files, struct note *note)
{
	char name[32];

	if (note->state != NOTE_DONE && note->kind == NOTE_WRITTEN)
		note_table_remove(&note->mount->table, note);
	note->state = NOTE_DONE;
	if (!note->path && note->kind != NOTE_SUMMARY) {
		(void)snprintf(name, sizeof(name), "#%llu",
			       (unsigned long long)note->inode);
		note->path = strdup(name); /* NULL: the loop counts it lost */
	}
	note_list_push(&files->done, note);
	files_poke(files->done_fd);
}

/* Counts NOTE against the limit. NULL: no room, counted as lost. */
static struct note *admit(struct files_mount *mount, struct note *note)
{
	struct files *files = mount->files;

	if (!note || files->bytes + note_bytes(note) > FILES_TOTAL_BYTES) {
		mount->sum.lost++;
		files->lost_untold++;
		files_poke(files->done_fd);
		return note_free(note);
	}
	note->mount = mount;
	note->bytes = note_bytes(note);
	files->bytes += note->bytes;
	return note;
}

/* ---- reader -------------------------------------------------------------- */

struct reading {
	struct files_mount *mount;
	struct person_cache *persons;
};

static void finish_unhashed(struct note *note, const char *why)
{
	note->unhashed = why;
	files_finish(note->mount->files, note);
}

static const char *linked_name(const struct files_mount *mount, uint64_t inode)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (mount->links[i].path && mount->links[i].inode == inode)
			return mount->links[i].path;
	return NULL;
}

static void keep_link(struct files_mount *mount, uint64_t inode,
		      const char *path)
{
	struct link_name *link = &mount->links[mount->next_link++ % LINKS_MAX];

	free(link->path);
	link->inode = inode;
	link->path = strdup(path); /* NULL: the file is told by its number */
}

static struct note *add_written(struct files_mount *mount,
				const struct files_event *event,
				struct person *person)
{
	const char *path = event->path ? event->path
				       : linked_name(mount, event->inode);
	struct note *note = admit(mount,
				  note_new(NOTE_WRITTEN, path, NULL, person));

	if (!note)
		return NULL;
	note->inode = event->inode;
	note->has_size = true;
	note->size_bytes = event->size_bytes;
	note_table_add(&mount->table, note);
	return note;
}

static void on_modified(struct files_mount *mount,
			const struct files_event *event, struct person *person)
{
	struct note *note = note_table_find(&mount->table, event->inode);

	if (!note)
		note = add_written(mount, event, person);
	if (!note)
		return;
	if (note->state == NOTE_HASHING) {
		__atomic_store_n(&note->is_changed, true, __ATOMIC_RELAXED);
		note->is_reopened = true;
	} else {
		note->state = NOTE_OPEN;
	}
}

/* Who closes it has written it; an owner is only a guess. */
static void set_person(struct note *note, struct person *person)
{
	bool is_guess = person && strcmp(person->known_by, "owner") == 0;

	if (!person || (is_guess && note->person))
		return;
	person_unref(note->person);
	note->person = person_ref(person);
}

static void queue(struct files_mount *mount, struct note *note)
{
	struct files *files = mount->files;

	if (note->state == NOTE_HASHING) {
		__atomic_store_n(&note->is_changed, true, __ATOMIC_RELAXED);
		note->is_reopened = false;
		return;
	}
	if (files->bytes > FILES_QUEUE_BYTES) {
		finish_unhashed(note, "the queue was full");
		return;
	}
	note_table_queue(&mount->table, note, clock_mono_ns());
	(void)pthread_cond_signal(&files->work);
}

static void on_closed(struct files_mount *mount,
		      const struct files_event *event, struct person *person)
{
	struct note *note = note_table_find(&mount->table, event->inode);

	if (!note)
		note = add_written(mount, event, person);
	if (!note)
		return;
	set_person(note, person);
	/* Without memory it keeps its old name */
	if (event->path && event->link_count > 0 &&
	    (!note->path || strcmp(note->path, event->path) != 0))
		(void)!note_table_move(&mount->table, note, event->path);
	note->size_bytes = event->size_bytes;
	note->wall_last_ms = clock_wall_ns() / NS_PER_MS;
	note->write_count++;
	if (event->link_count == 0 && note->state != NOTE_HASHING)
		finish_unhashed(note, "deleted before it was closed");
	else
		queue(mount, note);
}

static void on_created(struct files_mount *mount,
		       const struct files_event *event, struct person *person)
{
	struct note *note = note_table_find(&mount->table, event->inode);

	if (!note && event->link_count == 1) {
		/* Its writes are told apart, perhaps were already */
		keep_link(mount, event->inode, event->path);
	} else if (!note) {
		/* A hard link to what was there: nobody will close it */
		note = add_written(mount, event, person);
		if (note)
			queue(mount, note);
	} else if (event->link_count == 1 || !note->path) {
		/* O_TMPFILE, or an inode number used again */
		(void)!note_table_move(&mount->table, note, event->path);
	} else {
		struct note *link = admit(mount,
					  note_new(NOTE_WRITTEN, event->path,
						   NULL, person));
		if (!link)
			return;
		link->state = NOTE_DONE; /* never was in the table */
		finish_unhashed(link, "a hard link to a file being recorded");
	}
}

static void tell_name(struct files_mount *mount,
		      const struct files_event *event, struct person *person)
{
	enum note_kind kind = event->change == FILES_DELETED ? NOTE_DELETED
							     : NOTE_RENAMED;
	struct note *note =
		admit(mount, note_new(kind, event->path, event->to, person));

	if (!note)
		return;
	note->is_directory = event->is_directory;
	files_finish(mount->files, note);
}

static void on_deleted(struct files_mount *mount,
		       const struct files_event *event, struct person *person)
{
	struct note *note = note_table_at(&mount->table, event->path);

	if (event->is_directory)
		return;
	/* One that is open is told when it is closed */
	if (note && note->state == NOTE_QUEUED)
		finish_unhashed(note, "deleted before it was read");
	tell_name(mount, event, person);
}

static void on_renamed(struct files_mount *mount,
		       const struct files_event *event, struct person *person)
{
	struct note *note = note_table_at(&mount->table, event->path);
	struct note *under = note_table_at(&mount->table, event->to);

	if (under && under != note && under->state == NOTE_QUEUED)
		finish_unhashed(under, "replaced before it was read");
	/* Without memory it is looked for in vain, and told so */
	if (event->is_directory)
		(void)!note_table_move_below(&mount->table, event->path,
					     event->to);
	else if (note)
		(void)!note_table_move(&mount->table, note, event->to);
	tell_name(mount, event, person);
}

static struct person *find_person(struct reading *reading,
				  const struct files_event *event)
{
	struct person *person =
		person_find(reading->persons,
			    reading->mount->files->options.root_fd, event->pid,
			    event->owner_uid);

	/* One that is guessed is nobody else's yet */
	if (person && event->is_writer &&
	    strcmp(person->known_by, "owner") == 0) {
		person->known_by = "process";
		person->has_uid = true;
		person->uid = event->owner_uid;
	}
	return person;
}

static void on_event(const struct files_event *event, void *userdata)
{
	struct reading *reading = userdata;
	struct files_mount *mount = reading->mount;
	struct files *files = mount->files;
	struct person *person = NULL;

	if (event->change != FILES_LOST)
		person = find_person(reading, event);
	if (event->change == FILES_MODIFIED)
		files_watch_quiet(mount->watch, event->fd);
	if (event->change == FILES_CLOSED && event->fd >= 0)
		files_watch_loud(mount->watch, event->fd);
	lock(files);
	switch (event->change) {
	case FILES_MODIFIED:
		on_modified(mount, event, person);
		break;
	case FILES_CLOSED:
		on_closed(mount, event, person);
		break;
	case FILES_CREATED:
		on_created(mount, event, person);
		break;
	case FILES_DELETED:
		on_deleted(mount, event, person);
		break;
	case FILES_RENAMED:
		on_renamed(mount, event, person);
		break;
	case FILES_LOST:
		(void)admit(mount, NULL);
		break;
	case FILES_NONE:
		break;
	}
	unlock(files);
	person_unref(person);
}

/* The last thread that lets go of an ended mount has it summed up. */
static void leave(struct files_mount *mount)
{
	struct files *files = mount->files;

	lock(files);
	if (--mount->users == 0 && mount->is_ended) {
		struct files_mount **at = &files->mounts;
		while (*at != mount)
			at = &(*at)->next;
		*at = mount->next;
		struct note *note = note_new(NOTE_SUMMARY, NULL, NULL, NULL);
		if (note) {
			note->mount = mount;
			note->state = NOTE_DONE;
			files_finish(files, note);
		}
		/* else: the mount's memory stays; there is none to tell by */
		(void)pthread_cond_broadcast(&files->gone);
	}
	unlock(files);
}

/* Those the guard told of, as if each had been closed now. One that is still
 * open is told once more when it is closed. */
static void read_told(struct files_mount *mount, struct reading *reading)
{
	struct told_file *told, *next;

	for (told = files_take_told(mount); told; told = next) {
		struct files_event event;
		files_fill_told(mount, told, &event);
		on_event(&event, reading);
		next = told->next;
		free(told);
	}
}

static void end_mount(struct files_mount *mount, struct reading *reading)
{
	struct files *files = mount->files;

	read_told(mount, reading);
	if (mount->watch)
		files_watch_read(mount->watch, on_event, reading);
	mount->watch = files_watch_close(mount->watch);
	for (size_t i = 0; i < LINKS_MAX; i++) {
		free(mount->links[i].path);
		mount->links[i].path = NULL;
	}
	lock(files);
	mount->is_ended = true;
	for (struct note *note = mount->table.order.first, *next; note;
	     note = next) {
		next = note->next;
		if (note->state != NOTE_HASHING)
			finish_unhashed(note, note->state == NOTE_OPEN
						      ? "still open"
						      : mount->why);
	}
	unlock(files);
}

/* A file system may have been written to before it could be watched; times on
 * vfat are even seconds. Walked with the watch in place: nothing is between. */
static int begin_mount(struct files_mount *mount, struct reading *reading)
{
	int r = files_watch_open(mount->point, 0, &mount->watch);
	if (r < 0)
		return r;
	mount->sum.is_partial = !files_watch_has_names(mount->watch);
	read_told(mount, reading); /* the guard knows who, the walk does not */
	/* Of a larger tree the rest is left out: sekimorid(8) says so */
	(void)files_walk(mount->point, mount->wall_since_s, on_event, reading);
	return 0;
}

/* For the guard, which the loop speaks to. */
static void note_watched(struct files_mount *mount, uint64_t born_ns)
{
	if (born_ns == mount->watched_ns ||
	    !files_watch_sees(mount->watch, mount->major, mount->minor))
		return;
	__atomic_store_n(&mount->watched_ns, born_ns, __ATOMIC_RELEASE);
	files_poke(mount->files->done_fd);
}

/* Begins, goes on or ends, as the loop wants it. */
static void tend(struct files_mount *mount, struct reading *reading)
{
	struct files *files = mount->files;
	const char *why = __atomic_load_n(&mount->why, __ATOMIC_ACQUIRE);
	bool must_renew = __atomic_exchange_n(&mount->must_renew, false,
					      __ATOMIC_ACQ_REL);
	/* Before the watch: whatever comes after it is another one */
	uint64_t born_ns = __atomic_load_n(&mount->born_ns, __ATOMIC_ACQUIRE);

	if (mount->is_ended)
		return;
	if (!why && !mount->watch) {
		if (begin_mount(mount, reading) < 0)
			why = "cannot be watched";
	} else if (!why && must_renew && files_watch_renew(mount->watch) < 0) {
		why = "cannot be watched";
	}
	if (why) {
		lock(files);
		mount->is_unwatched = !mount->why;
		if (!mount->why)
			mount->why = why;
		unlock(files);
		end_mount(mount, reading);
	} else {
		note_watched(mount, born_ns);
		read_told(mount, reading);
		files_watch_read(mount->watch, on_event, reading);
	}
}

static bool must_tend(const struct files_mount *mount)
{
	return !mount->watch || mount->why || mount->must_renew || mount->told;
}

struct polling {
	struct files_mount *mounts[FILES_MOUNTS_MAX];
	struct pollfd fds[1 + 2 * FILES_MOUNTS_MAX];
	unsigned int mount_count;
	unsigned int fd_count;
	int timeout_ms;
};

/* What is to be polled, each mount kept from going meanwhile. */
static void collect(struct files *files, struct polling *polling)
{
	struct pollfd *fds = polling->fds;
	unsigned int count = 0, used = 0;

	polling->timeout_ms = -1;
	fds[used++] = (struct pollfd){.fd = files->wake_fd, .events = POLLIN};
	lock(files);
	for (struct files_mount *mount = files->mounts;
	     mount && count < FILES_MOUNTS_MAX; mount = mount->next) {
		int own[2] = {-1, -1};
		if (mount->is_ended)
			continue;
		if (mount->watch)
			files_watch_fds(mount->watch, own);
		mount->users++;
		if (must_tend(mount))
			polling->timeout_ms = 0;
		polling->mounts[count++] = mount;
		fds[used++] = (struct pollfd){.fd = own[0], .events = POLLIN};
		fds[used++] = (struct pollfd){.fd = own[1], .events = POLLIN};
	}
	unlock(files);
	polling->fd_count = used;
	polling->mount_count = count;
}

void *files_reader_main(void *userdata)
{
	struct files *files = userdata;
	struct person_cache persons = {0};
	struct polling polling;
	uint64_t ignored;

	while (!__atomic_load_n(&files->is_stopping, __ATOMIC_ACQUIRE)) {
		collect(files, &polling);
		(void)poll(polling.fds, polling.fd_count, polling.timeout_ms);
		if (polling.fds[0].revents)
			(void)!read(files->wake_fd, &ignored, sizeof(ignored));
		for (unsigned int i = 0; i < polling.mount_count; i++) {
			struct reading reading = {
				.mount = polling.mounts[i],
				.persons = &persons,
			};
			tend(polling.mounts[i], &reading);
			leave(polling.mounts[i]);
		}
	}
	person_cache_fini(&persons);
	return NULL;
}

/* ---- hasher -------------------------------------------------------------- */

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
	} else if (note->is_changed || (r == -ENOENT && has_moved)) {
		note->sha256[0] = '\0';
		note->state = NOTE_OPEN;
		if (!note->is_changed || !note->is_reopened)
			note_table_queue(&mount->table, note, clock_mono_ns());
		note->is_changed = note->is_reopened = false;
	} else {
		if (r != 0)
			note->unhashed = why_not(r);
		note_table_told(&mount->table, note->inode, clock_mono_ns());
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
	leave(hashing->mount);
	lock(hashing->files);
}

/* Under the lock: the next file to be read, or when to look again. */
static bool next_note(struct files *files, struct hashing *hashing,
		      uint64_t *ret_due_ns)
{
	uint64_t mono_now_ns = clock_mono_ns(), due_ns = 0, first_ns = 0;

	for (struct files_mount *mount = files->mounts; mount;
	     mount = mount->next) {
		if (mount->why || mount->is_ended)
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
