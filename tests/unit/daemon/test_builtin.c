/* SPDX-License-Identifier: Apache-2.0 */
/* Radios and Thunderbolt devices: judged by the `channel` lines, blocked again
 * when somebody opens them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/machine.h"

#define HEAD "policy \"t\" serial 1 mode enforce\n"
#define WIFI "devices/pci0000:00/0000:00:14.3/ieee80211/phy0/rfkill0"
#define BLUE FAKE_CONTROLLER "/usb1/1-7/1-7:1.0/bluetooth/hci0/rfkill1"
#define DOCK "devices/pci0000:00/0000:00:0d.2/domain0/0-0/0-1"

static void add_radio(struct machine *machine, const char *path,
		      const char *type, const char *name)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "sys/%s/type", path);
	fake_text(&machine->tree, text, "%s\n", type);
	(void)snprintf(text, sizeof(text), "sys/%s/name", path);
	fake_text(&machine->tree, text, "%s\n", name);
	(void)snprintf(text, sizeof(text), "sys/%s/soft", path);
	fake_text(&machine->tree, text, "0\n");
	char link[128], target[256];
	(void)snprintf(link, sizeof(link), "sys/class/rfkill/%s",
		       strrchr(path, '/') + 1);
	(void)snprintf(target, sizeof(target), "../../%s", path);
	fake_link(&machine->tree, link, target);
}

static void add_dock(struct machine *machine, const char *authorized)
{
	fake_text(&machine->tree, "sys/" DOCK "/authorized", "%s\n",
		  authorized);
	fake_text(&machine->tree, "sys/" DOCK "/vendor_name", "ACME\n");
	fake_text(&machine->tree, "sys/" DOCK "/device_name", "Dock\n");
	fake_link(&machine->tree, "sys/bus/thunderbolt/devices/0-1",
		  "../../../" DOCK);
	/* The controller itself, and its domain */
	fake_text(&machine->tree,
		  "sys/devices/pci0000:00/0000:00:0d.2/domain0/0-0/authorized",
		  "1\n");
	fake_link(&machine->tree, "sys/bus/thunderbolt/devices/0-0",
		  "../../../devices/pci0000:00/0000:00:0d.2/domain0/0-0");
	fake_link(&machine->tree, "sys/bus/thunderbolt/devices/domain0",
		  "../../../devices/pci0000:00/0000:00:0d.2/domain0");
}

static int setup(void **state)
{
	static struct machine machine;

	machine_init(&machine);
	add_radio(&machine, WIFI, "wlan", "phy0");
	add_radio(&machine, BLUE, "bluetooth", "hci0");
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

static void change(struct machine *machine, const char *path,
		   const char *subsystem, enum uevent_action action)
{
	struct uevent event = {.action = action};

	(void)snprintf(event.devpath, sizeof(event.devpath), "/%s", path);
	(void)snprintf(event.subsystem, sizeof(event.subsystem), "%s",
		       subsystem);
	pipeline_uevent(&machine->pipeline, &event);
}

static void unblock(struct machine *machine)
{
	fake_text(&machine->tree, "sys/" WIFI "/soft", "0\n");
	change(machine, WIFI, "rfkill", UEVENT_CHANGE);
}

/* The dry run writes nothing; the kernel would. */
static void obey(struct machine *machine)
{
	fake_text(&machine->tree, "sys/" WIFI "/soft", "1\n");
	change(machine, WIFI, "rfkill", UEVENT_CHANGE);
}

static void a_radio_that_no_line_names_is_blocked(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "channel allow bluetooth\n");
	machine_start(machine);
	assert_int_equal(machine_asked(machine->real, "radio_block rfkill0 1"),
			 1);
	assert_int_equal(machine_asked(machine->real, "radio_block rfkill1 1"),
			 0);
	const struct record *record = machine_last(machine,
						   RECORD_CHANNEL_BLOCKED);
	assert_non_null(record);
	assert_string_equal(record->channel->kind, "wifi");
	assert_string_equal(record->channel->model, "phy0");
	assert_int_equal(record->decision.reason, RECORD_REASON_DEFAULT);
	record = machine_last(machine, RECORD_CHANNEL_ALLOWED);
	assert_string_equal(record->channel->kind, "bluetooth");
	assert_int_equal(record->decision.reason, RECORD_REASON_RULE);
}

static void what_somebody_unblocks_is_blocked_again_and_told(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "channel deny wifi bluetooth\n");
	machine_start(machine);
	obey(machine);
	assert_int_equal(machine_count(machine, RECORD_AGENT_TAMPER), 0);
	unblock(machine);
	assert_int_equal(machine_asked(machine->real, "radio_block rfkill0 1"),
			 2);
	const struct record *record = machine_last(machine,
						   RECORD_AGENT_TAMPER);
	assert_non_null(record);
	assert_string_equal(record->u.tamper.kind, "channel");
	assert_string_equal(record->channel->name, "rfkill0");
	assert_true(record->u.tamper.is_held);
}

static void who_unblocks_in_a_loop_is_counted(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD);
	machine_start(machine);
	for (int i = 0; i < 50; i++) {
		obey(machine);
		unblock(machine);
	}
	assert_int_equal(machine_asked(machine->real, "radio_block rfkill0 1"),
			 51);
	assert_int_equal(machine_count(machine, RECORD_AGENT_TAMPER), 1);
	assert_true(machine->pipeline.has_folds);
	pipeline_flush_folds(&machine->pipeline);
	assert_int_equal(machine_count(machine, RECORD_AGENT_TAMPER), 2);
	assert_int_equal(machine_last(machine, RECORD_AGENT_TAMPER)->count, 49);
}

static void a_radio_comes_back_when_policy_allows_it(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD);
	machine_start(machine);
	obey(machine);
	load(machine, HEAD "channel allow wifi\n");
	assert_int_equal(machine_asked(machine->real, "radio_block rfkill0 0"),
			 1);
	assert_int_equal(machine_count(machine, RECORD_CHANNEL_ALLOWED), 1);
}

static void a_radio_its_user_switched_off_stays_off(void **state)
{
	struct machine *machine = *state;

	fake_text(&machine->tree, "sys/" WIFI "/soft", "1\n");
	load(machine, HEAD "channel allow wifi bluetooth\n");
	machine_start(machine);
	assert_int_equal(dry_run_count(machine->real), 0);
}

static void monitor_mode_only_tells(void **state)
{
	struct machine *machine = *state;

	load(machine, "policy \"t\" serial 1 mode monitor\n");
	machine_start(machine);
	assert_int_equal(dry_run_count(machine->real), 0);
	assert_int_equal(machine_count(machine, RECORD_CHANNEL_BLOCKED), 2);
	unblock(machine);
	assert_int_equal(machine_count(machine, RECORD_AGENT_TAMPER), 0);
}

static void leaving_enforcement_lets_radios_go(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD);
	machine_start(machine);
	obey(machine);
	load(machine, "policy \"t\" serial 2 mode monitor\n");
	assert_int_equal(machine_asked(machine->real, "radio_block rfkill0 0"),
			 1);
}

static void a_kernel_that_refuses_is_told_and_asked_again(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD "channel allow bluetooth\n");
	dry_run_fail(machine->real, -EPERM);
	machine_start(machine);
	assert_int_equal(machine->failures.counts[FAILURE_CHANNEL_WRITE], 1);
	dry_run_fail(machine->real, 0);
	pipeline_scan(&machine->pipeline);
	assert_int_equal(machine_asked(machine->real, "radio_block rfkill0 1"),
			 2);
	const struct record *record = machine_last(machine,
						   RECORD_CHANNEL_BLOCKED);
	assert_non_null(record);
	assert_int_equal(machine_count(machine, RECORD_AGENT_TAMPER), 0);
}

static void other_radios_are_left_alone(void **state)
{
	struct machine *machine = *state;

	add_radio(machine, "devices/platform/gps/rfkill2", "gps", "gps");
	load(machine, HEAD);
	machine_start(machine);
	assert_int_equal(machine_asked(machine->real, "radio_block rfkill2 1"),
			 0);
}

static void a_radio_that_goes_and_comes_is_judged_anew(void **state)
{
	struct machine *machine = *state;

	load(machine, HEAD);
	machine_start(machine);
	obey(machine);
	change(machine, WIFI, "rfkill", UEVENT_REMOVE);
	fake_text(&machine->tree, "sys/" WIFI "/soft", "0\n");
	change(machine, WIFI, "rfkill", UEVENT_ADD);
	assert_int_equal(machine_asked(machine->real, "radio_block rfkill0 1"),
			 2);
	assert_int_equal(machine_count(machine, RECORD_AGENT_TAMPER), 0);
	assert_int_equal(machine_count(machine, RECORD_CHANNEL_BLOCKED), 3);
}

static void a_thunderbolt_device_stays_unauthorised(void **state)
{
	struct machine *machine = *state;

	add_dock(machine, "0");
	load(machine, HEAD "channel allow wifi bluetooth\n");
	machine_start(machine);
	assert_int_equal(dry_run_count(machine->real), 0);
	const struct record *record = machine_last(machine,
						   RECORD_CHANNEL_BLOCKED);
	assert_non_null(record);
	assert_string_equal(record->channel->kind, "thunderbolt");
	assert_string_equal(record->channel->model, "ACME Dock");

	load(machine, HEAD "channel allow wifi bluetooth thunderbolt\n");
	assert_int_equal(
		machine_asked(machine->real, "thunderbolt_authorize 0-1 1"), 1);
}

static void a_thunderbolt_device_authorised_by_hand_is_taken_back(void **state)
{
	struct machine *machine = *state;

	add_dock(machine, "0");
	load(machine, HEAD);
	machine_start(machine);
	fake_text(&machine->tree, "sys/" DOCK "/authorized", "1\n");
	change(machine, DOCK, "thunderbolt", UEVENT_CHANGE);
	assert_int_equal(
		machine_asked(machine->real, "thunderbolt_authorize 0-1 0"), 1);
	assert_int_equal(machine_count(machine, RECORD_AGENT_TAMPER), 1);
	assert_int_equal(
		machine_asked(machine->real, "thunderbolt_authorize 0-0 0"), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_radio_that_no_line_names_is_blocked),
		CASE(what_somebody_unblocks_is_blocked_again_and_told),
		CASE(who_unblocks_in_a_loop_is_counted),
		CASE(a_radio_comes_back_when_policy_allows_it),
		CASE(a_radio_its_user_switched_off_stays_off),
		CASE(monitor_mode_only_tells),
		CASE(leaving_enforcement_lets_radios_go),
		CASE(a_kernel_that_refuses_is_told_and_asked_again),
		CASE(other_radios_are_left_alone),
		CASE(a_radio_that_goes_and_comes_is_judged_anew),
		CASE(a_thunderbolt_device_stays_unauthorised),
		CASE(a_thunderbolt_device_authorised_by_hand_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
