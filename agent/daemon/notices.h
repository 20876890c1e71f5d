/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notices: who in which session wants to be told what is done at their
 * terminal. The signal Event is root's, for it says everything of everybody;
 * Notice goes to one connection each, of a user who is in front of the
 * terminal at that moment, and says what that person can see happen anyway.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#define NOTICES_MAX	    16
#define NOTICES_OF_USER_MAX 4
#define NOTICES_NAME_SIZE   64 /* ":1.4294967295" */

struct notices {
	struct {
		char name[NOTICES_NAME_SIZE];
		uint32_t uid;
	} rows[NOTICES_MAX];
	unsigned int count;
};

/* Takes a connection on; the oldest of the same user goes where there are too
 * many. 0; -ENOBUFS: others have all the room; -EINVAL: no such name. */
int notices_add(struct notices *notices, const char *name, uint32_t uid)
	__attribute__((nonnull, warn_unused_result));

/* Whether an event is of interest to the person: by its code. */
bool notices_want(const char *json) __attribute__((nonnull));

/* Tells one event to all whose user is active. Those who have left the bus
 * are told in vain: names are not used twice. */
void notices_send(const struct notices *notices, sd_bus *bus, uint64_t seq,
		  const char *json) __attribute__((nonnull));
