/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tamper protection as policy wants it, and the signed orders that lift it for
 * a while. The kernel holds it (agent/bpf/guard_tamper.h); here it is switched
 * on and off, and an order is proven before it counts: the key, the terminal,
 * the time, and a serial that rises, so that no order counts twice.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/daemon/bundle.h"
#include "policy/span.h"

#define TAMPER_INBOX_FILE  "order.jws"
#define TAMPER_SERIAL_FILE "order.serial" /* in the state folder */

struct daemon;

struct tamper {
	char error[BUNDLE_ERROR_MAX];  /* why the newest order was refused */
	char told[BUNDLE_DIGEST_SIZE]; /* the inbox's order, told of already */
	bool is_anchor_told;
};

enum tamper_outcome {
	TAMPER_OK = 0,
	TAMPER_SAME = 1,    /* the inbox's, seen before */
	TAMPER_REFUSED = 2, /* tamper.error says why */
};

/* The guard is up: whatever it was switched on under still counts, so a policy
 * that other keys signed goes. */
void tamper_start(struct daemon *daemon) __attribute__((nonnull));

/* Makes the kernel's switch what policy says; after every change of policy and
 * with each heartbeat. */
void tamper_apply(struct daemon *daemon) __attribute__((nonnull));

/* "on", "off", "lifted" (by an order), or "absent" where the kernel's half is
 * missing. */
const char *tamper_state(const struct daemon *daemon)
	__attribute__((nonnull, returns_nonnull));
/* Unix time in ms at which "lifted" ends; 0: it is not. */
uint64_t tamper_lifted_until_ms(const struct daemon *daemon)
	__attribute__((nonnull));

/* An order in FD, or in the inbox (-ENOENT: none). An enum tamper_outcome or
 * -errno; an event tells of it. */
int tamper_order_fd(struct daemon *daemon, int fd)
	__attribute__((nonnull, warn_unused_result));
int tamper_order_inbox(struct daemon *daemon)
	__attribute__((nonnull, warn_unused_result));
