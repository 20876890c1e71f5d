/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins in the daemon's loop: the bus and its logind, the folders of records
 * (inotify), the next deadline (one CLOCK_BOOTTIME timer, so that suspend
 * counts), the switch and the policy file. What a session may do is
 * decided in logins.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#include "agent/daemon/login_policy.h"
#include "agent/daemon/logins.h"

struct daemon;
struct login_loop;

/* 0 or -errno. */
int login_loop_new(struct daemon *daemon, struct login_loop **ret_loop)
	__attribute__((nonnull, warn_unused_result));
struct login_loop *login_loop_free(struct login_loop *loop);

/* The bus is there, or (NULL) gone. */
void login_loop_set_bus(struct login_loop *loop, sd_bus *bus)
	__attribute__((nonnull(1)));

/* A uevent of the kernel (NULL: some were lost): tokens come and go. */
void login_loop_uevent(struct login_loop *loop, const struct uevent *event)
	__attribute__((nonnull(1)));

/* The rules in force may be others, or /var is there now: compiles and writes
 * the login policy, a failure row where that fails. */
void login_loop_apply(struct login_loop *loop) __attribute__((nonnull));

/* After each turn of the loop: saves, judges media again, sets the timer. */
void login_loop_turn(struct login_loop *loop) __attribute__((nonnull));

struct logins *login_loop_logins(struct login_loop *loop)
	__attribute__((nonnull, returns_nonnull));

/* How the terminal's switch stands. */
const struct login_switch *login_loop_switch(const struct login_loop *loop)
	__attribute__((nonnull, returns_nonnull));

/*
 * Turns the switch: to reporting, or to enforcing, with TRIAL_S seconds until
 * it goes back by itself (0: for good). 0, LOGIN_SWITCH_NO_GLASS: nobody could
 * come in when the factors fail, nothing was changed; or -errno.
 */
enum { LOGIN_SWITCH_NO_GLASS = 1 };
int login_loop_turn_switch(struct login_loop *loop, bool is_enforced,
			   uint32_t trial_s)
	__attribute__((nonnull, warn_unused_result));
