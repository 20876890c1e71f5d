/* SPDX-License-Identifier: Apache-2.0 */
/* resource: who sends, for OTLP's resource attributes. Read once; not part of
 * the evidence, which is in each event. */
#pragma once

#include "agent/base/hex.h"
#include "agent/wire/frame.h"
#include "agent/wire/otlp.h"

#define RESOURCE_TEXT_MAX 128u

struct resource {
	char host_name[RESOURCE_TEXT_MAX + 1];
	char boot_id[RESOURCE_TEXT_MAX + 1];
	char os[RESOURCE_TEXT_MAX + 1];
};

/* Fills what can be read below root_fd; the rest stays "". */
void resource_init(struct resource *resource, int root_fd)
	__attribute__((nonnull));

/* As OTLP attributes; borrows all. */
struct otlp_resource resource_attributes(const struct resource *resource,
					 const char *host_id,
					 const char *stream)
	__attribute__((nonnull));
