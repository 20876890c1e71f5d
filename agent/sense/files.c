/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanotify events to names. Holds no descriptor on the file system between
 * two calls but what the kernel's own queue holds, so it never keeps anybody
 * from unmounting for longer than one call takes.
 */
#include "agent/sense/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/banned.h"

/* Each write comes with an open file: few at a time. */
#define WRITES_PER_READ 16
#define NAMES_BYTES	8192
#define READS_PER_TURN	64
/* Few, so that the names of what they write are read soon after. */
#define WRITE_READS_PER_TURN 4
/* Renames half told, on kernels that tell them in two parts. */
#define HALVES_MAX	  8
#define DELETED		  " (deleted)"
#define DEVICE_MINOR_BITS 20

#define WRITE_MASK (FAN_MODIFY | FAN_CLOSE_WRITE)
/* A write by descriptor is told by both groups, truncate(2) by this one only */
#define NAME_MASK (FAN_CREATE | FAN_DELETE | FAN_MODIFY | FAN_ONDIR)
#define MOVE_MASK (FAN_MOVED_FROM | FAN_MOVED_TO)

struct half {
	int32_t pid; /* 0: free */
	char *path;
};

union handle {
	struct file_handle handle;
	char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

/* Kept for one turn of reading: most names are of the same directory. */
struct turn {
	int top;	     /* of the mount; -1: not opened */
	union handle parent; /* handle_bytes 0: none */
	char above[FILES_PATH_MAX];
};

struct files_watch {
	char *point;
	int writes_fd;
	int names_fd;	    /* -1: the file system cannot */
	uint64_t name_mask; /* with FAN_RENAME or its two halves */
	struct half halves[HALVES_MAX];
	unsigned int next_half;
	char names[NAMES_BYTES];
	struct turn turn;
	char text[FILES_PATH_MAX];
	char path[FILES_PATH_MAX];
	char to[FILES_PATH_MAX];
};

static int mark(int fd, uint64_t mask, const char *point)
{
	if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask,
			  AT_FDCWD, point) < 0)
		return -errno;
	return 0;
}

static int open_writes(struct files_watch *watch)
{
	/* O_NONBLOCK: a FIFO on the medium must not stop the reader */
	watch->writes_fd =
		fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
				      FAN_UNLIMITED_MARKS,
			      O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOATIME);
	if (watch->writes_fd < 0)
		return -errno;
	return mark(watch->writes_fd, WRITE_MASK, watch->point);
}

/* FAN_RENAME is of Linux 5.17. */
static int open_names(struct files_watch *watch, unsigned int flags)
{
	_cleanup_close_ int fd =
		fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME |
				      FAN_CLOEXEC | FAN_NONBLOCK,
			      O_RDONLY | O_CLOEXEC);
	int r = -EINVAL;

	if (fd < 0)
		return -errno;
	watch->name_mask = NAME_MASK | FAN_RENAME;
	if (!(flags & FILES_NO_RENAME))
		r = mark(fd, watch->name_mask, watch->point);
	if (r == -EINVAL) {
		watch->name_mask = NAME_MASK | MOVE_MASK;
		r = mark(fd, watch->name_mask, watch->point);
	}
	if (r == 0)
		watch->names_fd = TAKE_FD(fd);
	return r;
}

DEFINE_CLEANUP(watch, struct files_watch *, files_watch_close);

int files_watch_open(const char *point, unsigned int flags,
		     struct files_watch **ret_watch)
{
	_cleanup_(cleanup_watch) struct files_watch *watch =
		calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->writes_fd = watch->names_fd = watch->turn.top = -1;
	watch->point = strdup(point);
	if (!watch->point)
		return -ENOMEM;
	int r = open_writes(watch);
	if (r < 0)
		return r;
	/* Not there on every file system; has_names() tells */
	(void)!open_names(watch, flags);
	*ret_watch = TAKE_PTR(watch);
	return 0;
}

struct files_watch *files_watch_close(struct files_watch *watch)
{
	if (!watch)
		return NULL;
	cleanup_close(&watch->writes_fd);
	cleanup_close(&watch->names_fd);
	for (size_t i = 0; i < HALVES_MAX; i++)
		free(watch->halves[i].path);
	free(watch->point);
	free(watch);
	return NULL;
}

int files_watch_renew(struct files_watch *watch)
{
	int r = mark(watch->writes_fd, WRITE_MASK, watch->point);

	if (r == 0 && watch->names_fd >= 0)
		r = mark(watch->names_fd, watch->name_mask, watch->point);
	return r;
}

/* proc(5): "fanotify sdev:800001 mflags:0 …", the kernel's own dev_t. */
bool files_watch_sees(const struct files_watch *watch, uint32_t major,
		      uint32_t minor)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[48], line[256], wanted[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d",
		       watch->writes_fd);
	(void)snprintf(wanted, sizeof(wanted), "fanotify sdev:%x ",
		       major << DEVICE_MINOR_BITS | minor);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, wanted, strlen(wanted)) == 0)
			return true;
	return false;
}

void files_watch_fds(const struct files_watch *watch, int ret_fds[2])
{
	ret_fds[0] = watch->names_fd;
	ret_fds[1] = watch->writes_fd;
}

bool files_watch_has_names(const struct files_watch *watch)
{
	return watch->names_fd >= 0;
}

static void ignore(const struct files_watch *watch, unsigned int flags, int fd)
{
	flags |= FAN_MARK_IGNORED_MASK;
	(void)fanotify_mark(watch->writes_fd, flags, FAN_MODIFY, fd, NULL);
	if (watch->names_fd >= 0)
		(void)fanotify_mark(watch->names_fd, flags, FAN_MODIFY, fd,
				    NULL);
}

void files_watch_quiet(const struct files_watch *watch, int fd)
{
	ignore(watch, FAN_MARK_ADD | FAN_MARK_IGNORED_SURV_MODIFY, fd);
}

void files_watch_loud(const struct files_watch *watch, int fd)
{
	ignore(watch, FAN_MARK_REMOVE, fd);
}

const char *files_below(const char *point, const char *text)
{
	size_t len = strlen(point);

	while (len > 0 && point[len - 1] == '/')
		len--;
	if (strncmp(point, text, len) != 0)
		return NULL;
	if (text[len] == '\0')
		return text + len;
	return text[len] == '/' ? text + len + 1 : NULL;
}

void files_fill_stat(struct files_event *event, const struct stat *st)
{
	event->has_stat = true;
	event->inode = st->st_ino;
	event->size_bytes = (uint64_t)st->st_size;
	event->wall_changed_ns = st->st_mtim.tv_sec * 1000000000LL +
				 st->st_mtim.tv_nsec;
	event->link_count = (uint32_t)st->st_nlink;
	event->owner_uid = st->st_uid;
}

/* The kernel's name of an open file. */
static int name_of_fd(int fd, char ret_text[static FILES_PATH_MAX])
{
	char link[32];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, ret_text, FILES_PATH_MAX);
	if (n < 0)
		return -errno;
	if (n == FILES_PATH_MAX)
		return -ENAMETOOLONG;
	ret_text[n] = '\0';
	return 0;
}

static int open_top(struct files_watch *watch)
{
	if (watch->turn.top < 0)
		watch->turn.top = open(watch->point,
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return watch->turn.top < 0 ? -errno : 0;
}

static void end_turn(struct files_watch *watch)
{
	cleanup_close(&watch->turn.top);
	watch->turn.top = -1;
	watch->turn.parent.handle.handle_bytes = 0;
}

/* A handle in ret_fd, opened through our own mount of the file system. */
static int open_handle(struct files_watch *watch, struct file_handle *handle,
		       int *ret_fd)
{
	int r = open_top(watch);
	if (r < 0)
		return r;
	int fd = open_by_handle_at(watch->turn.top, handle, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* The file was opened through another mount of this file system (a bind, or
 * in another namespace): what is it called in ours? */
static const char *name_elsewhere(struct files_watch *watch, int fd)
{
	union handle own = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
	_cleanup_close_ int here = -1;
	int mount_id;

	if (name_to_handle_at(fd, "", &own.handle, &mount_id, AT_EMPTY_PATH) <
	    0)
		return NULL;
	if (open_handle(watch, &own.handle, &here) < 0 ||
	    name_of_fd(here, watch->text) < 0)
		return NULL;
	const char *path = files_below(watch->point, watch->text);
	return path && path[0] ? path : NULL;
}

/* "NAME (deleted)" may be a file's real name. */
static bool is_called(const char *text, const struct stat *st)
{
	struct stat there;

	return lstat(text, &there) == 0 && there.st_ino == st->st_ino &&
	       there.st_dev == st->st_dev;
}

static const char *path_of_write(struct files_watch *watch, int fd,
				 const struct stat *st)
{
	char *text = watch->text;

	if (name_of_fd(fd, text) < 0)
		return NULL;
	size_t len = strlen(text), tail = sizeof(DELETED) - 1;
	if (len > tail && strcmp(text + len - tail, DELETED) == 0 &&
	    !is_called(text, st)) {
		if (st->st_nlink > 0)
			return NULL; /* that name is gone, it has another */
		text[len - tail] = '\0';
	}
	const char *path = files_below(watch->point, text);
	if (path)
		return path[0] ? path : NULL;
	path = name_elsewhere(watch, fd);
	return path ? path : text;
}

static void tell_write(struct files_watch *watch,
		       const struct fanotify_event_metadata *from, files_fn fn,
		       void *userdata)
{
	struct files_event event = {.pid = from->pid, .fd = from->fd};
	struct stat st;

	if (from->mask & FAN_Q_OVERFLOW || from->fd < 0) {
		event.change = FILES_LOST;
		event.fd = -1;
		fn(&event, userdata);
		return;
	}
	if (fstat(from->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	files_fill_stat(&event, &st);
	event.path = path_of_write(watch, from->fd, &st);
	event.change = from->mask & FAN_CLOSE_WRITE ? FILES_CLOSED
						    : FILES_MODIFIED;
	fn(&event, userdata);
}

static bool read_writes(struct files_watch *watch, files_fn fn, void *userdata)
{
	struct fanotify_event_metadata events[WRITES_PER_READ];
	const struct files_event lost = {.change = FILES_LOST, .fd = -1};

	for (int i = 0; i < WRITE_READS_PER_TURN; i++) {
		ssize_t n = read(watch->writes_fd, events, sizeof(events));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			fn(&lost, userdata); /* it could not open the file */
		else if (n <= 0)
			return true;
		const struct fanotify_event_metadata *event = events;
		for (; n > 0 && FAN_EVENT_OK(event, n);
		     event = FAN_EVENT_NEXT(event, n)) {
			tell_write(watch, event, fn, userdata);
			if (event->fd >= 0)
				(void)close(event->fd);
		}
	}
	return false;
}

static bool is_same_handle(const struct file_handle *a,
			   const struct file_handle *b)
{
	return a->handle_bytes == b->handle_bytes &&
	       a->handle_type == b->handle_type &&
	       memcmp(a->f_handle, b->f_handle, a->handle_bytes) == 0;
}

/* Where the directory is now, below the mount. NULL: it has gone. */
static const char *directory_of(struct files_watch *watch, union handle *handle)
{
	struct turn *turn = &watch->turn;
	_cleanup_close_ int dir = -1;

	if (turn->parent.handle.handle_bytes > 0 &&
	    is_same_handle(&turn->parent.handle, &handle->handle))
		return turn->above;
	turn->parent.handle.handle_bytes = 0;
	if (open_handle(watch, &handle->handle, &dir) < 0 ||
	    name_of_fd(dir, watch->text) < 0)
		return NULL;
	const char *above = files_below(watch->point, watch->text);
	if (!above)
		return NULL;
	memcpy(turn->above, above, strlen(above) + 1);
	turn->parent = *handle;
	return turn->above;
}

/* DIRECTORY/NAME below the mount into ret_path. A directory that cannot be
 * found any more leaves its files their bare names. */
static void path_of_name(struct files_watch *watch, union handle *handle,
			 const char *name, char ret_path[static FILES_PATH_MAX])
{
	const char *above = directory_of(watch, handle);
	int n = above && above[0]
			? snprintf(ret_path, FILES_PATH_MAX, "%s/%s", above,
				   name)
			: snprintf(ret_path, FILES_PATH_MAX, "%s", name);
	if (n < 0)
		ret_path[0] = '\0';
}

static void stat_name(struct files_watch *watch, struct files_event *event)
{
	struct stat st;

	if (open_top(watch) < 0 ||
	    fstatat(watch->turn.top, event->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISREG(st.st_mode))
		files_fill_stat(event, &st);
}

/* Half a rename: kept until the other half, which the same caller made. */
static void keep_half(struct files_watch *watch, int32_t pid)
{
	struct half *half = &watch->halves[watch->next_half++ % HALVES_MAX];

	free(half->path);
	half->path = strdup(watch->path);
	half->pid = half->path ? pid : 0;
}

static bool take_half(struct files_watch *watch, int32_t pid)
{
	for (size_t i = 0; i < HALVES_MAX; i++) {
		struct half *half = &watch->halves[i];
		if (half->pid != pid || !half->path)
			continue;
		memcpy(watch->to, watch->path, sizeof(watch->to));
		(void)snprintf(watch->path, sizeof(watch->path), "%s",
			       half->path);
		free(half->path);
		*half = (struct half){0};
		return true;
	}
	return false;
}

/* Names of one event: path, and to where the kernel tells both. */
static bool read_info(struct files_watch *watch, const char *at,
		      const char *end, bool *ret_to)
{
	bool has_path = false;

	*ret_to = false;
	while (end - at >= (ptrdiff_t)sizeof(struct fanotify_event_info_fid)) {
		struct fanotify_event_info_fid info;
		union handle own;
		memcpy(&info, at, sizeof(info));
		size_t len = info.hdr.len;
		size_t head = sizeof(info) + sizeof(struct file_handle);
		if (len < head || len > (size_t)(end - at))
			break;
		memcpy(&own.handle, at + sizeof(info), sizeof(own.handle));
		size_t bytes = own.handle.handle_bytes;
		if (bytes > MAX_HANDLE_SZ || len <= head + bytes)
			break;
		memcpy(own.room, at + sizeof(info),
		       sizeof(struct file_handle) + bytes);
		const char *name = at + head + bytes;
		bool is_to = info.hdr.info_type ==
			     FAN_EVENT_INFO_TYPE_NEW_DFID_NAME;
		if (memchr(name, '\0', len - head - bytes))
			path_of_name(watch, &own, name,
				     is_to ? watch->to : watch->path);
		*ret_to |= is_to;
		has_path |= !is_to;
		at += len;
	}
	return has_path;
}

static void tell_change(struct files_watch *watch, struct files_event *event,
			enum files_change change, files_fn fn, void *userdata)
{
	event->change = change;
	event->path = watch->path;
	event->to = change == FILES_RENAMED ? watch->to : NULL;
	fn(event, userdata);
}

/* BYTES: the event as the kernel has it; FROM: its head. */
static void tell_name(struct files_watch *watch, const char *bytes,
		      const struct fanotify_event_metadata *from, files_fn fn,
		      void *userdata)
{
	struct files_event event = {.pid = from->pid, .fd = -1};
	bool has_to;

	if (from->mask & FAN_Q_OVERFLOW) {
		event.change = FILES_LOST;
		fn(&event, userdata);
		return;
	}
	if (!read_info(watch, bytes + from->metadata_len,
		       bytes + from->event_len, &has_to))
		return;
	event.is_directory = from->mask & FAN_ONDIR;
	if (event.is_directory) /* it, or what is in it, has moved */
		watch->turn.parent.handle.handle_bytes = 0;
	if (from->mask & FAN_MOVED_FROM) {
		keep_half(watch, from->pid);
		return;
	}
	if (has_to ||
	    (from->mask & FAN_MOVED_TO && take_half(watch, from->pid))) {
		tell_change(watch, &event, FILES_RENAMED, fn, userdata);
		return;
	}
	event.path = watch->path;
	if (from->mask & (FAN_CREATE | FAN_MOVED_TO | FAN_MODIFY))
		stat_name(watch, &event);
	/* Both at once: what is there now was made last */
	if (from->mask & FAN_DELETE)
		tell_change(watch, &event, FILES_DELETED, fn, userdata);
	if (event.has_stat && from->mask & (FAN_CREATE | FAN_MOVED_TO))
		tell_change(watch, &event, FILES_CREATED, fn, userdata);
	if (event.has_stat && from->mask & FAN_MODIFY)
		tell_change(watch, &event, FILES_RESIZED, fn, userdata);
}

static void read_names(struct files_watch *watch, files_fn fn, void *userdata)
{
	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t n = read(watch->names_fd, watch->names,
				 sizeof(watch->names));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		/* The kernel aligns events with names to 4 bytes only */
		struct fanotify_event_metadata event;
		for (const char *at = watch->names; n >= (ssize_t)sizeof(event);
		     at += event.event_len) {
			memcpy(&event, at, sizeof(event));
			if (!FAN_EVENT_OK(&event, n))
				break;
			n -= (ssize_t)event.event_len;
			tell_name(watch, at, &event, fn, userdata);
		}
	}
}

bool files_watch_read(struct files_watch *watch, files_fn fn, void *userdata)
{
	if (watch->names_fd >= 0)
		read_names(watch, fn, userdata);
	bool is_all = read_writes(watch, fn, userdata);
	end_turn(watch);
	return is_all;
}
