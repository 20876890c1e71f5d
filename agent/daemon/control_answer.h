/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers of jp.sekimori.Agent1, filled from the daemon's state into a
 * D-Bus message; keys as pkg/dbus/jp.sekimori.Agent1.xml lists them. Reads
 * only. Each returns 0, -ENOENT or -ENOTUNIQ where its text says so, or the
 * error of sd-bus.
 */
#pragma once

#include <systemd/sd-bus.h>

struct daemon;
struct medium_entry;
struct usb_entry;

int answer_status(struct daemon *daemon, sd_bus_message *reply)
	__attribute__((nonnull, warn_unused_result));
int answer_devices(struct daemon *daemon, sd_bus_message *reply)
	__attribute__((nonnull, warn_unused_result));
/* What NAME names: an id of ListDevices, a node, a partition, vendor:product. 0
 * and one of the two, the other NULL; -ENOENT; -ENOTUNIQ and *ret_ids. */
int answer_find(struct daemon *daemon, const char *name, char *ret_ids,
		struct usb_entry **ret_usb, struct medium_entry **ret_medium)
	__attribute__((nonnull, warn_unused_result));
/* -ENOENT: nothing present is called NAME; -ENOTUNIQ: a vid:pid of several,
 * whose ids are in RET_IDS (ANSWER_IDS_SIZE bytes). */
#define ANSWER_IDS_SIZE 512
int answer_explain(struct daemon *daemon, const char *name,
		   sd_bus_message *reply, char *ret_ids)
	__attribute__((nonnull, warn_unused_result));
int answer_events(struct daemon *daemon, uint64_t after, uint32_t max,
		  sd_bus_message *reply)
	__attribute__((nonnull, warn_unused_result));
