/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building the context, the order of the start, the end. Privileges kept: all
 * of the unit's; why in one process: the gate must not depend on another
 * process being alive.
 */
#include "agent/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/daemon/context.h"
#include "agent/daemon/control.h"
#include "agent/daemon/files.h"
#include "agent/daemon/ender.h"
#include "agent/daemon/grant_codes.h"
#include "agent/daemon/grant_loop.h"
#include "agent/daemon/health.h"
#include "agent/daemon/hid_guard.h"
#include "agent/daemon/login_loop.h"
#include "agent/daemon/login_stack.h"
#include "agent/daemon/networks.h"
#include "agent/daemon/policy_offer.h"
#include "agent/daemon/prober.h"
#include "agent/daemon/tamper.h"
#include "agent/enforce/revoke.h"
#include "agent/sense/mount.h"
#include "agent/sense/uevent.h"

#define RULES_DIR    "etc/sekimori/rules.d"
#define RUN_DIR	     "run/sekimori"
#define STOP_WAIT_MS 2000

void daemon_load_config(struct daemon *daemon)
{
	char error[CONF_ERROR_MAX];
	const char *path = daemon->options.config;

	while (*path == '/')
		path++;
	int r = config_load(daemon->root_fd, path, &daemon->config, error);
	if (daemon->ender)
		ender_configure(daemon->ender);
	if (r == 0) {
		failure_clear(&daemon->failures, FAILURE_CONFIG);
		return;
	}
	(void)failure_raise(&daemon->failures, FAILURE_CONFIG, error);
	log_error(daemon->log, "%s: %s%s", path, error,
		  r > 0 ? ", ignoring" : ", keeping what was");
}

static int open_dirs(struct daemon *daemon)
{
	daemon->root_fd = open(daemon->options.root,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (daemon->root_fd < 0)
		return -errno;
	daemon->sys_fd = open_below(daemon->root_fd, "sys",
				    O_RDONLY | O_DIRECTORY, 0);
	if (daemon->sys_fd < 0)
		return daemon->sys_fd;
	daemon->proc_fd = open_below(daemon->root_fd, "proc",
				     O_RDONLY | O_DIRECTORY, 0);
	if (daemon->proc_fd < 0)
		return daemon->proc_fd;
	daemon->dev_fd = open_below(daemon->root_fd, "dev",
				    O_RDONLY | O_DIRECTORY, 0);
	if (daemon->dev_fd < 0)
		return daemon->dev_fd;

	/* systemd makes it; by hand it may be missing */
	if (mkdirat(daemon->root_fd, RUN_DIR, 0755) < 0 && errno != EEXIST)
		log_warning(daemon->log, "cannot make '/%s': %s", RUN_DIR,
			    errno_text(errno));
	daemon->run_fd = open_below(daemon->root_fd, RUN_DIR,
				    O_RDONLY | O_DIRECTORY, 0);
	return 0;
}

/* Readable before /var is writable, unless /var is a file system of its own:
 * then it is read when the spool opens. */
static void read_learned(struct daemon *daemon)
{
	_cleanup_close_ int dir = open_below(daemon->root_fd,
					     "var/lib/sekimori/state",
					     O_RDONLY | O_DIRECTORY, 0);

	if (dir < 0)
		return;
	if (learned_load(dir, &daemon->learned) < 0)
		daemon->learned = (struct learned){0};
	(void)!known_disks_load(dir, &daemon->disks); /* else learned */
}

/* What the daemon before us left in this boot. */
static void read_before(struct daemon *daemon)
{
	char boot_id[ALIVE_BOOT_SIZE] = "";

	if (daemon->run_fd < 0)
		return;
	if (session_load(daemon->run_fd, &daemon->session) < 0)
		daemon->session = (struct session){0}; /* the first of all */
	(void)!read_line_file(daemon->root_fd, "proc/sys/kernel/random/boot_id",
			      boot_id, sizeof(boot_id));
	if (alive_read(daemon->run_fd, &daemon->before) < 0)
		return;
	daemon->has_before = strcmp(daemon->before.boot_id, boot_id) == 0;
}

static void adopt_fds(struct daemon *daemon, struct block_guard *guard)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < count; i++) {
		/* Not ours any more: closed, that is all */
		(void)!block_guard_adopt_fd(guard, names[i],
					    SD_LISTEN_FDS_START + i);
		free(names[i]);
	}
	free(names);
	if (count > 0)
		log_info(daemon->log, "took %d descriptors back", count);
}

/* Not under systemd: the pins are there all the same. */
void daemon_store_guard(const struct block_guard *guard)
{
	struct block_guard_fd fds[BLOCK_GUARD_FDS_MAX];
	char message[384];

	size_t count = block_guard_stale_fds(guard, fds);
	for (size_t i = 0; i < count; i++)
		(void)sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", fds[i].name);
	count = block_guard_store_fds(guard, fds);
	for (size_t i = 0; i < count; i++) {
		(void)sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", fds[i].name);
		(void)snprintf(message, sizeof(message),
			       "FDSTORE=1\nFDNAME=%.*s\nFDPOLL=0",
			       BLOCK_GUARD_FD_NAME_MAX, fds[i].name);
		(void)sd_pid_notify_with_fds(0, 0, message, &fds[i].fd, 1);
	}
}

/* Tiers T1 to T3, or NULL for T4: told, never fatal. */
static void start_guard(struct daemon *daemon)
{
	const struct block_guard_options options = {
		.sys_fd = daemon->sys_fd,
		.proc_fd = daemon->proc_fd,
		.enforce = !daemon->pipeline.is_monitor,
	};
	struct block_guard *guard = NULL;

	int r = daemon->options.no_guard ? -EOPNOTSUPP
					 : block_guard_new(&options, &guard);
	if (r == 0) {
		adopt_fds(daemon, guard);
		r = block_guard_start(guard);
	}
	if (r < 0) {
		block_guard_free(guard);
		(void)failure_raise(&daemon->failures, FAILURE_GUARD_ABSENT,
				    errno_text(r));
		log_error(daemon->log, "no kernel guard: %s", errno_text(r));
		return;
	}
	daemon_store_guard(guard);
	daemon->guard = guard;
	daemon->guard_layers = block_guard_status(guard)->layers;
	health_note_proof(daemon);
	/* The ring outlives us: what it lost before is not ours to tell */
	struct block_guard_counters counters;
	if (block_guard_read_counters(guard, &counters) == 0)
		daemon->guard_dropped = counters.events_dropped;
	const struct block_guard_status *status = block_guard_status(guard);
	log_notice(daemon->log, "kernel guard: tier T%u%s%s%s", status->tier,
		   status->reused ? ", taken over" : "",
		   status->reason[0] ? ": " : "", status->reason);
}

/* The first heartbeat at once: nobody at the collector should have to wait
 * for the timer to see in which tier and mode a terminal works. */
static void on_spool_open(void *userdata, bool is_first)
{
	health_tell_start(userdata, is_first);
	policy_offer_start(userdata);
	health_tell(userdata);
}

static bool who_acts(void *userdata, struct record_actor *ret_actor)
{
	struct daemon *daemon = userdata;

	return daemon->logins && logins_actor(login_loop_logins(daemon->logins),
					      clock_boot_ns(), ret_actor);
}

static int make_recorder(struct daemon *daemon)
{
	const struct recorder_options options = {
		.root_fd = daemon->root_fd,
		.config = &daemon->config,
		.log = daemon->log,
		.failures = &daemon->failures,
		.on_open = on_spool_open,
		.who = who_acts,
		.userdata = daemon,
	};

	return recorder_new(&options, &daemon->recorder);
}

static int start_probe(void *userdata, const struct medium_entry *medium)
{
	struct daemon *daemon = userdata;

	return prober_start(daemon->prober, medium);
}

static void who(void *userdata, struct decide_context *context)
{
	struct daemon *daemon = userdata;

	if (daemon->logins) /* at the start nobody is known */
		logins_context(login_loop_logins(daemon->logins),
			       clock_boot_ns(), context);
}

static void receipt(void *userdata, const char *device,
		    char ret_text[CODE_RECEIPT_SIZE])
{
	struct daemon *daemon = userdata;
	struct record_actor actor;

	ret_text[0] = '\0';
	if (who_acts(daemon, &actor) && actor.user)
		grant_codes_receipt(daemon->codes, device, actor.user,
				    ret_text);
}

static void make_pipeline(struct daemon *daemon)
{
	const struct pipeline_options options = {
		.root_fd = daemon->root_fd,
		.rules_dir = RULES_DIR,
		.log = daemon->log,
		.failures = &daemon->failures,
		.sink = recorder_sink(daemon->recorder),
		.dry = dry_run_ops(daemon->dry),
		.recorder = daemon->recorder,
		.session = &daemon->session,
		.grants = grant_loop_grants(daemon->grants),
		.learned = &daemon->learned,
		.disks = &daemon->disks,
		.login_reader = daemon->config.login_reader,
		.zone = daemon->config.zone,
		.probe = start_probe,
		.who = who,
		.receipt = receipt,
		.userdata = daemon,
	};

	pipeline_init(&daemon->pipeline, &options);
	daemon->pipeline.has_set_default = daemon->session.has_set_default;
	daemon->pipeline.is_learning = !daemon->learned.is_known;
}

static int make_parts(struct daemon *daemon)
{
	int r = sd_event_new(&daemon->loop);
	if (r < 0)
		return r;
	r = usb_auth_new(daemon->sys_fd, &daemon->usb_auth);
	if (r < 0)
		return r;
	r = dry_run_new(&daemon->dry);
	if (r < 0)
		return r;
	r = prober_new(daemon, &daemon->prober);
	if (r < 0)
		return r;
	r = hid_guard_new(daemon, &daemon->hid_guard);
	if (r < 0)
		return r;
	r = make_recorder(daemon);
	if (r < 0)
		return r;
	r = grant_codes_new(daemon, &daemon->codes);
	if (r < 0)
		return r;
	return grant_loop_new(daemon, &daemon->grants);
}

/* Policy before the guard only to know its mode: the guard must come up
 * observing where policy says monitor. Root hubs after it: a guard that runs
 * already keeps everybody but its daemon from writing there. */
static int start_gate(struct daemon *daemon)
{
	struct pipeline *pipeline = &daemon->pipeline;

	make_pipeline(daemon);
	if (revoke_free_held(daemon->root_fd, daemon->proc_fd) > 0)
		log_notice(daemon->log, "processes that were stopped for the "
					"end of a medium go on");
	int made = ender_new(daemon, &daemon->ender);
	if (made < 0)
		return made;
	(void)!pipeline_load_policy(pipeline); /* a failure row if it fails */
	/* What is used under a grant goes on across a restart */
	grant_loop_load(daemon->grants);
	start_guard(daemon);
	int r = enforce_real_new(daemon->sys_fd, daemon->dev_fd, daemon->guard,
				 &daemon->real);
	if (r < 0)
		return r;
	pipeline->options.real = enforce_real_ops(daemon->real);
	pipeline->options.guard = daemon->guard;
	pipeline->options.usb_auth = daemon->usb_auth;
	tamper_start(daemon);
	pipeline_apply_mode(pipeline);
	health_check_floor(daemon);
	tamper_apply(daemon);

	/* The socket before the scan: what comes in between is in its queue */
	r = uevent_open(&daemon->uevent_fd);
	if (r < 0)
		return r;
	pipeline_hold_disks(pipeline);
	pipeline->is_starting = true;
	pipeline_scan(pipeline);
	pipeline->is_starting = false;
	return 0;
}

static uint64_t file_system_key(uint32_t major, uint32_t minor)
{
	return GUARD_KEY(false, major, minor);
}

static uint64_t file_system_born(void *userdata, uint32_t major, uint32_t minor)
{
	const struct daemon *daemon = userdata;
	struct guard_mounted mounted;

	if (!daemon->guard ||
	    block_guard_mounted(daemon->guard, file_system_key(major, minor),
				&mounted) < 0)
		return 0;
	return mounted.born_ns;
}

static void on_mynumbers(void *userdata, const char *grant, uint64_t count)
{
	struct daemon *daemon = userdata;

	grant_loop_mynumbers(daemon->grants, grant, count);
}

static void file_system_watch(void *userdata, uint32_t major, uint32_t minor,
			      uint64_t born_ns)
{
	struct daemon *daemon = userdata;
	int r = daemon->guard ? block_guard_watch(daemon->guard,
						  file_system_key(major, minor),
						  born_ns)
			      : 0;
	if (r < 0)
		log_error(daemon->log,
			  "the guard goes on telling of each file: %s",
			  errno_text(r));
}

static int start_files(struct daemon *daemon)
{
	const struct files_options options = {
		.root_fd = daemon->root_fd,
		.log = daemon->log,
		.devices = &daemon->pipeline.devices,
		.sink = recorder_sink(daemon->recorder),
		.recorder = daemon->recorder,
		.guard =
			{
				.born_ns = file_system_born,
				.watch = file_system_watch,
				.userdata = daemon,
			},
		.on_mynumbers = on_mynumbers,
		.userdata = daemon,
	};

	return files_new(&options, &daemon->files);
}

/* Told, never fatal: it refuses nothing. */
static void start_networks(struct daemon *daemon)
{
	int r = networks_new(daemon->root_fd, recorder_sink(daemon->recorder),
			     &daemon->pipeline.devices, &daemon->networks);
	if (r == 0 && daemon->run_fd >= 0)
		networks_read_told(daemon->networks, daemon->run_fd);
	if (r == 0) /* before the scan: what comes in between is in its queue */
		r = net_open(&daemon->net_fd);
	if (r == 0)
		r = networks_scan(daemon->networks);
	if (r < 0)
		log_error(daemon->log, "cannot watch networks: %s",
			  errno_text(r));
}

static int finish_start(struct daemon *daemon)
{
	int r = start_files(daemon);
	if (r < 0)
		return r;
	start_networks(daemon);
	r = mount_open(daemon->root_fd, &daemon->mount_fd);
	if (r < 0)
		log_error(daemon->log, "cannot watch mounts: %s",
			  errno_text(r));
	r = login_loop_new(daemon, &daemon->logins);
	if (r < 0)
		return r;
	login_loop_apply(daemon->logins);
	r = login_stack_new(daemon, &daemon->login_stack);
	if (r < 0)
		return r;
	if (!daemon->options.no_bus) {
		r = control_new(daemon, &daemon->control);
		if (r < 0) {
			(void)failure_raise(&daemon->failures, FAILURE_BUS,
					    errno_text(r));
			log_error(daemon->log, "no D-Bus: %s", errno_text(r));
		}
	}
	r = events_add(daemon);
	if (r < 0)
		return r;
	hid_guard_scan(daemon->hid_guard);
	/* Loading the guard took megabytes for a moment; give them back */
	(void)malloc_trim(0);
	daemon->is_ready = true;
	events_stamp(daemon, false);
	files_sync(daemon->files); /* mounted before us, or under the last */
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", health_state(daemon));
	events_open_spool(daemon);
	log_notice(daemon->log, "%s, %zu USB devices, %zu media",
		   health_state(daemon), daemon->pipeline.devices.usb_count,
		   daemon->pipeline.devices.media_count);
	return 0;
}

DEFINE_CLEANUP(daemon, struct daemon *, daemon_free);

int daemon_new(const struct daemon_options *options, const struct log *log,
	       struct daemon **ret_daemon)
{
	_cleanup_(cleanup_daemon) struct daemon *daemon =
		calloc(1, sizeof(*daemon));

	if (!daemon)
		return -ENOMEM;
	daemon->options = *options;
	daemon->log = log;
	daemon->root_fd = daemon->sys_fd = daemon->proc_fd = daemon->dev_fd =
		-1;
	daemon->run_fd = daemon->uevent_fd = daemon->mount_fd = -1;
	daemon->net_fd = -1;
	daemon->wall_started_ms = clock_wall_ns() / NS_PER_MS;
	daemon->boot_started_ns = clock_boot_ns();
	config_init(&daemon->config);

	int r = open_dirs(daemon);
	if (r < 0)
		return r;
	daemon_load_config(daemon);
	read_before(daemon);
	read_learned(daemon);
	r = make_parts(daemon);
	if (r < 0)
		return r;
	r = start_gate(daemon);
	if (r < 0)
		return r;
	r = finish_start(daemon);
	if (r < 0)
		return r;
	*ret_daemon = TAKE_PTR(daemon);
	return 0;
}

int daemon_reload(struct daemon *daemon)
{
	daemon_load_config(daemon);
	int r = pipeline_load_policy(&daemon->pipeline);
	if (policy_offer_inbox(daemon) == BUNDLE_OK)
		r = BUNDLE_OK;
	health_check_floor(daemon);
	tamper_apply(daemon);
	if (r == BUNDLE_OK)
		health_tell(daemon); /* mode and serial may be others now */
	(void)malloc_trim(0); /* the old rules and the texts of the new */
	(void)sd_notifyf(0, "STATUS=%s", health_state(daemon));
	if (daemon->control)
		control_status_changed(daemon->control);
	return r;
}

int daemon_run(struct daemon *daemon)
{
	return sd_event_loop(daemon->loop);
}

static void tell_end(struct daemon *daemon)
{
	if (!daemon->is_ready)
		return;
	(void)sd_notify(0, "STOPPING=1");
	pipeline_flush_folds(&daemon->pipeline);
	daemon->files = files_free(daemon->files);
	health_tell_stop(daemon);
	events_stamp(daemon, true);
}

struct daemon *daemon_free(struct daemon *daemon)
{
	if (!daemon)
		return NULL;
	if (daemon->recorder)
		tell_end(daemon);
	grant_loop_save(daemon->grants);
	files_free(daemon->files);
	control_free(daemon->control);
	login_stack_free(daemon->login_stack);
	login_loop_free(daemon->logins);
	ender_free(daemon->ender);
	prober_free(daemon->prober);
	hid_guard_free(daemon->hid_guard);
	pipeline_fini(&daemon->pipeline);
	grant_loop_free(daemon->grants);
	grant_codes_free(daemon->codes);
	sd_event_source_unref(daemon->spool_source);
	sd_event_source_unref(daemon->fold_source);
	sd_event_source_unref(daemon->heartbeat_source);
	sd_event_source_unref(daemon->watchdog_source);
	sd_event_unref(daemon->loop);
	recorder_free(daemon->recorder, STOP_WAIT_MS);
	enforce_real_free(daemon->real);
	dry_run_free(daemon->dry);
	block_guard_free(daemon->guard); /* pins stay: it goes on denying */
	usb_auth_free(daemon->usb_auth);
	session_fini(&daemon->session);
	networks_free(daemon->networks);
	cleanup_close(&daemon->net_fd);
	cleanup_close(&daemon->mount_fd);
	cleanup_close(&daemon->uevent_fd);
	cleanup_close(&daemon->run_fd);
	cleanup_close(&daemon->dev_fd);
	cleanup_close(&daemon->proc_fd);
	cleanup_close(&daemon->sys_fd);
	cleanup_close(&daemon->root_fd);
	free(daemon);
	return NULL;
}
