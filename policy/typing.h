/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a person type there, or a machine that says it is a keyboard? Pure
 * arithmetic on the times of key presses. It is never told which key: keys are
 * what a keyboard guard must not know.
 */
#pragma once

#include <stdint.h>

/*
 * TYPING_KEYS presses in a row, on average less than TYPING_INTERVAL_US apart,
 * are no person's. Dhakal et al., "Observations on Typing from 136 Million
 * Keystrokes" (CHI 2018): 239 ms between keys on average, 60 ms for the very
 * fastest; bursts of competitions reach about 40 ms. The other side: keystroke
 * injectors send a key every 1 to 12 ms, and low-speed ones, which the bus asks
 * every 8 ms (press and release are a report each), every 16 to 20 ms. 25 ms,
 * 40 keys a second, lies between. An average over 20 and not single intervals:
 * two fingers that come down together, and the roll of a hand, are a person's.
 * 20 is the fewest with which a hand laid flat on the keys still passes.
 */
#define TYPING_KEYS	   20u
#define TYPING_INTERVAL_US 25000u

/*
 * After so many presses like a person's it is taken for one and not looked at
 * any more: counted in keys and not in time, for an injector waits for the
 * lunch break without typing; bounded, for the daemon must not sit behind
 * people's keyboards all day.
 */
#define TYPING_TRUST_KEYS 200u

enum typing_answer {
	TYPING_OPEN = 0, /* not known yet */
	TYPING_PERSON,	 /* TYPING_TRUST_KEYS presses and no machine */
	TYPING_MACHINE,
};

/* Zeroed memory is a keyboard that has not typed. */
struct typing {
	uint64_t mono_us[TYPING_KEYS]; /* of the last presses, a ring */
	uint32_t count;		       /* presses so far */
};

/*
 * One press of a key at MONO_US, as the kernel stamped it. Not to be told:
 * releases, auto-repeat, and Shift, Control, Alt and Meta, which go down
 * together with another key.
 */
enum typing_answer typing_press(struct typing *typing, uint64_t mono_us)
	__attribute__((nonnull));
