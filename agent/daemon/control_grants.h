/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Methods of the bus about exceptions: asking, listing, ending, more time. Who
 * may call is control.c's; here it is looked at whose grant it is.
 */
#pragma once

#include "agent/daemon/control_methods.h"

int run_request(struct control_call *asked) __attribute__((nonnull));
int run_list_grants(struct control_call *asked) __attribute__((nonnull));
int run_end_grant(struct control_call *asked) __attribute__((nonnull));
int run_use_code(struct control_call *asked) __attribute__((nonnull));
int run_extend(struct control_call *asked) __attribute__((nonnull));
