/* SPDX-License-Identifier: Apache-2.0 */
/* control_logins: what the bus is told about logins; control.c asks polkit. */
#pragma once

#include <stdint.h>

#include <systemd/sd-bus.h>

struct daemon;

/* Appends aa{sv}: one dictionary a session (pkg/dbus, method Logins). */
int answer_logins(struct daemon *daemon, sd_bus_message *reply)
	__attribute__((nonnull, warn_unused_result));

/* Appends a{sv}: mode, switch, trial, sessions (method LoginMode). */
int answer_login_mode(struct daemon *daemon, sd_bus_message *reply)
	__attribute__((nonnull, warn_unused_result));
