/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sender: the spool's events to the collector, one request in flight, in order,
 * until they are acknowledged. It keeps the cursor and decides how long to wait
 * after each answer; the loop around it (run.c) does the waiting.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/log.h"
#include "agent/ship/identity.h"
#include "agent/ship/settings.h"
#include "agent/spool/tail.h"

struct sender;

struct sender_config {
	int root_fd;  /* spool and state are below it; borrowed */
	int state_fd; /* borrowed */
	const struct settings *settings; /* borrowed */
	const struct identity *identity; /* borrowed */
	const char *host_id;		 /* 32 hex; borrowed */
	const struct log *log;
};

/* 0, -ENOENT while there is no spool directory, or -errno. */
int sender_new(const struct sender_config *config, struct sender **ret_sender)
	__attribute__((nonnull, warn_unused_result));

/* Accepts NULL; returns NULL. */
struct sender *sender_free(struct sender *sender);

/* How long to wait before the next step. */
struct sender_wait {
	uint64_t ms;	  /* 0: at once; SENDER_IDLE: nothing is left to send */
	bool is_for_tail; /* a movement of the tail ends it early */
};
#define SENDER_IDLE UINT64_MAX

/*
 * Sends at most one request, if there is something between the cursor and the
 * durable tail. Never fails: what goes wrong is in the cursor's state, logged
 * once, and tried again after the time returned.
 */
struct sender_wait sender_step(struct sender *sender,
			       const struct spool_tail *tail)
	__attribute__((nonnull));

/* Whether the collector refused the certificate since the last call. */
bool sender_take_denied(struct sender *sender) __attribute__((nonnull));
