/* SPDX-License-Identifier: Apache-2.0 */
/* Media: judged by their parent, opened only by a rule; refusals counted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/machine.h"

#define HEAD                                                                   \
	"policy \"t\" serial 1 mode enforce\n"                                 \
	"allow with-interface 08:06:50 rule-id \"sticks\"\n"
#define SDB_KEY GUARD_KEY(false, 8, 16)

static const uint8_t storage[][3] = {{8, 6, 80}};
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

static void plug_medium(struct machine *machine, const char *rules)
{
	machine_rules(machine, rules);
	assert_int_equal(machine_load(machine), 0);
	machine_plug(machine, &stick);
	fake_disk_add(&machine->tree, "1-1", "sdb", 16, 1);
	machine_uevent(machine, UEVENT_ADD, "block", "sdb");
}

static void refuse_as(struct machine *machine, uint32_t hook, const char *comm,
		      uint32_t uid)
{
	struct guard_event event = {
		.key = SDB_KEY,
		.disk = SDB_KEY,
		.hook = hook,
		.mode = GUARD_MODE_READ,
		.verdict = -EPERM,
		.enforced = 1,
		.tgid = 4242,
		.uid = uid,
	};

	strncpy(event.comm, comm, sizeof(event.comm) - 1);
	pipeline_guard_event(&machine->pipeline, &event);
}

static void refuse(struct machine *machine, uint32_t hook, const char *comm)
{
	refuse_as(machine, hook, comm, 1000);
}

static void a_denied_medium_is_told_with_its_plug(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "media deny rule-id \"no\"\n");
	const struct record *record = machine_last(machine,
						   RECORD_MEDIA_DENIED);
	assert_non_null(record);
	assert_memory_equal(record->decision.rule.ptr, "no", 2);
	assert_string_equal(record->media->devname, "sdb");
	assert_string_equal(record->media->parent->serial, "S1");
	assert_string_equal(
		record->correlation,
		machine_last(machine, RECORD_USB_DEVICE_ALLOWED)->correlation);
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 9 read-only"), 0);
}

static void no_media_rule_is_a_denial(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD);
	const struct record *record = machine_last(machine,
						   RECORD_MEDIA_DENIED);
	assert_non_null(record);
	assert_int_equal(record->decision.reason, RECORD_REASON_DEFAULT);
}

static void an_emergency_login_closes_all_media(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "media read-write\n");
	assert_int_equal(machine_count(machine, RECORD_MEDIA_ALLOWED), 1);
	pipeline_set_glass(&machine->pipeline, true);
	const struct record *record = machine_last(machine,
						   RECORD_MEDIA_DENIED);
	assert_non_null(record);
	assert_int_equal(record->decision.reason, RECORD_REASON_LOGIN_NO_MEDIA);
	pipeline_set_glass(&machine->pipeline, false);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_ALLOWED), 2);
}

static void a_read_only_rule_opens_it_read_only(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "media read-only serial \"S1\"\n");
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 9 read-only"), 1);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_READONLY), 1);
	/* Our own announcement comes back as "add": not judged again */
	machine_uevent(machine, UEVENT_ADD, "block", "sdb");
	assert_int_equal(machine_count(machine, RECORD_MEDIA_READONLY), 1);
}

static void a_reload_opens_and_closes_without_a_replug(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "media deny\n");
	machine_rules(machine, HEAD "media read-write\n");
	assert_int_equal(machine_load(machine), 0);
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 9 read-write"), 1);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_ALLOWED), 1);
	machine_rules(machine, HEAD "media deny label \"again\"\n");
	assert_int_equal(machine_load(machine), 0);
	assert_int_equal(machine_asked(machine->real, "media_set sdb 9 deny"),
			 1);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_DENIED), 2);
}

static void another_medium_in_the_reader_is_judged_anew(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "media read-only\n");
	const char *dir = fake_devpath(&machine->tree, "sdb");
	char path[512];
	snprintf(path, sizeof(path), "sys%s/diskseq", dir);
	fake_text(&machine->tree, path, "10\n");
	machine_uevent(machine, UEVENT_CHANGE, "block", "sdb");
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 10 read-only"), 1);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_READONLY), 2);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_REMOVED), 1);
}

static void a_change_that_only_the_guard_saw_is_judged_anew(void **state)
{
	struct machine *machine = *state;
	const struct guard_event event = {
		.key = SDB_KEY,
		.disk = SDB_KEY,
		.hook = GUARD_HOOK_MEDIA_CHANGE,
	};

	plug_medium(machine, HEAD "media read-only\n");
	pipeline_guard_event(&machine->pipeline, &event);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_READONLY), 1);

	char path[512];
	snprintf(path, sizeof(path), "sys%s/diskseq",
		 fake_devpath(&machine->tree, "sdb"));
	fake_text(&machine->tree, path, "10\n");
	pipeline_guard_event(&machine->pipeline, &event);
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 10 read-only"), 1);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_READONLY), 2);
}

static void a_fixed_disk_is_left_alone(void **state)
{
	struct machine *machine = *state;

	machine_rules(machine, HEAD "media deny\n");
	assert_int_equal(machine_load(machine), 0);
	fake_disk_add(&machine->tree, NULL, "sda", 0, 2);
	machine_uevent(machine, UEVENT_ADD, "block", "sda");
	assert_int_equal(machine_count(machine, RECORD_MEDIA_DENIED), 0);
	assert_null(devices_medium(&machine->pipeline.devices, "sda"));
}

static void without_a_guard_a_denied_medium_loses_its_device(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "media deny\n");
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 1);
	const struct record *record = machine_last(machine,
						   RECORD_MEDIA_DENIED);
	assert_non_null(strstr(record->decision.detail, "no kernel guard"));
}

/* Nothing refuses it: to say so would be a lie. */
static void without_a_guard_what_failed_is_told_as_it_is(void **state)
{
	struct machine *machine = *state;

	machine_rules(machine, HEAD "media read-only\n");
	assert_int_equal(machine_load(machine), 0);
	machine_plug(machine, &stick);
	fake_disk_add(&machine->tree, "1-1", "sdb", 16, 0);
	dry_run_fail(machine->real, -EIO);
	machine_uevent(machine, UEVENT_ADD, "block", "sdb");
	const struct record *record = machine_last(machine,
						   RECORD_MEDIA_ALLOWED);
	assert_non_null(record);
	assert_int_equal(record->decision.reason, RECORD_REASON_ENFORCEMENT);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_DENIED), 0);
}

static void without_a_guard_a_device_that_stays_is_not_denied(void **state)
{
	struct machine *machine = *state;

	machine_rules(machine, HEAD "media deny\n");
	assert_int_equal(machine_load(machine), 0);
	machine_plug(machine, &stick);
	fake_disk_add(&machine->tree, "1-1", "sdb", 16, 0);
	dry_run_fail(machine->real, -EIO);
	machine_uevent(machine, UEVENT_ADD, "block", "sdb");
	const struct record *record = machine_last(machine,
						   RECORD_MEDIA_ALLOWED);
	assert_non_null(record);
	assert_int_equal(record->decision.reason, RECORD_REASON_ENFORCEMENT);
	assert_non_null(strstr(record->decision.detail, "no kernel guard"));
	assert_int_equal(machine_count(machine, RECORD_MEDIA_DENIED), 0);
	struct medium_entry *medium = devices_medium(&machine->pipeline.devices,
						     "sdb");
	assert_int_equal(medium->state, DEVICE_AUTHORISED);
	/* Tried again, and told when it comes out otherwise */
	dry_run_fail(machine->real, 0);
	pipeline_scan(&machine->pipeline);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_DENIED), 1);
}

/* The kernel's flag alone: it is called what it is. */
static void without_a_guard_a_kept_device_is_read_only_at_best(void **state)
{
	struct machine *machine = *state;

	machine_rules(machine, HEAD "media deny\n");
	assert_int_equal(machine_load(machine), 0);
	machine_plug(machine, &stick);
	struct usb_entry *usb = devices_usb_named(&machine->pipeline.devices,
						  "1-1");
	assert_non_null(usb);
	usb->is_system = true;
	fake_disk_add(&machine->tree, "1-1", "sdb", 16, 0);
	machine_uevent(machine, UEVENT_ADD, "block", "sdb");
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 0);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_DENIED), 0);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_READONLY), 1);
}

static void identical_refusals_are_counted(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "media deny rule-id \"no\"\n");
	for (int i = 0; i < 40; i++)
		refuse(machine, GUARD_HOOK_CGROUP_DEV, "dd");
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED), 1);
	const struct record *first = machine_last(machine,
						  RECORD_BLOCK_OPEN_BLOCKED);
	assert_string_equal(first->process->name, "dd");
	assert_int_equal(first->process->pid, 4242);
	assert_int_equal(first->process->uid, 1000);
	assert_string_equal(first->guard->hook, "cgroup/dev");
	assert_string_equal(first->guard->node, "/dev/sdb");
	assert_memory_equal(first->decision.rule.ptr, "no", 2);

	assert_true(machine->pipeline.has_folds);
	pipeline_flush_folds(&machine->pipeline);
	assert_false(machine->pipeline.has_folds);
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED), 2);
	const struct record *fold = machine_last(machine,
						 RECORD_BLOCK_OPEN_BLOCKED);
	assert_int_equal(fold->count, 39);
	assert_true(fold->wall_first_ms > 0);
	pipeline_flush_folds(&machine->pipeline);
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED), 2);
}

/* A program that takes another name each time does not fill the spool. */
static void names_without_end_are_counted_as_several(void **state)
{
	struct machine *machine = *state;
	char name[12];

	plug_medium(machine, HEAD "media deny\n");
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "dd-%d", i);
		refuse(machine, GUARD_HOOK_CGROUP_DEV, name);
	}
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED),
			 DEVICES_FOLDS_MAX);
	pipeline_flush_folds(&machine->pipeline);
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED),
			 DEVICES_FOLDS_MAX + 1);
	const struct record *several = machine_last(machine,
						    RECORD_BLOCK_OPEN_BLOCKED);
	assert_int_equal(several->count, 1000 - DEVICES_FOLDS_MAX);
	assert_string_equal(several->process->name, "(several)");
	/* A later one is told by its name again */
	refuse(machine, GUARD_HOOK_CGROUP_DEV, "late");
	assert_string_equal(
		machine_last(machine, RECORD_BLOCK_OPEN_BLOCKED)->process->name,
		"late");
}

static void different_refusals_are_not_merged(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "media deny\n");
	refuse(machine, GUARD_HOOK_CGROUP_DEV, "dd");
	refuse(machine, GUARD_HOOK_CGROUP_DEV, "cp");
	refuse(machine, GUARD_HOOK_CGROUP_DEV, "mount");
	refuse(machine, GUARD_HOOK_SB_KERN_MOUNT, "mount");
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED), 2);
	assert_int_equal(machine_count(machine, RECORD_MOUNT_BLOCKED), 2);
}

static void counted_refusals_are_told_at_the_end_of_the_plug(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "media deny\n");
	refuse(machine, GUARD_HOOK_CGROUP_DEV, "dd");
	refuse(machine, GUARD_HOOK_CGROUP_DEV, "dd");
	machine_uevent(machine, UEVENT_REMOVE, "block", "sdb");
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED), 2);
	assert_int_equal(
		machine_last(machine, RECORD_BLOCK_OPEN_BLOCKED)->count, 1);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_REMOVED), 1);
}

static void a_refusal_before_the_uevent_finds_its_plug(void **state)
{
	struct machine *machine = *state;

	machine_rules(machine, HEAD "media deny\n");
	assert_int_equal(machine_load(machine), 0);
	machine_plug(machine, &stick);
	fake_disk_add(&machine->tree, "1-1", "sdb", 16, 0);
	refuse(machine, GUARD_HOOK_CGROUP_DEV, "kworker/0:1");
	assert_int_equal(machine_count(machine, RECORD_MEDIA_DENIED), 1);
	assert_string_equal(
		machine_last(machine, RECORD_BLOCK_OPEN_BLOCKED)->correlation,
		machine_last(machine, RECORD_MEDIA_DENIED)->correlation);
}

static void a_write_to_a_read_only_medium_is_named_so(void **state)
{
	struct machine *machine = *state;

	plug_medium(machine, HEAD "media read-only\n");
	refuse(machine, GUARD_HOOK_FILE_IOCTL, "sg_raw");
	const struct record *record =
		machine_last(machine, RECORD_BLOCK_RAWWRITE_BLOCKED);
	assert_non_null(record);
	assert_int_equal(record->decision.reason, RECORD_REASON_READ_ONLY);
}

static void a_switch_of_sysfs_is_told_by_its_name(void **state)
{
	struct machine *machine = *state;
	struct guard_event event = {
		.hook = GUARD_HOOK_SYSFS,
		.mode = GUARD_MODE_WRITE,
		.verdict = -EPERM,
		.enforced = 1,
		.tgid = 7,
		.comm = "sh",
		.name = "authorized",
	};

	pipeline_guard_event(&machine->pipeline, &event);
	pipeline_guard_event(&machine->pipeline, &event);
	const struct record *record = machine_last(machine,
						   RECORD_SYSFS_WRITE_BLOCKED);
	assert_non_null(record);
	assert_string_equal(record->guard->target, "authorized");
	assert_int_equal(machine_count(machine, RECORD_SYSFS_WRITE_BLOCKED), 1);
	strncpy(event.name, "driver_override", sizeof(event.name) - 1);
	pipeline_guard_event(&machine->pipeline, &event);
	assert_int_equal(machine_count(machine, RECORD_SYSFS_WRITE_BLOCKED), 2);
}

static void the_ftrace_switch_is_tampering(void **state)
{
	struct machine *machine = *state;
	const struct guard_event event = {
		.hook = GUARD_HOOK_SYSCTL,
		.verdict = -EPERM,
		.enforced = 1,
		.tgid = 7,
	};

	pipeline_guard_event(&machine->pipeline, &event);
	const struct record *record = machine_last(machine,
						   RECORD_AGENT_TAMPER);
	assert_non_null(record);
	assert_true(record->u.tamper.is_held);
}

static int start_probe(void *userdata, const struct medium_entry *medium)
{
	(void)medium;
	(*(int *)userdata)++;
	return 0;
}

static void a_medium_waits_for_its_probe(void **state)
{
	struct machine *machine = *state;
	const struct medium_probe probe = {.fs_type = "vfat", .label = "残高"};
	int started = 0;

	machine->pipeline.options.probe = start_probe;
	machine->pipeline.options.userdata = &started;
	plug_medium(machine, HEAD "media read-only fs-type \"vfat\"\n");
	assert_int_equal(started, 1);
	assert_int_equal(machine_count(machine, RECORD_MEDIA_READONLY), 0);
	pipeline_probed(&machine->pipeline, "sdb", 8, &probe); /* another */
	assert_int_equal(machine_count(machine, RECORD_MEDIA_READONLY), 0);
	pipeline_probed(&machine->pipeline, "sdb", 9, &probe);
	const struct record *record = machine_last(machine,
						   RECORD_MEDIA_READONLY);
	assert_non_null(record);
	assert_string_equal(record->media->fs_type, "vfat");
	assert_string_equal(record->media->label, "残高");
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 9 read-only"), 1);
}

/* What the kernel and udev try before the verdict is told only when none
 * comes; what anybody else tries is told at once. */
static void the_first_look_of_the_system_is_no_attempt(void **state)
{
	struct machine *machine = *state;
	const struct medium_probe probe = {.fs_type = "vfat"};

	int started = 0;

	machine->pipeline.options.probe = start_probe;
	machine->pipeline.options.userdata = &started;
	plug_medium(machine, HEAD "media read-only\n");
	refuse_as(machine, GUARD_HOOK_CGROUP_DEV, "kworker/1:2", 0);
	refuse_as(machine, GUARD_HOOK_CGROUP_DEV, "(udev-worker)", 0);
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED), 0);
	refuse_as(machine, GUARD_HOOK_CGROUP_DEV, "kworker/1:2", 1000);
	refuse_as(machine, GUARD_HOOK_CGROUP_DEV, "dd", 0);
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED), 2);

	pipeline_probed(&machine->pipeline, "sdb", 9, &probe);
	pipeline_flush_folds(&machine->pipeline);
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED), 2);
	refuse_as(machine, GUARD_HOOK_CGROUP_DEV, "(udev-worker)", 0);
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED), 3);
}

static void a_first_look_without_a_verdict_is_told(void **state)
{
	struct machine *machine = *state;

	int started = 0;

	machine->pipeline.options.probe = start_probe;
	machine->pipeline.options.userdata = &started;
	plug_medium(machine, HEAD "media read-only\n");
	refuse_as(machine, GUARD_HOOK_CGROUP_DEV, "kworker/1:2", 0);
	pipeline_flush_folds(&machine->pipeline);
	assert_int_equal(machine_count(machine, RECORD_BLOCK_OPEN_BLOCKED), 1);
}

static void a_probe_that_failed_denies(void **state)
{
	struct machine *machine = *state;
	int started = 0;

	machine->pipeline.options.probe = start_probe;
	machine->pipeline.options.userdata = &started;
	plug_medium(machine, HEAD "media read-write\n");
	pipeline_probed(&machine->pipeline, "sdb", 9, NULL);
	const struct record *record = machine_last(machine,
						   RECORD_MEDIA_DENIED);
	assert_non_null(record);
	assert_non_null(strstr(record->decision.detail, "probe"));
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 9 read-write"), 0);
	assert_int_equal(machine->failures.counts[FAILURE_PROBE], 1);
}

static int no_probe(void *userdata, const struct medium_entry *medium)
{
	(void)medium;
	return *(int *)userdata;
}

static void a_probe_that_cannot_start_denies(void **state)
{
	struct machine *machine = *state;
	int why = -EBUSY;

	machine->pipeline.options.probe = no_probe;
	machine->pipeline.options.userdata = &why;
	plug_medium(machine, HEAD "media deny fs-type \"ntfs\"\n"
				  "media read-write\n");
	assert_int_equal(machine_count(machine, RECORD_MEDIA_DENIED), 1);
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 9 read-write"), 0);
	assert_int_equal(machine->failures.counts[FAILURE_PROBE], 1);
}

static void a_drive_without_a_medium_needs_no_probe(void **state)
{
	struct machine *machine = *state;
	int why = -ENOMEDIUM;

	machine->pipeline.options.probe = no_probe;
	machine->pipeline.options.userdata = &why;
	plug_medium(machine, HEAD "media read-only\n");
	assert_int_equal(machine_count(machine, RECORD_MEDIA_READONLY), 1);
	assert_int_equal(machine->failures.counts[FAILURE_PROBE], 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_denied_medium_is_told_with_its_plug),
		CASE(no_media_rule_is_a_denial),
		CASE(an_emergency_login_closes_all_media),
		CASE(a_read_only_rule_opens_it_read_only),
		CASE(a_reload_opens_and_closes_without_a_replug),
		CASE(another_medium_in_the_reader_is_judged_anew),
		CASE(a_change_that_only_the_guard_saw_is_judged_anew),
		CASE(a_fixed_disk_is_left_alone),
		CASE(without_a_guard_a_denied_medium_loses_its_device),
		CASE(without_a_guard_what_failed_is_told_as_it_is),
		CASE(without_a_guard_a_device_that_stays_is_not_denied),
		CASE(without_a_guard_a_kept_device_is_read_only_at_best),
		CASE(identical_refusals_are_counted),
		CASE(names_without_end_are_counted_as_several),
		CASE(different_refusals_are_not_merged),
		CASE(counted_refusals_are_told_at_the_end_of_the_plug),
		CASE(a_refusal_before_the_uevent_finds_its_plug),
		CASE(a_write_to_a_read_only_medium_is_named_so),
		CASE(a_switch_of_sysfs_is_told_by_its_name),
		CASE(the_ftrace_switch_is_tampering),
		CASE(a_medium_waits_for_its_probe),
		CASE(the_first_look_of_the_system_is_no_attempt),
		CASE(a_first_look_without_a_verdict_is_told),
		CASE(a_probe_that_failed_denies),
		CASE(a_probe_that_cannot_start_denies),
		CASE(a_drive_without_a_medium_needs_no_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
