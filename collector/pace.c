/* SPDX-License-Identifier: Apache-2.0 */
/* pace: the fuller of the two bounds decides, in steps. */
#include "collector/pace.h"

#include "collector/limits.h"

#include "agent/base/banned.h"

unsigned int pace_per_minute(size_t waiting_events, size_t held_bytes)
{
	size_t waiting = waiting_events * 100 / LIMIT_WAITING_EVENTS;
	size_t held = held_bytes * 100 / LIMIT_HELD_BYTES;
	size_t percent = waiting > held ? waiting : held;

	if (percent < 25)
		return 0;
	return percent < 50 ? 20 : percent < 75 ? 6 : 2;
}
