/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remembers operations as text, in a ring of fixed size. It answers each with
 * success unless it is told to fail.
 */
#include "agent/enforce/dry_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/base/banned.h"

struct dry_run {
	size_t count;
	int result;
	bool is_in_use;
	int check; /* what every check says */
	char lines[DRY_RUN_LINES_MAX][DRY_RUN_LINE_MAX];
};

int dry_run_new(struct dry_run **ret_run)
{
	struct dry_run *run = calloc(1, sizeof(*run));

	if (!run)
		return -ENOMEM;
	*ret_run = run;
	return 0;
}

struct dry_run *dry_run_free(struct dry_run *run)
{
	free(run);
	return NULL;
}

void dry_run_fail(struct dry_run *run, int result)
{
	run->result = result;
}

void dry_run_use(struct dry_run *run, bool is_in_use)
{
	run->is_in_use = is_in_use;
}

void dry_run_differ(struct dry_run *run, int check)
{
	run->check = check;
}

size_t dry_run_count(const struct dry_run *run)
{
	return run->count;
}

const char *dry_run_line(const struct dry_run *run, size_t i)
{
	if (i >= run->count || run->count - i > DRY_RUN_LINES_MAX)
		return NULL;
	return run->lines[i % DRY_RUN_LINES_MAX];
}

__attribute__((format(printf, 2, 3))) static int remember(struct dry_run *run,
							  const char *format,
							  ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(run->lines[run->count % DRY_RUN_LINES_MAX],
			DRY_RUN_LINE_MAX, format, arguments);
	va_end(arguments);
	run->count++;
	return run->result;
}

static int dry_usb_authorize(void *context, const char *device)
{
	return remember(context, "usb_authorize %s", device);
}

static int dry_usb_deauthorize(void *context, const char *device)
{
	return remember(context, "usb_deauthorize %s", device);
}

static int dry_usb_interfaces_default(void *context, const char *device,
				      bool authorized)
{
	return remember(context, "usb_interfaces_default %s %d", device,
			authorized);
}

static int dry_usb_interface(void *context, const char *interface,
			     bool authorized)
{
	return remember(context, "usb_interface %s %d", interface, authorized);
}

static int dry_usb_remove(void *context, const char *device)
{
	return remember(context, "usb_remove %s", device);
}

static int dry_usb_node(void *context, const char *device, bool open)
{
	return remember(context, "usb_node %s %s", device,
			open ? "open" : "close");
}

static int dry_usb_gone(void *context, uint32_t major, uint32_t minor)
{
	return remember(context, "usb_gone %" PRIu32 ":%" PRIu32, major, minor);
}

static const char *const words[] = {[GUARD_DENY] = "deny",
				    [GUARD_READ_ONLY] = "read-only",
				    [GUARD_READ_WRITE] = "read-write"};

/* Nothing is done, so nothing is remembered either. */
static int dry_media_check(void *context, const char *disk, uint64_t diskseq,
			   enum guard_access access)
{
	struct dry_run *run = context;

	(void)disk;
	(void)diskseq;
	(void)access;
	return run->check;
}

static int dry_media_set(void *context, const char *disk, uint64_t diskseq,
			 enum guard_access access)
{
	return remember(context, "media_set %s %" PRIu64 " %s", disk, diskseq,
			words[access]);
}

static int dry_media_close(void *context, const char *disk, uint64_t diskseq,
			   enum guard_access access)
{
	return remember(context, "media_close %s %" PRIu64 " %s", disk, diskseq,
			words[access]);
}

/* Not remembered: a question, no request. */
static int dry_media_in_use(void *context, const char *disk, uint64_t diskseq)
{
	struct dry_run *run = context;

	(void)disk;
	(void)diskseq;
	return run->is_in_use ? ENFORCE_BUSY : 0;
}

static int dry_radio_block(void *context, const char *radio, bool blocked)
{
	return remember(context, "radio_block %s %d", radio, blocked);
}

static int dry_thunderbolt_authorize(void *context, const char *device,
				     bool authorized)
{
	return remember(context, "thunderbolt_authorize %s %d", device,
			authorized);
}

static const struct enforce_ops dry_ops = {
	.usb_authorize = dry_usb_authorize,
	.usb_deauthorize = dry_usb_deauthorize,
	.usb_interfaces_default = dry_usb_interfaces_default,
	.usb_interface = dry_usb_interface,
	.usb_remove = dry_usb_remove,
	.usb_node = dry_usb_node,
	.usb_gone = dry_usb_gone,
	.media_set = dry_media_set,
	.media_close = dry_media_close,
	.media_in_use = dry_media_in_use,
	.media_check = dry_media_check,
	.radio_block = dry_radio_block,
	.thunderbolt_authorize = dry_thunderbolt_authorize,
};

struct enforce dry_run_ops(struct dry_run *run)
{
	return (struct enforce){.ops = &dry_ops, .context = run};
}

static int dry_lock(void *context, const char *session)
{
	return remember(context, "lock %s", session);
}

static int dry_terminate(void *context, const char *session)
{
	return remember(context, "terminate %s", session);
}

static int dry_terminate_user(void *context, uint32_t uid)
{
	return remember(context, "terminate_user %" PRIu32, uid);
}

static int dry_freeze(void *context, const char *scope)
{
	return remember(context, "freeze %s", scope);
}

static int dry_thaw(void *context, const char *scope)
{
	return remember(context, "thaw %s", scope);
}

static const struct lock_ops dry_lock_ops = {
	.lock = dry_lock,
	.terminate = dry_terminate,
	.terminate_user = dry_terminate_user,
	.freeze = dry_freeze,
	.thaw = dry_thaw,
};

struct lock dry_run_lock(struct dry_run *run)
{
	return (struct lock){.ops = &dry_lock_ops, .context = run};
}
