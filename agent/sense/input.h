/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input devices as far as the keyboard guard must know them: whether there are
 * keys to type with, and when some key went down. Which key it was is nobody's
 * business here: it is not asked for, not looked at and not handed out. Reads
 * only; Documentation/input/event-codes.rst, drivers/input/evdev.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/sense/sysfs.h"

/* Presses of one read; more wait for the next. */
#define INPUT_PRESSES_MAX 64

/* Pure: whether TEXT, an attribute "capabilities/key" (words of 64 bits in
 * hexadecimal, the highest first, drivers/input/input.c), has a letter, a
 * digit, Enter or the space bar. What it cannot read, it takes for keys. */
bool input_has_keys(const char *text) __attribute__((nonnull));

/* The same of the input device whose event node has devpath EVENT
 * ("/devices/…/input/input7/event3"). 0, or -errno as sysfs is read. */
int input_can_type(int root_fd, const char *event, bool *ret_can)
	__attribute__((nonnull, warn_unused_result));

/* Opens event node NAME ("input/event3") below DEV_FD for input_presses(): the
 * kernel wakes the reader for presses only, stamps them by CLOCK_MONOTONIC,
 * and leaves Shift, Control, Alt and Meta out, which go down with another key.
 * 0 or -errno; *ret_fd is the caller's. */
int input_open(int dev_fd, const char *name, int *ret_fd)
	__attribute__((nonnull, warn_unused_result));

/* The times of the presses that wait at FD, which does not block; auto-repeat
 * is none. 0, *ret_count of them in RET_MONO_US (INPUT_PRESSES_MAX); -ENODEV:
 * unplugged; other -errno. Presses that the kernel had to drop are missing. */
int input_presses(int fd, uint64_t *ret_mono_us, size_t *ret_count)
	__attribute__((nonnull, warn_unused_result));
