/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network interfaces and default routes from rtnetlink (rtnetlink(7)): as they
 * come and go, and as they are. Reads only; must not judge, and knows nothing
 * of addresses or traffic.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/sense/sysfs.h"

/* The kernel fills at most 32 KiB of a dump at once. */
#define NET_MESSAGE_MAX	 32768
#define NET_BUFFER_BYTES (1024 * 1024)
/* Messages of one dump looked at: a routing table can be very long. */
#define NET_DUMP_MAX	65536
#define NET_NAME_MAX	16 /* IFNAMSIZ */
#define NET_ADDRESS_MAX 48 /* text of an IPv6 or hardware address */

enum net_kind {
	NET_LINK_ADDED = 0, /* or changed */
	NET_LINK_REMOVED,
	NET_ROUTE_ADDED, /* a default route, one for each of its next hops */
	NET_ROUTE_REMOVED,
};

struct net_event {
	enum net_kind kind;
	uint32_t index;		       /* of the interface */
	char name[NET_NAME_MAX];       /* links only */
	char address[NET_ADDRESS_MAX]; /* a link's own; a route's gateway; "" */
	bool is_loopback;
	uint8_t family; /* routes: AF_INET, AF_INET6 */
};

/* Named outcomes of net_receive(). */
enum net_outcome {
	NET_OK = 0,
	NET_NONE = 1, /* queue empty */
	NET_LOST = 2, /* the kernel dropped messages: dump again */
};

typedef void (*net_fn)(const struct net_event *event, void *userdata);

/* A socket that tells of changes from now on. 0 or -errno. */
int net_open(int *ret_fd) __attribute__((nonnull, warn_unused_result));

/* One datagram without blocking: FN for each event in it. 0, an outcome above
 * or -errno. */
int net_receive(int fd, net_fn fn, void *userdata)
	__attribute__((nonnull(2), warn_unused_result));

/* Everything there is now: links first, then default routes. Asks the kernel,
 * which answers at once. 0, -E2BIG past NET_DUMP_MAX, or -errno. */
int net_dump(net_fn fn, void *userdata)
	__attribute__((nonnull(1), warn_unused_result));

/* Pure: the events of one datagram. Returns whether it ends a dump
 * (NLMSG_DONE or an error); what is malformed is left out. */
bool net_parse(const void *data, size_t len, net_fn fn, void *userdata)
	__attribute__((nonnull(3)));

/* The devpath ("/devices/…") of the hardware below interface NAME; -ENOENT for
 * one that is made of nothing. RET_DEVPATH has SYSFS_PATH_MAX bytes. */
int net_devpath(int root_fd, const char *name, char *ret_devpath)
	__attribute__((nonnull, warn_unused_result));
