/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three clocks by their names. wall: CLOCK_REALTIME, may jump. boot:
 * CLOCK_BOOTTIME, counts through suspend; deadlines of grants use it. mono:
 * CLOCK_MONOTONIC, for intervals of this process. They cannot fail on Linux
 * with a valid clock id, so they return the value.
 */
#pragma once

#include <stdint.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define MS_PER_S  UINT64_C(1000)

/* Nanoseconds since the Unix epoch; a clock before 1970 reads as 0. */
uint64_t clock_wall_ns(void);

/* Nanoseconds since boot, suspend included. */
uint64_t clock_boot_ns(void);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_mono_ns(void);
