/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words: the names that records use, as people say them. Japanese and English
 * side by side; a name that is not in the tables is shown as it is.
 */
#pragma once

#include <stddef.h>

#include "collector/people.h"

enum language { LANGUAGE_JA = 0, LANGUAGE_EN, LANGUAGE_COUNT_ };

/* What happened, for an event code; the code itself when it is unknown. */
const char *words_event(const char *code, enum language language)
	__attribute__((nonnull, returns_nonnull));

/* The code at `index` of the table, NULL behind its end. */
const char *words_event_at(size_t index);

/* "enforce", "monitor" … */
const char *words_mode(const char *mode, enum language language)
	__attribute__((nonnull, returns_nonnull));

/* What a tier means, short. */
const char *words_tier(const char *tier, enum language language)
	__attribute__((nonnull, returns_nonnull));

/* Of an exception: where it stands, what it gives. */
const char *words_state(const char *state, enum language language)
	__attribute__((nonnull, returns_nonnull));
const char *words_access(const char *access, enum language language)
	__attribute__((nonnull, returns_nonnull));

/* Of a person at the console. */
const char *words_role(enum people_role role, enum language language)
	__attribute__((returns_nonnull));

/* OCSF severity_id; "" for what is none. */
const char *words_severity(int severity, enum language language)
	__attribute__((returns_nonnull));

/* A kind of incident. */
const char *words_incident(const char *kind, enum language language)
	__attribute__((nonnull, returns_nonnull));
