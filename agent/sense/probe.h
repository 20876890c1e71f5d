/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of sekimori-probe. The child parsed hostile bytes, so it may have
 * been taken over: its answer is input like any other. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/limits.h"

#define PROBE_TEXT_MAX 4096

/* What is on a medium, as far as it was recognised. */
struct medium_probe {
	char fs_type[MEDIA_NAME_MAX_BYTES + 1];
	char fs_uuid[MEDIA_STRING_MAX_BYTES + 1];
	char label[MEDIA_STRING_MAX_BYTES + 1];
	bool is_encrypted;
};

/* TEXT of SIZE bytes; not NUL-terminated. 0, or -EBADMSG: over the limit, not
 * of the form that agent/probe/probe.h describes, or not complete. Values that
 * do not fit are cut: they are for people. An ambivalent medium has no type. */
int probe_parse(const char *text, size_t size, struct medium_probe *ret_probe)
	__attribute__((nonnull, warn_unused_result, access(read_only, 1, 2)));
