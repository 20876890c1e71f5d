/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child, pipe, deadline. The answer is read only after the child has ended: a
 * pipe holds more than an answer may have, so a talkative child blocks until
 * its deadline.
 */
#include "agent/daemon/prober.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/daemon/context.h"
#include "agent/sense/probe.h"

#define PROBE_PROGRAM SEKIMORI_LIBEXEC "/sekimori-probe"
#define PROBE_FD      3
#define DEADLINE_US   (10ULL * 1000 * 1000)
#define RUNNING_MAX   16

struct running {
	struct running *next;
	struct prober *prober;
	char disk[BLOCK_NAME_MAX];
	uint64_t diskseq;
	int pipe;
	sd_event_source *child;
	sd_event_source *deadline;
};

struct prober {
	struct daemon *daemon;
	struct running *first;
	unsigned int count;
};

int prober_new(struct daemon *daemon, struct prober **ret_prober)
{
	struct prober *prober = calloc(1, sizeof(*prober));

	if (!prober)
		return -ENOMEM;
	prober->daemon = daemon;
	*ret_prober = prober;
	return 0;
}

static void end(struct running *running)
{
	struct running **at = &running->prober->first;

	while (*at && *at != running)
		at = &(*at)->next;
	if (*at) {
		*at = running->next;
		running->prober->count--;
	}
	sd_event_source_disable_unref(running->child);
	sd_event_source_disable_unref(running->deadline);
	cleanup_close(&running->pipe);
	free(running);
}

struct prober *prober_free(struct prober *prober)
{
	if (!prober)
		return NULL;
	while (prober->first) {
		/* Still running: systemd's cgroup would end it anyway */
		(void)sd_event_source_send_child_signal(prober->first->child,
							SIGKILL, NULL, 0);
		end(prober->first);
	}
	free(prober);
	return NULL;
}

static int on_child(sd_event_source *source, const siginfo_t *info,
		    void *userdata)
{
	struct running *running = userdata;
	struct daemon *daemon = running->prober->daemon;
	char text[PROBE_TEXT_MAX + 1];
	struct medium_probe probe;
	size_t size = 0;

	(void)source;
	bool is_well = info->si_code == CLD_EXITED && info->si_status == 0 &&
		       read_full(running->pipe, text, sizeof(text), &size) ==
			       0 &&
		       probe_parse(text, size, &probe) == 0;
	if (!is_well)
		log_warning(daemon->log,
			    "the probe of '%s' failed (code %d, status %d)",
			    running->disk, info->si_code, info->si_status);
	pipeline_probed(&daemon->pipeline, running->disk, running->diskseq,
			is_well ? &probe : NULL);
	end(running);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct running *running = userdata;

	(void)source;
	(void)usec;
	/* on_child() follows and finds a killed child */
	return sd_event_source_send_child_signal(running->child, SIGKILL, NULL,
						 0);
}

static int open_node(struct daemon *daemon, const struct block_disk *disk,
		     int *ret_fd)
{
	struct stat st;
	_cleanup_close_ int fd = open_below(daemon->dev_fd, disk->name,
					    O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) ||
	    st.st_rdev != makedev(disk->major, disk->minor))
		return -ESTALE; /* another disk has the name by now */
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int fill_actions(posix_spawn_file_actions_t *actions, int device,
			int out)
{
	int r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null",
						 O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, out, 1);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, 2, "/dev/null",
						     O_WRONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, device, PROBE_FD);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(actions,
							     PROBE_FD + 1);
	return -r;
}

static int spawn(int device, int out, pid_t *ret_pid)
{
	char *const argv[] = {(char[]){"sekimori-probe"}, NULL};
	char *const environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;

	int r = -posix_spawn_file_actions_init(&actions);
	if (r < 0)
		return r;
	r = -posix_spawnattr_init(&attributes);
	if (r < 0) {
		posix_spawn_file_actions_destroy(&actions);
		return r;
	}
	(void)sigemptyset(&none);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = fill_actions(&actions, device, out);
	if (r == 0)
		r = -posix_spawn(ret_pid, PROBE_PROGRAM, &actions, &attributes,
				 argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int watch(struct running *running, pid_t pid)
{
	sd_event *loop = running->prober->daemon->loop;
	int r = sd_event_add_child(loop, &running->child, pid, WEXITED,
				   on_child, running);
	if (r < 0)
		return r;
	return sd_event_add_time_relative(loop, &running->deadline,
					  CLOCK_MONOTONIC, DEADLINE_US, 0,
					  on_deadline, running);
}

/* Above PROBE_FD, so that the child's dup2 cannot close one by the other. */
static int move_up(int *fd)
{
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, PROBE_FD + 1);

	if (moved < 0)
		return -errno;
	cleanup_close(fd);
	*fd = moved;
	return 0;
}

int prober_start(struct prober *prober, const struct medium_entry *medium)
{
	_cleanup_close_ int device = -1, in = -1, out = -1;
	int ends[2];
	pid_t pid;

	if (prober->count >= RUNNING_MAX)
		return -EBUSY;
	int r = open_node(prober->daemon, &medium->disk, &device);
	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	in = ends[0];
	out = ends[1];
	/* The child writes without thinking about EAGAIN */
	if (fcntl(out, F_SETFL, 0) < 0)
		return -errno;
	if ((r = move_up(&device)) < 0 || (r = move_up(&out)) < 0)
		return r;

	struct running *running = calloc(1, sizeof(*running));
	if (!running)
		return -ENOMEM;
	running->prober = prober;
	running->pipe = TAKE_FD(in);
	running->diskseq = medium->disk.diskseq;
	memcpy(running->disk, medium->disk.name, sizeof(running->disk));
	r = spawn(device, out, &pid);
	if (r == 0) {
		r = watch(running, pid);
		if (r < 0)
			(void)kill(pid, SIGKILL);
	}
	if (r < 0) {
		end(running);
		return r;
	}
	running->next = prober->first;
	prober->first = running;
	prober->count++;
	return 0;
}
