/* SPDX-License-Identifier: Apache-2.0 */
/* A grab, with no key left down behind it; see silence.h. */
#include "agent/enforce/silence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/base/cleanup.h"

/* Its own releases come too late, nobody gets them during the grab. Which keys
 * they are is forgotten at once. */
static void let_go(int fd)
{
	uint8_t down[(KEY_CNT + 7) / 8] = {0};
	const struct input_event end = {.type = EV_SYN, .code = SYN_REPORT};

	if (ioctl(fd, EVIOCGKEY(sizeof(down)), down) < 0)
		return; /* worse than a key that repeats is not being silent */
	for (unsigned int code = 0; code < KEY_CNT; code++) {
		const struct input_event up = {
			.type = EV_KEY,
			.code = (uint16_t)code,
		};
		if (down[code / 8] & 1u << code % 8)
			(void)!write(fd, &up, sizeof(up));
	}
	(void)!write(fd, &end, sizeof(end));
	explicit_bzero(down, sizeof(down));
}

int silence_begin(int dev_fd, const char *name, int *ret_fd)
{
	if (name[0] == '/' || strstr(name, ".."))
		return -EINVAL;
	_cleanup_close_ int fd = openat(dev_fd, name,
					O_RDWR | O_NONBLOCK | O_NOCTTY |
						O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	let_go(fd);
	if (ioctl(fd, EVIOCGRAB, 1) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
