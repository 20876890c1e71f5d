/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/sekimori/agent.conf as the daemon needs it. The file is shared with
 * sekimori-ship and sekimorictl; keys that are theirs are left to them. Holds
 * no policy: a file edited by hand must not be able to open anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/conf.h"

#define CONFIG_TEXT_MAX (CONF_VALUE_MAX + 1)

struct config {
	char collector[CONFIG_TEXT_MAX]; /* shown in Status only */
	char tenant[CONFIG_TEXT_MAX];
	char organisation[CONFIG_TEXT_MAX];
	char unit[CONFIG_TEXT_MAX];
	char asset[CONFIG_TEXT_MAX];
	char contact[CONFIG_TEXT_MAX];
	char zone[CONFIG_TEXT_MAX]; /* signed policy must be for it; "" any */
	uint64_t heartbeat_s;	    /* 5 … 86400, default 300 */
	uint64_t ending_grace_s;    /* of a medium in use, 1 … 600 */
	uint64_t fold_s;	    /* identical denials are told again after */
	uint64_t spool_mib;	    /* 8 … 65536, default 256 */
	uint64_t queue_events;	    /* kept in memory while there is no spool */
	bool login_reader;	    /* login needs a USB reader or key */
};

/* The defaults, as if the file were empty. */
void config_init(struct config *config) __attribute__((nonnull));

enum config_outcome { CONFIG_UNKNOWN_KEY = 1 };

/* Reads PATH below ROOT_FD. 0 (also when the file does not exist);
 * CONFIG_UNKNOWN_KEY: read, but a key is misspelt or of another version;
 * -EINVAL or -errno: *ret_config unchanged. RET_ERROR (CONF_ERROR_MAX bytes)
 * has a line for people on all of these but 0. */
int config_load(int root_fd, const char *path, struct config *ret_config,
		char *ret_error) __attribute__((nonnull, warn_unused_result));
