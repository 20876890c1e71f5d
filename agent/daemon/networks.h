/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to other networks: every interface that is there, and which of them have
 * a default route. What was there when the terminal was set up is known; any
 * other interface, and a second default route, is told (他の領域との通信). It
 * tells only: what a USB adapter may do is decided with its USB device.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/daemon/devices.h"
#include "agent/daemon/recorder.h"
#include "agent/sense/net.h"

#define NETWORKS_FILE	   "networks"
#define NETWORKS_MAX	   256
#define NETWORKS_FILE_MAX  262144
#define NETWORKS_TOLD_MAX  64 /* between two scans; the rest is counted */
#define NETWORKS_IDENT_MAX (SYSFS_PATH_MAX + NET_ADDRESS_MAX)

struct network {
	struct net_event link;
	/* What it is known by: place and address of the hardware, or the name
	 * of one that is made of nothing. */
	char identity[NETWORKS_IDENT_MAX];
	char devpath[SYSFS_PATH_MAX]; /* "": no hardware */
	bool has_default[2];	      /* IPv4, IPv6 */
	char gateway[2][NET_ADDRESS_MAX];
	bool is_known;	/* learned */
	bool is_told;	/* … or told in this boot */
	bool is_routed; /* its default route was seen, and told if need be */
	bool is_seen;	/* mark of the running scan */
};

/* Identities in a file, one a line. */
struct network_list {
	char (*rows)[NETWORKS_IDENT_MAX];
	size_t count;
	bool is_read; /* also when the file is not there */
};

struct networks {
	int root_fd; /* borrowed */
	struct record_sink sink;
	const struct devices *devices; /* whose USB device it hangs on */
	struct network list[NETWORKS_MAX];
	size_t count;
	struct network_list learned; /* of the terminal's first minutes */
	bool has_learned;	     /* its file was there */
	struct network_list told;    /* of the daemon before us */
	bool is_dirty;		     /* the file in /run is behind */
	uint64_t told_count;	     /* since the last scan */
};

/* An empty table; DEVICES is borrowed. */
int networks_new(int root_fd, struct record_sink sink,
		 const struct devices *devices, struct networks **ret_networks)
	__attribute__((nonnull, warn_unused_result));
struct networks *networks_free(struct networks *networks);

/* What the daemon before us told (RUN_FD: /run/sekimori). */
void networks_read_told(struct networks *networks, int run_fd)
	__attribute__((nonnull));
/* What was learned (STATE_FD: var/lib/sekimori/state); tells what waited for
 * that. Nothing is told before. */
void networks_read_learned(struct networks *networks, int state_fd)
	__attribute__((nonnull));
/* Ends the learning, once: what is there now is known. 0 or -errno. */
int networks_learn(struct networks *networks, int state_fd)
	__attribute__((nonnull, warn_unused_result));
/* Writes what was told, when that changed. 0 or -errno. */
int networks_save_told(struct networks *networks, int run_fd)
	__attribute__((nonnull, warn_unused_result));

/* One event of agent/sense/net.h; userdata is the struct networks. */
void networks_event(const struct net_event *event, void *userdata)
	__attribute__((nonnull));

/* Compares with what the kernel has: the start, a loss of messages, each
 * heartbeat. 0 or -errno. */
int networks_scan(struct networks *networks)
	__attribute__((nonnull, warn_unused_result));
