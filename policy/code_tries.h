/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code_tries: how often codes may be tried. Five wrong ones, then a wait that
 * doubles from a minute to an hour; a reboot begins the wait again and never
 * shortens it. It locks the entry of codes and nothing else. Pure: the caller
 * has the clock (CLOCK_BOOTTIME) and the file.
 *
 * In this order, so that pulling the plug gains no try: code_read(), which
 * costs nothing; code_tries_wait_ns() must be 0; code_tries_spend(); the text
 * is durable; code_prove(); right: code_tries_clear().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/span.h"

#define CODE_TRIES_FREE	      5
#define CODE_TRIES_FIRST_NS   (UINT64_C(60) * 1000000000)
#define CODE_TRIES_LONGEST_NS (UINT64_C(3600) * 1000000000)
#define CODE_TRIES_COUNT_MAX  1000000000
/* "wrong N until NS boot ID\n" */
#define CODE_TRIES_TEXT_SIZE 96
#define CODE_TRIES_BOOT_SIZE 37 /* /proc/sys/kernel/random/boot_id, NUL */

/* Zeroed and with the boot's id: nobody has tried. */
struct code_tries {
	uint32_t wrong_count;	/* since the last right one */
	uint64_t boot_until_ns; /* no try before */
	char boot[CODE_TRIES_BOOT_SIZE];
};

/* Nanoseconds until the next try may be made; 0: now. */
uint64_t code_tries_wait_ns(const struct code_tries *tries,
			    uint64_t boot_now_ns) __attribute__((nonnull));
/* One try is being made. */
void code_tries_spend(struct code_tries *tries, uint64_t boot_now_ns)
	__attribute__((nonnull));
/* It was right. */
void code_tries_clear(struct code_tries *tries) __attribute__((nonnull));

/* The line to keep, NUL-terminated; its length. */
size_t code_tries_format(const struct code_tries *tries,
			 char ret_text[CODE_TRIES_TEXT_SIZE])
	__attribute__((nonnull));
/*
 * Reads it back in the boot `boot`. Empty (no file yet): nobody has tried. Of
 * another boot: the wait of the count begins now. Not readable: as if the
 * longest wait began now, and the result is false (worth a log line).
 */
bool code_tries_load(struct span text, struct span boot, uint64_t boot_now_ns,
		     struct code_tries *ret_tries)
	__attribute__((nonnull, warn_unused_result));
