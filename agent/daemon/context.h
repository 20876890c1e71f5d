/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one context struct of sekimorid, shared by the files that make up its
 * loop (daemon.c, events.c, health.c, control*.c). Nothing else includes it:
 * the pipeline and what is below know nothing of the daemon around them.
 */
#pragma once

#include <systemd/sd-event.h>

#include "agent/daemon/alive.h"
#include "agent/daemon/config.h"
#include "agent/daemon/daemon.h"
#include "agent/daemon/failure.h"
#include "agent/daemon/known_disks.h"
#include "agent/daemon/pipeline.h"
#include "agent/daemon/recorder.h"
#include "agent/daemon/session.h"
#include "agent/daemon/tamper.h"
#include "agent/enforce/dry_run.h"

struct control;
struct files;
struct grant_codes;
struct grant_loop;
struct hid_guard;
struct login_loop;
struct networks;
struct ender;
struct prober;

struct daemon {
	struct daemon_options options;
	const struct log *log;
	int root_fd;
	int sys_fd;
	int proc_fd;
	int dev_fd;
	int run_fd; /* /run/sekimori; -1: could not be made */

	struct config config;
	struct failures failures;
	struct session session; /* of the daemon before us */
	struct learned learned;
	struct known_disks disks;
	struct tamper tamper;
	struct alive_stamp before; /* when that one was last seen */
	bool has_before;

	struct usb_auth *usb_auth;
	struct block_guard *guard; /* NULL: tier T4 */
	struct enforce_real *real;
	struct dry_run *dry;
	struct recorder *recorder;
	struct pipeline pipeline;
	struct control *control; /* NULL: no bus wanted */
	struct prober *prober;
	struct files *files; /* written to media; NULL: before the end */
	struct hid_guard *hid_guard;
	struct login_loop *logins;
	struct login_stack *login_stack;
	struct grant_loop *grants;
	struct grant_codes *codes;
	struct ender *ender;

	sd_event *loop;
	sd_event_source *spool_source;
	sd_event_source *fold_source;
	sd_event_source *heartbeat_source;
	sd_event_source *watchdog_source;
	struct networks *networks;
	int net_fd; /* -1: no rtnetlink */
	int uevent_fd;
	int mount_fd;
	uint32_t guard_layers; /* BLOCK_GUARD_LAYER_* that worked once */
	struct {
		int64_t wall_ms; /* 0: not proven yet */
		uint32_t asked;
		uint32_t refused;
	} proof;		/* of the guard's layers, the light self-test */
	uint64_t guard_dropped; /* refusals lost in the ring, as told */
	uint64_t watchdog_us;	/* 0: systemd watches nothing */
	uint64_t wall_started_ms;
	uint64_t boot_started_ns;
	bool is_degraded;
	bool is_ready;
	char why[FAILURE_DETAIL_MAX]; /* of the degradation, as told */
};

/* events.c: adds every source to the loop. */
int events_add(struct daemon *daemon)
	__attribute__((nonnull, warn_unused_result));
/* Tries to open the spool; the loop calls it until it is open. */
void events_open_spool(struct daemon *daemon) __attribute__((nonnull));

/* Leaves the stamp of now in /run and on disk. */
void events_stamp(struct daemon *daemon, bool is_clean)
	__attribute__((nonnull));

/* events.c: what is in force is compared with policy, and each layer of the
 * guard proven again: at each heartbeat and after a sleep. */
void events_reconcile(struct daemon *daemon) __attribute__((nonnull));

/* Gives the guard's descriptors to the service manager, in place of those it
 * may have. */
void daemon_store_guard(const struct block_guard *guard)
	__attribute__((nonnull));

/* Reads the configuration again; what is wrong is told and changes nothing. */
void daemon_load_config(struct daemon *daemon) __attribute__((nonnull));

/* Reads configuration and policy again; what pipeline_load_policy() says. */
int daemon_reload(struct daemon *daemon)
	__attribute__((nonnull, warn_unused_result));
