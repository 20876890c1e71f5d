/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal for tests of the pipeline: a made tree, the dry-run enforcer in
 * both roles, a policy that tests rewrite, and a list of what was recorded.
 */
#pragma once

#include <stddef.h>

#include "agent/daemon/pipeline.h"
#include "agent/enforce/dry_run.h"
#include "tests/fakes/tree.h"

#define MACHINE_RECORDS_MAX 256

struct machine {
	struct fake_tree tree;
	struct failures failures;
	struct dry_run *real; /* what would have been done to the machine */
	struct dry_run *dry;  /* what monitor mode asked for */
	struct pipeline pipeline;
	struct record *records[MACHINE_RECORDS_MAX]; /* copies */
	size_t record_count;
};

/* A machine with one root hub ("usb1") and no policy. */
void machine_init(struct machine *machine);
void machine_fini(struct machine *machine);

/* Replaces the one rule file; machine_load() puts it in force. */
void machine_rules(struct machine *machine, const char *text);
int machine_load(struct machine *machine);
/* The scan of a starting daemon. */
void machine_start(struct machine *machine);
/* Adds the device to the tree and sends its add uevent. */
void machine_plug(struct machine *machine, const struct fake_usb *usb);
void machine_unplug(struct machine *machine, const char *name);
void machine_uevent(struct machine *machine, enum uevent_action action,
		    const char *subsystem, const char *name);

/* The last record of CODE, or NULL; how many there are. */
const struct record *machine_last(const struct machine *machine,
				  enum record_code code);
size_t machine_count(const struct machine *machine, enum record_code code);
/* Whether the machine was asked for exactly this, how often. */
size_t machine_asked(const struct dry_run *run, const char *line);
void machine_forget(struct machine *machine); /* the records so far */
