/* SPDX-License-Identifier: Apache-2.0 */
/* A way out that is neither a USB device nor a medium, as an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/record.h"

static const struct record_terminal terminal = {
	.uid = "3f0e9a546f0c4a4e9d1c5b0b6c1f7a21",
	.hostname = "t1",
	.os_name = "Debian",
	.version = "0.1.0",
};
static const struct record_policy policy = {.mode = RECORD_MODE_ENFORCE};
static const struct record_channel radio = {
	.kind = "wifi",
	.name = "rfkill0",
	.model = "phy0",
	.address = "02:00:00:00:00:01",
};

static const char *write_it(enum record_code code,
			    const struct record_channel *channel,
			    const struct usb_fact *usb)
{
	static char text[RECORD_MAX_BYTES + 1];
	struct record record = {
		.code = code,
		.sequence = 1,
		.stream = "000102030405060708090a0b0c0d0e0f",
		.terminal = &terminal,
		.policy = &policy,
		.channel = channel,
		.usb = usb,
		.decision = {.layer = "rfkill", .reason = RECORD_REASON_RULE},
	};
	size_t len = 0;

	assert_int_equal(record_write(&record, text, RECORD_MAX_BYTES, &len),
			 0);
	text[len] = '\0';
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void a_channel_is_a_peripheral_of_its_own(void **state)
{
	const char *text = write_it(RECORD_CHANNEL_BLOCKED, &radio, NULL);
	(void)state;

	assert_has(text, "無線LAN「phy0」を遮断しました");
	assert_has(text, "\"peripheral_device\":{\"name\":\"phy0\","
			 "\"type_id\":99,\"type\":\"Wi-Fi Adapter\","
			 "\"uid\":\"wifi:rfkill0\"}");
	assert_has(text, "\"channel\":{\"kind\":\"wifi\",\"name\":"
			 "\"rfkill0\",\"model\":\"phy0\",\"address\":"
			 "\"02:00:00:00:00:01\"}");
}

static void an_interface_names_the_usb_device_it_hangs_on(void **state)
{
	const struct record_channel eth = {.kind = "network", .name = "eth1"};
	const struct usb_fact usb = {.vendor_id = 0x0bda,
				     .product_id = 0x8153,
				     .serial = "S1",
				     .via_port = "1-2"};
	const char *text = write_it(RECORD_NETWORK_ADDED, &eth, &usb);
	(void)state;

	assert_has(text, "\"uid\":\"usb:0bda:8153:S1\"");
	assert_has(text, "\"channel\":{\"kind\":\"network\",\"name\":"
			 "\"eth1\"}");
	assert_has(text, "\"is_alert\":true");
}

static void a_second_route_tells_where_it_leads(void **state)
{
	const struct record_channel route = {
		.kind = "network",
		.name = "usb0",
		.interface = "usb0",
		.address = "192.168.42.129",
	};
	const char *text = write_it(RECORD_NETWORK_ROUTE, &route, NULL);
	(void)state;

	assert_has(text, "\"type_uid\":101099");
	assert_has(text, "\"address\":\"192.168.42.129\",\"interface\":"
			 "\"usb0\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_channel_is_a_peripheral_of_its_own),
		cmocka_unit_test(an_interface_names_the_usb_device_it_hangs_on),
		cmocka_unit_test(a_second_route_tells_where_it_leads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
