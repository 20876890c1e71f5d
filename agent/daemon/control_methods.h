/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of methods of jp.sekimori.Agent1 and what polkit is asked for each.
 * It knows no connection and asks nobody: control.c does, and then runs them.
 */
#pragma once

#include <stdint.h>
#include <systemd/sd-bus.h>

#define CONTROL_BUS_NAME "jp.sekimori.Agent1"

struct daemon;

/* A call whose caller may make it. All borrowed. */
struct control_call {
	struct daemon *daemon;
	sd_bus_message *call;
	uint32_t uid; /* the caller's */
};

struct control_method {
	const char *member;
	const char *action; /* polkit's */
	/* Answers the call; -errno: nothing was sent, the caller of this
	 * function answers with it. */
	int (*run)(struct control_call *asked);
};

/* The method of that name; NULL: there is none. */
const struct control_method *control_method(const char *member)
	__attribute__((nonnull));
