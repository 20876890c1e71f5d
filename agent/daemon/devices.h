/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything judged and present: USB devices by sysfs path and device number,
 * media by disk name and sequence. One plug session is one entry, with the id
 * that ties its events together. A plain table: it judges and touches nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/sense/block.h"
#include "agent/sense/usb.h"
#include "policy/grant.h"
#include "policy/limits.h"
#include "policy/record.h"
#include "policy/verdict.h"

/* A USB bus has at most 127 devices; terminals have a few buses. */
#define DEVICES_USB_MAX	   1024
#define DEVICES_MEDIA_MAX  512
#define DEVICES_PLUG_SIZE  32
#define DEVICES_FOLDS_MAX  64
#define DEVICES_DETAIL_MAX 160

/* Blocked is 0: what nobody has judged is refused. */
enum device_state {
	DEVICE_BLOCKED = 0,
	DEVICE_HELD, /* waits for its probe, or a keyboard for a person */
	DEVICE_AUTHORISED,
	DEVICE_STATE_COUNT_,
};

/* A verdict without pointers into the rule set it came from. */
struct decision {
	enum usb_target target;
	enum media_access access;
	enum record_reason reason;
	uint32_t rule;			      /* VERDICT_NO_RULE: none */
	char rule_id[RULES_ID_MAX_BYTES + 1]; /* "implicit" where none */
	char rule_file[64];
	uint32_t rule_line;
	char detail[DEVICES_DETAIL_MAX]; /* "" : the reason's own text */
	bool is_monitor;
	bool is_per_interface;
	bool may_type_fast;
	char grant[GRANT_ID_CHARS + 1]; /* that gives it; "": policy does */
	uint64_t wall_ms;		/* 0: not judged yet */
};

struct usb_entry {
	struct usb_entry *next;
	struct usb_device device;
	int outcome; /* of usb_read(): not 0 is refused whatever policy says */
	enum device_state state;
	struct decision decision;
	char plug[DEVICES_PLUG_SIZE];
	bool is_learned;   /* of the lifeline: from the start, or learned */
	bool was_present;  /* usable when the daemon started */
	bool is_lifeline;  /* kept or admitted against the verdict */
	bool is_system;	   /* the running system stands on a disk of it */
	bool was_admitted; /* lifeline, and not there at the beginning */
	bool has_node;	   /* its usbfs node was opened up */
	bool is_waiting;   /* to be taken away when media on it have ended */
	bool is_seen;	   /* mark of the running scan */
	bool is_told; /* its verdict was recorded by the daemon before us */
	/* Of the keyboard guard, in this plug (policy/hid.h) */
	bool is_confirmed;
	bool is_typist;
	bool is_fast;
	bool is_keyboard_held;	/* it, or its keyboards, wait for a person */
	bool is_keyboard_out;	/* let in, with its keyboards shut */
	uint32_t confirmed_uid; /* who said so; UINT32_MAX: not known */
	uint64_t mono_seen_ns;
};

/* Identical refusals of one plug, counted. */
struct fold {
	uint32_t hook;
	uint32_t uid;
	uint32_t tgid; /* of the first */
	uint32_t login_uid;
	uint32_t mode;
	uint64_t key;
	char comm[16];
	char name[32];
	uint32_t count; /* not yet told */
	uint64_t wall_first_ms;
	uint64_t wall_last_ms;
};

struct folds {
	struct fold list[DEVICES_FOLDS_MAX];
	unsigned int count;
	struct fold several; /* of kinds that found no room in the list */
};

struct medium_entry {
	struct medium_entry *next;
	struct block_disk disk;
	enum device_state state;
	struct decision decision;
	enum media_access access; /* in force in the kernel */
	enum media_access left;	  /* by the end under way */
	bool is_ending;		  /* more than that is mounted or open still */
	bool was_mounted;   /* by somebody before the daemon could judge */
	bool is_parent_out; /* its USB device goes when it has ended */
	char plug[DEVICES_PLUG_SIZE];
	char fs_type[MEDIA_NAME_MAX_BYTES + 1];
	char fs_uuid[MEDIA_STRING_MAX_BYTES + 1];
	char label[MEDIA_STRING_MAX_BYTES + 1];
	bool is_encrypted;
	bool was_open;	    /* given to somebody in this plug */
	bool is_mount_told; /* mounted although it never was */
	bool is_unreadable; /* its probe failed: denied whatever policy says */
	bool is_seen;
	bool is_told;
	uint64_t mono_seen_ns;
	struct folds folds;
};

struct devices {
	struct usb_entry *usb; /* in the order they were seen */
	struct medium_entry *media;
	size_t usb_count;
	size_t media_count;
};

void devices_fini(struct devices *devices) __attribute__((nonnull));

/* By sysfs path; by sysfs name ("1-1.2"). NULL: not known. */
struct usb_entry *devices_usb(const struct devices *devices,
			      const char *devpath) __attribute__((nonnull));
struct usb_entry *devices_usb_named(const struct devices *devices,
				    const char *name) __attribute__((nonnull));
/* By the disk's name; by devpath of the disk or one of its partitions; by
 * device number of the disk. */
struct medium_entry *devices_medium(const struct devices *devices,
				    const char *name) __attribute__((nonnull));
struct medium_entry *devices_medium_at(const struct devices *devices,
				       const char *devpath)
	__attribute__((nonnull));
struct medium_entry *devices_medium_number(const struct devices *devices,
					   uint32_t major, uint32_t minor)
	__attribute__((nonnull));

/* Adds a zeroed entry at the end. 0, -ENOMEM, or -E2BIG over the limit. */
int devices_add_usb(struct devices *devices, const struct usb_device *device,
		    struct usb_entry **ret_entry)
	__attribute__((nonnull, warn_unused_result));
int devices_add_medium(struct devices *devices, const struct block_disk *disk,
		       struct medium_entry **ret_entry)
	__attribute__((nonnull, warn_unused_result));

/* Takes ENTRY out and frees it. */
void devices_remove_usb(struct devices *devices, struct usb_entry *entry)
	__attribute__((nonnull));
void devices_remove_medium(struct devices *devices, struct medium_entry *entry)
	__attribute__((nonnull));

/* "authorised", "blocked", "held"; total. */
const char *device_state_to_str(enum device_state state)
	__attribute__((returns_nonnull));
