/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posture: whether a terminal protects now, and what about it wants a person's
 * look. Pure: the same terminal and time give the same answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/store.h"
#include "collector/web/words.h"

enum posture_reason {
	POSTURE_SILENT = 0, /* nothing heard for three heartbeats */
	POSTURE_UNKNOWN,    /* it has not said what it does */
	POSTURE_MONITOR,    /* it only watches */
	POSTURE_TIER,	    /* the kernel lets it hold devices only */
	POSTURE_LAG,	    /* much waits on the terminal */
	POSTURE_CLOCK,
	POSTURE_INCIDENT, /* its history or its names want a look */
	POSTURE_REASON_COUNT_,
};
#define POSTURE_BIT(reason) (1u << (reason))

/* POSTURE_BIT()s; 0: nothing to look at. */
unsigned int posture_read(const struct store_terminal *terminal, int64_t now_ms)
	__attribute__((nonnull));

/* It enforces with its kernel guard and was heard from lately. */
bool posture_protects(unsigned int reasons);

/* What to call it, and what to do about it. */
const char *posture_name(enum posture_reason reason, enum language language)
	__attribute__((returns_nonnull));
const char *posture_advice(enum posture_reason reason, enum language language)
	__attribute__((returns_nonnull));
