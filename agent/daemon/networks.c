/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of interfaces, in the order they came, and its two files: what was
 * learned on disk, what was told in /run.
 */
#include "agent/daemon/networks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/base/buf.h"
#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

int networks_new(int root_fd, struct record_sink sink,
		 const struct devices *devices, struct networks **ret_networks)
{
	struct networks *networks = calloc(1, sizeof(*networks));

	if (!networks)
		return -ENOMEM;
	networks->root_fd = root_fd;
	networks->sink = sink;
	networks->devices = devices;
	*ret_networks = networks;
	return 0;
}

struct networks *networks_free(struct networks *networks)
{
	if (!networks)
		return NULL;
	free(networks->learned.rows);
	free(networks->told.rows);
	free(networks);
	return NULL;
}

/* --- files ---------------------------------------------------------------- */

static int read_list(int dir_fd, struct network_list *ret_list)
{
	_cleanup_free_ char *text = NULL;
	struct network_list list = {.is_read = true};
	size_t size;

	int r = read_small_file(dir_fd, NETWORKS_FILE, NETWORKS_FILE_MAX, &text,
				&size);
	if (r < 0)
		return r;
	list.rows = calloc(NETWORKS_MAX, sizeof(*list.rows));
	if (!list.rows)
		return -ENOMEM;
	for (const char *line = text; *line && list.count < NETWORKS_MAX;) {
		size_t len = strcspn(line, "\n");
		if (len > 0 && len < NETWORKS_IDENT_MAX)
			memcpy(list.rows[list.count++], line, len);
		line += len + (line[len] == '\n');
	}
	*ret_list = list;
	return 0;
}

static bool has(const struct network_list *list, const char *identity)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->rows[i], identity) == 0)
			return true;
	return false;
}

/* The identities of what is there; ONLY_TOLD: of those that were told. */
static int write_list(const struct networks *networks, int dir_fd,
		      bool only_told)
{
	_cleanup_buf_ struct buf buf = BUF_INIT(NETWORKS_FILE_MAX);

	for (size_t i = 0; i < networks->count; i++) {
		const struct network *network = &networks->list[i];
		if (only_told && !network->is_told)
			continue;
		int r = buf_printf(&buf, "%s\n", network->identity);
		if (r == 0 && only_told && network->is_routed)
			r = buf_printf(&buf, "route %s\n", network->identity);
		if (r < 0)
			return r;
	}
	return write_atomic(dir_fd, NETWORKS_FILE, buf_text(&buf), buf.size,
			    0600);
}

int networks_save_told(struct networks *networks, int run_fd)
{
	if (!networks->is_dirty)
		return 0;
	networks->is_dirty = false; /* a disk in trouble is not asked twice */
	return write_list(networks, run_fd, true);
}

/* --- telling -------------------------------------------------------------- */

/* The innermost USB device above it; NULL: on no USB. */
static const struct usb_entry *usb_above(const struct networks *networks,
					 const char *devpath)
{
	const struct usb_entry *found = NULL;
	size_t longest = 0;

	for (const struct usb_entry *entry = networks->devices->usb; entry;
	     entry = entry->next) {
		size_t len = strlen(entry->device.devpath);
		if (len > longest && devpath[len] == '/' &&
		    strncmp(entry->device.devpath, devpath, len) == 0 &&
		    !entry->device.fact.is_controller) {
			found = entry;
			longest = len;
		}
	}
	return found;
}

static void tell(struct networks *networks, const struct network *network,
		 enum record_code code, const char *gateway)
{
	const struct usb_entry *usb = usb_above(networks, network->devpath);
	const struct record_channel channel = {
		.kind = "network",
		.name = network->link.name,
		.address = gateway ? gateway : network->link.address,
		.interface = gateway ? network->link.name : NULL,
	};
	const struct record record = {
		.code = code,
		.channel = &channel,
		.usb = usb ? &usb->device.fact : NULL,
		.correlation = usb ? usb->plug : NULL,
	};

	networks->is_dirty = true;
	/* Interfaces that are made in a loop must not fill the log */
	if (networks->told_count++ < NETWORKS_TOLD_MAX)
		networks->sink.emit(networks->sink.userdata, &record);
}

/* What was too much since the last scan, as one event. */
static void tell_excess(struct networks *networks)
{
	uint64_t count = networks->told_count;
	const struct record record = {
		.code = RECORD_LOG_GAP,
		.u.gap = {.count = count - NETWORKS_TOLD_MAX,
			  .why = "too many network interfaces and routes"},
	};

	networks->told_count = 0;
	if (count > NETWORKS_TOLD_MAX)
		networks->sink.emit(networks->sink.userdata, &record);
}

static bool has_route(const struct network *network)
{
	return network->has_default[0] || network->has_default[1];
}

/* Another interface leads out of the terminal already, in either protocol. Only
 * those that were dealt with count: of two that are found at once, one is the
 * first. */
static bool is_second(const struct networks *networks,
		      const struct network *network)
{
	for (size_t i = 0; i < networks->count; i++)
		if (&networks->list[i] != network &&
		    networks->list[i].is_routed &&
		    has_route(&networks->list[i]))
			return true;
	return false;
}

static void judge(struct networks *networks, struct network *network)
{
	char route[NETWORKS_IDENT_MAX + 8];

	if (!networks->learned.is_read || network->link.is_loopback)
		return; /* what is known is not known yet */
	if (!networks->has_learned) {
		network->is_known = true; /* the terminal's first minutes */
	} else if (!network->is_told) {
		network->is_known = has(&networks->learned, network->identity);
		network->is_told = true;
		if (!network->is_known &&
		    !has(&networks->told, network->identity))
			tell(networks, network, RECORD_NETWORK_ADDED, NULL);
		networks->is_dirty = true;
	}
	if (!has_route(network)) {
		network->is_routed = false;
		return;
	}
	if (network->is_routed)
		return;
	network->is_routed = true;
	networks->is_dirty = true;
	if (network->is_known && !is_second(networks, network))
		return;
	(void)snprintf(route, sizeof(route), "route %s", network->identity);
	if (!has(&networks->told, route))
		tell(networks, network, RECORD_NETWORK_ROUTE,
		     network->gateway[network->has_default[0] ? 0 : 1]);
}

void networks_read_told(struct networks *networks, int run_fd)
{
	if (read_list(run_fd, &networks->told) < 0)
		networks->told.is_read = true; /* the first in this boot */
}

void networks_read_learned(struct networks *networks, int state_fd)
{
	if (networks->learned.is_read)
		return;
	int r = read_list(state_fd, &networks->learned);
	if (r < 0 && r != -ENOENT)
		return; /* asked again; nothing is told till then */
	networks->learned.is_read = true;
	networks->has_learned = r == 0;
	for (size_t i = 0; i < networks->count; i++)
		judge(networks, &networks->list[i]);
}

int networks_learn(struct networks *networks, int state_fd)
{
	if (!networks->learned.is_read || networks->has_learned)
		return 0;
	int r = write_list(networks, state_fd, false);
	if (r < 0)
		return r;
	networks->learned.is_read = false;
	for (size_t i = 0; i < networks->count; i++)
		networks->list[i].is_told = true;
	networks_read_learned(networks, state_fd);
	return 0;
}

/* --- the table ------------------------------------------------------------ */

static struct network *find(struct networks *networks, uint32_t index)
{
	for (size_t i = 0; i < networks->count; i++)
		if (networks->list[i].link.index == index)
			return &networks->list[i];
	return NULL;
}

static void identify(const struct networks *networks, struct network *network)
{
	int r = net_devpath(networks->root_fd, network->link.name,
			    network->devpath);

	if (r < 0) {
		network->devpath[0] = '\0';
		(void)snprintf(network->identity, sizeof(network->identity),
			       "virtual %s", network->link.name);
		return;
	}
	/* Without the name, which udev changes while it comes up: the folder
	 * above "net" */
	char place[SYSFS_PATH_MAX];
	memcpy(place, network->devpath, sizeof(place));
	(void)sysfs_parent(place);
	(void)snprintf(network->identity, sizeof(network->identity), "%s %s",
		       place, network->link.address);
}

static void forget(struct networks *networks, struct network *network)
{
	size_t at = (size_t)(network - networks->list);

	networks->count--;
	memmove(network, network + 1,
		(networks->count - at) * sizeof(*network));
	networks->is_dirty = true;
}

static struct network *see(struct networks *networks,
			   const struct net_event *event)
{
	struct network *network = find(networks, event->index);
	bool is_same = network && strcmp(network->link.name, event->name) == 0;

	if (!network) {
		if (networks->count == NETWORKS_MAX) {
			networks->told_count++; /* counted as untold */
			return NULL;
		}
		network = &networks->list[networks->count++];
		*network = (struct network){0};
	}
	network->link = *event;
	if (!is_same) /* new, or udev gave it another name */
		identify(networks, network);
	return network;
}

static void set_route(struct networks *networks, const struct net_event *event)
{
	struct network *network = find(networks, event->index);
	unsigned int which = event->family == AF_INET6;

	if (!network)
		return; /* the link's own message comes first */
	network->has_default[which] = event->kind == NET_ROUTE_ADDED;
	memcpy(network->gateway[which], event->address,
	       sizeof(network->gateway[which]));
	judge(networks, network);
}

void networks_event(const struct net_event *event, void *userdata)
{
	struct networks *networks = userdata;
	struct network *network;

	switch (event->kind) {
	case NET_LINK_ADDED:
		network = see(networks, event);
		if (!network)
			return;
		network->is_seen = true;
		judge(networks, network);
		break;
	case NET_LINK_REMOVED:
		network = find(networks, event->index);
		if (network)
			forget(networks, network);
		break;
	case NET_ROUTE_ADDED:
	case NET_ROUTE_REMOVED:
		set_route(networks, event);
		break;
	}
}

/* While a scan lists the links: routes that are no longer there end. */
struct scan {
	struct networks *networks;
	bool has_routes;
};

static void end_links(struct networks *networks)
{
	for (size_t i = networks->count; i > 0; i--)
		if (!networks->list[i - 1].is_seen)
			forget(networks, &networks->list[i - 1]);
}

static void end_routes(struct networks *networks)
{
	for (size_t i = 0; i < networks->count; i++)
		networks->list[i].has_default[0] =
			networks->list[i].has_default[1] = false;
}

static void take(const struct net_event *event, void *userdata)
{
	struct scan *scan = userdata;

	if (event->kind == NET_ROUTE_ADDED && !scan->has_routes) {
		scan->has_routes = true;
		end_links(scan->networks);
		end_routes(scan->networks);
	}
	networks_event(event, scan->networks);
}

int networks_scan(struct networks *networks)
{
	struct scan scan = {.networks = networks};

	for (size_t i = 0; i < networks->count; i++)
		networks->list[i].is_seen = false;
	int r = net_dump(take, &scan);
	if (r < 0)
		return r;
	if (!scan.has_routes) {
		end_links(networks);
		end_routes(networks);
	}
	for (size_t i = 0; i < networks->count; i++)
		judge(networks, &networks->list[i]);
	tell_excess(networks);
	return 0;
}
