/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers of jp.sekimori.Agent1 about ways out that are built in: radios,
 * Thunderbolt devices, serial and parallel ports. Reads only; for
 * control_answer.c, which begins and ends the message.
 */
#pragma once

#include <stdbool.h>

#include "agent/daemon/answer.h"

struct pipeline;

/* The key "channels" of Status: each channel, what holds, its devices. */
void control_channels_status(struct answer *answer,
			     const struct pipeline *pipeline)
	__attribute__((nonnull));
/* One dictionary of ListDevices for each radio and Thunderbolt device. */
void control_channels_list(struct answer *answer,
			   const struct pipeline *pipeline)
	__attribute__((nonnull));
/*
 * The keys of Explain for NAME: a device of ListDevices, a channel ("wifi"), or
 * a node behind a gate ("/dev/ttyS0", "rfkill", "parport0"). False: it is none
 * of them, nothing was put.
 */
bool control_channels_explain(struct answer *answer,
			      const struct pipeline *pipeline, const char *name)
	__attribute__((nonnull, warn_unused_result));
