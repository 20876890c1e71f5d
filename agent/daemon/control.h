/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jp.sekimori.Agent1 on the system bus (pkg/dbus/jp.sekimori.Agent1.xml):
 * answers what the daemon knows, and takes one order, Reload. polkit decides
 * who may ask; uid 0 always may. The bus may come late, go and come back: the
 * gate does not depend on it. Never blocks the loop.
 */
#pragma once

#include <stdint.h>

struct daemon;
struct control;

/* Connects as soon as there is a bus; DAEMON is borrowed. */
int control_new(struct daemon *daemon, struct control **ret_control)
	__attribute__((nonnull, warn_unused_result));
struct control *control_free(struct control *control);

/* Signal StatusChanged. */
void control_status_changed(struct control *control) __attribute__((nonnull));

/* Signal Event for each event that became durable since the last call. */
void control_publish(struct control *control) __attribute__((nonnull));

/* The connection NAME of user UID is sent Notice from now on: notices.h. */
int control_subscribe(struct control *control, const char *name, uint32_t uid)
	__attribute__((nonnull, warn_unused_result));
