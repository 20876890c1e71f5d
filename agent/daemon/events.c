/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every source of the loop and what is done when it speaks. Uevents come
 * before the guard's ring (the plug session must exist before its refusals are
 * told), both before timers and the bus. No timer runs but heartbeat, watchdog
 * and, while refusals are being counted, the fold timer.
 */
#include "agent/daemon/context.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <systemd/sd-daemon.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/daemon/control.h"
#include "agent/daemon/files.h"
#include "agent/daemon/ender.h"
#include "agent/daemon/grant_loop.h"
#include "agent/daemon/health.h"
#include "agent/daemon/hid_guard.h"
#include "agent/daemon/login_loop.h"
#include "agent/daemon/login_stack.h"
#include "agent/daemon/networks.h"
#include "agent/daemon/policy_offer.h"
#include "agent/daemon/tamper.h"
#include "agent/sense/mount.h"
#include "agent/sense/uevent.h"

#define STATE_DIR "var/lib/sekimori/state"
/* Of one wake-up: the loop must come round to the guard and the bus. */
#define UEVENTS_PER_TURN 64
#define NETS_PER_TURN	 64
#define PRIORITY_UEVENT	 (-100)
#define PRIORITY_GUARD	 (-50)
#define PRIORITY_LATE	 50
/* A flood of files must not keep the watchdog's timer waiting. */
#define PRIORITY_FILES 60
/* A timer may be this late, so that the kernel can batch wake-ups. */
#define SLACK_US (1000ULL * 1000)

static int on_uevent(sd_event_source *source, int fd, uint32_t revents,
		     void *userdata)
{
	struct daemon *daemon = userdata;
	struct uevent event;

	(void)source;
	(void)revents;
	for (int i = 0; i < UEVENTS_PER_TURN; i++) {
		int r = uevent_receive(fd, &event);
		if (r == UEVENT_NONE)
			break;
		if (r == UEVENT_LOST) {
			(void)failure_count(&daemon->failures,
					    FAILURE_UEVENT_LOST);
			log_warning(daemon->log, "kernel events were lost, "
						 "scanning again");
			pipeline_scan(&daemon->pipeline);
			hid_guard_scan(daemon->hid_guard);
			login_loop_uevent(daemon->logins, NULL);
		} else if (r == 0) {
			pipeline_uevent(&daemon->pipeline, &event);
			hid_guard_uevent(daemon->hid_guard, &event);
			login_loop_uevent(daemon->logins, &event);
		} else if (r < 0) {
			log_error(daemon->log, "cannot read kernel events: %s",
				  errno_text(r));
			return r;
		}
	}
	return 0;
}

static void take_guard_event(const struct guard_event *event, void *userdata)
{
	struct daemon *daemon = userdata;

	if (event->hook == GUARD_HOOK_WRITING)
		files_writing(daemon->files,
			      (const struct guard_writing *)event);
	else
		pipeline_guard_event(&daemon->pipeline, event);
}

static int on_guard(sd_event_source *source, int fd, uint32_t revents,
		    void *userdata)
{
	struct daemon *daemon = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	int r = block_guard_dispatch(daemon->guard, take_guard_event, daemon);
	if (r < 0)
		log_error(daemon->log, "cannot read guard events: %s",
			  errno_text(r));
	return 0;
}

static void scan_networks(struct daemon *daemon)
{
	int r = daemon->networks ? networks_scan(daemon->networks) : 0;

	if (r < 0)
		log_warning(daemon->log, "cannot list networks: %s",
			    errno_text(r));
}

static int on_net(sd_event_source *source, int fd, uint32_t revents,
		  void *userdata)
{
	struct daemon *daemon = userdata;

	(void)source;
	(void)revents;
	for (int i = 0; i < NETS_PER_TURN; i++) {
		int r = net_receive(fd, networks_event, daemon->networks);
		if (r == NET_NONE)
			break;
		if (r == NET_LOST) {
			(void)failure_count(&daemon->failures,
					    FAILURE_UEVENT_LOST);
			scan_networks(daemon);
		} else if (r < 0) {
			log_error(daemon->log, "cannot read networks: %s",
				  errno_text(r));
			return r;
		}
	}
	return 0;
}

static int on_spool(sd_event_source *source, int fd, uint32_t revents,
		    void *userdata)
{
	struct daemon *daemon = userdata;
	uint64_t count;

	(void)source;
	(void)revents;
	/* Only the wake-up matters; EAGAIN is another thread's turn */
	(void)!read(fd, &count, sizeof(count));
	recorder_dispatch(daemon->recorder);
	files_resume(daemon->files);
	if (daemon->control)
		control_publish(daemon->control);
	return 0;
}

static int open_state(const struct daemon *daemon)
{
	return open_below(daemon->root_fd, STATE_DIR, O_RDONLY | O_DIRECTORY,
			  0);
}

static void write_disk_stamp(struct daemon *daemon, bool is_clean)
{
	_cleanup_close_ int dir = open_state(daemon);
	const char *boot_id = recorder_terminal(daemon->recorder)->boot_uid;

	/* Without it the next start says "first" or "power": told, not vital */
	if (dir >= 0 && alive_write(dir, boot_id, is_clean, true) < 0)
		log_debug(daemon->log, "cannot write the stamp on disk");
}

static void write_run_stamp(struct daemon *daemon, bool is_clean)
{
	const char *boot_id = recorder_terminal(daemon->recorder)->boot_uid;

	/* Without it the next start cannot tell a crash: told, not vital */
	if (daemon->run_fd >= 0 &&
	    alive_write(daemon->run_fd, boot_id, is_clean, false) < 0)
		log_debug(daemon->log, "cannot write the stamp in /run");
}

void events_stamp(struct daemon *daemon, bool is_clean)
{
	write_run_stamp(daemon, is_clean);
	/* The one on disk is read when the spool opens: not before that */
	if (recorder_is_open(daemon->recorder))
		write_disk_stamp(daemon, is_clean);
}

/* For an uninstall: what the root hubs had before we came. */
static void save_usb_defaults(struct daemon *daemon)
{
	_cleanup_close_ int dir = open_state(daemon);

	if (dir < 0 || !daemon->usb_auth)
		return;
	int r = usb_auth_save(daemon->usb_auth, dir, "usb-defaults");
	if (r < 0)
		log_warning(daemon->log, "cannot keep the USB defaults: %s",
			    errno_text(r));
}

/* From now on a built-in disk that is not on the list is a medium. */
static void hold_disks(struct daemon *daemon)
{
	pipeline_hold_disks(&daemon->pipeline);
	pipeline_scan(&daemon->pipeline);
}

/* /var may be a file system of its own that came after us. */
static void read_learned(struct daemon *daemon)
{
	_cleanup_close_ int dir = open_state(daemon);

	if (dir >= 0 && daemon->networks)
		networks_read_learned(daemon->networks, dir);
	if (dir < 0)
		return;
	if (!daemon->learned.is_known &&
	    learned_load(dir, &daemon->learned) == 0)
		pipeline_relearn(&daemon->pipeline);
	if (!daemon->disks.is_known &&
	    known_disks_load(dir, &daemon->disks) == 0)
		hold_disks(daemon);
}

static void learn_disks(struct daemon *daemon, int dir)
{
	int r = pipeline_learn_disks(&daemon->pipeline, &daemon->disks);

	if (r == 0)
		r = known_disks_save(dir, &daemon->disks);
	if (r < 0)
		log_warning(daemon->log, "cannot learn the built-in disks: %s",
			    errno_text(r));
	else
		hold_disks(daemon);
}

/* The terminal's first heartbeat: what the lifeline stands on is known now. */
static void end_learning(struct daemon *daemon)
{
	_cleanup_close_ int dir = open_state(daemon);

	if (dir >= 0 && daemon->networks &&
	    networks_learn(daemon->networks, dir) < 0)
		log_warning(daemon->log, "cannot keep the networks");
	if (dir >= 0 && !daemon->disks.is_known)
		learn_disks(daemon, dir);
	if (daemon->learned.is_known || dir < 0)
		return;
	int r = learned_save(dir, &daemon->learned, &daemon->pipeline.devices);
	if (r < 0)
		log_warning(daemon->log, "cannot keep the lifeline: %s",
			    errno_text(r));
	else
		daemon->pipeline.is_learning = false;
}

static void watch_spool(struct daemon *daemon)
{
	int r = sd_event_add_io(daemon->loop, &daemon->spool_source,
				recorder_event_fd(daemon->recorder), EPOLLIN,
				on_spool, daemon);

	if (r < 0)
		log_error(daemon->log, "cannot watch the spool: %s",
			  errno_text(r));
}

void events_open_spool(struct daemon *daemon)
{
	if (recorder_is_open(daemon->recorder))
		return;
	int r = recorder_open(daemon->recorder);
	if (r < 0) {
		log_debug(daemon->log, "no spool yet: %s", errno_text(r));
		return;
	}
	log_info(daemon->log, "spool is open");
	write_disk_stamp(daemon, false);
	save_usb_defaults(daemon);
	read_learned(daemon);
	login_loop_apply(daemon->logins);
	grant_loop_load(daemon->grants);
	grant_loop_inbox(daemon->grants);
	watch_spool(daemon);
	recorder_read_cursor(daemon->recorder);
}

/* What the shipper has to say: what is stored, or that it never will be. */
static void look_at_cursor(struct daemon *daemon)
{
	recorder_read_cursor(daemon->recorder);
	if (!recorder_is_forked(daemon->recorder))
		return;
	daemon->spool_source = sd_event_source_unref(daemon->spool_source);
	int r = recorder_renew(daemon->recorder);
	if (r < 0)
		log_warning(daemon->log, "no new stream yet: %s",
			    errno_text(r));
	if (recorder_is_open(daemon->recorder))
		watch_spool(daemon);
}

static int on_mount(sd_event_source *source, int fd, uint32_t revents,
		    void *userdata)
{
	struct daemon *daemon = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	events_open_spool(daemon);
	files_sync(daemon->files);
	return 0;
}

static int on_files(sd_event_source *source, int fd, uint32_t revents,
		    void *userdata)
{
	struct daemon *daemon = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	files_dispatch(daemon->files);
	return 0;
}

static int rearm(sd_event_source *source, uint64_t in_us)
{
	int r = sd_event_source_set_time_relative(source, in_us);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* What was taken away is told, whether or not it could be brought back. */
static void restore_guard(struct daemon *daemon, int error)
{
	const struct block_guard_status *status =
		block_guard_status(daemon->guard);
	char why[FAILURE_DETAIL_MAX];

	(void)snprintf(why, sizeof(why), "%s",
		       status->reason[0] ? status->reason
		       : error < 0	 ? errno_text(error)
					 : "a program of it is not pinned");
	if (!daemon->failures.active[FAILURE_GUARD_LOST])
		health_tell_guard_lost(daemon);
	(void)failure_raise(&daemon->failures, FAILURE_GUARD_LOST, why);
	health_check(daemon);
	int r = block_guard_restore(daemon->guard);
	if (r < 0) {
		log_error(daemon->log, "the guard cannot be restored: %s",
			  errno_text(r));
		return;
	}
	daemon_store_guard(daemon->guard);
	daemon->guard_dropped = 0; /* the new ring counts from nothing */
	if (!(daemon->guard_layers & ~status->layers)) {
		log_notice(daemon->log, "the guard is whole again");
		failure_clear(&daemon->failures, FAILURE_GUARD_LOST);
	}
}

/* Each layer is made to refuse something again: an attached program that no
 * longer runs, or one that somebody took away, must not be reported as a
 * working one. */
static void prove_guard(struct daemon *daemon)
{
	struct block_guard_counters counters;
	const struct block_guard_status *status;

	if (!daemon->guard)
		return;
	int r = block_guard_self_test(daemon->guard);
	health_note_proof(daemon);
	status = block_guard_status(daemon->guard);
	if (r < 0 || (daemon->guard_layers & ~status->layers))
		restore_guard(daemon, r);
	else
		failure_clear(&daemon->failures, FAILURE_GUARD_LOST);
	daemon->guard_layers |= status->layers;
	health_check_floor(daemon);
	tamper_apply(daemon);

	if (block_guard_read_counters(daemon->guard, &counters) < 0 ||
	    counters.events_dropped <= daemon->guard_dropped)
		return;
	(void)failure_count(&daemon->failures, FAILURE_GUARD_DROPPED);
	health_tell_guard_gap(daemon,
			      counters.events_dropped - daemon->guard_dropped);
	daemon->guard_dropped = counters.events_dropped;
}

void events_reconcile(struct daemon *daemon)
{
	/* What somebody authorised by hand is taken back */
	pipeline_scan(&daemon->pipeline);
	pipeline_judge_by_time(&daemon->pipeline);
	files_sync(daemon->files);
	hid_guard_scan(daemon->hid_guard);
	prove_guard(daemon);
	scan_networks(daemon);
}

static int on_heartbeat(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct daemon *daemon = userdata;

	(void)usec;
	events_open_spool(daemon);
	end_learning(daemon);
	look_at_cursor(daemon);
	/* What lies there may have begun to count meanwhile */
	(void)policy_offer_inbox(daemon);
	(void)!tamper_order_inbox(daemon);
	grant_loop_inbox(daemon->grants);
	events_reconcile(daemon);
	login_stack_look(daemon->login_stack);
	ender_look_ahead(daemon->ender);
	health_tell(daemon);
	events_stamp(daemon, false);
	return rearm(source, daemon->config.heartbeat_s * 1000000);
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct daemon *daemon = userdata;

	(void)usec;
	(void)sd_notify(0, "WATCHDOG=1"); /* systemd judges, not we */
	write_run_stamp(daemon, false);
	return rearm(source, daemon->watchdog_us);
}

static int on_fold(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct daemon *daemon = userdata;

	(void)source;
	(void)usec;
	pipeline_flush_folds(&daemon->pipeline);
	return 0;
}

static int on_hangup(sd_event_source *source,
		     const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	(void)!daemon_reload(userdata); /* told by events and in the log */
	return 0;
}

/* After each turn: what changed is saved and told once. */
static int on_turn(sd_event_source *source, void *userdata)
{
	struct daemon *daemon = userdata;
	struct pipeline *pipeline = &daemon->pipeline;
	int enabled = SD_EVENT_OFF;

	(void)source;
	login_loop_turn(daemon->logins);
	grant_loop_turn(daemon->grants);
	if (pipeline->is_dirty)
		ender_look_ahead(daemon->ender);
	if (pipeline->is_dirty && daemon->run_fd >= 0) {
		int r = session_save(daemon->run_fd, &pipeline->devices,
				     pipeline->has_set_default);
		if (r < 0)
			log_warning(daemon->log, "cannot save the session: %s",
				    errno_text(r));
		pipeline->is_dirty = false;
	}
	if (daemon->networks && daemon->run_fd >= 0 &&
	    networks_save_told(daemon->networks, daemon->run_fd) < 0)
		log_warning(daemon->log, "cannot save the networks told");
	(void)sd_event_source_get_enabled(daemon->fold_source, &enabled);
	if (pipeline->has_folds && enabled == SD_EVENT_OFF)
		(void)rearm(daemon->fold_source,
			    daemon->config.fold_s * 1000000);
	health_check(daemon);
	return 0;
}

static int add_io(struct daemon *daemon, int fd, uint32_t events, int priority,
		  sd_event_io_handler_t handler)
{
	sd_event_source *source = NULL;
	int r = sd_event_add_io(daemon->loop, &source, fd, events, handler,
				daemon);
	if (r < 0)
		return r;
	r = sd_event_source_set_priority(source, priority);
	(void)sd_event_source_set_floating(source, true);
	sd_event_source_unref(source);
	return r;
}

static int add_timer(struct daemon *daemon, sd_event_source **ret_source,
		     uint64_t in_us, sd_event_time_handler_t handler)
{
	int r = sd_event_add_time_relative(daemon->loop, ret_source,
					   CLOCK_BOOTTIME, in_us, SLACK_US,
					   handler, daemon);
	if (r < 0)
		return r;
	return sd_event_source_set_priority(*ret_source, PRIORITY_LATE);
}

static int add_timers(struct daemon *daemon)
{
	uint64_t usec = 0;
	int r = add_timer(daemon, &daemon->heartbeat_source,
			  daemon->config.heartbeat_s * 1000000, on_heartbeat);
	if (r < 0)
		return r;
	r = add_timer(daemon, &daemon->fold_source, 0, on_fold);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(daemon->fold_source, SD_EVENT_OFF);
	if (r < 0)
		return r;
	if (sd_watchdog_enabled(0, &usec) <= 0 || usec == 0)
		return 0;
	daemon->watchdog_us = usec / 2;
	return add_timer(daemon, &daemon->watchdog_source, 0, on_watchdog);
}

/* Somebody wrote agent.conf: an editor, or sekimori-ship enroll. Policy is not
 * in there, so nobody has to ask for a reload. */
static int on_config(sd_event_source *source, const struct inotify_event *event,
		     void *userdata)
{
	struct daemon *daemon = userdata;

	(void)source;
	if (event->len == 0 ||
	    strcmp(event->name, sysfs_basename(daemon->options.config)) != 0)
		return 0;
	uint64_t heartbeat_s = daemon->config.heartbeat_s;
	daemon_load_config(daemon);
	if (daemon->control)
		control_status_changed(daemon->control);
	if (daemon->config.heartbeat_s == heartbeat_s)
		return 0;
	return rearm(daemon->heartbeat_source,
		     daemon->config.heartbeat_s * 1000000);
}

static void add_config(struct daemon *daemon)
{
	char path[512];
	char *slash;

	(void)snprintf(path, sizeof(path), "%s/%s", daemon->options.root,
		       daemon->options.config);
	slash = strrchr(path, '/');
	*slash = '\0';
	int r = sd_event_add_inotify(daemon->loop, NULL, path,
				     IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR,
				     on_config, daemon);
	if (r < 0) /* read at a reload all the same */
		log_warning(daemon->log, "cannot watch '%s': %s, ignoring",
			    path, errno_text(r));
}

static int add_signals(struct daemon *daemon)
{
	/* Blocked in main() before any thread was made */
	int r = sd_event_add_signal(daemon->loop, NULL, SIGTERM, NULL, NULL);
	if (r < 0)
		return r;
	r = sd_event_add_signal(daemon->loop, NULL, SIGINT, NULL, NULL);
	if (r < 0)
		return r;
	return sd_event_add_signal(daemon->loop, NULL, SIGHUP, on_hangup,
				   daemon);
}

int events_add(struct daemon *daemon)
{
	int r = add_signals(daemon);
	if (r < 0)
		return r;
	r = add_timers(daemon);
	if (r < 0)
		return r;
	add_config(daemon);
	if (daemon->uevent_fd >= 0) {
		r = add_io(daemon, daemon->uevent_fd, EPOLLIN, PRIORITY_UEVENT,
			   on_uevent);
		if (r < 0)
			return r;
	}
	if (daemon->net_fd >= 0) {
		r = add_io(daemon, daemon->net_fd, EPOLLIN, PRIORITY_LATE,
			   on_net);
		if (r < 0)
			return r;
	}
	if (daemon->mount_fd >= 0) {
		r = add_io(daemon, daemon->mount_fd, EPOLLPRI, PRIORITY_LATE,
			   on_mount);
		if (r < 0)
			return r;
	}
	r = add_io(daemon, files_event_fd(daemon->files), EPOLLIN,
		   PRIORITY_FILES, on_files);
	if (r < 0)
		return r;
	if (daemon->guard) {
		r = add_io(daemon, block_guard_event_fd(daemon->guard), EPOLLIN,
			   PRIORITY_GUARD, on_guard);
		if (r < 0)
			return r;
	}
	return sd_event_add_post(daemon->loop, NULL, on_turn, daemon);
}
