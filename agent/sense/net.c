/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink, read with the bounds of each message and attribute checked here:
 * only what NLMSG_OK and RTA_OK would accept is looked at, through copies, so
 * that a datagram may lie anywhere.
 */
#include "agent/sense/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/cleanup.h"

#define HARDWARE_ADDRESS_MAX 15 /* bytes told: 3 characters each */

int net_open(int *ret_fd)
{
	_cleanup_close_ int fd = socket(AF_NETLINK,
					SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
					NETLINK_ROUTE);
	const struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_ROUTE |
			     RTMGRP_IPV6_ROUTE,
	};
	const int size = NET_BUFFER_BYTES;

	if (fd < 0)
		return -errno;
	/* Smaller without it; a loss is noticed by ENOBUFS all the same */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* --- attributes ----------------------------------------------------------- */

struct attributes {
	const uint8_t *at;
	size_t left;
};

struct attribute {
	uint16_t type;
	const uint8_t *data;
	size_t len;
};

static bool next_attribute(struct attributes *list, struct attribute *ret)
{
	struct rtattr head;

	if (list->left < sizeof(head))
		return false;
	memcpy(&head, list->at, sizeof(head));
	if (head.rta_len < sizeof(head) || head.rta_len > list->left)
		return false;
	ret->type = head.rta_type & NLA_TYPE_MASK;
	ret->data = list->at + sizeof(head);
	ret->len = head.rta_len - sizeof(head);

	size_t step = RTA_ALIGN((size_t)head.rta_len);
	if (step > list->left)
		step = list->left;
	list->at += step;
	list->left -= step;
	return true;
}

static bool read_u32(const struct attribute *attribute, uint32_t *ret_value)
{
	if (attribute->len != sizeof(*ret_value))
		return false;
	memcpy(ret_value, attribute->data, sizeof(*ret_value));
	return true;
}

static void put_hardware(const struct attribute *attribute,
			 char ret[NET_ADDRESS_MAX])
{
	size_t count = attribute->len;

	if (count > HARDWARE_ADDRESS_MAX)
		count = HARDWARE_ADDRESS_MAX;
	ret[0] = '\0';
	for (size_t i = 0; i < count; i++)
		(void)snprintf(ret + 3 * i - (i > 0), 4, "%s%02x",
			       i > 0 ? ":" : "", attribute->data[i]);
}

static void put_protocol(const struct attribute *attribute, uint8_t family,
			 char ret[NET_ADDRESS_MAX])
{
	size_t wanted = family == AF_INET6 ? 16 : 4;

	if (attribute->len != wanted ||
	    !inet_ntop(family, attribute->data, ret, NET_ADDRESS_MAX))
		ret[0] = '\0';
}

/* --- messages ------------------------------------------------------------- */

static void parse_link(const uint8_t *data, size_t len, bool is_gone, net_fn fn,
		       void *userdata)
{
	struct net_event event = {.kind = is_gone ? NET_LINK_REMOVED
						  : NET_LINK_ADDED};
	bool is_permanent = false;
	struct attribute attribute;
	struct ifinfomsg info;

	if (len < sizeof(info))
		return;
	memcpy(&info, data, sizeof(info));
	/* A bridge tells of its ports again in its own family */
	if (info.ifi_family != AF_UNSPEC || info.ifi_index <= 0)
		return;
	event.index = (uint32_t)info.ifi_index;
	event.is_loopback = info.ifi_type == ARPHRD_LOOPBACK;

	struct attributes list = {data + NLMSG_ALIGN(sizeof(info)),
				  len - NLMSG_ALIGN(sizeof(info))};
	while (next_attribute(&list, &attribute)) {
		if (attribute.type == IFLA_IFNAME && attribute.len > 0 &&
		    attribute.len <= sizeof(event.name)) {
			memcpy(event.name, attribute.data, attribute.len);
			event.name[sizeof(event.name) - 1] = '\0';
		} else if (attribute.type == IFLA_PERM_ADDRESS) {
			is_permanent = true;
			put_hardware(&attribute, event.address);
		} else if (attribute.type == IFLA_ADDRESS && !is_permanent) {
			put_hardware(&attribute, event.address);
		}
	}
	if (event.name[0] != '\0')
		fn(&event, userdata);
}

/* struct rtnexthop, one after the other. */
static void parse_hops(const struct attribute *attribute,
		       const struct net_event *route, net_fn fn, void *userdata)
{
	const uint8_t *at = attribute->data;
	size_t left = attribute->len;
	struct rtnexthop hop;

	while (left >= sizeof(hop)) {
		struct net_event event = *route;
		struct attribute inner;

		memcpy(&hop, at, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left)
			return;
		struct attributes list = {at + sizeof(hop),
					  hop.rtnh_len - sizeof(hop)};
		while (next_attribute(&list, &inner))
			if (inner.type == RTA_GATEWAY)
				put_protocol(&inner, event.family,
					     event.address);
		event.index = (uint32_t)hop.rtnh_ifindex;
		if (event.index != 0)
			fn(&event, userdata);

		size_t step = RTNH_ALIGN((size_t)hop.rtnh_len);
		if (step > left)
			return;
		at += step;
		left -= step;
	}
}

static void parse_route(const uint8_t *data, size_t len, bool is_gone,
			net_fn fn, void *userdata)
{
	struct net_event event = {.kind = is_gone ? NET_ROUTE_REMOVED
						  : NET_ROUTE_ADDED};
	struct attribute attribute;
	struct rtmsg info;

	if (len < sizeof(info))
		return;
	memcpy(&info, data, sizeof(info));
	if (info.rtm_dst_len != 0 || info.rtm_type != RTN_UNICAST ||
	    (info.rtm_flags & RTM_F_CLONED) ||
	    (info.rtm_family != AF_INET && info.rtm_family != AF_INET6))
		return;
	event.family = info.rtm_family;

	struct attributes list = {data + NLMSG_ALIGN(sizeof(info)),
				  len - NLMSG_ALIGN(sizeof(info))};
	while (next_attribute(&list, &attribute)) {
		if (attribute.type == RTA_OIF)
			(void)!read_u32(&attribute, &event.index);
		else if (attribute.type == RTA_GATEWAY)
			put_protocol(&attribute, event.family, event.address);
		else if (attribute.type == RTA_MULTIPATH)
			parse_hops(&attribute, &event, fn, userdata);
	}
	if (event.index != 0)
		fn(&event, userdata);
}

static void parse_message(uint16_t type, const uint8_t *data, size_t len,
			  net_fn fn, void *userdata)
{
	switch (type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		parse_link(data, len, type == RTM_DELLINK, fn, userdata);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		parse_route(data, len, type == RTM_DELROUTE, fn, userdata);
		break;
	default:
		break;
	}
}

bool net_parse(const void *data, size_t len, net_fn fn, void *userdata)
{
	const uint8_t *at = data;
	struct nlmsghdr head;

	while (len >= sizeof(head)) {
		memcpy(&head, at, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > len)
			return false;
		if (head.nlmsg_type == NLMSG_DONE ||
		    head.nlmsg_type == NLMSG_ERROR)
			return true;
		parse_message(head.nlmsg_type, at + sizeof(head),
			      head.nlmsg_len - sizeof(head), fn, userdata);
		size_t step = NLMSG_ALIGN((size_t)head.nlmsg_len);
		if (step > len)
			return false;
		at += step;
		len -= step;
	}
	return false;
}

/* --- the socket ----------------------------------------------------------- */

/* 0 and *ret_is_done, or an outcome, or -errno. */
static int receive(int fd, int flags, net_fn fn, void *userdata,
		   bool *ret_is_done)
{
	uint8_t buffer[NET_MESSAGE_MAX];
	struct sockaddr_nl sender = {0};
	socklen_t size = sizeof(sender);

	ssize_t n = recvfrom(fd, buffer, sizeof(buffer), flags | MSG_TRUNC,
			     (struct sockaddr *)&sender, &size);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return NET_NONE;
	if (n < 0 && errno == ENOBUFS)
		return NET_LOST;
	if (n < 0)
		return -errno;
	*ret_is_done = false;
	if (sender.nl_pid != 0)
		return NET_OK; /* not the kernel */
	if ((size_t)n > sizeof(buffer))
		return NET_LOST;
	*ret_is_done = net_parse(buffer, (size_t)n, fn, userdata);
	return NET_OK;
}

int net_receive(int fd, net_fn fn, void *userdata)
{
	bool is_done;

	return receive(fd, MSG_DONTWAIT, fn, userdata, &is_done);
}

struct request {
	struct nlmsghdr head;
	struct rtmsg route; /* a link's header has the family first, too */
	uint8_t pad[16];
};

static int dump(int fd, uint16_t type, uint8_t family, net_fn fn,
		void *userdata)
{
	const struct request request = {
		.head =
			{
				.nlmsg_len = NLMSG_LENGTH(
					type == RTM_GETLINK
						? sizeof(struct ifinfomsg)
						: sizeof(struct rtmsg)),
				.nlmsg_type = type,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				.nlmsg_seq = 1,
			},
		.route = {.rtm_family = family},
	};
	bool is_done = false;

	if (send(fd, &request, request.head.nlmsg_len, 0) < 0)
		return -errno;
	for (unsigned int i = 0; i < NET_DUMP_MAX && !is_done; i++) {
		/* The answer is made in send() and in recv(): nothing to wait
		 * for, and NET_NONE is a kernel that does not answer */
		int r = receive(fd, MSG_DONTWAIT, fn, userdata, &is_done);
		if (r < 0)
			return r;
		if (r != NET_OK)
			return -EIO;
	}
	return is_done ? 0 : -E2BIG;
}

int net_dump(net_fn fn, void *userdata)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
					NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	int r = dump(fd, RTM_GETLINK, AF_UNSPEC, fn, userdata);
	if (r == 0)
		r = dump(fd, RTM_GETROUTE, AF_INET, fn, userdata);
	if (r == 0)
		r = dump(fd, RTM_GETROUTE, AF_INET6, fn, userdata);
	return r;
}

int net_devpath(int root_fd, const char *name, char *ret_devpath)
{
	char link[64 + NET_NAME_MAX];

	if (strchr(name, '/') || name[0] == '.')
		return -EINVAL;
	(void)snprintf(link, sizeof(link), "sys/class/net/%s/device", name);
	char target[4];
	if (readlinkat(root_fd, link, target, sizeof(target)) < 0)
		return -errno;
	(void)snprintf(link, sizeof(link), "sys/class/net/%s", name);
	return sysfs_devpath_of(root_fd, link, ret_devpath);
}
