/* SPDX-License-Identifier: Apache-2.0 */
/* fact → decide → enforce → record for USB devices and for reloads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/base/clock.h"
#include "tests/fakes/machine.h"

#define HEAD	     "policy \"t\" serial 1 mode enforce\n"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t storage[][3] = {{8, 6, 80}};
static const uint8_t keyboard[][3] = {{3, 1, 1}};
static const uint8_t bad_usb[][3] = {{3, 1, 1}, {8, 6, 80}};
static const uint8_t hub_class[][3] = {{9, 0, 0}};

static const struct fake_usb stick = {
	.hub = "usb1",
	.name = "1-1",
	.vendor = 0x0411,
	.product = 0x01e8,
	.serial = "S1",
	.product_name = "Stick",
	.interfaces = storage,
	.interface_count = 1,
};
static const struct fake_usb keyboard_device = {
	.hub = "usb1",
	.name = "1-2",
	.vendor = 0x046d,
	.product = 0xc31c,
	.product_name = "Keyboard",
	.interfaces = keyboard,
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

static void load(struct machine *machine, const char *rules, int expected)
{
	machine_rules(machine, rules);
	assert_int_equal(machine_load(machine), expected);
}

static void a_stick_that_a_rule_blocks_is_told_once(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "block id 0411:01e8 rule-id \"no-sticks\"\n", 0);
	machine_start(machine);
	machine_plug(machine, &stick);

	assert_int_equal(dry_run_count(machine->real), 0);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
	const struct record *record = machine_last(machine,
						   RECORD_USB_DEVICE_BLOCKED);
	assert_int_equal(record->decision.reason, RECORD_REASON_RULE);
	assert_memory_equal(record->decision.rule.ptr, "no-sticks", 9);
	assert_string_equal(record->decision.rule_file, "10-test.rules");
	assert_int_equal(record->decision.rule_line, 2);
	assert_string_equal(record->usb->serial, "S1");
	assert_non_null(record->correlation);
}

static void a_stick_no_rule_names_is_blocked_by_default(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD, 0);
	machine_plug(machine, &stick);
	const struct record *record = machine_last(machine,
						   RECORD_USB_DEVICE_BLOCKED);
	assert_non_null(record);
	assert_int_equal(record->decision.reason, RECORD_REASON_DEFAULT);
}

static void an_allowed_device_is_authorised(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "allow id 0411:01e8\n", 0);
	machine_plug(machine, &stick);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_ALLOWED), 1);
	/* Storage is never driven from user space */
	assert_int_equal(machine_asked(machine->real, "usb_node 1-1 open"), 0);
}

static void a_rejected_device_is_switched_off(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "reject id 0411:01e8\n", 0);
	machine_plug(machine, &stick);
	assert_int_equal(machine_asked(machine->real, "usb_remove 1-1"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
}

static int refuse_remove(void *context, const char *device)
{
	(void)context;
	(void)device;
	return -EIO;
}

static void a_rejected_device_that_stays_loses_its_drivers(void **state)
{
	struct machine *machine = *state;
	struct enforce_ops ops = *machine->pipeline.options.real.ops;
	struct fake_usb present = stick;

	ops.usb_remove = refuse_remove;
	machine->pipeline.options.real.ops = &ops;
	present.authorized = 1;
	load(machine, HEAD "reject id 0411:01e8\n", 0);
	machine_plug(machine, &present);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
	assert_int_equal(machine->failures.counts[FAILURE_USB_WRITE], 1);
}

static void a_device_let_in_before_us_keeps_only_what_is_allowed(void **state)
{
	struct machine *machine = *state;
	struct fake_usb composite = keyboard_device;

	composite.interfaces = bad_usb;
	composite.interface_count = 2;
	fake_usb_add(&machine->tree, &composite);
	load(machine, HEAD "allow interfaces { 03:*:* }\n", 0);
	machine_start(machine);
	assert_int_equal(
		machine_asked(machine->real, "usb_interface 1-2:1.1 0"), 1);
	assert_int_equal(
		machine_asked(machine->real, "usb_interface 1-2:1.0 0"), 0);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_ALLOWED), 1);
}

static void a_present_keyboard_is_not_cut_off_by_halves(void **state)
{
	struct machine *machine = *state;

	fake_usb_add(&machine->tree, &keyboard_device);
	load(machine, HEAD "allow interfaces { 0b:*:* }\n", 0);
	machine_start(machine);
	assert_int_equal(
		machine_asked(machine->real, "usb_interface 1-2:1.0 0"), 0);
}

static void a_replayed_add_is_not_judged_again(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD, 0);
	machine_plug(machine, &stick);
	machine_uevent(machine, UEVENT_ADD, "usb", "1-1");
	machine_uevent(machine, UEVENT_ADD, "usb", "1-1");
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
}

static void another_device_in_the_same_place_is_a_new_plug(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD, 0);
	machine_plug(machine, &stick);
	/* Its removal was lost; the number tells */
	fake_text(&machine->tree, "sys/" FAKE_CONTROLLER "/usb1/1-1/dev",
		  "189:9\n");
	machine_uevent(machine, UEVENT_ADD, "usb", "1-1");
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 2);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_REMOVED), 1);
}

static void a_child_before_its_hub_is_judged_with_its_hub(void **state)
{
	struct machine *machine = *state;
	const struct fake_usb hub = {
		.hub = "usb1",
		.name = "1-4",
		.vendor = 0x05e3,
		.product = 0x0608,
		.interfaces = hub_class,
		.interface_count = 1,
	};
	struct fake_usb child = stick;

	child.hub = "1-4";
	child.name = "1-4.1";
	load(machine, HEAD "allow with-interface 09:00:00\n", 0);
	fake_usb_add(&machine->tree, &hub);
	machine_plug(machine, &child); /* the hub's own uevent is not there */
	machine_uevent(machine, UEVENT_ADD, "usb", "1-4");

	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-4"), 1);
	const struct record *record = machine_last(machine,
						   RECORD_USB_DEVICE_BLOCKED);
	assert_non_null(record);
	assert_string_equal(record->usb->via_port, "1-4.1");
	assert_string_equal(record->usb->parent_hash,
			    devices_usb_named(&machine->pipeline.devices, "1-4")
				    ->device.fact.hash);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_ALLOWED), 1);
}

static void malformed_descriptors_stay_blocked_with_the_reason(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{"", 0},
		{"\x12\x01\x00", 3},
		{"\x09\x04\x00\x00\x00\x08\x06\x50\x00", 9},
	};
	struct machine *machine = *state;

	load(machine, HEAD "allow\n", 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		fake_usb_add(&machine->tree, &stick);
		fake_bytes(&machine->tree,
			   "sys/" FAKE_CONTROLLER "/usb1/1-1/descriptors",
			   rows[i].bytes, rows[i].len);
		machine_uevent(machine, UEVENT_ADD, "usb", "1-1");
		const struct record *record =
			machine_last(machine, RECORD_USB_DEVICE_BLOCKED);
		assert_non_null(record);
		assert_int_equal(record->decision.reason,
				 RECORD_REASON_DESCRIPTOR);
		assert_non_null(record->decision.detail);
		machine_unplug(machine, "1-1");
		machine_forget(machine);
	}
	assert_int_equal(dry_run_count(machine->real), 0);
	assert_int_equal(machine->failures.counts[FAILURE_DESCRIPTOR],
			 COUNT(rows));
}

static void removal_is_told_with_the_same_plug(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD, 0);
	machine_plug(machine, &stick);
	machine_unplug(machine, "1-1");
	const struct record *came = machine_last(machine,
						 RECORD_USB_DEVICE_BLOCKED);
	const struct record *went = machine_last(machine,
						 RECORD_USB_DEVICE_REMOVED);
	assert_string_equal(came->correlation, went->correlation);
	machine_plug(machine, &stick);
	assert_string_not_equal(
		machine_last(machine, RECORD_USB_DEVICE_BLOCKED)->correlation,
		went->correlation);
}

static void a_reload_judges_again_in_both_directions(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD, 0);
	machine_plug(machine, &stick);
	load(machine, HEAD "allow id 0411:01e8\n", 0);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 1);
	load(machine, HEAD "block id 0411:01e8\n", 0);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 2);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_ALLOWED), 1);
	assert_int_equal(machine_count(machine, RECORD_POLICY_LOADED), 3);
}

static void an_unchanged_policy_tells_nothing(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD, 0);
	machine_plug(machine, &stick);
	machine_forget(machine);
	load(machine, HEAD, BUNDLE_SAME);
	assert_int_equal(machine->record_count, 0);
}

static void an_error_in_the_rules_changes_nothing(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "allow id 0411:01e8\n", 0);
	load(machine, HEAD "allow id 12G4:5678\n", BUNDLE_REJECTED);
	const struct record *record = machine_last(machine,
						   RECORD_POLICY_REJECTED);
	assert_non_null(record);
	assert_non_null(strstr(record->u.change.error, "10-test.rules:2:"));
	assert_true(machine->failures.active[FAILURE_POLICY_REJECTED]);
	machine_plug(machine, &stick);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 1);
	load(machine, HEAD "allow id 0411:01e9\n", 0);
	assert_false(machine->failures.active[FAILURE_POLICY_REJECTED]);
}

static void without_any_policy_everything_is_blocked(void **state)
{
	struct machine *machine = *state;
	const char *why;

	load(machine, "nonsense\n", BUNDLE_REJECTED);
	machine_plug(machine, &stick);
	const struct record *record = machine_last(machine,
						   RECORD_USB_DEVICE_BLOCKED);
	assert_int_equal(record->decision.reason, RECORD_REASON_NO_POLICY);
	assert_true(failure_is_degraded(&machine->failures, &why));
	assert_non_null(strstr(why, "10-test.rules:1:"));
}

static void monitor_mode_tells_and_touches_nothing(void **state)
{
	struct machine *machine = *state;
	struct fake_usb present = stick;

	present.authorized = 1;
	fake_usb_add(&machine->tree, &present);
	load(machine, "policy \"t\" serial 1 mode monitor\n", 0);
	machine_start(machine);
	assert_int_equal(dry_run_count(machine->real), 0);
	assert_int_equal(machine_asked(machine->dry, "usb_deauthorize 1-1"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
	assert_true(devices_usb_named(&machine->pipeline.devices, "1-1")
			    ->decision.is_monitor);
	/* … and from the moment policy says enforce, it is done */
	load(machine, HEAD, 0);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 1);
}

static void leaving_enforcement_opens_what_was_shut(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD, 0);
	machine_plug(machine, &stick);
	load(machine, "policy \"t\" serial 2 mode monitor\n", 0);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 1);
}

static void a_card_reader_gets_its_node(void **state)
{
	static const uint8_t ccid[][3] = {{11, 0, 0}};
	struct machine *machine = *state;
	struct fake_usb reader = stick;

	reader.interfaces = ccid;
	load(machine, HEAD "allow channel smartcard\n", 0);
	machine_plug(machine, &reader);
	assert_int_equal(machine_asked(machine->real, "usb_node 1-1 open"), 1);
}

static void the_last_keyboard_is_kept_against_the_rules(void **state)
{
	struct machine *machine = *state;

	fake_usb_add(&machine->tree, &keyboard_device);
	load(machine, HEAD "block with-interface 03:01:01\n", 0);
	machine_start(machine);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-2"),
			 0);
	const struct record *record = machine_last(machine,
						   RECORD_LIFELINE_KEPT);
	assert_non_null(record);
	assert_int_equal(record->decision.reason, RECORD_REASON_LIFELINE);
	assert_string_equal(record->usb->via_port, "1-2");
	/* Kept against another rule: told again; against the same: not */
	load(machine, HEAD "\nblock one-of\n", BUNDLE_REJECTED);
	assert_int_equal(machine_count(machine, RECORD_LIFELINE_KEPT), 1);
	load(machine, HEAD "\n\nblock id 046d:c31c\n", 0);
	assert_int_equal(machine_count(machine, RECORD_LIFELINE_KEPT), 2);
}

static void a_learned_keyboard_is_known_at_the_next_boot(void **state)
{
	struct machine *machine = *state;
	struct fake_usb late = keyboard_device;
	struct learned learned = {0}, again = {0};

	late.authorized = 0;
	/* First day: present and authorised when the daemon starts */
	fake_usb_add(&machine->tree, &keyboard_device);
	load(machine, HEAD "allow with-interface 03:01:01\n", 0);
	machine_start(machine);
	assert_int_equal(learned_load(machine->tree.fd, &learned), -ENOENT);
	assert_int_equal(learned_save(machine->tree.fd, &learned,
				      &machine->pipeline.devices),
			 0);
	assert_int_equal(learned_load(machine->tree.fd, &again), 0);
	assert_int_equal(again.count, 1);
	machine_unplug(machine, "1-2");

	/* A later boot: the keyboard comes after the daemon and its rules */
	fake_dir(&machine->tree, "sys/bus/serio/drivers/atkbd/serio0");
	load(machine, HEAD, 0);
	machine_plug(machine, &late);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-2"), 0);
	machine->pipeline.options.learned = &again;
	pipeline_relearn(&machine->pipeline);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-2"), 1);
	assert_int_equal(machine_count(machine, RECORD_LIFELINE_KEPT), 1);

	/* The same keyboard elsewhere is another one */
	late.name = "1-7";
	machine_plug(machine, &late);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-7"), 0);
}

static void the_first_boot_learns_what_comes_up(void **state)
{
	static const uint8_t mouse[][3] = {{3, 1, 2}};
	struct machine *machine = *state;
	struct fake_usb late = keyboard_device, second = keyboard_device;
	struct fake_usb pointer = keyboard_device, composite = keyboard_device;
	struct learned learned = {0};

	late.authorized = second.authorized = pointer.authorized = 0;
	composite.authorized = 0;
	second.name = "1-3";
	pointer.name = "1-4";
	pointer.interfaces = mouse;
	composite.name = "1-5";
	composite.interfaces = bad_usb;
	composite.interface_count = 2;
	fake_dir(&machine->tree, "sys/bus/serio/drivers/atkbd/serio0");
	load(machine, HEAD, 0);
	machine->pipeline.is_learning = true;
	machine_start(machine);
	machine_plug(machine, &late);
	machine_plug(machine, &second);
	machine_plug(machine, &pointer);
	machine_plug(machine, &composite);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-2"), 1);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-3"), 0);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-4"), 1);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-5"), 0);
	assert_int_equal(learned_save(machine->tree.fd, &learned,
				      &machine->pipeline.devices),
			 0);
	assert_int_equal(learned.count, 2);
}

static void a_keyboard_that_is_also_a_disk_is_no_lifeline(void **state)
{
	struct machine *machine = *state;
	struct fake_usb composite = keyboard_device;

	composite.interfaces = bad_usb;
	composite.interface_count = 2;
	composite.authorized = 0;
	load(machine, HEAD, 0);
	machine_start(machine);
	machine_plug(machine, &composite);
	assert_int_equal(dry_run_count(machine->real), 0);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
	assert_int_equal(machine_count(machine, RECORD_LIFELINE_KEPT), 0);
}

static void an_admitted_keyboard_goes_when_an_allowed_one_comes(void **state)
{
	struct machine *machine = *state;
	struct fake_usb unknown = keyboard_device, allowed = keyboard_device;

	unknown.authorized = allowed.authorized = 0;
	allowed.name = "1-3";
	allowed.product = 0x1111;
	load(machine, HEAD "allow id 046d:1111\n", 0);
	machine_start(machine);
	machine_plug(machine, &unknown);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-2"), 1);
	assert_int_equal(machine_count(machine, RECORD_LIFELINE_KEPT), 1);
	machine_plug(machine, &allowed);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-3"), 1);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-2"),
			 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
}

static void a_ps2_keyboard_ends_the_admission(void **state)
{
	struct machine *machine = *state;
	struct fake_usb unknown = keyboard_device;

	unknown.authorized = 0;
	fake_dir(&machine->tree, "sys/bus/serio/drivers/atkbd/serio0");
	load(machine, HEAD, 0);
	machine_start(machine);
	machine_plug(machine, &unknown);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-2"), 0);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
}

static void the_disk_under_the_system_is_never_taken_away(void **state)
{
	struct machine *machine = *state;
	struct fake_usb system = stick;

	system.authorized = 1;
	fake_usb_add(&machine->tree, &system);
	fake_disk_add(&machine->tree, "1-1", "sda", 0, 1);
	fake_text(&machine->tree, "proc/self/mountinfo",
		  "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
	load(machine, HEAD, 0);
	machine_start(machine);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 0);
	const struct record *record = machine_last(machine,
						   RECORD_LIFELINE_KEPT);
	assert_non_null(record);
	assert_non_null(strstr(record->decision.detail, "system"));
}

static void what_root_authorised_by_hand_is_taken_back(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD, 0);
	machine_plug(machine, &stick);
	fake_text(&machine->tree, "sys/" FAKE_CONTROLLER "/usb1/1-1/authorized",
		  "1\n");
	pipeline_scan(&machine->pipeline);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 1);
	const struct record *record = machine_last(machine,
						   RECORD_AGENT_TAMPER);
	assert_non_null(record);
	assert_string_equal(record->u.tamper.kind, "sysfs");
	assert_true(record->u.tamper.is_held);
}

static void a_kernel_that_refuses_is_told_as_it_is(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "allow id 0411:01e8\n", 0);
	dry_run_fail(machine->real, -EIO);
	machine_plug(machine, &stick);
	const struct record *record = machine_last(machine,
						   RECORD_USB_DEVICE_BLOCKED);
	assert_non_null(record);
	assert_int_equal(record->decision.reason, RECORD_REASON_ENFORCEMENT);
	assert_int_equal(machine->failures.counts[FAILURE_USB_WRITE], 1);
}

static void a_scan_finds_what_uevents_lost(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD, 0);
	machine_start(machine);
	fake_usb_add(&machine->tree, &stick);
	pipeline_scan(&machine->pipeline);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
	fake_remove(&machine->tree, "sys/" FAKE_CONTROLLER "/usb1/1-1");
	fake_remove(&machine->tree, "sys/bus/usb/devices/1-1");
	pipeline_scan(&machine->pipeline);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_REMOVED), 1);
	assert_null(devices_usb_named(&machine->pipeline.devices, "1-1"));
}

static void a_plug_told_before_the_restart_is_not_told_again(void **state)
{
	struct machine *machine = *state;
	struct session_row row = {
		.number = session_number(189, 1),
		.plug = "plug-before",
		.outcome = USB_TARGET_BLOCK,
	};
	const struct session session = {.rows = &row, .count = 1};

	fake_usb_add(&machine->tree, &stick);
	strncpy(row.place, fake_devpath(&machine->tree, "1-1"),
		sizeof(row.place) - 1);
	machine->pipeline.options.session = &session;
	load(machine, HEAD, 0);
	machine_start(machine);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 0);
	machine_unplug(machine, "1-1");
	assert_string_equal(
		machine_last(machine, RECORD_USB_DEVICE_REMOVED)->correlation,
		"plug-before");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_stick_that_a_rule_blocks_is_told_once),
		CASE(a_stick_no_rule_names_is_blocked_by_default),
		CASE(an_allowed_device_is_authorised),
		CASE(a_rejected_device_is_switched_off),
		CASE(a_rejected_device_that_stays_loses_its_drivers),
		CASE(a_device_let_in_before_us_keeps_only_what_is_allowed),
		CASE(a_present_keyboard_is_not_cut_off_by_halves),
		CASE(a_replayed_add_is_not_judged_again),
		CASE(another_device_in_the_same_place_is_a_new_plug),
		CASE(a_child_before_its_hub_is_judged_with_its_hub),
		CASE(malformed_descriptors_stay_blocked_with_the_reason),
		CASE(removal_is_told_with_the_same_plug),
		CASE(a_reload_judges_again_in_both_directions),
		CASE(an_unchanged_policy_tells_nothing),
		CASE(an_error_in_the_rules_changes_nothing),
		CASE(without_any_policy_everything_is_blocked),
		CASE(monitor_mode_tells_and_touches_nothing),
		CASE(leaving_enforcement_opens_what_was_shut),
		CASE(a_card_reader_gets_its_node),
		CASE(the_last_keyboard_is_kept_against_the_rules),
		CASE(a_learned_keyboard_is_known_at_the_next_boot),
		CASE(the_first_boot_learns_what_comes_up),
		CASE(a_keyboard_that_is_also_a_disk_is_no_lifeline),
		CASE(an_admitted_keyboard_goes_when_an_allowed_one_comes),
		CASE(a_ps2_keyboard_ends_the_admission),
		CASE(the_disk_under_the_system_is_never_taken_away),
		CASE(what_root_authorised_by_hand_is_taken_back),
		CASE(a_kernel_that_refuses_is_told_as_it_is),
		CASE(a_scan_finds_what_uevents_lost),
		CASE(a_plug_told_before_the_restart_is_not_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
