/* SPDX-License-Identifier: Apache-2.0 */
/* The keyboard guard in the pipeline: held, confirmed, cut off, never last. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/machine.h"

#define HEAD	"policy \"t\" serial 1 mode enforce\n"
#define GENERAL HEAD "allow with-interface one-of { 03:*:* 08:*:* 0b:*:* }\n"
#define NAMED	HEAD "allow id 1209:0002\n"

static const uint8_t keyboard[][3] = {{3, 1, 1}};
static const uint8_t mouse[][3] = {{3, 1, 2}};
static const uint8_t bad_usb[][3] = {{3, 1, 1}, {8, 6, 80}};
static const uint8_t key_with_reader[][3] = {{3, 1, 1}, {0x0b, 0, 0}};

static const struct fake_usb own = {
	.hub = "usb1",
	.name = "1-1",
	.vendor = 0x046d,
	.product = 0xc31c,
	.product_name = "Own",
	.interfaces = keyboard,
	.interface_count = 1,
	.authorized = 1,
};
static const struct fake_usb second = {
	.hub = "usb1",
	.name = "1-2",
	.vendor = 0x1209,
	.product = 0x0002,
	.product_name = "Second",
	.interfaces = keyboard,
	.interface_count = 1,
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

/* A terminal that has its own keyboard, under RULES. */
static void start(struct machine *machine, const char *rules)
{
	fake_usb_add(&machine->tree, &own);
	machine_rules(machine, rules);
	assert_int_equal(machine_load(machine), 0);
	machine_start(machine);
	machine_forget(machine);
}

static struct usb_entry *entry_of(struct machine *machine, const char *name)
{
	struct usb_entry *entry = devices_usb_named(&machine->pipeline.devices,
						    name);

	assert_non_null(entry);
	return entry;
}

static size_t let_in(struct machine *machine, const char *name)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "usb_authorize %s", name);
	return machine_asked(machine->real, line);
}

static size_t cut_off(struct machine *machine, const char *name)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "usb_deauthorize %s", name);
	return machine_asked(machine->real, line);
}

static void a_second_keyboard_waits_for_a_person(void **state)
{
	struct machine *machine = *state;

	start(machine, GENERAL);
	machine_plug(machine, &second);
	struct usb_entry *entry = entry_of(machine, "1-2");
	assert_int_equal(let_in(machine, "1-2"), 0);
	assert_int_equal(entry->state, DEVICE_HELD);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_HELD), 1);
	assert_int_equal(
		machine_last(machine, RECORD_USB_DEVICE_HELD)->decision.reason,
		RECORD_REASON_HELD);
	/* Looked at again, nothing is told and nothing done */
	pipeline_scan(&machine->pipeline);
	pipeline_judge_all(&machine->pipeline);
	assert_int_equal(machine->record_count, 1);

	assert_int_equal(
		pipeline_confirm_keyboard(&machine->pipeline, entry, 1000), 0);
	assert_int_equal(let_in(machine, "1-2"), 1);
	assert_int_equal(entry->state, DEVICE_AUTHORISED);
	const struct record *record = machine_last(machine,
						   RECORD_USB_DEVICE_ALLOWED);
	assert_non_null(record);
	assert_int_equal(record->decision.reason, RECORD_REASON_CONFIRMED);
	assert_non_null(strstr(record->decision.detail, "1000"));
	/* Once is enough */
	assert_int_equal(pipeline_confirm_keyboard(&machine->pipeline, entry,
						   1000),
			 PIPELINE_NOT_HELD);
}

static void unplugging_forgets_the_confirmation(void **state)
{
	struct machine *machine = *state;

	start(machine, GENERAL);
	machine_plug(machine, &second);
	assert_int_equal(pipeline_confirm_keyboard(&machine->pipeline,
						   entry_of(machine, "1-2"), 0),
			 0);
	machine_unplug(machine, "1-2");
	machine_plug(machine, &second);
	assert_int_equal(let_in(machine, "1-2"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_HELD), 2);
}

static void a_composite_waits_as_a_whole(void **state)
{
	struct machine *machine = *state;
	struct fake_usb composite = second;

	composite.interfaces = bad_usb;
	composite.interface_count = 2;
	start(machine, GENERAL);
	machine_plug(machine, &composite);
	assert_int_equal(dry_run_count(machine->real), 0);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_HELD), 1);
}

static void a_named_keyboard_goes_straight_in(void **state)
{
	struct machine *machine = *state;

	start(machine, NAMED);
	machine_plug(machine, &second);
	assert_int_equal(let_in(machine, "1-2"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_ALLOWED), 1);
	assert_int_equal(pipeline_confirm_keyboard(&machine->pipeline,
						   entry_of(machine, "1-2"), 0),
			 PIPELINE_NOT_HELD);
}

static void a_policy_that_names_it_later_lets_it_in(void **state)
{
	struct machine *machine = *state;

	start(machine, GENERAL);
	machine_plug(machine, &second);
	machine_rules(machine, NAMED);
	assert_int_equal(machine_load(machine), 0);
	assert_int_equal(let_in(machine, "1-2"), 1);
	/* … and one that does not, takes it away */
	machine_rules(machine, HEAD "\nallow channel hid\n");
	assert_int_equal(machine_load(machine), 0);
	assert_int_equal(cut_off(machine, "1-2"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_HELD), 2);
}

static void the_only_keyboard_is_admitted_not_held(void **state)
{
	struct machine *machine = *state;

	machine_rules(machine, GENERAL);
	assert_int_equal(machine_load(machine), 0);
	machine_start(machine);
	machine_plug(machine, &second);
	assert_int_equal(let_in(machine, "1-2"), 1);
	assert_int_equal(machine_count(machine, RECORD_LIFELINE_KEPT), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_HELD), 0);
}

/* It came while we were away, or was named until now. */
static void the_only_keyboard_that_types_already_is_kept(void **state)
{
	struct machine *machine = *state;

	machine_rules(machine, NAMED);
	assert_int_equal(machine_load(machine), 0);
	machine_start(machine);
	machine_plug(machine, &second);
	machine_rules(machine, GENERAL);
	assert_int_equal(machine_load(machine), 0);
	assert_int_equal(cut_off(machine, "1-2"), 0);
	assert_int_equal(machine_count(machine, RECORD_LIFELINE_KEPT), 1);
	pipeline_judge_all(&machine->pipeline);
	assert_int_equal(cut_off(machine, "1-2"), 0);
	assert_int_equal(machine_count(machine, RECORD_LIFELINE_KEPT), 1);
}

static void a_security_key_comes_in_without_its_keyboard(void **state)
{
	struct machine *machine = *state;
	struct fake_usb key = second;

	key.interfaces = key_with_reader;
	key.interface_count = 2;
	start(machine, GENERAL);
	machine_plug(machine, &key);
	struct usb_entry *entry = entry_of(machine, "1-2");
	assert_int_equal(let_in(machine, "1-2"), 1);
	assert_int_equal(
		machine_asked(machine->real, "usb_interface 1-2:1.1 1"), 1);
	assert_int_equal(
		machine_asked(machine->real, "usb_interface 1-2:1.0 1"), 0);
	assert_non_null(strstr(machine_last(machine, RECORD_USB_DEVICE_ALLOWED)
				       ->decision.detail,
			       "waits"));
	assert_false(pipeline_is_watched(entry));

	assert_int_equal(
		pipeline_confirm_keyboard(&machine->pipeline, entry, 7), 0);
	assert_int_equal(
		machine_asked(machine->real, "usb_interface 1-2:1.0 1"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_ALLOWED), 2);
	assert_int_equal(cut_off(machine, "1-2"), 0);
}

static void what_types_too_fast_is_cut_off_and_held(void **state)
{
	struct machine *machine = *state;

	start(machine, NAMED);
	machine_plug(machine, &second);
	struct usb_entry *entry = entry_of(machine, "1-2");
	assert_true(pipeline_is_watched(entry));
	assert_int_equal(pipeline_typed_fast(&machine->pipeline, entry), 0);
	assert_int_equal(cut_off(machine, "1-2"), 1);
	assert_int_equal(entry->state, DEVICE_HELD);
	assert_int_equal(machine_count(machine, RECORD_USB_KEYBOARD_CUT), 1);
	assert_false(pipeline_is_watched(entry));

	/* Confirmed all the same: a barcode reader, say, not watched again */
	assert_int_equal(
		pipeline_confirm_keyboard(&machine->pipeline, entry, 0), 0);
	assert_int_equal(let_in(machine, "1-2"), 2);
	assert_false(pipeline_is_watched(entry));
}

static void a_confirmation_does_not_cover_fast_typing(void **state)
{
	struct machine *machine = *state;

	start(machine, GENERAL);
	machine_plug(machine, &second);
	struct usb_entry *entry = entry_of(machine, "1-2");
	assert_int_equal(
		pipeline_confirm_keyboard(&machine->pipeline, entry, 0), 0);
	assert_true(pipeline_is_watched(entry));
	assert_int_equal(pipeline_typed_fast(&machine->pipeline, entry), 0);
	assert_int_equal(cut_off(machine, "1-2"), 1);
	assert_int_equal(entry->state, DEVICE_HELD);
}

static void the_last_keyboard_is_only_silenced(void **state)
{
	struct machine *machine = *state;

	machine_rules(machine, NAMED);
	assert_int_equal(machine_load(machine), 0);
	machine_start(machine);
	machine_plug(machine, &second);
	struct usb_entry *entry = entry_of(machine, "1-2");
	assert_int_equal(pipeline_typed_fast(&machine->pipeline, entry),
			 PIPELINE_LAST_KEYBOARD);
	assert_int_equal(cut_off(machine, "1-2"), 0);
	assert_int_equal(entry->state, DEVICE_AUTHORISED);
	assert_true(pipeline_is_watched(entry));
	const struct record *record = machine_last(machine,
						   RECORD_LIFELINE_KEPT);
	assert_non_null(record);
	assert_int_equal(record->decision.reason, RECORD_REASON_TYPING);
	/* A PS/2 keyboard is one, too */
	fake_dir(&machine->tree, "sys/bus/serio/drivers/atkbd/serio0");
	assert_int_equal(pipeline_typed_fast(&machine->pipeline, entry), 0);
	assert_int_equal(cut_off(machine, "1-2"), 1);
}

static void a_policy_may_have_even_the_last_one_cut_off(void **state)
{
	struct machine *machine = *state;

	machine_rules(machine, "policy \"t\" mode enforce new-keyboard deny\n"
			       "allow id 1209:0002\n");
	assert_int_equal(machine_load(machine), 0);
	machine_start(machine);
	machine_plug(machine, &second);
	assert_int_equal(pipeline_typed_fast(&machine->pipeline,
					     entry_of(machine, "1-2")),
			 0);
	assert_int_equal(cut_off(machine, "1-2"), 1);
}

static void the_terminals_own_keyboard_is_not_watched(void **state)
{
	struct machine *machine = *state;

	start(machine, GENERAL);
	assert_false(pipeline_is_watched(entry_of(machine, "1-1")));
	assert_int_equal(cut_off(machine, "1-1"), 0);
}

static void a_reader_of_codes_is_not_watched(void **state)
{
	struct machine *machine = *state;

	start(machine, HEAD "allow id 1209:0002 fast-typing\n");
	machine_plug(machine, &second);
	assert_int_equal(let_in(machine, "1-2"), 1);
	assert_false(pipeline_is_watched(entry_of(machine, "1-2")));
}

static void a_mouse_with_letters_is_a_keyboard(void **state)
{
	struct machine *machine = *state;
	struct fake_usb liar = second;
	char input[SYSFS_PATH_MAX + 64];

	liar.interfaces = mouse;
	start(machine, GENERAL);
	machine_plug(machine, &liar);
	struct usb_entry *entry = entry_of(machine, "1-2");
	assert_int_equal(let_in(machine, "1-2"), 1);
	(void)snprintf(input, sizeof(input),
		       "%s/1-2:1.0/0003:1209:0002.0001/input/input9/event9",
		       entry->device.devpath);
	pipeline_has_keys(&machine->pipeline, entry, input);
	assert_int_equal(cut_off(machine, "1-2"), 1);
	assert_int_equal(entry->state, DEVICE_HELD);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_HELD), 1);
}

/* Ids are what a device says of itself: so is being a security key. */
static void a_security_key_with_letters_is_a_keyboard(void **state)
{
	static const uint8_t hid[][3] = {{3, 0, 0}};
	struct machine *machine = *state;
	struct fake_usb liar = second;
	char input[SYSFS_PATH_MAX + 64];

	liar.interfaces = hid;
	liar.vendor = 0x1050;
	liar.product = 0x0120;
	start(machine, GENERAL);
	machine_plug(machine, &liar);
	struct usb_entry *entry = entry_of(machine, "1-2");
	assert_int_equal(let_in(machine, "1-2"), 1);
	(void)snprintf(input, sizeof(input),
		       "%s/1-2:1.0/0003:1050:0120.0001/input/input9/event9",
		       entry->device.devpath);
	pipeline_has_keys(&machine->pipeline, entry, input);
	assert_int_equal(cut_off(machine, "1-2"), 1);
	assert_int_equal(entry->state, DEVICE_HELD);
}

static void a_keyboard_with_letters_is_what_it_says(void **state)
{
	struct machine *machine = *state;
	char input[SYSFS_PATH_MAX + 64];

	start(machine, NAMED);
	machine_plug(machine, &second);
	struct usb_entry *entry = entry_of(machine, "1-2");
	(void)snprintf(input, sizeof(input),
		       "%s/1-2:1.0/0003:1209:0002.0001/input/input9/event9",
		       entry->device.devpath);
	pipeline_has_keys(&machine->pipeline, entry, input);
	assert_false(entry->is_typist);
	assert_int_equal(cut_off(machine, "1-2"), 0);
}

static void what_root_authorises_while_it_waits_is_taken_back(void **state)
{
	struct machine *machine = *state;

	start(machine, GENERAL);
	machine_plug(machine, &second);
	fake_text(&machine->tree, "sys/" FAKE_CONTROLLER "/usb1/1-2/authorized",
		  "1\n");
	pipeline_scan(&machine->pipeline);
	assert_int_equal(cut_off(machine, "1-2"), 1);
	assert_int_equal(machine_count(machine, RECORD_AGENT_TAMPER), 1);
}

static void monitor_mode_tells_and_lets_it_type(void **state)
{
	struct machine *machine = *state;
	struct fake_usb present = second;

	present.authorized = 1;
	start(machine, "policy \"t\" mode monitor\nallow channel hid\n");
	machine_plug(machine, &present);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_HELD), 1);
	struct usb_entry *entry = entry_of(machine, "1-2");
	assert_int_equal(pipeline_typed_fast(&machine->pipeline, entry), 0);
	assert_int_equal(machine_count(machine, RECORD_USB_KEYBOARD_CUT), 1);
	assert_int_equal(dry_run_count(machine->real), 0);
	/* Told once in a plug */
	assert_false(pipeline_is_watched(entry));
}

/* What was known of 1-2 when the daemon before us wrote its session. */
static void restart(struct machine *machine, struct session_row *row,
		    int authorized)
{
	struct fake_usb present = second;
	const struct session session = {.rows = row, .count = 1};

	present.authorized = authorized;
	fake_usb_add(&machine->tree, &own);
	fake_usb_add(&machine->tree, &present);
	row->number = session_number(189, 1);
	strncpy(row->place, fake_devpath(&machine->tree, "1-2"),
		sizeof(row->place) - 1);
	machine->pipeline.options.session = &session;
	machine_rules(machine, GENERAL);
	assert_int_equal(machine_load(machine), 0);
	machine_start(machine);
	machine->pipeline.options.session = NULL;
}

static void a_restart_does_not_forget_the_confirmation(void **state)
{
	struct session_row row = {.plug = "plug-a",
				  .outcome = USB_TARGET_ALLOW,
				  .is_confirmed = true};
	struct machine *machine = *state;

	restart(machine, &row, 1);
	struct usb_entry *entry = entry_of(machine, "1-2");
	assert_int_equal(cut_off(machine, "1-2"), 0);
	assert_false(entry->is_learned);
	assert_true(pipeline_is_watched(entry));
}

static void a_restart_makes_no_keyboard_the_terminals_own(void **state)
{
	struct session_row row = {.plug = "plug-a",
				  .outcome = USB_TARGET_ALLOW};
	struct machine *machine = *state;

	restart(machine, &row, 1);
	assert_int_equal(cut_off(machine, "1-2"), 1);
	assert_int_equal(entry_of(machine, "1-2")->state, DEVICE_HELD);
}

static void a_restart_does_not_forget_fast_typing(void **state)
{
	struct session_row row = {.plug = "plug-a",
				  .outcome = USB_TARGET_BLOCK,
				  .is_fast = true};
	struct machine *machine = *state;

	restart(machine, &row, 0);
	machine_rules(machine, NAMED);
	assert_int_equal(machine_load(machine), 0);
	assert_int_equal(let_in(machine, "1-2"), 0);
	assert_int_equal(entry_of(machine, "1-2")->decision.reason,
			 RECORD_REASON_TYPING);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_second_keyboard_waits_for_a_person),
		CASE(unplugging_forgets_the_confirmation),
		CASE(a_composite_waits_as_a_whole),
		CASE(a_named_keyboard_goes_straight_in),
		CASE(a_policy_that_names_it_later_lets_it_in),
		CASE(the_only_keyboard_is_admitted_not_held),
		CASE(the_only_keyboard_that_types_already_is_kept),
		CASE(a_security_key_comes_in_without_its_keyboard),
		CASE(what_types_too_fast_is_cut_off_and_held),
		CASE(a_confirmation_does_not_cover_fast_typing),
		CASE(the_last_keyboard_is_only_silenced),
		CASE(a_policy_may_have_even_the_last_one_cut_off),
		CASE(the_terminals_own_keyboard_is_not_watched),
		CASE(a_reader_of_codes_is_not_watched),
		CASE(a_mouse_with_letters_is_a_keyboard),
		CASE(a_security_key_with_letters_is_a_keyboard),
		CASE(a_keyboard_with_letters_is_what_it_says),
		CASE(what_root_authorises_while_it_waits_is_taken_back),
		CASE(monitor_mode_tells_and_lets_it_type),
		CASE(a_restart_does_not_forget_the_confirmation),
		CASE(a_restart_makes_no_keyboard_the_terminals_own),
		CASE(a_restart_does_not_forget_fast_typing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
