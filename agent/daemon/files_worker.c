/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's thread. It takes events as they come, because an unread one pins
 * the mount and the process behind it may be gone a moment later. It does not
 * touch the loop's things: what is finished goes to files.done.
 */
#include "agent/daemon/files_parts.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/sense/files_walk.h"

/* Of reading what is left of a mount that has ended. */
#define LAST_TURNS_MAX 64
/* How often a file system without a mount is looked after. */
#define AWAY_POLL_MS 200

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
	note->wall_changed_ns = event->wall_changed_ns;
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
	note->is_by_name = false;
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
	note->is_by_name = false;
	/* Without memory it keeps its old name */
	if (event->path && event->link_count > 0 &&
	    (!note->path || strcmp(note->path, event->path) != 0))
		(void)!note_table_move(&mount->table, note, event->path);
	note->size_bytes = event->size_bytes;
	note->wall_changed_ns = event->wall_changed_ns;
	note->wall_last_ms = clock_wall_ns() / NS_PER_MS;
	note->write_count++;
	if (event->link_count == 0 && note->state != NOTE_HASHING)
		finish_unhashed(note, "deleted before it was closed");
	else
		queue(mount, note);
}

/* Every file that is written comes here too, before or after it is told by its
 * descriptor: what this leaves is what was cut by its name alone. Which one it
 * is shows when no write waits any more. */
static void on_resized(struct files_mount *mount,
		       const struct files_event *event, struct person *person)
{
	struct note *note = note_table_find(&mount->table, event->inode);

	if (note) {
		if (note->state == NOTE_HASHING &&
		    note->wall_changed_ns != event->wall_changed_ns)
			queue(mount, note);
		return;
	}
	if (note_table_is_told(&mount->table, event->inode, event->size_bytes,
			       event->wall_changed_ns))
		return;
	note = add_written(mount, event, person);
	if (!note)
		return;
	note->is_by_name = true;
	mount->by_name_count++;
}

/* No write waits: those have none. Soon enough: ftruncate(2) looks like this,
 * and the close that follows is what should be told. */
static void queue_by_name(struct files_mount *mount)
{
	if (mount->by_name_count == 0)
		return;
	mount->by_name_count = 0;
	lock(mount->files);
	for (struct note *note = mount->table.order.first, *next; note;
	     note = next) {
		next = note->next;
		if (!note->is_by_name || note->state != NOTE_OPEN)
			continue;
		note->is_by_name = false;
		queue(mount, note);
		if (note->state == NOTE_QUEUED)
			note->mono_due_ns = clock_mono_ns() + NOTE_AGAIN_NS;
	}
	unlock(mount->files);
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
	case FILES_RESIZED:
		on_resized(mount, event, person);
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
void files_leave(struct files_mount *mount)
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
	for (int i = 0; mount->watch && i < LAST_TURNS_MAX; i++)
		if (files_watch_read(mount->watch, on_event, reading))
			break;
	queue_by_name(mount);
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

/* Its mount has gone, and so has the last who had it open; or the next mount
 * of it sees them. Nothing tells when: the kernel drops the mark silently. */
static bool is_over(const struct files_mount *mount)
{
	const struct files_mount *next;

	if (!__atomic_load_n(&mount->is_away, __ATOMIC_ACQUIRE))
		return false;
	lock(mount->files);
	for (next = mount->files->mounts; next; next = next->next)
		if (next->major == mount->major &&
		    next->minor == mount->minor && !next->is_away)
			break;
	unlock(mount->files);
	return next || !mount->watch ||
	       !files_watch_sees(mount->watch, mount->major, mount->minor);
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
	if (!why && is_over(mount)) {
		why = "unmounted";
	} else if (!why && !mount->watch) {
		if (begin_mount(mount, reading) < 0)
			why = "cannot be watched";
	} else if (!why && must_renew && files_watch_renew(mount->watch) < 0) {
		why = "cannot be watched";
	}
	if (why) {
		lock(files);
		mount->is_unwatched = !mount->why && !mount->is_away;
		if (!mount->why)
			mount->why = why;
		unlock(files);
		end_mount(mount, reading);
	} else {
		note_watched(mount, born_ns);
		read_told(mount, reading);
		if (files_watch_read(mount->watch, on_event, reading))
			queue_by_name(mount);
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
		else if (mount->is_away && polling->timeout_ms < 0)
			polling->timeout_ms = AWAY_POLL_MS;
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
			files_leave(polling.mounts[i]);
		}
	}
	person_cache_fini(&persons);
	return NULL;
}
