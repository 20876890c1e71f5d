/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions as logind has them (org.freedesktop.login1(5)), over the system bus
 * without ever waiting for it. Signals only say where to look: anybody on the
 * bus can send one. What counts is the answer of the name's owner, and the
 * start time of the leader from /proc. Reads only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#define LOGIN_SESSION_ID_SIZE 64
#define LOGIN_SESSION_WORD    64
#define LOGIN_SESSION_USER    256
/* Asked about at a time; logind's own limit of sessions is 8192. */
#define LOGIN_QUESTIONS_MAX 256

struct login_session {
	char id[LOGIN_SESSION_ID_SIZE];
	char user[LOGIN_SESSION_USER];
	uint32_t uid;
	uint32_t leader;
	uint64_t leader_start; /* clock ticks since boot; 0: it is gone */
	char service[LOGIN_SESSION_WORD]; /* PAM's */
	char seat[LOGIN_SESSION_WORD];	  /* "": none */
	char tty[LOGIN_SESSION_WORD];	  /* "tty1" */
	char type[LOGIN_SESSION_WORD];	  /* "tty", "x11", "wayland" … */
	char class_name[LOGIN_SESSION_WORD];
	char scope[LOGIN_SESSION_USER];
	char rhost[LOGIN_SESSION_USER];
	uint64_t wall_since_us;
	uint64_t idle_since_boot_ns; /* the last activity; 0: not known */
	bool is_idle;		     /* as the session says of itself */
	bool is_active;
	bool is_remote;
	bool is_hint_locked; /* anybody of the session can set it */
};

struct login_watch_ops {
	/* It is new, or something about it may have changed. */
	void (*seen)(void *userdata, const struct login_session *session);
	void (*gone)(void *userdata, const char *id);
	/* Every session that was there at the beginning has been told. */
	void (*listed)(void *userdata);
	/* The machine wakes from sleep. */
	void (*woken)(void *userdata);
};

struct login_watch;

/*
 * Begins to watch. BUS is referenced, ROOT_FD borrowed; OPS are called from the
 * bus's callbacks and must not free the watch. 0 or -errno.
 */
int login_watch_new(sd_bus *bus, int root_fd, const struct login_watch_ops *ops,
		    void *userdata, struct login_watch **ret_watch)
	__attribute__((nonnull(1, 3, 5), warn_unused_result));

/* Nothing is called afterwards. NULL is fine. */
struct login_watch *login_watch_free(struct login_watch *watch);

/* Looks at a session again; ops tell. */
void login_watch_look(struct login_watch *watch, const char *id)
	__attribute__((nonnull));

/*
 * The session a process belongs to, by its cgroup: "session-3.scope" gives "3".
 * A process of the user's own manager (user@1000.service) has none of its own:
 * then ret_id is "" and *ret_uid the user. 0, -ENOENT for a process that is
 * gone or in neither, or -errno. ret_id has LOGIN_SESSION_ID_SIZE bytes.
 */
int login_session_of(int root_fd, uint32_t pid, char *ret_id, uint32_t *ret_uid)
	__attribute__((nonnull, warn_unused_result));

/* Pure half of login_session_of: the text of /proc/PID/cgroup. */
int login_parse_cgroup(const char *text, char *ret_id, uint32_t *ret_uid)
	__attribute__((nonnull, warn_unused_result));
