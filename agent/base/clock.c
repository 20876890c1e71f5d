/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the kernel's clocks; the only place that does, so tests can see who. */
#include "agent/base/clock.h"

#include <time.h>

#include "agent/base/banned.h"

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now = {0};

	/* Fails only for a bad id or pointer; both are constants here. */
	(void)clock_gettime(id, &now);
	if (now.tv_sec < 0)
		return 0;
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t clock_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t clock_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}
