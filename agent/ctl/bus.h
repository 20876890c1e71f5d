/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus: one method call to the daemon, and what to tell a person when it does
 * not work out: what is wrong and what to do next. Internal to agent/ctl.
 */
#pragma once

#include "agent/base/cleanup.h"
#include "agent/ctl/ctl.h"

#define BUS_NAME      "jp.sekimori.Agent1"
#define BUS_PATH      "/jp/sekimori/Agent1"
#define BUS_INTERFACE "jp.sekimori.Agent1"

DEFINE_CLEANUP(message, sd_bus_message *, sd_bus_message_unref);
#define _cleanup_message_ _cleanup_(cleanup_message)

/* Opens the bus if it is not open. CTL_OK, or CTL_NOT_RUNNING (told). */
int bus_open(struct ctl *ctl) __attribute__((nonnull, warn_unused_result));

/*
 * Calls `member` with the arguments that `types` names (as sd_bus_message_
 * append(3)); NULL for none. Returns CTL_OK and *ret_reply (a reference for
 * the caller), or another ctl_exit after telling why on ctl->err.
 */
int bus_call(struct ctl *ctl, const char *member, sd_bus_message **ret_reply,
	     const char *types, ...)
	__attribute__((nonnull(1, 2, 3), warn_unused_result));

/*
 * The halves of it, on an open bus and without telling. bus_new_call(): 0 and
 * *ret_call for the arguments to be appended, or -errno. bus_send(): 0 and
 * *ret_reply, or -errno and *ret_error for bus_tell(), to be freed with
 * sd_bus_error_free().
 */
int bus_new_call(struct ctl *ctl, const char *member, sd_bus_message **ret_call)
	__attribute__((nonnull, warn_unused_result));
int bus_send(struct ctl *ctl, sd_bus_message *call, sd_bus_message **ret_reply,
	     sd_bus_error *ret_error)
	__attribute__((nonnull, warn_unused_result));

/* True when the error says that nobody owns the daemon's name. */
bool bus_is_absent(const sd_bus_error *error) __attribute__((nonnull));

/* Tells about a failed call on ctl->err; returns the ctl_exit that it means. */
int bus_tell(const struct ctl *ctl, const sd_bus_error *error, int r)
	__attribute__((nonnull));

/* The answer is not what the interface says. Returns CTL_FAILED. */
int bus_tell_garbled(const struct ctl *ctl) __attribute__((nonnull));
