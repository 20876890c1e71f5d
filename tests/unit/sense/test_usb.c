/* SPDX-License-Identifier: Apache-2.0 */
/* USB devices from sysfs to facts, against the rows made with the peer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/sense/usb.h"
#include "policy/descriptor.h"
#include "tests/fakes/tree.h"

static const uint8_t storage[][3] = {{8, 6, 80}};
static const struct fake_usb hub = {
	.name = "usb1", .vendor = 0x1d6b, .product = 2, .authorized = 1};

static int setup(void **state)
{
	static struct fake_tree tree;

	fake_tree_init(&tree);
	*state = &tree;
	return 0;
}

static int teardown(void **state)
{
	fake_tree_fini(*state);
	return 0;
}

static struct fake_usb stick(void)
{
	return (struct fake_usb){
		.hub = "usb1",
		.name = "1-1",
		.vendor = 0x0411,
		.product = 0x01e8,
		.serial = "A1B2C3D4",
		.product_name = "USB メモリ",
		.manufacturer = "情報",
		.connect_type = "hotplug",
		.interfaces = storage,
		.interface_count = 1,
	};
}

static int read_stick(struct fake_tree *tree, const struct fake_usb *usb,
		      struct usb_device *device)
{
	fake_usb_add(tree, &hub);
	fake_usb_add(tree, usb);
	return usb_read(tree->fd, fake_devpath(tree, "1-1"), "parent", device);
}

static void a_device_is_read_whole(void **state)
{
	struct fake_tree *tree = *state;
	const struct fake_usb usb = stick();
	struct usb_device device;

	assert_int_equal(read_stick(tree, &usb, &device), 0);
	const struct usb_fact *fact = &device.fact;
	assert_int_equal(fact->vendor_id, 0x0411);
	assert_int_equal(fact->product_id, 0x01e8);
	assert_string_equal(fact->serial, "A1B2C3D4");
	assert_string_equal(fact->name, "USB メモリ");
	assert_string_equal(fact->manufacturer, "情報");
	assert_string_equal(fact->via_port, "1-1");
	assert_string_equal(fact->parent_hash, "parent");
	assert_string_equal(fact->connect_type, "hotplug");
	assert_int_equal(strlen(fact->hash), USB_HASH_CHARS);
	assert_int_equal(fact->interface_count, 1);
	assert_int_equal(fact->channels, USB_CHANNEL_BIT(USB_CHANNEL_STORAGE));
	assert_false(fact->is_authorized);
	assert_false(fact->is_controller);
	assert_int_equal(device.major, 189);
	assert_string_equal(device.parent, fake_devpath(tree, "usb1"));
}

static void what_is_missing_is_a_fact(void **state)
{
	struct fake_tree *tree = *state;
	struct fake_usb usb = stick();
	struct usb_device device;

	usb.serial = usb.product_name = usb.manufacturer = NULL;
	usb.connect_type = NULL;
	assert_int_equal(read_stick(tree, &usb, &device), 0);
	assert_string_equal(device.fact.serial, "");
	assert_string_equal(device.fact.connect_type, "");
	assert_true(device.fact.has & USB_HAS_SERIAL);
	assert_true(device.fact.has & USB_HAS_CONNECT_TYPE);
}

static void a_root_hub_takes_its_controller_as_parent(void **state)
{
	struct fake_tree *tree = *state;
	struct usb_device device;
	char expected[USB_HASH_CHARS + 1];

	fake_usb_add(tree, &hub);
	assert_int_equal(usb_read(tree->fd, fake_devpath(tree, "usb1"), NULL,
				  &device),
			 0);
	assert_true(device.fact.is_controller);
	assert_int_equal(descriptor_path_hash(span_str("/" FAKE_CONTROLLER),
					      expected),
			 0);
	assert_string_equal(device.fact.parent_hash, expected);
	assert_string_equal(device.parent, "");
}

static void a_long_japanese_name_is_no_reason_to_refuse(void **state)
{
	struct fake_tree *tree = *state;
	struct fake_usb usb = stick();
	struct usb_device device;
	char name[3 * 127 + 1] = "";

	for (int i = 0; i < 126; i++)
		memcpy(name + 3 * i, "漢", 4);
	usb.product_name = name;
	assert_int_equal(read_stick(tree, &usb, &device), 0);
	assert_string_equal(device.fact.name, name);
	memcpy(name + 3 * 126, "漢", 4);
	assert_int_equal(read_stick(tree, &usb, &device),
			 DESCRIPTOR_STRING_TOO_LONG);
}

static void refusals_keep_what_could_be_read(void **state)
{
	struct fake_tree *tree = *state;
	const struct fake_usb usb = stick();
	struct usb_device device;

	fake_usb_add(tree, &hub);
	fake_usb_add(tree, &usb);
	fake_bytes(tree, "sys/" FAKE_CONTROLLER "/usb1/1-1/descriptors", "x",
		   1);
	int r = usb_read(tree->fd, fake_devpath(tree, "1-1"), "p", &device);
	assert_int_equal(r, DESCRIPTOR_PARTIAL_HEADER);
	assert_int_equal(device.fact.vendor_id, 0x0411);
	assert_string_equal(device.fact.serial, "A1B2C3D4");
	assert_string_not_equal(usb_outcome_to_str(r), "");

	fake_text(tree, "sys/" FAKE_CONTROLLER "/usb1/1-1/idVendor", "zz\n");
	assert_int_equal(usb_read(tree->fd, fake_devpath(tree, "1-1"), "p",
				  &device),
			 USB_UNREADABLE);
	assert_string_equal(device.fact.via_port, "1-1");
}

static void what_went_away_is_no_entry(void **state)
{
	struct fake_tree *tree = *state;
	struct usb_device device = {.major = 5};

	assert_int_equal(usb_read(tree->fd, "/devices/none/1-1", "p", &device),
			 -ENOENT);
	assert_int_equal(device.major, 5);
	assert_int_equal(usb_read(tree->fd, "/devices/none/1-1:1.0", "p",
				  &device),
			 USB_NOT_A_DEVICE);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_device_is_read_whole),
		CASE(what_is_missing_is_a_fact),
		CASE(a_root_hub_takes_its_controller_as_parent),
		CASE(a_long_japanese_name_is_no_reason_to_refuse),
		CASE(refusals_keep_what_could_be_read),
		CASE(what_went_away_is_no_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
