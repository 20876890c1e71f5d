/* SPDX-License-Identifier: Apache-2.0 */
/* Keys there are, and when some key went down; see input.h. */
#include "agent/sense/input.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/cleanup.h"

#define US_PER_S  1000000u
#define WORDS_MAX ((KEY_CNT + 63) / 64)
/* A word and its blank, for each; and the newline that is cut. */
#define KEYS_TEXT_MAX (WORDS_MAX * 17 + 2)

#define BIT(code) (UINT64_C(1) << ((code) % 64))
/* first..last, of one word */
#define BITS(first, last) ((BIT(last) << 1) - BIT(first))

/* What text is made of. Not the rest of a keyboard: a headset has its volume,
 * a remote control its arrows, and both may have Escape. */
static const uint64_t typing_keys[] = {
	BITS(KEY_1, KEY_0) | BITS(KEY_Q, KEY_P) | BIT(KEY_ENTER) |
		BITS(KEY_A, KEY_L) | BITS(KEY_Z, KEY_M) | BIT(KEY_SPACE),
	BITS(KEY_KP7, KEY_KP9) | BITS(KEY_KP4, KEY_KP6) |
		BITS(KEY_KP1, KEY_KP0) | BIT(KEY_KPENTER),
};

bool input_has_keys(const char *text)
{
	const char *end = text + strlen(text);

	for (size_t i = 0; i < sizeof(typing_keys) / sizeof(typing_keys[0]);
	     i++) {
		const char *start = end;
		char *stop;

		while (start > text && start[-1] != ' ')
			start--;
		if (start == end)
			return i == 0; /* no word at all is not understood */
		errno = 0;
		uint64_t word = strtoull(start, &stop, 16);
		if (errno || stop != end || (word & typing_keys[i]))
			return true;
		if (start == text)
			return false;
		end = start - 1;
	}
	return false;
}

int input_can_type(int root_fd, const char *event, bool *ret_can)
{
	_cleanup_close_ int fd = -1;
	char path[SYSFS_PATH_MAX + 32];
	char text[KEYS_TEXT_MAX];
	size_t len = (size_t)(sysfs_basename(event) - event);

	if (len < 2)
		return -EINVAL;
	(void)snprintf(path, sizeof(path), "sys%.*s/capabilities", (int)len - 1,
		       event);
	int r = sysfs_open_dir(root_fd, path, &fd);
	if (r < 0)
		return r;
	r = sysfs_read_text(fd, "key", text, sizeof(text));
	if (r < 0)
		return r;
	*ret_can = input_has_keys(text);
	return 0;
}

/* Only these codes of TYPE are handed to this reader. */
static int set_mask(int fd, uint32_t type, const void *codes, size_t size)
{
	const struct input_mask mask = {
		.type = type,
		.codes_size = (uint32_t)size,
		.codes_ptr = (uint64_t)(uintptr_t)codes,
	};

	return ioctl(fd, EVIOCSMASK, &mask) < 0 ? -errno : 0;
}

static int set_masks(int fd)
{
	static const unsigned int left_out[] = {KEY_LEFTSHIFT, KEY_RIGHTSHIFT,
						KEY_LEFTCTRL,  KEY_RIGHTCTRL,
						KEY_LEFTALT,   KEY_RIGHTALT,
						KEY_LEFTMETA,  KEY_RIGHTMETA};
	/* Whole words: the kernel's bits are longs (bits_from_user()) */
	uint64_t keys[WORDS_MAX];
	const uint64_t types = BIT(EV_SYN) | BIT(EV_KEY);

	memset(keys, 0xff, sizeof(keys));
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		keys[left_out[i] / 64] &= ~BIT(left_out[i]);
	/* A finger on a touch screen or a mouse button is no key */
	for (unsigned int code = BTN_MISC; code < KEY_OK; code++)
		keys[code / 64] &= ~BIT(code);
	int r = set_mask(fd, EV_KEY, keys, sizeof(keys));
	return r < 0 ? r : set_mask(fd, EV_SYN, &types, sizeof(types));
}

int input_open(int dev_fd, const char *name, int *ret_fd)
{
	const int clock = CLOCK_MONOTONIC;

	if (name[0] == '/' || strstr(name, ".."))
		return -EINVAL;
	_cleanup_close_ int fd = openat(dev_fd, name,
					O_RDONLY | O_NONBLOCK | O_NOCTTY |
						O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, EVIOCSCLOCKID, &clock) < 0)
		return -errno;
	int r = set_masks(fd);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int input_presses(int fd, uint64_t *ret_mono_us, size_t *ret_count)
{
	struct input_event events[INPUT_PRESSES_MAX];
	size_t count = 0;
	ssize_t n = read(fd, events, sizeof(events));

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(events[0]); i++)
		if (events[i].type == EV_KEY && events[i].value == 1)
			ret_mono_us[count++] =
				(uint64_t)events[i].input_event_sec * US_PER_S +
				(uint64_t)events[i].input_event_usec;
	explicit_bzero(events, sizeof(events));
	*ret_count = count;
	return 0;
}
