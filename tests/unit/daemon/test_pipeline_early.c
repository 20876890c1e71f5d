/* SPDX-License-Identifier: Apache-2.0 */
/* A device is let in only after the kernel's own driver has looked at it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/base/clock.h"
#include "tests/fakes/machine.h"

#define HEAD "policy \"t\" serial 1 mode enforce\n"

static const uint8_t storage[][3] = {{8, 6, 80}};
static const uint8_t bad_usb[][3] = {{3, 1, 1}, {8, 6, 80}};

static const struct fake_usb early_stick = {
	.hub = "usb1",
	.name = "1-1",
	.vendor = 0x0411,
	.product = 0x01e8,
	.serial = "S1",
	.product_name = "Stick",
	.interfaces = storage,
	.interface_count = 1,
	.is_unbound = true,
};
static const struct fake_usb early_composite = {
	.hub = "usb1",
	.name = "1-2",
	.vendor = 0x046d,
	.product = 0xc31c,
	.product_name = "Keyboard",
	.interfaces = bad_usb,
	.interface_count = 2,
	.is_unbound = true,
};

static int setup(void **state)
{
	static struct machine machine;

	machine_init(&machine);
	*state = &machine;
	return 0;
}

static int teardown(void **state)
{
	machine_fini(*state);
	return 0;
}

static void load(struct machine *machine, const char *rules, int expected)
{
	machine_rules(machine, rules);
	assert_int_equal(machine_load(machine), expected);
}

/* Authorised before "bind", the kernel would configure it a second time and
 * let every interface in. */
static void some_interfaces_wait_until_the_kernel_has_looked(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "allow interfaces { 08:*:* }\n", 0);
	machine_plug(machine, &early_composite);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-2"), 0);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_ALLOWED), 0);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 0);

	fake_link(&machine->tree, "sys/bus/usb/devices/1-2/driver",
		  "../../../../../bus/usb/drivers/usb");
	machine_uevent(machine, UEVENT_BIND, "usb", "1-2");
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-2"), 1);
	assert_int_equal(
		machine_asked(machine->real, "usb_interface 1-2:1.0 1"), 0);
	assert_int_equal(
		machine_asked(machine->real, "usb_interface 1-2:1.1 1"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_ALLOWED), 1);
}

/* What a rule on trial refuses is let in as well, so it waits as well. */
static void a_refusal_on_trial_waits_for_the_kernel_too(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "block id 0411:01e8 monitor\n", 0);
	machine_plug(machine, &early_stick);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 0);

	fake_link(&machine->tree, "sys/bus/usb/devices/1-1/driver",
		  "../../../../../bus/usb/drivers/usb");
	machine_uevent(machine, UEVENT_BIND, "usb", "1-1");
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
}

/* A driver that never comes is told, once; the device stays shut. */
static void a_device_that_is_never_bound_is_told_at_a_later_scan(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "allow interfaces { 08:*:* }\n", 0);
	machine_plug(machine, &early_composite);
	pipeline_scan(&machine->pipeline);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 0);
	devices_usb_named(&machine->pipeline.devices, "1-2")->mono_seen_ns -=
		6 * NS_PER_S;
	pipeline_scan(&machine->pipeline);
	pipeline_scan(&machine->pipeline);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-2"), 0);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(some_interfaces_wait_until_the_kernel_has_looked),
		CASE(a_refusal_on_trial_waits_for_the_kernel_too),
		CASE(a_device_that_is_never_bound_is_told_at_a_later_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
