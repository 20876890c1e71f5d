/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers and states into records. Honest: a layer is "ok" only when it was
 * seen to work.
 */
#include "agent/daemon/health.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/daemon/control.h"
#include "agent/daemon/identity.h"
#include "agent/daemon/login_loop.h"

#define STATE_DIR "var/lib/sekimori/state"

static uint32_t guard_layers(const struct daemon *daemon)
{
	return daemon->guard ? block_guard_status(daemon->guard)->layers : 0;
}

static void add(struct health *health, const char *name,
		enum record_layer_state state, const char *detail)
{
	if (health->record.layer_count == RECORD_LAYERS_MAX)
		return;
	health->layers[health->record.layer_count++] = (struct record_layer){
		.name = name,
		.state = state,
		.detail = detail && detail[0] ? detail : NULL,
	};
}

static void add_guard(struct daemon *daemon, struct health *health)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} rows[] = {
		{"cgroup_dev", BLOCK_GUARD_LAYER_CGROUP},
		{"lsm", BLOCK_GUARD_LAYER_LSM},
		{"fmod_ret", BLOCK_GUARD_LAYER_FMOD},
		{"device_add", BLOCK_GUARD_LAYER_DEVICES},
		{"sysctl", BLOCK_GUARD_LAYER_SYSCTL},
	};
	uint32_t layers = guard_layers(daemon);
	const char *why = daemon->guard
				  ? block_guard_status(daemon->guard)->reason
				  : "";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_ok = layers & rows[i].bit;
		/* One of lsm and fmod_ret is enough: the other is no fault */
		add(health, rows[i].name,
		    is_ok ? RECORD_LAYER_OK : RECORD_LAYER_ABSENT,
		    is_ok ? NULL : why);
	}
	bool media_ok = layers & BLOCK_GUARD_LAYER_CGROUP;
	add(health, "media", media_ok ? RECORD_LAYER_OK : RECORD_LAYER_DEGRADED,
	    media_ok ? NULL : "no default-deny of block devices");
}

/* Where no login rules are, nothing of it is told. */
static void add_login(struct daemon *daemon, struct health *health)
{
	enum login_mode mode = LOGIN_MODE_OFF;

	if (daemon->logins)
		mode = logins_mode(login_loop_logins(daemon->logins),
				   clock_boot_ns());
	if (mode == LOGIN_MODE_ENFORCE)
		add(health, "login", RECORD_LAYER_OK, NULL);
	else if (mode == LOGIN_MODE_REPORT)
		add(health, "login", RECORD_LAYER_DEGRADED,
		    "logins are only reported");
}

static void add_rest(struct daemon *daemon, struct health *health)
{
	const struct failures *failures = &daemon->failures;
	const struct recorder_status *status = &health->recorder;

	add(health, "spool",
	    !status->is_open			    ? RECORD_LAYER_ABSENT
	    : failures->active[FAILURE_SPOOL_WRITE] ? RECORD_LAYER_DEGRADED
						    : RECORD_LAYER_OK,
	    failures->detail[FAILURE_SPOOL_WRITE]);
	add(health, "ship",
	    !status->has_cursor	      ? RECORD_LAYER_ABSENT
	    : status->cursor.error[0] ? RECORD_LAYER_DEGRADED
				      : RECORD_LAYER_OK,
	    status->cursor.error);
	add(health, "bus",
	    failures->active[FAILURE_BUS] || !daemon->control
		    ? RECORD_LAYER_ABSENT
		    : RECORD_LAYER_OK,
	    NULL);
}

static void set_tier(struct daemon *daemon, struct health *health)
{
	unsigned int tier = BLOCK_GUARD_T4;
	const struct ruleset *ruleset = daemon->pipeline.bundle.ruleset;

	if (daemon->guard &&
	    block_guard_status(daemon->guard)->tier != BLOCK_GUARD_TIER_UNKNOWN)
		tier = block_guard_status(daemon->guard)->tier;
	(void)snprintf(health->tier, sizeof(health->tier), "T%u", tier % 10);
	health->record.tier = health->tier;
	unsigned int floor = ruleset ? ruleset_floor(ruleset) : 0;
	if (floor == 0)
		return;
	(void)snprintf(health->floor, sizeof(health->floor), "T%u", floor % 10);
	health->record.floor = health->floor;
}

void health_read(struct daemon *daemon, struct health *ret_health)
{
	struct health *health = ret_health;
	const char *why;

	memset(health, 0, sizeof(*health));
	health->record.layers = health->layers;
	recorder_status(daemon->recorder, &health->recorder);
	set_tier(daemon, health);

	bool usb_ok = !daemon->failures.active[FAILURE_USB_DEFAULT];
	add(health, "usb_authorize",
	    usb_ok ? RECORD_LAYER_OK : RECORD_LAYER_DEGRADED,
	    daemon->failures.detail[FAILURE_USB_DEFAULT]);
	add_guard(daemon, health);
	add_login(daemon, health);
	add_rest(daemon, health);

	const struct spool_stats *spool = &health->recorder.spool;
	uint64_t wall_ns = clock_wall_ns();
	health->record.spool_pending = spool->unacked_count;
	if (spool->oldest_unacked_wall_ns > 0 &&
	    wall_ns > spool->oldest_unacked_wall_ns)
		health->record.spool_oldest_s =
			(wall_ns - spool->oldest_unacked_wall_ns) / NS_PER_S;
	health->record.spool_dropped = health->recorder.dropped;
	health->record.uptime_s = (clock_boot_ns() - daemon->boot_started_ns) /
				  NS_PER_S;
	health->record.tamper = tamper_state(daemon);
	health->record.wall_proof_ms = daemon->proof.wall_ms;
	health->record.proof_asked = daemon->proof.asked;
	health->record.proof_refused = daemon->proof.refused;
	bool is_degraded = failure_is_degraded(&daemon->failures, &why);
	health->record.why = is_degraded ? why : NULL;
	health->record.is_compliant = !is_degraded &&
				      !daemon->pipeline.is_monitor;
}

const char *health_state(const struct daemon *daemon)
{
	const char *why;

	if (failure_is_degraded(&daemon->failures, &why))
		return "degraded";
	return daemon->pipeline.is_monitor ? "monitor" : "enforcing";
}

static void tell(struct daemon *daemon, enum record_code code, const char *why)
{
	struct health health;
	struct record record = {.code = code};
	struct record_sink sink = recorder_sink(daemon->recorder);

	health_read(daemon, &health);
	record.u.health = health.record;
	if (why)
		record.u.health.why = why;
	sink.emit(sink.userdata, &record);
}

void health_tell(struct daemon *daemon)
{
	tell(daemon, RECORD_AGENT_HEARTBEAT, NULL);
}

void health_tell_selftest(struct daemon *daemon,
			  const struct record_selftest *result)
{
	const struct record record = {
		.code = RECORD_AGENT_SELFTEST,
		.u.selftest = *result,
	};
	struct record_sink sink = recorder_sink(daemon->recorder);

	sink.emit(sink.userdata, &record);
}

void health_note_proof(struct daemon *daemon)
{
	static const uint32_t proven[] = {
		BLOCK_GUARD_LAYER_CGROUP,
		BLOCK_GUARD_LAYER_LSM | BLOCK_GUARD_LAYER_FMOD,
		BLOCK_GUARD_LAYER_SYSCTL,
	};
	uint32_t layers = guard_layers(daemon);

	daemon->proof.wall_ms = (int64_t)(clock_wall_ns() / NS_PER_MS);
	daemon->proof.asked = sizeof(proven) / sizeof(proven[0]);
	daemon->proof.refused = 0;
	for (size_t i = 0; i < daemon->proof.asked; i++)
		daemon->proof.refused += (layers & proven[i]) != 0;
}

void health_check_floor(struct daemon *daemon)
{
	const struct ruleset *ruleset = daemon->pipeline.bundle.ruleset;
	unsigned int floor = ruleset ? ruleset_floor(ruleset) : 0;
	unsigned int tier = BLOCK_GUARD_T4;
	char detail[64];

	if (daemon->guard)
		tier = block_guard_status(daemon->guard)->tier;
	if (floor == 0 || (tier != 0 && tier <= floor)) {
		failure_clear(&daemon->failures, FAILURE_TIER_FLOOR);
		return;
	}
	(void)snprintf(detail, sizeof(detail), "tier T%u, policy demands T%u",
		       tier ? tier : 4, floor);
	(void)failure_raise(&daemon->failures, FAILURE_TIER_FLOOR, detail);
}

void health_check(struct daemon *daemon)
{
	const char *why;

	if (!daemon->is_ready || !failure_take_change(&daemon->failures))
		return;
	bool is_degraded = failure_is_degraded(&daemon->failures, &why);
	if (is_degraded &&
	    (!daemon->is_degraded || strcmp(why, daemon->why) != 0)) {
		(void)snprintf(daemon->why, sizeof(daemon->why), "%s", why);
		log_error(daemon->log, "degraded: %s", why);
		tell(daemon, RECORD_AGENT_DEGRADED, daemon->why);
	} else if (!is_degraded && daemon->is_degraded) {
		log_notice(daemon->log, "no longer degraded: %s", daemon->why);
		tell(daemon, RECORD_AGENT_RECOVERED, daemon->why);
		daemon->why[0] = '\0';
	}
	daemon->is_degraded = is_degraded;
	if (daemon->control)
		control_status_changed(daemon->control);
}

/* The stamp on disk says how the boot before this one ended. */
static bool read_disk_stamp(struct daemon *daemon, struct alive_stamp *stamp)
{
	_cleanup_close_ int dir = open_below(daemon->root_fd, STATE_DIR,
					     O_RDONLY | O_DIRECTORY, 0);

	return dir >= 0 && alive_read(dir, stamp) == 0;
}

static void fill_start(struct daemon *daemon, bool is_first,
		       struct record_agent *agent)
{
	uint64_t wall_ms = daemon->wall_started_ms;
	struct alive_stamp stamp = daemon->before;

	if (daemon->has_before) { /* in this boot */
		agent->prev_stop = stamp.is_clean ? "clean" : "crash";
		agent->gap_s = (daemon->boot_started_ns - stamp.boot_ns) /
			       NS_PER_S;
		return;
	}
	if (is_first || !read_disk_stamp(daemon, &stamp)) {
		agent->prev_stop = "first";
		return;
	}
	agent->prev_stop = stamp.is_clean ? "clean" : "power";
	if (wall_ms > stamp.wall_ms)
		agent->gap_s = (wall_ms - stamp.wall_ms) / MS_PER_S;
}

void health_tell_start(struct daemon *daemon, bool is_first)
{
	struct record record = {
		.code = RECORD_AGENT_START,
		.wall_time_ms = (int64_t)daemon->wall_started_ms,
		.u.agent =
			{
				.pid = (uint32_t)getpid(),
				.cold_usb = daemon->pipeline.cold_usb,
				.cold_media = daemon->pipeline.cold_media,
			},
	};
	struct record_sink sink = recorder_sink(daemon->recorder);
	const struct identity *identity = recorder_identity(daemon->recorder);

	if (identity)
		record.u.agent.code_key = identity->code_point;
	fill_start(daemon, is_first, &record.u.agent);
	sink.emit(sink.userdata, &record);
}

void health_tell_stop(struct daemon *daemon)
{
	struct record record = {
		.code = RECORD_AGENT_STOP,
		.u.agent =
			{
				.pid = (uint32_t)getpid(),
				.reason = "signal",
				.is_planned = true,
				.is_held = guard_layers(daemon) &
					   BLOCK_GUARD_LAYER_CGROUP,
			},
	};
	struct record_sink sink = recorder_sink(daemon->recorder);

	sink.emit(sink.userdata, &record);
}

void health_tell_guard_lost(struct daemon *daemon)
{
	struct record record = {
		.code = RECORD_AGENT_TAMPER,
		.u.tamper =
			{
				.kind = "guard",
				.detected_by = "heartbeat",
				.is_held = guard_layers(daemon) &
					   BLOCK_GUARD_LAYER_CGROUP,
			},
	};
	struct record_sink sink = recorder_sink(daemon->recorder);

	sink.emit(sink.userdata, &record);
}

void health_tell_guard_gap(struct daemon *daemon, uint64_t count)
{
	struct record record = {
		.code = RECORD_LOG_GAP,
		.u.gap = {.count = count,
			  .why = "refusals lost in the kernel's ring"},
	};
	struct record_sink sink = recorder_sink(daemon->recorder);

	sink.emit(sink.userdata, &record);
}
