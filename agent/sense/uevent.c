/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's uevent socket. Only the kernel is believed: anybody with
 * CAP_NET_ADMIN in our network namespace may send to this group, so port and
 * credentials are checked on each message.
 */
#include "agent/sense/uevent.h"

#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "agent/base/cleanup.h"

#define GROUP_KERNEL 1

static const char *const actions[] = {
	[UEVENT_OTHER] = "other",   [UEVENT_ADD] = "add",
	[UEVENT_REMOVE] = "remove", [UEVENT_CHANGE] = "change",
	[UEVENT_BIND] = "bind",	    [UEVENT_UNBIND] = "unbind",
	[UEVENT_MOVE] = "move",
};
static_assert(sizeof(actions) / sizeof(actions[0]) == UEVENT_ACTION_COUNT_,
	      "one name for each action");

const char *uevent_action_to_str(enum uevent_action action)
{
	if ((unsigned int)action >= UEVENT_ACTION_COUNT_)
		return "other";
	return actions[action];
}

int uevent_open(int *ret_fd)
{
	_cleanup_close_ int fd = socket(AF_NETLINK,
					SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
					NETLINK_KOBJECT_UEVENT);
	if (fd < 0)
		return -errno;

	const int size = UEVENT_BUFFER_BYTES;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		/* Without CAP_NET_ADMIN we get what net.core.rmem_max gives;
		 * a loss is noticed by ENOBUFS all the same. */
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
				 sizeof(size));

	const int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;

	const struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = GROUP_KERNEL,
	};
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;

	*ret_fd = TAKE_FD(fd);
	return 0;
}

static bool is_from_kernel(const struct msghdr *message,
			   const struct sockaddr_nl *sender)
{
	if (sender->nl_family != AF_NETLINK || sender->nl_pid != 0 ||
	    sender->nl_groups != GROUP_KERNEL)
		return false;

	const struct cmsghdr *control = CMSG_FIRSTHDR(message);
	if (!control || control->cmsg_level != SOL_SOCKET ||
	    control->cmsg_type != SCM_CREDENTIALS ||
	    control->cmsg_len != CMSG_LEN(sizeof(struct ucred)))
		return false;

	struct ucred credentials;
	memcpy(&credentials, CMSG_DATA(control), sizeof(credentials));
	return credentials.pid == 0 && credentials.uid == 0;
}

int uevent_receive(int fd, struct uevent *ret_event)
{
	char buf[UEVENT_MESSAGE_MAX];
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct sockaddr_nl sender = {0};
	struct iovec vector = {.iov_base = buf, .iov_len = sizeof(buf)};
	struct msghdr message = {
		.msg_name = &sender,
		.msg_namelen = sizeof(sender),
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return UEVENT_NONE;
	if (n < 0 && errno == ENOBUFS)
		return UEVENT_LOST;
	if (n < 0)
		return -errno;
	if (!is_from_kernel(&message, &sender))
		return UEVENT_IGNORED;
	if (message.msg_flags & MSG_TRUNC)
		return UEVENT_LOST;
	return uevent_parse(buf, (size_t)n, ret_event);
}

static enum uevent_action action_from_str(const char *text)
{
	for (unsigned int i = 1; i < UEVENT_ACTION_COUNT_; i++)
		if (strcmp(text, actions[i]) == 0)
			return (enum uevent_action)i;
	return UEVENT_OTHER;
}

static bool copy_text(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size)
		return false;
	memcpy(to, from, len + 1);
	return true;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret_value)
{
	char *end;

	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || end == text || *end != '\0' || *text == '-' || value > max)
		return false;
	*ret_value = value;
	return true;
}

/* One KEY=VALUE of the message; unknown keys are nobody's business here. */
static bool take_pair(struct uevent *event, const char *pair)
{
	const char *equals = strchr(pair, '=');
	if (!equals || equals == pair)
		return false;

	size_t key_len = (size_t)(equals - pair);
	const char *value = equals + 1;
	uint64_t number;

#define IS_KEY(name)                                                           \
	(key_len == sizeof(name) - 1 && !memcmp(pair, name, key_len))
	if (IS_KEY("ACTION")) {
		event->action = action_from_str(value);
	} else if (IS_KEY("DEVPATH")) {
		return value[0] == '/' && !strstr(value, "/../") &&
		       copy_text(event->devpath, sizeof(event->devpath), value);
	} else if (IS_KEY("SUBSYSTEM")) {
		return copy_text(event->subsystem, sizeof(event->subsystem),
				 value);
	} else if (IS_KEY("DEVTYPE")) {
		return copy_text(event->devtype, sizeof(event->devtype), value);
	} else if (IS_KEY("DEVNAME")) {
		return copy_text(event->devname, sizeof(event->devname), value);
	} else if (IS_KEY("MAJOR")) {
		if (!parse_number(value, UINT32_MAX, &number))
			return false;
		event->major = (uint32_t)number;
	} else if (IS_KEY("MINOR")) {
		if (!parse_number(value, UINT32_MAX, &number))
			return false;
		event->minor = (uint32_t)number;
	} else if (IS_KEY("DISKSEQ")) {
		return parse_number(value, UINT64_MAX, &event->diskseq);
	} else if (IS_KEY("SEQNUM")) {
		return parse_number(value, UINT64_MAX, &event->seqnum);
	}
#undef IS_KEY
	return true;
}

int uevent_parse(const char *message, size_t len, struct uevent *ret_event)
{
	struct uevent event = {0};

	/* "add@/devices/…" comes first and says what ACTION and DEVPATH say
	 * again; it is only used to tell the kernel's form from udev's. */
	if (len == 0 || len > UEVENT_MESSAGE_MAX || message[len - 1] != '\0')
		return UEVENT_IGNORED;
	if (!memchr(message, '@', strlen(message)))
		return UEVENT_IGNORED;

	const char *end = message + len;
	for (const char *pair = message + strlen(message) + 1; pair < end;
	     pair += strlen(pair) + 1)
		if (!take_pair(&event, pair))
			return UEVENT_IGNORED;

	if (event.devpath[0] == '\0' || event.subsystem[0] == '\0')
		return UEVENT_IGNORED;
	*ret_event = event;
	return 0;
}
