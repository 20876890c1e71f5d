/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: /etc/sekimori/collector.conf as values with defaults and limits. A
 * key that is not known is an error: a misspelt limit must not be ignored.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/conf.h"
#include "collector/output.h"

#define CONFIG_PATH	   "/etc/sekimori/collector.conf"
#define CONFIG_DIR_DEFAULT "/var/lib/sekimori-collector"

#define CONFIG_WITNESSES 3u
#define CONFIG_OUTPUTS	 4u

/* Another log system. Texts are "" where nothing is set. */
struct config_output {
	char url[CONF_VALUE_MAX + 1];
	enum output_format format;
	char ca[CONF_VALUE_MAX + 1];
	char cert[CONF_VALUE_MAX + 1];
	char key[CONF_VALUE_MAX + 1];
	char secret[CONF_VALUE_MAX + 1];
};

struct config {
	char listen[CONF_VALUE_MAX + 1];
	char console_listen[CONF_VALUE_MAX + 1];
	char dir[CONF_VALUE_MAX + 1];
	char database[CONF_VALUE_MAX + 1]; /* libpq's; "": SQLite in dir */
	/* "URL VKEY" of those that sign checkpoints too; "" none */
	char witnesses[CONFIG_WITNESSES][CONF_VALUE_MAX + 1];
	struct config_output outputs[CONFIG_OUTPUTS];
	uint64_t retention_days;  /* since receipt; 0: for ever */
	uint64_t threads;	  /* of the agents' listener */
	uint64_t max_connections; /* of the agents' listener */
};

/* All defaults. */
void config_init(struct config *config) __attribute__((nonnull));

/*
 * Reads `path` over what is in *config. 0; -ENOENT (unchanged: defaults stand);
 * -EINVAL or another -errno with one line for the administrator in ret_error
 * (CONF_ERROR_MAX octets).
 */
int config_load(const char *path, struct config *config, char *ret_error)
	__attribute__((nonnull, warn_unused_result));
