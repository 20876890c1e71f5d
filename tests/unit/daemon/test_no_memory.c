/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th allocation fails, for every n: the gate stays shut and the daemon
 * goes on. Replaces malloc(3), so it says nothing under a sanitizer, which
 * does the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/machine.h"

#define ALLOCATIONS_MAX 20000

#ifdef __SANITIZE_ADDRESS__
#define IS_ABLE false
#else
#define IS_ABLE true
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
#endif

/* Counts down while armed; the test program is one thread. */
static struct {
	size_t left; /* 0: not armed */
	bool has_failed;
} fault;

#ifndef __SANITIZE_ADDRESS__
static bool fails_now(void)
{
	if (fault.left == 0 || --fault.left > 0)
		return false;
	fault.has_failed = true;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
	return fails_now() ? NULL : __libc_realloc(pointer, size);
}
#endif

static const uint8_t storage[][3] = {{8, 6, 80}};
static const struct fake_usb stick = {
	.hub = "usb1",
	.name = "1-2",
	.vendor = 0x0411,
	.product = 0x01e8,
	.serial = "S1",
	.product_name = "Stick",
	.interfaces = storage,
	.interface_count = 1,
};

static const uint8_t keyboard[][3] = {{3, 1, 1}};
static const struct fake_usb keys = {
	.hub = "usb1",
	.name = "1-1",
	.vendor = 0x046d,
	.product = 0xc31c,
	.interfaces = keyboard,
	.interface_count = 1,
	.authorized = 1,
};

static void count_record(void *userdata, const struct record *record)
{
	(void)record;
	(*(size_t *)userdata)++;
}

/* Everything the pipeline does about a stick, with the n-th allocation
 * failing. True when there was no n-th one any more. */
static bool plug_with_fault(size_t n, const char *rules)
{
	struct machine machine;
	size_t told = 0;

	machine_init(&machine);
	machine.pipeline.options.sink = (struct record_sink){count_record,
							     &told};
	machine_rules(&machine, rules);
	fake_usb_add(&machine.tree, &keys);
	fake_usb_add(&machine.tree, &stick);
	fake_disk_add(&machine.tree, "1-2", "sdb", 16, 1);

	fault.has_failed = false;
	fault.left = n;
	(void)!machine_load(&machine);
	machine_start(&machine);
	machine_uevent(&machine, UEVENT_ADD, "block", "sdb");
	pipeline_scan(&machine.pipeline);
	fault.left = 0;

	assert_int_equal(machine_asked(machine.real, "usb_authorize 1-2"), 0);
	assert_int_equal(
		machine_asked(machine.real, "media_set sdb 9 read-write"), 0);
	/* With memory again it is what it should have been */
	(void)!machine_load(&machine);
	pipeline_scan(&machine.pipeline);
	const struct usb_entry *entry =
		devices_usb_named(&machine.pipeline.devices, "1-2");
	assert_non_null(entry);
	assert_int_equal(entry->state, DEVICE_BLOCKED);
	assert_true(told > 0);
	machine_fini(&machine);
	return !fault.has_failed;
}

static void no_failing_allocation_opens_the_gate(void **state)
{
	static const char rules[] =
		"policy \"t\" serial 1 mode enforce\n"
		"allow with-interface 03:01:01 rule-id \"keys\"\n"
		"allow id 0411:01e8 if "
		"!allowed-matches(with-interface 03:01:01)\n"
		"block id 0411:01e8 rule-id \"no\"\n"
		"media deny rule-id \"none\"\n";
	size_t n = 1;

	(void)state;
	if (!IS_ABLE)
		skip();
	while (n < ALLOCATIONS_MAX && !plug_with_fault(n, rules))
		n++;
	assert_true(n > 20 && n < ALLOCATIONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_failing_allocation_opens_the_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
