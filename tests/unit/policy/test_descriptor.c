/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: what is refused, the hash, the identity, the channels. */
#include "tests/unit/policy/rules_fixture.h"

#include "policy/descriptor.h"

#define DEVICE "12010002000000401104e801000101020301"
#define CONFIGURATION                                                          \
	"09022000010100"                                                       \
	"8032"
#define STORAGE                                                                \
	"0904000002080650"                                                     \
	"00"
#define ENDPOINT                                                               \
	"0705810200020"                                                        \
	"0"

static size_t unhex(const char *text, uint8_t *out, size_t size)
{
	size_t n = 0;

	for (; text[0] && text[1]; text += 2) {
		char pair[3] = {text[0], text[1], '\0'};

		assert_true(n < size);
		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	assert_int_equal(text[0], '\0');
	return n;
}

static int read_hex(const char *hex, struct usb_fact *fact)
{
	uint8_t raw[4096];
	size_t len = unhex(hex, raw, sizeof(raw));

	return descriptor_read(fact, raw, len);
}

static struct usb_fact stick(void)
{
	return (struct usb_fact){.vendor_id = 0x0411,
				 .product_id = 0x01e8,
				 .name = "USB Flash Disk",
				 .serial = "A1B2C3D4"};
}

static void hash_is_usbguards(void **state)
{
	struct usb_fact fact = stick();
	(void)state;

	assert_int_equal(read_hex(DEVICE CONFIGURATION STORAGE "07058102000200"
							       "07050202000200",
				  &fact),
			 0);
	/* As published by USBGuard for this device. */
	assert_string_equal(fact.hash,
			    "hQwxOy8dCkbLexOdyGVJZIGaO5OpaqXpJHB/g19D4Lo=");
	assert_int_equal(fact.interface_count, 1);
	assert_int_equal(fact.interfaces[0].class_code, 8);
	assert_int_equal(fact.interfaces[0].subclass, 6);
	assert_int_equal(fact.interfaces[0].protocol, 0x50);
	assert_int_equal(fact.interfaces[0].configuration, 1);
	assert_int_equal(fact.channels, USB_CHANNEL_BIT(USB_CHANNEL_STORAGE));
	assert_int_equal(fact.bcd_device, 0x0100);
	assert_true(fact.has & USB_HAS_ID);
	assert_true(fact.has & USB_HAS_HASH);
	assert_true(fact.has & USB_HAS_INTERFACES);
	assert_false(fact.has & USB_HAS_VIA_PORT);
}

static void identity_keeps_fields_apart(void **state)
{
	struct usb_fact a = stick();
	struct usb_fact b = stick();
	(void)state;

	(void)snprintf(a.name, sizeof(a.name), "%s", "AB");
	(void)snprintf(a.serial, sizeof(a.serial), "%s", "041101e8X");
	(void)snprintf(b.name, sizeof(b.name), "%s", "AB041101e8");
	(void)snprintf(b.serial, sizeof(b.serial), "%s", "X");
	assert_int_equal(read_hex(DEVICE CONFIGURATION STORAGE, &a), 0);
	assert_int_equal(read_hex(DEVICE CONFIGURATION STORAGE, &b), 0);
	assert_string_equal(a.hash, b.hash); /* the peer's formula collides */
	assert_string_not_equal(a.identity, b.identity);

	a = stick();
	b = stick();
	(void)snprintf(b.manufacturer, sizeof(b.manufacturer), "%s", "other");
	assert_int_equal(read_hex(DEVICE CONFIGURATION STORAGE, &a), 0);
	assert_int_equal(read_hex(DEVICE CONFIGURATION STORAGE, &b), 0);
	assert_string_equal(a.hash, b.hash);
	assert_string_not_equal(a.identity, b.identity);
}

static void a_root_hub_hashes_alike_on_every_kernel(void **state)
{
	struct usb_fact a = {.vendor_id = 0x1d6b, .product_id = 2};
	struct usb_fact b = a;
	(void)state;

	assert_int_equal(read_hex("12010002090000406b1d020001060302010"
				  "1",
				  &a),
			 0);
	assert_int_equal(read_hex("12010002090000406b1d020008060302010"
				  "1",
				  &b),
			 0);
	assert_string_equal(a.hash, b.hash);
	assert_string_equal(a.identity, b.identity);
	assert_int_not_equal(a.bcd_device, b.bcd_device);
}

static void what_is_malformed_is_refused(void **state)
{
	static const struct {
		const char *hex;
		int outcome;
	} rows[] = {
		{"", DESCRIPTOR_EMPTY},
		{DEVICE, 0},
		{DEVICE CONFIGURATION STORAGE ENDPOINT, 0},
		{DEVICE CONFIGURATION STORAGE "09058102000200"
					      "0000",
		 0},
		{DEVICE "09", DESCRIPTOR_PARTIAL_HEADER},
		{DEVICE "0102", DESCRIPTOR_SHORT_LENGTH},
		{DEVICE "0002", DESCRIPTOR_SHORT_LENGTH},
		{DEVICE CONFIGURATION STORAGE "070581020002",
		 DESCRIPTOR_TRUNCATED},
		{"11010002000000401104e8010001010203", DESCRIPTOR_BAD_SIZE},
		{DEVICE "0802200001010080", DESCRIPTOR_BAD_SIZE},
		{DEVICE CONFIGURATION "0a04000002080650"
				      "0000",
		 DESCRIPTOR_BAD_SIZE},
		{DEVICE CONFIGURATION STORAGE "0805810200020000",
		 DESCRIPTOR_BAD_SIZE},
		{DEVICE DEVICE, DESCRIPTOR_BAD_ORDER},
		{CONFIGURATION, DESCRIPTOR_BAD_ORDER},
		{DEVICE STORAGE, DESCRIPTOR_BAD_ORDER},
		{DEVICE CONFIGURATION ENDPOINT, DESCRIPTOR_BAD_ORDER},
		{DEVICE CONFIGURATION STORAGE CONFIGURATION ENDPOINT,
		 DESCRIPTOR_BAD_ORDER},
		/* class descriptors stand anywhere and are passed over */
		{DEVICE "0224" CONFIGURATION "092101010001223f00", 0},
		{"0224" DEVICE, 0},
		{"1224000000000000000000000000000000"
		 "00",
		 DESCRIPTOR_EMPTY},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct usb_fact fact = stick();
		struct usb_fact before = stick();
		int r = read_hex(rows[i].hex, &fact);

		if (r != rows[i].outcome)
			fail_msg("row %zu: %s", i,
				 descriptor_outcome_to_str(
					 (enum descriptor_outcome)r));
		if (r != 0)
			assert_memory_equal(&fact, &before, sizeof(fact));
	}
}

static void too_many_interfaces_are_refused(void **state)
{
	static uint8_t raw[27 + 9 * (USB_INTERFACES_MAX + 1)];
	struct usb_fact fact = stick();
	size_t len = unhex(DEVICE CONFIGURATION, raw, sizeof(raw));
	(void)state;

	for (int i = 0; i <= USB_INTERFACES_MAX; i++, len += 9)
		(void)unhex(STORAGE, raw + len, sizeof(raw) - len);
	assert_int_equal(descriptor_read(&fact, raw, len),
			 DESCRIPTOR_TOO_MANY_INTERFACES);
	assert_int_equal(descriptor_read(&fact, raw, len - 9), 0);
	assert_int_equal(fact.interface_count, USB_INTERFACES_MAX);
}

static void strings_end_where_usb_ends_them(void **state)
{
	char kanji[3 * 126 + 4] = "";
	char ascii[260];
	char out[USB_STRING_MAX_BYTES + 1] = "untouched";
	(void)state;

	memset(ascii, 'N', sizeof(ascii));
	assert_int_equal(
		descriptor_string(span_of(ascii, 253), out, sizeof(out)), 0);
	assert_int_equal(strlen(out), 253);
	memcpy(out, "untouched", 10);
	assert_int_equal(descriptor_string(span_of(ascii, 254), out,
					   sizeof(out)),
			 DESCRIPTOR_STRING_TOO_LONG);
	assert_string_equal(out, "untouched");

	for (int i = 0; i < 127; i++)
		memcpy(kanji + 3 * i, "字", 3);
	assert_int_equal(descriptor_string(span_of(kanji, 3 * 100), out,
					   sizeof(out)),
			 0);
	assert_int_equal(descriptor_string(span_of(kanji, 3 * 126), out,
					   sizeof(out)),
			 0);
	assert_int_equal(strlen(out), 378);
	assert_int_equal(descriptor_string(span_of(kanji, 3 * 127), out,
					   sizeof(out)),
			 DESCRIPTOR_STRING_TOO_LONG);
	assert_int_equal(
		descriptor_string(SPAN("Disk \t\r\n"), out, sizeof(out)), 0);
	assert_string_equal(out, "Disk ");
	assert_int_equal(descriptor_string(SPAN("a\0b\n\0"), out, sizeof(out)),
			 0);
	assert_string_equal(out, "a");
	assert_int_equal(descriptor_string(SPAN(""), out, sizeof(out)), 0);
	assert_string_equal(out, "");
	assert_int_equal(descriptor_string(SPAN("12345"), out, 5),
			 DESCRIPTOR_STRING_TOO_LONG);
}

static void a_path_hashes_as_a_parent(void **state)
{
	char hash[USB_HASH_CHARS + 1];
	(void)state;

	assert_int_equal(
		descriptor_path_hash(SPAN("/devices/pci0000:00/0000:00:14.0"),
				     hash),
		0);
	assert_string_equal(hash,
			    "rV9bfLq7c2eA4tYjVjwO4bxhm+y6GgZpl9J60L0fBkY=");
}

static void classes_are_channels(void **state)
{
	static const struct {
		const char *device;
		const char *channels; /* as a rule's set */
	} rows[] = {
		{"with-interface 08:06:50", "storage"},
		{"with-interface 08:06:62", "storage"},
		{"with-interface 06:01:01", "{ mtp ptp }"},
		{"with-interface ff:ff:00", "{ mtp vendor }"},
		{"with-interface { 02:06:00 0a:00:00 }", "network"},
		{"with-interface { 02:0d:00 0a:00:01 }", "network"},
		{"with-interface { 02:0e:00 0a:00:02 }", "{ network modem }"},
		{"with-interface { e0:01:03 0a:00:00 }", "network"},
		{"with-interface { ef:04:01 0a:00:00 }", "network"},
		{"with-interface { 02:02:01 0a:00:00 }", "{ modem serial }"},
		{"with-interface 02:01:00", "modem"},
		{"with-interface 07:01:02", "printer"},
		{"with-interface { 01:01:00 01:02:00 }", "audio"},
		{"with-interface { 0e:01:00 0e:02:00 }", "video"},
		{"with-interface 10:01:00", "{ audio video }"},
		{"with-interface { 03:01:01 03:00:00 }", "hid"},
		{"with-interface 09:00:02", "hub"},
		{"with-interface 0b:00:00", "smartcard"},
		{"with-interface e0:01:01", "bluetooth"},
		{"with-interface e0:02:01", "wireless"},
		{"with-interface fe:02:00", "wireless"},
		{"with-interface fe:01:01", "vendor"},
		{"with-interface ff:42:01", "vendor"},
		{"with-interface 0a:00:00", "vendor"}, /* data of what? */
		{"with-interface 42:00:00", "vendor"},
		{"id 0403:6001 with-interface ff:ff:ff", "{ serial vendor }"},
		{"id 054c:06c1 with-interface ff:ff:ff",
		 "{ smartcard vendor }"},
		{"id 054c:06c2 with-interface ff:ff:ff", "vendor"},
		{"id 1050:0120 with-interface 03:00:00",
		 "{ hid security-key }"},
		{"id 1050:0407 with-interface { 03:01:01 03:00:00 0b:00:00 }",
		 "{ hid smartcard security-key }"},
		{"id 1050:0010 with-interface 08:06:50", "storage"},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char rule[100], text[200];

		(void)snprintf(rule, sizeof(rule), "channel %s",
			       rows[i].channels);
		(void)snprintf(text, sizeof(text), "device %s", rows[i].device);
		if (!allows(rule, text))
			fail_msg("%s is not %s", text, rule);
	}
}

static void a_described_device_is_plain(void **state)
{
	static const char *const rows[] = {
		"allow",
		"device id 0411:*",
		"device id one-of { 0411:01e8 }",
		"device with-interface 08:*:*",
		"device with-interface one-of { 08:06:50 }",
		"device name { \"a\" \"b\" }",
		"device name \"a\\x00b\"",
		"device\ndevice",
		"media deny",
		"",
		"nonsense",
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct usb_fact fact = {.vendor_id = 7};
		enum usb_target target = USB_TARGET_MATCH;
		int r = query_usb(span_str(rows[i]), NULL, &target, &fact);

		if (i == 0) { /* any target will do */
			assert_int_equal(r, 0);
			assert_int_equal(target, USB_TARGET_ALLOW);
			continue;
		}
		if (r != RULESET_INVALID)
			fail_msg("'%s' is a device", rows[i]);
		assert_int_equal(fact.vendor_id, 7);
		assert_int_equal(target, USB_TARGET_MATCH);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_usbguards),
		cmocka_unit_test(identity_keeps_fields_apart),
		cmocka_unit_test(a_root_hub_hashes_alike_on_every_kernel),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(too_many_interfaces_are_refused),
		cmocka_unit_test(strings_end_where_usb_ends_them),
		cmocka_unit_test(a_path_hashes_as_a_parent),
		cmocka_unit_test(classes_are_channels),
		cmocka_unit_test(a_described_device_is_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
