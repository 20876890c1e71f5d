/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow: listens to sekimorid and shows bubbles (org.freedesktop
 * .Notifications, by libnotify). A button of a bubble starts this program
 * again with --request: the listener itself never opens a window, so that a
 * terminal pays for GTK only while a person looks at it.
 */
#pragma once

/* Runs until the session ends. `self`: what to start for a window, with
 * `translations`, NULL: the installed ones. 0, or 1 when there is no bus. */
int follow_run(const char *self, const char *translations)
	__attribute__((nonnull(1)));
