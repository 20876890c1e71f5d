/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_line: one record as one line for a person. Internal to agent/ctl.
 */
#pragma once

#include <stdbool.h>

#include "agent/ctl/ctl.h"

/*
 * Prints `json` (a record of policy/record.h) as time, sequence, severity,
 * code and sentence: the record's own in Japanese, else one put together from
 * its fields. What is not a record is shown as it is, escaped.
 */
void event_line_print(const struct ctl *ctl, const char *json)
	__attribute__((nonnull));

/*
 * True when the record's event code is `code`, or begins with it and a dot
 * ("usb" has "usb.device.blocked"). `code` NULL has all.
 */
bool event_line_has_code(const char *json, const char *code)
	__attribute__((nonnull(1)));
