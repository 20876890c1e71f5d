/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status: what a terminal says of its own state in agent.start, agent.heartbeat
 * and their kin, read into the few texts the list of terminals shows. These are
 * rare events, so here a whole JSON reader is affordable.
 */
#pragma once

#include "collector/event.h"
#include "collector/store.h"

/* Does an event of this code say anything about the terminal's state? */
bool status_is_told_by(struct event_text code);

/*
 * Reads `json` (it has passed event_scan()) into *status: fields it does not
 * have stay as they are, so a batch's events can be read in turn. What does not
 * parse, has a key twice, or is of another type changes nothing. Any thread.
 */
void status_read(const char *json, size_t len, struct store_status *status)
	__attribute__((nonnull));
