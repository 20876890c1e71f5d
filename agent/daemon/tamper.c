/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch, and orders on their way to it.
 */
#include "agent/daemon/tamper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "agent/daemon/anchor.h"
#include "agent/daemon/bundle_store.h"
#include "agent/daemon/context.h"
#include "agent/daemon/control.h"
#include "agent/daemon/tamper_order.h"

#define STATE_DIR "var/lib/sekimori/state"

static bool has_layer(const struct daemon *daemon)
{
	return daemon->guard && (block_guard_status(daemon->guard)->layers &
				 BLOCK_GUARD_LAYER_TAMPER);
}

static void tell(struct daemon *daemon, const char *kind, const char *by)
{
	const struct record record = {
		.code = RECORD_AGENT_TAMPER,
		.u.tamper = {.kind = kind, .detected_by = by, .is_held = true},
	};
	struct record_sink sink = recorder_sink(daemon->recorder);

	sink.emit(sink.userdata, &record);
}

/* ---- the switch ---------------------------------------------------------- */

static bool is_wanted(const struct daemon *daemon)
{
	const struct ruleset *ruleset = daemon->pipeline.bundle.ruleset;

	return ruleset && ruleset_wants_tamper(ruleset) &&
	       !daemon->pipeline.is_monitor;
}

static void check_anchor(struct daemon *daemon,
			 const struct block_guard_tamper *tamper)
{
	bool is_foreign = anchor_is_foreign(tamper, &daemon->pipeline.store,
					    clock_boot_ns());

	if (is_foreign && !daemon->tamper.is_anchor_told)
		tell(daemon, "trust-anchor", "daemon");
	daemon->tamper.is_anchor_told = is_foreign;
}

void tamper_start(struct daemon *daemon)
{
	struct pipeline *pipeline = &daemon->pipeline;
	struct block_guard_tamper tamper;

	if (!daemon->guard)
		return;
	if (block_guard_status(daemon->guard)->is_locked_out) {
		(void)failure_raise(&daemon->failures, FAILURE_GUARD_LOST,
				    "the pinned guard obeys no daemon until "
				    "the next boot");
		tell(daemon, "control-lost", "start");
	}
	if (block_guard_read_tamper(daemon->guard, &tamper) < 0 ||
	    !anchor_is_foreign(&tamper, &pipeline->store, clock_boot_ns()))
		return;
	bundle_fini(&pipeline->bundle);
	pipeline->bundle.info = (struct bundle_info){0};
	(void)!pipeline_load_policy(pipeline); /* refused, and told */
}

void tamper_apply(struct daemon *daemon)
{
	struct block_guard_tamper tamper;
	bool wanted = is_wanted(daemon);

	if (!daemon->guard ||
	    block_guard_read_tamper(daemon->guard, &tamper) < 0)
		return;
	check_anchor(daemon, &tamper);
	/* No policy, or none that can be proven, takes nothing away */
	if (tamper.is_on &&
	    (!daemon->pipeline.bundle.ruleset || daemon->tamper.is_anchor_told))
		return;
	if (wanted && !has_layer(daemon)) {
		(void)failure_raise(&daemon->failures, FAILURE_TAMPER, NULL);
		return;
	}
	failure_clear(&daemon->failures, FAILURE_TAMPER);
	if (wanted == tamper.is_on)
		return;
	if (wanted &&
	    anchor_hash(&daemon->pipeline.store.trust, tamper.anchor) < 0)
		return;
	tamper.is_on = wanted;
	if (!wanted)
		tamper.boot_off_until_ns = 0;
	int r = block_guard_write_tamper(daemon->guard, &tamper);
	if (r < 0)
		log_error(daemon->log, "tamper protection: %s", errno_text(r));
	else
		log_notice(daemon->log, "tamper protection is %s",
			   wanted ? "on" : "off");
}

const char *tamper_state(const struct daemon *daemon)
{
	struct block_guard_tamper tamper;

	if (!has_layer(daemon) ||
	    block_guard_read_tamper(daemon->guard, &tamper) < 0)
		return "absent";
	if (!tamper.is_on)
		return "off";
	return clock_boot_ns() < tamper.boot_off_until_ns ? "lifted" : "on";
}

uint64_t tamper_lifted_until_ms(const struct daemon *daemon)
{
	struct block_guard_tamper tamper;
	uint64_t now_ns = clock_boot_ns();

	if (!daemon->guard ||
	    block_guard_read_tamper(daemon->guard, &tamper) < 0 ||
	    !tamper.is_on || tamper.boot_off_until_ns <= now_ns)
		return 0;
	return (clock_wall_ns() + tamper.boot_off_until_ns - now_ns) /
	       NS_PER_MS;
}

/* ---- orders -------------------------------------------------------------- */

static int open_state(const struct daemon *daemon)
{
	return open_below(daemon->root_fd, STATE_DIR, O_RDONLY | O_DIRECTORY,
			  0);
}

/* The highest serial: what the disk says, unless the kernel knows better. */
static uint64_t serial_floor(const struct daemon *daemon, uint64_t kept)
{
	_cleanup_close_ int dir = open_state(daemon);
	char text[32], *end;

	if (dir < 0 ||
	    read_line_file(dir, TAMPER_SERIAL_FILE, text, sizeof(text)) < 0)
		return kept;
	uint64_t floor = strtoull(text, &end, 10);
	return *end == '\0' && floor > kept ? floor : kept;
}

static int keep_serial(const struct daemon *daemon, uint64_t serial)
{
	_cleanup_close_ int dir = open_state(daemon);
	char line[32];

	if (dir < 0)
		return dir;
	int n = snprintf(line, sizeof(line), "%" PRIu64 "\n", serial);
	return write_atomic(dir, TAMPER_SERIAL_FILE, line, (size_t)n, 0600);
}

static int act(struct daemon *daemon, const struct tamper_order *order,
	       struct block_guard_tamper *tamper)
{
	uint64_t wall_ns = clock_wall_ns();
	uint64_t until_ns = order->wall_until_s * NS_PER_S;

	/* Kept before it counts: it cannot count again after a power cut */
	int r = keep_serial(daemon, order->serial);
	if (r < 0)
		return r;
	tamper->order_serial = order->serial;
	tamper->boot_off_until_ns =
		order->action == ORDER_TAMPER_OFF && until_ns > wall_ns
			? clock_boot_ns() + (until_ns - wall_ns)
			: 0;
	return block_guard_write_tamper(daemon->guard, tamper);
}

static void record_order(struct daemon *daemon,
			 const struct tamper_order *order, const char *error)
{
	struct record_sink sink = recorder_sink(daemon->recorder);
	const struct record record = {
		.code = error ? RECORD_ORDER_REJECTED : RECORD_ORDER_ACCEPTED,
		.decision.reason = error ? RECORD_REASON_ORDER
					 : RECORD_REASON_NONE,
		.u.order =
			{
				.action = order_action_to_str(order->action),
				.serial = order->serial,
				.signer = order->signer,
				.issuer = order->issuer,
				.wall_until_ms = (int64_t)(order->wall_until_s *
							   MS_PER_S),
				.error = error,
			},
	};

	sink.emit(sink.userdata, &record);
}

static int refuse(struct daemon *daemon, const struct tamper_order *order,
		  const char *why)
{
	(void)snprintf(daemon->tamper.error, sizeof(daemon->tamper.error),
		       "the order does not count: %s", why);
	log_error(daemon->log, "%s", daemon->tamper.error);
	record_order(daemon, order, why);
	return TAMPER_REFUSED;
}

/* What can be said before the text is looked at. */
static const char *check_place(struct daemon *daemon)
{
	struct bundle_store *store = &daemon->pipeline.store;

	if (!has_layer(daemon))
		return "there is no tamper protection in this tier";
	if (bundle_store_read(daemon->root_fd, store) < 0)
		return "out of memory";
	anchor_check(daemon->guard, store);
	if (!store->is_anchored)
		return "no trust anchor is pinned here (/" BUNDLE_ANCHOR ")";
	return store->error[0] ? store->error : NULL;
}

static int take(struct daemon *daemon, struct span text)
{
	struct block_guard_tamper tamper;
	struct tamper_order order = {0};
	const char *why = check_place(daemon);

	if (why)
		return refuse(daemon, &order, why);
	int r = block_guard_read_tamper(daemon->guard, &tamper);
	if (r < 0)
		return r;
	const struct tamper_order_terms terms = {
		.trust = &daemon->pipeline.store.trust,
		.ruleset = daemon->pipeline.bundle.ruleset,
		.terminal = recorder_terminal(daemon->recorder)->uid,
		.serial_floor = serial_floor(daemon, tamper.order_serial),
		.wall_now_s = clock_wall_ns() / NS_PER_S,
	};
	r = tamper_order_judge(text, &terms, &order, &why);
	if (r > 0)
		return refuse(daemon, &order, why);
	if (r == 0)
		r = act(daemon, &order, &tamper);
	if (r < 0)
		return refuse(daemon, &order, errno_text(r));
	daemon->tamper.error[0] = '\0';
	log_notice(daemon->log, "order %" PRIu64 " counts: %s", order.serial,
		   order_action_to_str(order.action));
	record_order(daemon, &order, NULL);
	if (daemon->control)
		control_status_changed(daemon->control);
	return TAMPER_OK;
}

int tamper_order_fd(struct daemon *daemon, int fd)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	int r = bundle_store_read_fd(fd, &text, &size);
	if (r < 0) {
		(void)snprintf(daemon->tamper.error,
			       sizeof(daemon->tamper.error),
			       "the file cannot be read: %s", errno_text(r));
		return TAMPER_REFUSED;
	}
	return take(daemon, span_of(text, size));
}

/* The inbox is looked at again and again; each text counts once. */
static bool is_new(struct daemon *daemon, const char *text, size_t size)
{
	char hex[BUNDLE_DIGEST_SIZE] = "";
	uint8_t digest[32];

	if (EVP_Digest(text, size, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	hex_encode(digest, sizeof(digest), hex);
	if (strcmp(hex, daemon->tamper.told) == 0)
		return false;
	memcpy(daemon->tamper.told, hex, sizeof(hex));
	return true;
}

/* What counted before this daemon started is no attempt either. */
static bool has_counted(struct daemon *daemon, struct span text)
{
	struct block_guard_tamper tamper = {0};
	struct tamper_order order;
	const char *why;
	const struct tamper_order_terms terms = {
		.trust = &daemon->pipeline.store.trust,
		.ruleset = daemon->pipeline.bundle.ruleset,
		.terminal = recorder_terminal(daemon->recorder)->uid,
		.wall_now_s = clock_wall_ns() / NS_PER_S,
	};

	if (daemon->guard)
		(void)!block_guard_read_tamper(daemon->guard, &tamper);
	(void)!tamper_order_judge(text, &terms, &order, &why);
	return order.serial > 0 &&
	       order.serial <= serial_floor(daemon, tamper.order_serial);
}

int tamper_order_inbox(struct daemon *daemon)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	int r = bundle_store_inbox_named(daemon->root_fd, TAMPER_INBOX_FILE,
					 &text, &size);
	if (r < 0)
		return r;
	if (!is_new(daemon, text, size) ||
	    has_counted(daemon, span_of(text, size)))
		return TAMPER_SAME;
	return take(daemon, span_of(text, size));
}
