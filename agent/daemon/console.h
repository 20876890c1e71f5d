/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console: what sekimori-notify says on a desktop, said on the text console of
 * the person who is in front of it: what was blocked, granted or is ending,
 * and the receipt number. Written to their terminal like wall(1) does; never
 * waits for it. Kanji are there for consoles that have them, English for the
 * kernel's own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_TEXT_SIZE 1024
/* So many at once, then one a second; the rest is counted in the next. */
#define CONSOLE_BURST 8

struct console {
	uint64_t mono_ns; /* up to here the tokens are counted */
	unsigned int tokens;
	unsigned int untold;
	bool is_begun;
};

/*
 * The two lines for an event, NUL-terminated; false: the console need not say
 * it. Nothing in them moves a cursor, whatever a device is called.
 */
bool console_text(const char *json, char ret_text[CONSOLE_TEXT_SIZE])
	__attribute__((nonnull));

/* Whether there is room for one more now; *ret_untold: how many there was no
 * room for since the last. */
bool console_may(struct console *console, uint64_t mono_now_ns,
		 unsigned int *ret_untold) __attribute__((nonnull));

/* Writes to the terminal TTY ("tty1") below /dev. 0; -EINVAL: it is no virtual
 * console; -EAGAIN: it does not take it now; other -errno. */
int console_write(int dev_fd, const char *tty, const char *text)
	__attribute__((nonnull, warn_unused_result));

/* An event, to each text session that is local and active. */
void console_tell(struct console *console, int dev_fd, const char *json)
	__attribute__((nonnull));
