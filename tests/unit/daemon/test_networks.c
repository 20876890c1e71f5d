/* SPDX-License-Identifier: Apache-2.0 */
/* What was there when the terminal was set up is known; the rest is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/base/fd.h"
#include "agent/daemon/networks.h"
#include "tests/fakes/machine.h"

#include <fcntl.h>

static const uint8_t cdc[][3] = {{2, 6, 0}};
static const struct fake_usb adapter = {
	.hub = "usb1",
	.name = "1-2",
	.vendor = 0x0bda,
	.product = 0x8153,
	.serial = "N1",
	.interfaces = cdc,
	.interface_count = 1,
	.authorized = 1,
};

struct world {
	struct machine machine;
	struct networks *networks;
	int state_fd;
	int run_fd;
};

static void start(struct world *world)
{
	assert_int_equal(networks_new(world->machine.tree.fd,
				      world->machine.pipeline.options.sink,
				      &world->machine.pipeline.devices,
				      &world->networks),
			 0);
	networks_read_told(world->networks, world->run_fd);
}

static int setup(void **state)
{
	static struct world world;

	machine_init(&world.machine);
	fake_dir(&world.machine.tree, "state");
	fake_dir(&world.machine.tree, "run");
	world.state_fd = open_below(world.machine.tree.fd, "state",
				    O_RDONLY | O_DIRECTORY, 0);
	world.run_fd = open_below(world.machine.tree.fd, "run",
				  O_RDONLY | O_DIRECTORY, 0);
	start(&world);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	world->networks = networks_free(world->networks);
	close(world->state_fd);
	close(world->run_fd);
	machine_fini(&world->machine);
	return 0;
}

static void link_event(struct world *world, enum net_kind kind, uint32_t index,
		       const char *name)
{
	struct net_event event = {.kind = kind,
				  .index = index,
				  .address = "02:00:00:00:00:01",
				  .is_loopback = strcmp(name, "lo") == 0};

	(void)snprintf(event.name, sizeof(event.name), "%s", name);
	networks_event(&event, world->networks);
}

static void route_event(struct world *world, enum net_kind kind, uint32_t index)
{
	const struct net_event event = {.kind = kind,
					.index = index,
					.family = AF_INET,
					.address = "10.0.0.1"};

	networks_event(&event, world->networks);
}

static void come(struct world *world, uint32_t index, const char *name)
{
	link_event(world, NET_LINK_ADDED, index, name);
}

/* Set up with lo and eth0, which has the default route. */
static void learn(struct world *world)
{
	networks_read_learned(world->networks, world->state_fd);
	come(world, 1, "lo");
	come(world, 2, "eth0");
	route_event(world, NET_ROUTE_ADDED, 2);
	assert_int_equal(networks_learn(world->networks, world->state_fd), 0);
	assert_int_equal(world->machine.record_count, 0);
}

static size_t count(struct world *world, enum record_code code)
{
	return machine_count(&world->machine, code);
}

static void what_was_there_at_first_is_known(void **state)
{
	struct world *world = *state;

	learn(world);
	come(world, 2, "eth0");
	assert_int_equal(world->machine.record_count, 0);
	come(world, 3, "usb0");
	const struct record *record = machine_last(&world->machine,
						   RECORD_NETWORK_ADDED);
	assert_non_null(record);
	assert_string_equal(record->channel->name, "usb0");
	come(world, 3, "usb0"); /* a change of its flags */
	assert_int_equal(count(world, RECORD_NETWORK_ADDED), 1);
}

static void the_next_boot_knows_what_was_learned(void **state)
{
	struct world *world = *state;

	learn(world);
	networks_free(world->networks);
	start(world);
	come(world, 2, "eth0"); /* before the disk can be read */
	come(world, 3, "tun0");
	assert_int_equal(world->machine.record_count, 0);
	networks_read_learned(world->networks, world->state_fd);
	assert_int_equal(count(world, RECORD_NETWORK_ADDED), 1);
	assert_string_equal(machine_last(&world->machine, RECORD_NETWORK_ADDED)
				    ->channel->name,
			    "tun0");
}

static void a_restart_does_not_tell_again(void **state)
{
	struct world *world = *state;

	learn(world);
	come(world, 3, "usb0");
	route_event(world, NET_ROUTE_ADDED, 3);
	assert_int_equal(networks_save_told(world->networks, world->run_fd), 0);
	machine_forget(&world->machine);
	networks_free(world->networks);
	start(world);
	networks_read_learned(world->networks, world->state_fd);
	come(world, 2, "eth0");
	come(world, 3, "usb0");
	route_event(world, NET_ROUTE_ADDED, 2);
	route_event(world, NET_ROUTE_ADDED, 3);
	assert_int_equal(world->machine.record_count, 0);
}

static void an_adapter_that_comes_again_is_told_again(void **state)
{
	struct world *world = *state;

	learn(world);
	come(world, 3, "usb0");
	link_event(world, NET_LINK_REMOVED, 3, "usb0");
	come(world, 4, "usb0");
	assert_int_equal(count(world, RECORD_NETWORK_ADDED), 2);
}

static void an_interface_is_told_with_its_usb_device(void **state)
{
	struct world *world = *state;
	struct machine *machine = &world->machine;

	learn(world);
	machine_rules(machine, "policy \"t\" serial 1 mode enforce\nallow\n");
	assert_int_equal(machine_load(machine), 0);
	machine_plug(machine, &adapter);
	fake_link(&machine->tree, "sys/class/net/usb0",
		  "../../" FAKE_CONTROLLER "/usb1/1-2/1-2:1.0/net/usb0");
	fake_link(&machine->tree,
		  "sys/" FAKE_CONTROLLER "/usb1/1-2/1-2:1.0/net/usb0/device",
		  "../../../1-2:1.0");
	come(world, 3, "usb0");
	const struct record *record = machine_last(machine,
						   RECORD_NETWORK_ADDED);
	assert_non_null(record);
	assert_string_equal(record->usb->serial, "N1");
	assert_string_equal(
		record->correlation,
		machine_last(machine, RECORD_USB_DEVICE_ALLOWED)->correlation);
}

static void a_second_default_route_is_told_once(void **state)
{
	struct world *world = *state;

	learn(world);
	route_event(world, NET_ROUTE_ADDED, 2); /* renewed */
	assert_int_equal(count(world, RECORD_NETWORK_ROUTE), 0);
	come(world, 3, "usb0");
	route_event(world, NET_ROUTE_ADDED, 3);
	route_event(world, NET_ROUTE_ADDED, 3);
	const struct record *record = machine_last(&world->machine,
						   RECORD_NETWORK_ROUTE);
	assert_int_equal(count(world, RECORD_NETWORK_ROUTE), 1);
	assert_string_equal(record->channel->interface, "usb0");
	assert_string_equal(record->channel->address, "10.0.0.1");
}

static void a_default_route_by_an_unknown_interface_is_told_alone(void **state)
{
	struct world *world = *state;

	learn(world);
	route_event(world, NET_ROUTE_REMOVED, 2);
	come(world, 3, "usb0");
	route_event(world, NET_ROUTE_ADDED, 3);
	assert_int_equal(count(world, RECORD_NETWORK_ROUTE), 1);
}

static void a_flood_is_counted_not_told(void **state)
{
	struct world *world = *state;
	char name[16];

	learn(world);
	for (uint32_t i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "dummy%u", i);
		come(world, 10 + i, name);
		link_event(world, NET_LINK_REMOVED, 10 + i, name);
	}
	assert_int_equal(count(world, RECORD_NETWORK_ADDED), NETWORKS_TOLD_MAX);
	if (networks_scan(world->networks) < 0)
		skip(); /* no rtnetlink here */
	const struct record *gap = machine_last(&world->machine,
						RECORD_LOG_GAP);
	assert_non_null(gap);
	/* The scan saw this machine's own, too */
	assert_true(gap->u.gap.count >= 100 - NETWORKS_TOLD_MAX);
}

static void a_list_of_nonsense_knows_nobody(void **state)
{
	struct world *world = *state;

	fake_text(&world->machine.tree, "state/networks", "%s", "\n\nxyz\n");
	networks_read_learned(world->networks, world->state_fd);
	come(world, 2, "eth0");
	assert_int_equal(count(world, RECORD_NETWORK_ADDED), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_was_there_at_first_is_known),
		CASE(the_next_boot_knows_what_was_learned),
		CASE(a_restart_does_not_tell_again),
		CASE(an_adapter_that_comes_again_is_told_again),
		CASE(an_interface_is_told_with_its_usb_device),
		CASE(a_second_default_route_is_told_once),
		CASE(a_default_route_by_an_unknown_interface_is_told_alone),
		CASE(a_flood_is_counted_not_told),
		CASE(a_list_of_nonsense_knows_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
