/* SPDX-License-Identifier: Apache-2.0 */
/* A scan finds what the kernel has otherwise than decided, tells it and puts
 * it right. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fakes/machine.h"

#define HEAD	   "policy \"t\" serial 1 mode enforce\n"
#define STICK_DIR  "sys/" FAKE_CONTROLLER "/usb1/1-1"
#define STICK_AUTH STICK_DIR "/authorized"

static const uint8_t storage[][3] = {{8, 6, 80}};
static const uint8_t reader_class[][3] = {{11, 0, 0}};
static const uint8_t two[][3] = {{1, 1, 0}, {8, 6, 80}};

static const struct fake_usb stick = {
	.hub = "usb1",
	.name = "1-1",
	.vendor = 0x0411,
	.product = 0x01e8,
	.serial = "S1",
	.interfaces = storage,
	.interface_count = 1,
	.authorized = 1,
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

static void load(struct machine *machine, const char *rules)
{
	machine_rules(machine, rules);
	assert_int_equal(machine_load(machine), 0);
}

static void scan(struct machine *machine)
{
	pipeline_scan(&machine->pipeline);
}

static void assert_tamper(struct machine *machine, size_t count,
			  const char *kind)
{
	const struct record *record = machine_last(machine,
						   RECORD_AGENT_TAMPER);

	assert_int_equal(machine_count(machine, RECORD_AGENT_TAMPER), count);
	if (count == 0)
		return;
	assert_string_equal(record->u.tamper.kind, kind);
	assert_string_equal(record->u.tamper.detected_by, "scan");
}

static void the_node_of_an_unplugged_device_is_closed(void **state)
{
	struct machine *machine = *state;
	struct fake_usb reader = stick;

	reader.interfaces = reader_class;
	load(machine, HEAD "allow channel smartcard\n");
	machine_plug(machine, &reader);
	assert_int_equal(machine_asked(machine->real, "usb_node 1-1 open"), 1);
	fake_remove(&machine->tree, STICK_DIR); /* before we hear of it */
	machine_unplug(machine, "1-1");
	assert_int_equal(machine_asked(machine->real, "usb_gone 189:1"), 1);
}

static void the_node_of_the_next_device_with_the_number_stays_open(void **state)
{
	struct machine *machine = *state;
	struct fake_usb reader = stick;

	reader.interfaces = reader_class;
	load(machine, HEAD "allow channel smartcard\n");
	machine_plug(machine, &reader);
	reader.name = "1-2"; /* the removal of the first is still to come */
	fake_usb_add(&machine->tree, &reader);
	fake_text(&machine->tree, "sys/" FAKE_CONTROLLER "/usb1/1-2/dev",
		  "189:1\n");
	machine_uevent(machine, UEVENT_ADD, "usb", "1-2");
	machine_unplug(machine, "1-1");
	assert_int_equal(machine_asked(machine->real, "usb_gone 189:1"), 0);
}

static void a_deauthorisation_that_failed_is_tried_at_each_scan(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD);
	dry_run_fail(machine->real, -EIO);
	machine_plug(machine, &stick);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 1);
	scan(machine);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 2);
	size_t told = machine_count(machine, RECORD_USB_DEVICE_BLOCKED);

	dry_run_fail(machine->real, 0);
	scan(machine);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 3);
	fake_text(&machine->tree, STICK_AUTH, "0\n");
	scan(machine);
	scan(machine);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 3);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED),
			 told + 1);
	assert_tamper(machine, 0, "");
}

static void an_authorisation_that_failed_is_tried_at_each_scan(void **state)
{
	struct machine *machine = *state;
	struct fake_usb shut = stick;

	shut.authorized = 0;
	load(machine, HEAD "allow id 0411:01e8\n");
	dry_run_fail(machine->real, -EIO);
	machine_plug(machine, &shut);
	dry_run_fail(machine->real, 0);
	scan(machine);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 2);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_ALLOWED), 1);
}

static void a_device_switched_off_by_hand_comes_back(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "allow id 0411:01e8\n");
	machine_plug(machine, &stick);
	fake_text(&machine->tree, STICK_AUTH, "0\n");
	scan(machine);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_ALLOWED), 2);
}

static void an_interface_let_in_by_hand_is_taken_back(void **state)
{
	struct machine *machine = *state;
	struct fake_usb composite = stick;

	composite.interfaces = two;
	composite.interface_count = 2;
	load(machine, HEAD "allow id 0411:01e8 interfaces { 01:*:* }\n");
	machine_plug(machine, &composite);
	size_t before = machine_asked(machine->real, "usb_interface 1-1:1.1 0");
	fake_text(&machine->tree, STICK_DIR "/1-1:1.0/authorized", "1\n");
	fake_text(&machine->tree, STICK_DIR "/1-1:1.1/authorized", "0\n");
	scan(machine);
	assert_tamper(machine, 0, "");

	fake_text(&machine->tree, STICK_DIR "/1-1:1.1/authorized", "1\n");
	scan(machine);
	assert_int_equal(machine_asked(machine->real,
				       "usb_interface 1-1:1.1 0"),
			 before + 1);
	assert_int_equal(
		machine_asked(machine->real, "usb_interface 1-1:1.0 0"), 0);
	assert_tamper(machine, 1, "interface");
}

static void a_root_hub_opened_by_hand_is_shut_again(void **state)
{
	struct machine *machine = *state;
	struct usb_auth *auth = NULL;
	int sys_fd = openat(machine->tree.fd, "sys", O_RDONLY | O_DIRECTORY);

	assert_int_equal(usb_auth_new(sys_fd, &auth), 0);
	machine->pipeline.options.usb_auth = auth;
	load(machine, HEAD);
	machine_start(machine);
	scan(machine);
	assert_tamper(machine, 0, "");
	fake_text(&machine->tree,
		  "sys/" FAKE_CONTROLLER "/usb1/authorized_default", "1\n");
	scan(machine);
	assert_tamper(machine, 1, "authorized-default");
	assert_string_equal(fake_read(&machine->tree,
				      "sys/" FAKE_CONTROLLER
				      "/usb1/authorized_default"),
			    "0\n");
	usb_auth_free(auth);
	close(sys_fd);
}

static void plug_medium(struct machine *machine, const char *rules)
{
	load(machine, rules);
	machine_plug(machine, &stick);
	fake_disk_add(&machine->tree, "1-1", "sdb", 16, 1);
	fake_text(&machine->tree, "proc/self/mountinfo", "%s", "");
	machine_uevent(machine, UEVENT_ADD, "block", "sdb");
}

static void a_read_only_flag_that_was_lost_is_set_again(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "allow id 0411:01e8\nmedia read-only\n");
	scan(machine);
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 9 read-only"), 1);
	dry_run_differ(machine->real, ENFORCE_DIFFERS);
	scan(machine);
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 9 read-only"), 2);
	assert_tamper(machine, 1, "media");
	assert_non_null(machine_last(machine, RECORD_AGENT_TAMPER)->media);
}

static void a_medium_that_could_not_be_opened_is_tried_again(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "allow id 0411:01e8\nmedia read-write\n");
	machine_plug(machine, &stick);
	fake_disk_add(&machine->tree, "1-1", "sdb", 16, 0);
	dry_run_fail(machine->real, -EIO);
	machine_uevent(machine, UEVENT_ADD, "block", "sdb");
	dry_run_fail(machine->real, 0);
	scan(machine);
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 9 read-write"), 2);
	/* Without a guard nothing refused it before, either: told as such */
	assert_int_equal(machine_count(machine, RECORD_MEDIA_ALLOWED), 2);
	assert_int_equal(
		machine_last(machine, RECORD_MEDIA_ALLOWED)->decision.reason,
		RECORD_REASON_RULE);
}

static void a_mount_of_a_denied_medium_is_told_once(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "allow id 0411:01e8\nmedia deny\n");
	fake_text(&machine->tree, "proc/self/mountinfo",
		  "40 1 8:17 / /mnt rw - vfat /dev/sdb1 rw\n");
	scan(machine);
	scan(machine);
	assert_tamper(machine, 1, "mount");
	assert_false(
		machine_last(machine, RECORD_AGENT_TAMPER)->u.tamper.is_held);
}

static void a_mount_from_an_earlier_permission_is_no_tampering(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "allow id 0411:01e8\nmedia read-write\n");
	fake_text(&machine->tree, "proc/self/mountinfo",
		  "40 1 8:16 / /mnt rw - vfat /dev/sdb rw\n");
	load(machine, HEAD "allow id 0411:01e8\nmedia deny\n");
	scan(machine);
	assert_tamper(machine, 0, "");
}

static void monitor_mode_reconciles_nothing(void **state)
{
	struct machine *machine = *state;

	load(machine, "policy \"t\" serial 1 mode monitor\n");
	machine_plug(machine, &stick);
	dry_run_differ(machine->dry, ENFORCE_DIFFERS);
	scan(machine);
	assert_int_equal(dry_run_count(machine->real), 0);
	assert_tamper(machine, 0, "");
}

static void a_sysfs_that_cannot_be_read_degrades_and_forgets_nothing(
	void **state)
{
	struct machine *machine = *state;
	const char *why;

	load(machine, HEAD);
	machine_plug(machine, &stick);
	assert_false(failure_is_degraded(&machine->failures, &why));
	fake_remove(&machine->tree, "sys/bus");
	fake_remove(&machine->tree, "sys/class");
	scan(machine);
	assert_true(failure_is_degraded(&machine->failures, &why));
	assert_non_null(strstr(why, "sysfs"));
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_REMOVED), 0);
	assert_non_null(devices_usb_named(&machine->pipeline.devices, "1-1"));

	fake_dir(&machine->tree, "sys/bus/pci");
	scan(machine);
	assert_false(failure_is_degraded(&machine->failures, &why));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(the_node_of_an_unplugged_device_is_closed),
		CASE(the_node_of_the_next_device_with_the_number_stays_open),
		CASE(a_deauthorisation_that_failed_is_tried_at_each_scan),
		CASE(an_authorisation_that_failed_is_tried_at_each_scan),
		CASE(a_device_switched_off_by_hand_comes_back),
		CASE(an_interface_let_in_by_hand_is_taken_back),
		CASE(a_root_hub_opened_by_hand_is_shut_again),
		CASE(a_read_only_flag_that_was_lost_is_set_again),
		CASE(a_medium_that_could_not_be_opened_is_tried_again),
		CASE(a_mount_of_a_denied_medium_is_told_once),
		CASE(a_mount_from_an_earlier_permission_is_no_tampering),
		CASE(monitor_mode_reconciles_nothing),
		CASE(a_sysfs_that_cannot_be_read_degrades_and_forgets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
