/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel uevents from NETLINK_KOBJECT_UEVENT, multicast group 1 ("kernel"):
 * the raw ones, before udev, because a decision must not wait for udev nor
 * believe it (Documentation: lib/kobject_uevent.c). Must not decide anything.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/sense/sysfs.h"

/* The kernel's own message limit is 2048 bytes of environment plus the header
 * (include/linux/kobject.h UEVENT_BUFFER_SIZE); larger is not the kernel. */
#define UEVENT_MESSAGE_MAX 8192
/* Room for a dock's worth of events while the loop is busy. */
#define UEVENT_BUFFER_BYTES (8 * 1024 * 1024)

enum uevent_action {
	UEVENT_OTHER = 0,
	UEVENT_ADD,
	UEVENT_REMOVE,
	UEVENT_CHANGE,
	UEVENT_BIND,
	UEVENT_UNBIND,
	UEVENT_MOVE,
	UEVENT_ACTION_COUNT_,
};

/* Named outcomes of uevent_receive() and uevent_parse(). */
enum uevent_outcome {
	UEVENT_OK = 0,
	UEVENT_NONE = 1,    /* queue empty */
	UEVENT_IGNORED = 2, /* not from the kernel, or nothing of ours */
	UEVENT_LOST = 3,    /* the kernel dropped messages: scan again */
};

struct uevent {
	enum uevent_action action;
	char devpath[SYSFS_PATH_MAX];
	char subsystem[32];
	char devtype[32]; /* "usb_device", "disk", "partition" … */
	char devname[64]; /* without /dev/ */
	uint32_t major;
	uint32_t minor;
	uint64_t diskseq; /* 0 when the event has none */
	uint64_t seqnum;
};

/* Opens and binds the socket with a large receive buffer and credentials on.
 * Needs no privilege but for the buffer size. 0 or -errno. */
int uevent_open(int *ret_fd) __attribute__((nonnull, warn_unused_result));

/* Receives one message without blocking. 0 and *ret_event set, a positive
 * enum uevent_outcome, or -errno. Messages whose sender is not the kernel
 * (netlink port 0 and credentials pid 0, uid 0) are UEVENT_IGNORED. */
int uevent_receive(int fd, struct uevent *ret_event)
	__attribute__((nonnull, warn_unused_result));

/* Pure: parses one message of LEN bytes. 0 or UEVENT_IGNORED (malformed, over
 * a limit, or without the keys every uevent has). */
int uevent_parse(const char *message, size_t len, struct uevent *ret_event)
	__attribute__((nonnull, warn_unused_result));

const char *uevent_action_to_str(enum uevent_action action);
