/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hands of the end of a medium: each step (daemon/ending.h says which) runs
 * in a thread of its own, because writing out and unmounting take as long as
 * the medium does, which may be for ever. A step that does not come back in
 * time is given up; the loop never waits. A thread and not a child: the kernel
 * guard knows the daemon by its process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/enforce/enforce.h"
#include "agent/sense/block.h"
#include "agent/sense/holders.h"

struct daemon;

enum ender_kind {
	ENDER_LOOK = 0, /* who holds it; touches nothing */
	ENDER_TRY,	/* write out, read-only, unmount what is not in use */
	ENDER_FORCE,	/* the same, and lazily what is in use */
	ENDER_CUT,	/* holders stopped, written out, interface off and on */
	ENDER_REOPEN,	/* what is mounted read-only becomes read-write */
};

struct ender_job {
	enum ender_kind kind;
	struct block_disk disk;
	bool keeps_reading; /* read-only is left, not nothing */
};

struct ender_answer {
	int result;   /* 0; -ETIMEDOUT given up; -errno could not be done */
	bool is_free; /* nothing uses it beyond what is left to it */
	bool is_synced;
	uint32_t mount_count; /* found before the step */
	uint32_t lazy_count;  /* lazily unmounted by it */
	struct holders holders;
};

/* What a step stands on; the descriptors are the step's own. */
struct ender_place {
	int root_fd;
	int proc_fd;
	int dev_fd;
	struct enforce enforce; /* media_in_use and usb_interface are called */
};

/* Does JOB in the calling thread, which is of no use afterwards; may take for
 * ever. RET_ANSWER is always filled in. */
void ender_work(const struct ender_place *place, const struct ender_job *job,
		struct ender_answer *ret_answer) __attribute__((nonnull));

/* "1-1:1.0", the interface of the USB device that DISK hangs on. 0 or -ENOENT.
 * Pure. */
int ender_interface_of(const struct block_disk *disk, char *ret_name,
		       size_t size) __attribute__((nonnull));

struct ender;

/* Hooks the end of media into DAEMON's pipeline and loop. */
int ender_new(struct daemon *daemon, struct ender **ret_ender)
	__attribute__((nonnull, warn_unused_result));
/* Steps under way are given up. NULL is fine. */
struct ender *ender_free(struct ender *ender);

/* Something was judged, or time went by: deadlines of rules with time. */
void ender_look_ahead(struct ender *ender) __attribute__((nonnull));
/* The configuration was read again. */
void ender_configure(struct ender *ender) __attribute__((nonnull));
