/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A keyboard that cannot be taken away, made silent for a moment: what it
 * types reaches nobody while a descriptor is held. Nothing stays behind when
 * the daemon dies: the lifeline must not depend on it.
 */
#pragma once

/*
 * Lets go of the keys that are down at event node NAME ("input/event3") below
 * DEV_FD, or whoever saw them go down would repeat them, and grabs the device
 * (EVIOCGRAB, drivers/input/evdev.c). 0 and *ret_fd, the caller's: closing it
 * ends the silence. -EBUSY: somebody else grabbed it; other -errno. On failure
 * nothing is silent.
 */
int silence_begin(int dev_fd, const char *name, int *ret_fd)
	__attribute__((nonnull, warn_unused_result));
