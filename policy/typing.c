/* SPDX-License-Identifier: Apache-2.0 */
/* The times of the last presses, and how close they are; see typing.h. */
#include "policy/typing.h"

enum typing_answer typing_press(struct typing *typing, uint64_t mono_us)
{
	uint32_t slot = typing->count % TYPING_KEYS;
	uint32_t oldest = (typing->count + 1) % TYPING_KEYS;

	typing->mono_us[slot] = mono_us;
	typing->count++;
	if (typing->count < TYPING_KEYS)
		return TYPING_OPEN;
	/* A clock that goes back is no clock: nothing follows from it */
	if (mono_us >= typing->mono_us[oldest] &&
	    mono_us - typing->mono_us[oldest] <
		    (uint64_t)(TYPING_KEYS - 1) * TYPING_INTERVAL_US)
		return TYPING_MACHINE;
	return typing->count >= TYPING_TRUST_KEYS ? TYPING_PERSON : TYPING_OPEN;
}
