/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyboard guard's eyes: input devices of USB devices that were let in and
 * are not the terminal's own. One that has keys although its descriptors name
 * no keyboard is judged as a keyboard; one that types as only a machine does
 * is cut off, or silenced for HID_GUARD_SILENCE_US where it is the last.
 *
 * Who may confirm a held keyboard is polkit's question (auth_self, at the
 * terminal only). That the answer comes from another keyboard needs no proof:
 * a held one has no driver, and with no other keyboard nothing is held.
 *
 * It must never know which keys are typed (agent/sense/input.h), nor watch
 * longer than policy/typing.h needs: a keyboard that is not typed on, or that
 * a person types on, costs no wake-up. What is left open: a device that says
 * it is a mouse and types, types until its input device is told of, some tens
 * of milliseconds; and one that types like a person is taken for one.
 */
#pragma once

#include "agent/sense/uevent.h"

struct daemon;
struct hid_guard;

#define HID_GUARD_SILENCE_US (10ULL * 1000 * 1000)
/* A terminal has a few; what comes beyond is not watched, and logged. */
#define HID_GUARD_WATCHES_MAX 64u

/* Before hid_guard_free() the loop of DAEMON must exist. 0 or -ENOMEM. */
int hid_guard_new(struct daemon *daemon, struct hid_guard **ret_guard)
	__attribute__((nonnull, warn_unused_result));
/* Ends every watch and silence. Accepts NULL; returns NULL. */
struct hid_guard *hid_guard_free(struct hid_guard *guard);

/* A uevent; of subsystem "input" only the "add" of event nodes counts. */
void hid_guard_uevent(struct hid_guard *guard, const struct uevent *event)
	__attribute__((nonnull));
/* All that are there: at the start, after uevents were lost, each heartbeat. */
void hid_guard_scan(struct hid_guard *guard) __attribute__((nonnull));
