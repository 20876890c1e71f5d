/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report: what several commands share in showing an answer: "--json" and the
 * plain words for a tier, a layer and a state. Internal to agent/ctl.
 */
#pragma once

#include <stdbool.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/dict.h"

/*
 * Takes "--json" and at most `max` other arguments. Returns CTL_OK with
 * *ret_json and *ret_rest (the first other argument, or NULL), or CTL_USAGE
 * after telling.
 */
int report_arguments(const struct ctl *ctl, int argc, char **argv,
		     bool *ret_json, const char **ret_rest)
	__attribute__((nonnull, warn_unused_result));

/* The dict as one line of JSON, without newline. Returns an enum ctl_exit. */
int report_json(const struct ctl *ctl, const struct dict *dict)
	__attribute__((nonnull, warn_unused_result));

/* What "T1" .. "T4" means, in the language of the run; "" for others. */
const char *report_tier(const struct ctl *ctl, const char *tier)
	__attribute__((nonnull(1), returns_nonnull));

/* What a layer of that name does for the terminal; "" for others. */
const char *report_layer(const struct ctl *ctl, const char *layer)
	__attribute__((nonnull(1), returns_nonnull));

/* What a channel that is built in is, of that name; "" for others. */
const char *report_channel(const struct ctl *ctl, const char *channel)
	__attribute__((nonnull(1), returns_nonnull));

/* The state of the whole terminal in words ("enforcing", …), or itself. */
const char *report_state(const struct ctl *ctl, const char *state)
	__attribute__((nonnull(1), returns_nonnull));

/* The word for a state of the interface ("blocked", "ok", …), or itself. */
const char *report_word(const struct ctl *ctl, const char *word)
	__attribute__((nonnull(1), returns_nonnull));

/* A name is as long as its device wants; this much of it is shown. */
#define REPORT_NAME_MAX 160u

/*
 * Manufacturer and product in one, "" when neither is known; a product that
 * begins with its manufacturer ("QEMU USB Mouse") is not made to say it twice.
 */
void report_name(const struct dict *device, char buf[static REPORT_NAME_MAX])
	__attribute__((nonnull));
