/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and readers of a made /sys. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/sense/token.h"
#include "tests/fakes/tree.h"

#define HID "sys/devices/pci0/usb1/1-2/1-2:1.0/0003:1050:0407.0003"

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

static void add_hidraw(struct fake_tree *tree, const unsigned char *descriptor,
		       size_t len)
{
	fake_bytes(tree, HID "/report_descriptor", descriptor, len);
	fake_text(tree, HID "/uevent",
		  "HID_ID=0003:00001050:00000407\nHID_NAME=Yubico YubiKey\n"
		  "HID_PHYS=usb-0000:00:14.0-2/input1\nHID_UNIQ=S1\n");
	fake_dir(tree, HID "/hidraw/hidraw4");
	fake_link(tree, "sys/class/hidraw/hidraw4",
		  "../../devices/pci0/usb1/1-2/1-2:1.0/0003:1050:0407.0003/"
		  "hidraw/hidraw4");
}

static void a_key_is_known_by_its_usage_page(void **state)
{
	static const unsigned char fido[] = {0x06, 0xd0, 0xf1, 0x09, 0x01};
	struct token tokens[TOKENS_MAX];

	add_hidraw(*state, fido, sizeof(fido));
	assert_int_equal(token_list(((struct fake_tree *)*state)->fd, tokens,
				    TOKENS_MAX),
			 1);
	assert_int_equal(tokens[0].kind, TOKEN_KEY);
	assert_string_equal(tokens[0].identity,
			    "0003:00001050:00000407 S1 Yubico YubiKey");
	assert_string_equal(tokens[0].devpath,
			    "/devices/pci0/usb1/1-2/1-2:1.0/"
			    "0003:1050:0407.0003/hidraw/hidraw4");
}

static void a_keyboard_is_none(void **state)
{
	static const unsigned char keyboard[] = {0x05, 0x01, 0x09, 0x06};
	struct fake_tree *tree = *state;
	struct uevent event = {.action = UEVENT_ADD, .subsystem = "hidraw"};
	struct token token = {0};

	add_hidraw(tree, keyboard, sizeof(keyboard));
	assert_int_equal(token_list(tree->fd, &token, 1), 0);
	snprintf(event.devpath, sizeof(event.devpath), "%s",
		 "/devices/pci0/usb1/1-2/1-2:1.0/"
		 "0003:1050:0407.0003/hidraw/hidraw4");
	assert_int_equal(token_of_uevent(tree->fd, &event, &token), -ENODEV);
	snprintf(event.devpath, sizeof(event.devpath), "%s",
		 "/gone/hidraw/hidraw9");
	assert_int_equal(token_of_uevent(tree->fd, &event, &token), -ENODEV);
}

static void a_reader_is_one_however_many_interfaces(void **state)
{
	static const uint8_t two[][3] = {{11, 0, 0}, {3, 1, 1}, {11, 0, 0}};
	const struct fake_usb hub = {.name = "usb1"};
	const struct fake_usb reader = {
		.hub = "usb1",
		.name = "1-3",
		.vendor = 0x04e6,
		.product = 0x5790,
		.serial = "R1",
		.interfaces = two,
		.interface_count = 3,
		.authorized = 1,
	};
	struct fake_tree *tree = *state;
	struct token tokens[TOKENS_MAX];
	char path[128];

	fake_usb_add(tree, &hub);
	fake_usb_add(tree, &reader);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path),
			 "sys/" FAKE_CONTROLLER
			 "/usb1/1-3/1-3:1.%d/bInterfaceClass",
			 i);
		fake_text(tree, path, "%02x\n", two[i][0]);
		snprintf(path, sizeof(path), "sys/bus/usb/devices/1-3:1.%d", i);
		char target[160];
		snprintf(target, sizeof(target),
			 "../../../" FAKE_CONTROLLER "/usb1/1-3/1-3:1.%d", i);
		fake_link(tree, path, target);
	}
	assert_int_equal(token_list(tree->fd, tokens, TOKENS_MAX), 1);
	assert_int_equal(tokens[0].kind, TOKEN_READER);
	assert_string_equal(tokens[0].devpath, "/" FAKE_CONTROLLER "/usb1/1-3");
	assert_string_equal(tokens[0].identity, "04e6:5790 R1");
}

static void only_its_own_end_is_a_removal(void **state)
{
	struct uevent event = {.action = UEVENT_REMOVE, .subsystem = "hidraw"};

	(void)state;
	assert_true(token_is_removal(&event));
	event.action = UEVENT_UNBIND;
	assert_false(token_is_removal(&event));
	event = (struct uevent){.action = UEVENT_REMOVE,
				.subsystem = "usb",
				.devtype = "usb_interface"};
	assert_false(token_is_removal(&event));
	snprintf(event.devtype, sizeof(event.devtype), "%s", "usb_device");
	assert_true(token_is_removal(&event));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_known_by_its_usage_page),
		TEST(a_keyboard_is_none),
		TEST(a_reader_is_one_however_many_interfaces),
		TEST(only_its_own_end_is_a_removal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
