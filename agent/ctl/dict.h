/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dict: one a{sv} of the daemon's answer, read as the interface XML describes
 * it: a key that is missing is simply not known. Types we do not use are
 * skipped. Internal to agent/ctl.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "policy/json_out.h"

/* More keys, or more strings in one list, are ignored. */
#define DICT_KEYS_MAX 64u
#define DICT_LIST_MAX 600u

struct dict_entry {
	const char *key;    /* borrowed from the message */
	char type;	    /* 's', 't' (any unsigned), 'b', 'a' */
	const char *string; /* borrowed */
	uint64_t number;
	const char **list; /* the array is owned, its strings are borrowed */
	size_t list_count;
	size_t list_width; /* strings to a row: 1 for as, 3 for a(sss) */
};

/* Zeroed memory is an empty dict. Lives no longer than its message. */
struct dict {
	struct dict_entry entries[DICT_KEYS_MAX];
	size_t count;
};

/*
 * Reads the a{sv} at which `message` stands. 0, or -errno (-EBADMSG for a
 * message of another shape) with *ret_dict empty.
 */
int dict_read(sd_bus_message *message, struct dict *ret_dict)
	__attribute__((nonnull, warn_unused_result));

void dict_fini(struct dict *dict) __attribute__((nonnull));
#define _cleanup_dict_ __attribute__((cleanup(dict_fini)))

/* NULL when absent or no string. */
const char *dict_str(const struct dict *dict, const char *key)
	__attribute__((nonnull));
/* 0 when absent or no number. A boolean is 0 or 1. */
uint64_t dict_u64(const struct dict *dict, const char *key)
	__attribute__((nonnull));
/* The entry of type 'a', or NULL. */
const struct dict_entry *dict_list(const struct dict *dict, const char *key)
	__attribute__((nonnull));

/* All of it as one JSON object; rows of several strings are arrays. */
void dict_put_json(const struct dict *dict, struct json_out *out)
	__attribute__((nonnull));
