/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline with everything around it made up.
 */
#include "tests/fakes/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/daemon/record_copy.h"

static void remember(void *userdata, const struct record *record)
{
	struct machine *machine = userdata;
	struct record *copy = record_copy(record);

	if (!copy || machine->record_count == MACHINE_RECORDS_MAX)
		abort();
	machine->records[machine->record_count++] = copy;
}

void machine_init(struct machine *machine)
{
	static const struct fake_usb hub = {
		.name = "usb1",
		.vendor = 0x1d6b,
		.product = 2,
		.authorized = 1,
	};

	memset(machine, 0, sizeof(*machine));
	fake_tree_init(&machine->tree);
	fake_usb_add(&machine->tree, &hub);
	fake_dir(&machine->tree, "etc/sekimori/rules.d");
	if (dry_run_new(&machine->real) < 0 || dry_run_new(&machine->dry) < 0)
		abort();
	const struct pipeline_options options = {
		.root_fd = machine->tree.fd,
		.rules_dir = "etc/sekimori/rules.d",
		.failures = &machine->failures,
		.sink = {.emit = remember, .userdata = machine},
		.real = dry_run_ops(machine->real),
		.dry = dry_run_ops(machine->dry),
		.login_reader = true,
	};
	pipeline_init(&machine->pipeline, &options);
}

void machine_forget(struct machine *machine)
{
	while (machine->record_count > 0)
		free(machine->records[--machine->record_count]);
}

void machine_fini(struct machine *machine)
{
	machine_forget(machine);
	pipeline_fini(&machine->pipeline);
	dry_run_free(machine->real);
	dry_run_free(machine->dry);
	fake_tree_fini(&machine->tree);
}

void machine_rules(struct machine *machine, const char *text)
{
	fake_text(&machine->tree, "etc/sekimori/rules.d/10-test.rules", "%s",
		  text);
}

int machine_load(struct machine *machine)
{
	return pipeline_load_policy(&machine->pipeline);
}

void machine_start(struct machine *machine)
{
	machine->pipeline.is_starting = true;
	pipeline_scan(&machine->pipeline);
	machine->pipeline.is_starting = false;
}

void machine_uevent(struct machine *machine, enum uevent_action action,
		    const char *subsystem, const char *name)
{
	struct uevent event = {.action = action};

	(void)snprintf(event.devpath, sizeof(event.devpath), "%s",
		       fake_devpath(&machine->tree, name));
	(void)snprintf(event.subsystem, sizeof(event.subsystem), "%s",
		       subsystem);
	(void)snprintf(event.devtype, sizeof(event.devtype), "%s",
		       strcmp(subsystem, "usb") == 0 ? "usb_device" : "disk");
	pipeline_uevent(&machine->pipeline, &event);
}

void machine_plug(struct machine *machine, const struct fake_usb *usb)
{
	fake_usb_add(&machine->tree, usb);
	machine_uevent(machine, UEVENT_ADD, "usb", usb->name);
}

void machine_unplug(struct machine *machine, const char *name)
{
	machine_uevent(machine, UEVENT_REMOVE, "usb", name);
}

const struct record *machine_last(const struct machine *machine,
				  enum record_code code)
{
	for (size_t i = machine->record_count; i > 0; i--)
		if (machine->records[i - 1]->code == code)
			return machine->records[i - 1];
	return NULL;
}

size_t machine_count(const struct machine *machine, enum record_code code)
{
	size_t count = 0;

	for (size_t i = 0; i < machine->record_count; i++)
		count += machine->records[i]->code == code;
	return count;
}

size_t machine_asked(const struct dry_run *run, const char *line)
{
	size_t count = 0;

	for (size_t i = 0; i < dry_run_count(run); i++)
		if (dry_run_line(run, i) && !strcmp(dry_run_line(run, i), line))
			count++;
	return count;
}
