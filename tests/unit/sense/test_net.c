/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink datagrams made by hand, and the machine's own. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/sense/net.h"
#include "tests/fakes/tree.h"

#define SEEN_MAX 16

struct seen {
	struct net_event list[SEEN_MAX];
	size_t count;
};

static void remember(const struct net_event *event, void *userdata)
{
	struct seen *seen = userdata;

	if (seen->count < SEEN_MAX)
		seen->list[seen->count] = *event;
	seen->count++;
}

/* A datagram that grows; one message of it is open at a time. */
struct datagram {
	_Alignas(4) uint8_t bytes[1024];
	size_t size;
	size_t message;
};

static void add(struct datagram *d, const void *data, size_t size)
{
	memcpy(d->bytes + d->size, data, size);
	d->size += NLMSG_ALIGN(size);
	uint32_t len = (uint32_t)(d->size - d->message);
	memcpy(d->bytes + d->message, &len, sizeof(len));
}

static void begin(struct datagram *d, uint16_t type, const void *data,
		  size_t size)
{
	const struct nlmsghdr head = {.nlmsg_type = type};

	d->message = d->size;
	add(d, &head, sizeof(head));
	add(d, data, size);
}

static void attribute(struct datagram *d, uint16_t type, const void *data,
		      size_t size)
{
	struct rtattr head = {.rta_len = (uint16_t)(sizeof(head) + size),
			      .rta_type = type};
	uint8_t both[128] = {0};

	memcpy(both, &head, sizeof(head));
	memcpy(both + sizeof(head), data, size);
	add(d, both, sizeof(head) + size);
}

static void link_of(struct datagram *d, uint16_t type, int index,
		    const char *name)
{
	static const uint8_t mac[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
	const struct ifinfomsg info = {.ifi_index = index, .ifi_type = 1};

	begin(d, type, &info, sizeof(info));
	attribute(d, IFLA_ADDRESS, mac, sizeof(mac));
	attribute(d, IFLA_IFNAME, name, strlen(name) + 1);
}

static void a_link_has_name_and_address(void **state)
{
	struct datagram d = {0};
	struct seen seen = {0};
	(void)state;

	link_of(&d, RTM_NEWLINK, 3, "usb0");
	link_of(&d, RTM_DELLINK, 4, "usb1");
	assert_false(net_parse(d.bytes, d.size, remember, &seen));
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.list[0].kind, NET_LINK_ADDED);
	assert_int_equal(seen.list[0].index, 3);
	assert_string_equal(seen.list[0].name, "usb0");
	assert_string_equal(seen.list[0].address, "52:54:00:12:34:56");
	assert_false(seen.list[0].is_loopback);
	assert_int_equal(seen.list[1].kind, NET_LINK_REMOVED);
}

static void the_permanent_address_counts_more(void **state)
{
	static const uint8_t mac[] = {2, 0, 0, 0, 0, 9};
	struct datagram d = {0};
	struct seen seen = {0};
	(void)state;

	link_of(&d, RTM_NEWLINK, 3, "wlan0"); /* a random one */
	attribute(&d, IFLA_PERM_ADDRESS, mac, sizeof(mac));
	(void)!net_parse(d.bytes, d.size, remember, &seen);
	assert_string_equal(seen.list[0].address, "02:00:00:00:00:09");
}

static void route_of(struct datagram *d, struct rtmsg info, uint32_t index)
{
	static const uint8_t gateway[] = {192, 168, 42, 129};

	begin(d, RTM_NEWROUTE, &info, sizeof(info));
	attribute(d, RTA_GATEWAY, gateway, sizeof(gateway));
	attribute(d, RTA_OIF, &index, sizeof(index));
}

static void only_default_routes_count(void **state)
{
	const struct rtmsg good = {.rtm_family = AF_INET,
				   .rtm_type = RTN_UNICAST};
	struct rtmsg rows[] = {good, good, good, good};
	struct datagram d = {0};
	struct seen seen = {0};
	(void)state;

	rows[0].rtm_dst_len = 24;
	rows[1].rtm_type = RTN_UNREACHABLE;
	rows[2].rtm_family = AF_BRIDGE;
	for (size_t i = 0; i < 4; i++)
		route_of(&d, rows[i], 3);
	(void)!net_parse(d.bytes, d.size, remember, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.list[0].kind, NET_ROUTE_ADDED);
	assert_int_equal(seen.list[0].index, 3);
	assert_int_equal(seen.list[0].family, AF_INET);
	assert_string_equal(seen.list[0].address, "192.168.42.129");
}

static void each_hop_of_a_route_is_one(void **state)
{
	const struct rtmsg info = {.rtm_family = AF_INET,
				   .rtm_type = RTN_UNICAST};
	struct rtnexthop hops[2] = {
		{.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 2},
		{.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 3}};
	struct datagram d = {0};
	struct seen seen = {0};
	(void)state;

	begin(&d, RTM_NEWROUTE, &info, sizeof(info));
	attribute(&d, RTA_MULTIPATH, hops, sizeof(hops));
	(void)!net_parse(d.bytes, d.size, remember, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.list[0].index, 2);
	assert_int_equal(seen.list[1].index, 3);
}

static void a_cut_datagram_tells_what_is_whole(void **state)
{
	struct datagram d = {0};
	(void)state;

	link_of(&d, RTM_NEWLINK, 3, "usb0");
	size_t first = d.size;
	link_of(&d, RTM_NEWLINK, 4, "usb1");
	for (size_t len = 0; len < d.size; len++) {
		struct seen seen = {0};
		uint8_t copy[sizeof(d.bytes)];

		memcpy(copy, d.bytes, len);
		assert_false(net_parse(copy, len, remember, &seen));
		assert_int_equal(seen.count, len >= first ? 1 : 0);
	}
}

static void this_machine_has_a_loopback(void **state)
{
	struct seen seen = {0};
	bool has_loopback = false;
	(void)state;

	int r = net_dump(remember, &seen);
	if (r == -EPERM || r == -EAFNOSUPPORT)
		skip();
	assert_int_equal(r, 0);
	for (size_t i = 0; i < seen.count && i < SEEN_MAX; i++)
		has_loopback |= seen.list[i].is_loopback;
	assert_true(has_loopback);
}

static void an_open_socket_has_nothing_to_tell(void **state)
{
	struct seen seen = {0};
	int fd = -1;
	(void)state;

	if (net_open(&fd) < 0)
		skip();
	int r = net_receive(fd, remember, &seen);
	assert_true(r == NET_NONE || r == NET_OK);
	close(fd);
}

static void the_hardware_below_an_interface_is_found(void **state)
{
	struct fake_tree tree;
	char devpath[SYSFS_PATH_MAX];
	(void)state;

	fake_tree_init(&tree);
	fake_link(&tree, "sys/class/net/usb0",
		  "../../" FAKE_CONTROLLER "/usb1/1-2/1-2:1.0/net/usb0");
	fake_link(&tree,
		  "sys/" FAKE_CONTROLLER "/usb1/1-2/1-2:1.0/net/usb0/device",
		  "../../../1-2:1.0");
	fake_link(&tree, "sys/class/net/lo", "../../devices/virtual/net/lo");
	fake_dir(&tree, "sys/devices/virtual/net/lo");
	assert_int_equal(net_devpath(tree.fd, "usb0", devpath), 0);
	assert_string_equal(devpath,
			    "/" FAKE_CONTROLLER "/usb1/1-2/1-2:1.0/net/usb0");
	assert_int_equal(net_devpath(tree.fd, "lo", devpath), -ENOENT);
	assert_int_equal(net_devpath(tree.fd, "../x", devpath), -EINVAL);
	fake_tree_fini(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_has_name_and_address),
		cmocka_unit_test(the_permanent_address_counts_more),
		cmocka_unit_test(only_default_routes_count),
		cmocka_unit_test(each_hop_of_a_route_is_one),
		cmocka_unit_test(a_cut_datagram_tells_what_is_whole),
		cmocka_unit_test(this_machine_has_a_loopback),
		cmocka_unit_test(an_open_socket_has_nothing_to_tell),
		cmocka_unit_test(the_hardware_below_an_interface_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
