/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label: the name of an event out of its canonical JSON, for OTLP's event_name.
 * The shipper knows nothing else of a record. Pure.
 */
#pragma once

#include "agent/wire/otlp.h"

#define LABEL_MAX 64u

/*
 * The value of the first key "event_code": LABEL_MAX characters of [a-z0-9._-]
 * at most, or the empty span. Our writer escapes every quote inside a string,
 * so the key's own quotes cannot be part of a device's name.
 */
struct span label_of(struct span json);
