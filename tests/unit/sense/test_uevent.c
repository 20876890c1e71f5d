/* SPDX-License-Identifier: Apache-2.0 */
/* Uevent messages: what the kernel sends is read, everything else is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/sense/uevent.h"

#define MSG(text) text, sizeof(text)

static const char usb_add[] =
	"add@/devices/pci0000:00/0000:00:04.0/usb1/1-1\0ACTION=add\0"
	"DEVPATH=/devices/pci0000:00/0000:00:04.0/usb1/1-1\0SUBSYSTEM=usb\0"
	"MAJOR=189\0MINOR=1\0DEVNAME=bus/usb/001/002\0DEVTYPE=usb_device\0"
	"PRODUCT=46f4/1/0\0TYPE=0/0/0\0BUSNUM=001\0DEVNUM=002\0SEQNUM=1234";

static void a_usb_add_is_read(void **state)
{
	struct uevent event;

	(void)state;
	assert_int_equal(uevent_parse(usb_add, sizeof(usb_add), &event), 0);
	assert_int_equal(event.action, UEVENT_ADD);
	assert_string_equal(event.devpath,
			    "/devices/pci0000:00/0000:00:04.0/usb1/1-1");
	assert_string_equal(event.subsystem, "usb");
	assert_string_equal(event.devtype, "usb_device");
	assert_string_equal(event.devname, "bus/usb/001/002");
	assert_int_equal(event.major, 189);
	assert_int_equal(event.minor, 1);
	assert_int_equal(event.seqnum, 1234);
}

static void a_disk_event_has_its_sequence(void **state)
{
	static const char text[] =
		"remove@/devices/x/block/sda\0ACTION=remove\0"
		"DEVPATH=/devices/x/block/sda\0SUBSYSTEM=block\0MAJOR=8\0"
		"MINOR=0\0DEVNAME=sda\0DEVTYPE=disk\0DISKSEQ=11\0SEQNUM=7";
	struct uevent event;

	(void)state;
	assert_int_equal(uevent_parse(text, sizeof(text), &event), 0);
	assert_int_equal(event.action, UEVENT_REMOVE);
	assert_int_equal(event.diskseq, 11);
}

static void malformed_messages_are_ignored(void **state)
{
	static const struct {
		const char *what;
		const char *text;
		size_t len;
	} rows[] = {
		{"empty", "", 0},
		{"only NUL", MSG("")},
		{"udev's own form", MSG("libudev\0\xfe\xed\xca\xfe")},
		{"no header", MSG("ACTION=add\0DEVPATH=/devices/a")},
		{"no path", MSG("add@/a\0ACTION=add\0SUBSYSTEM=usb")},
		{"no subsystem", MSG("add@/a\0ACTION=add\0DEVPATH=/a")},
		{"no value", MSG("add@/a\0ACTION")},
		{"no key", MSG("add@/a\0=add")},
		{"not ended", "add@/a\0DEVPATH=/a\0SUBSYSTEM=usb", 31},
		{"relative path", MSG("add@/a\0DEVPATH=a\0SUBSYSTEM=usb")},
		{"climbing path",
		 MSG("add@/a\0DEVPATH=/a/../b\0SUBSYSTEM=usb")},
		{"minor no number",
		 MSG("add@/a\0DEVPATH=/a\0SUBSYSTEM=usb\0MINOR=x")},
		{"minor too large",
		 MSG("add@/a\0DEVPATH=/a\0SUBSYSTEM=usb\0MINOR=4294967296")},
		{"subsystem too long",
		 MSG("add@/a\0DEVPATH=/a\0SUBSYSTEM="
		     "0123456789012345678901234567890123456789")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uevent event = {.minor = 77};
		if (uevent_parse(rows[i].text, rows[i].len, &event) !=
		    UEVENT_IGNORED)
			fail_msg("accepted: %s", rows[i].what);
		assert_int_equal(event.minor, 77);
	}
}

static void a_path_over_the_limit_is_ignored(void **state)
{
	char text[UEVENT_MESSAGE_MAX];
	struct uevent event;
	int n = snprintf(text, sizeof(text), "add@/x%cSUBSYSTEM=usb%cDEVPATH=/",
			 0, 0);

	(void)state;
	memset(text + n, 'a', SYSFS_PATH_MAX);
	text[n + SYSFS_PATH_MAX] = '\0';
	assert_int_equal(uevent_parse(text, (size_t)n + SYSFS_PATH_MAX + 1,
				      &event),
			 UEVENT_IGNORED);
	text[n + SYSFS_PATH_MAX - 2] = '\0';
	assert_int_equal(
		uevent_parse(text, (size_t)n + SYSFS_PATH_MAX - 1, &event), 0);
}

/* A socket of another kind stands for a sender that is not the kernel. */
static void a_message_from_a_process_is_ignored(void **state)
{
	int pair[2];
	const int on = 1;
	struct uevent event;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on,
				    sizeof(on)),
			 0);
	assert_int_equal(uevent_receive(pair[0], &event), UEVENT_NONE);
	assert_int_equal(write(pair[1], usb_add, sizeof(usb_add)),
			 sizeof(usb_add));
	assert_int_equal(uevent_receive(pair[0], &event), UEVENT_IGNORED);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void every_action_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(uevent_action_to_str(UEVENT_ADD), "add");
	assert_string_equal(uevent_action_to_str(UEVENT_MOVE), "move");
	assert_string_equal(uevent_action_to_str((enum uevent_action)99),
			    "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_usb_add_is_read),
		cmocka_unit_test(a_disk_event_has_its_sequence),
		cmocka_unit_test(malformed_messages_are_ignored),
		cmocka_unit_test(a_path_over_the_limit_is_ignored),
		cmocka_unit_test(a_message_from_a_process_is_ignored),
		cmocka_unit_test(every_action_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
