/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window: asks for permission on-line, or takes a code that was read out over
 * the telephone (GTK 4). Holds no authority: it sends what the person wrote to
 * sekimorid and shows the answer.
 */
#pragma once

/* What the window is opened for; "" where not known. Borrowed. */
struct window_about {
	const char *device; /* as ListDevices has it */
	const char *name;   /* for people */
	const char *ref;    /* 受付番号 */
};

/* Shows the window until it is closed. The exit status. */
int window_run(const struct window_about *about) __attribute__((nonnull));
