/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: which keys there are and what they may be. Addresses are checked when
 * they are bound, where the error is the kernel's own.
 */
#include "collector/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "collector/limits.h"

#include "agent/base/banned.h"

static const char *const KEYS[] = {
	"listen",
	"console_listen",
	"dir",
	"threads",
	"max_connections",
	"witness",
	"witness2",
	"witness3",
	"database",
	"output",
	"output2",
	"output_format",
	"output_ca",
	"output_cert",
	"output_key",
	"retention_days",
	NULL,
};
static const char *const WITNESSES[CONFIG_WITNESSES] = {"witness", "witness2",
							"witness3"};
static const char *const OUTPUTS[CONFIG_OUTPUTS] = {"output", "output2"};
static const uint64_t THREADS[2] = {1, 64};
static const uint64_t DAYS[2] = {0, 36500};
static const uint64_t CONNECTIONS[2] = {1, LIMIT_CONNECTIONS};

static void set_text(char *field, const char *value)
{
	if (value)
		(void)snprintf(field, CONF_VALUE_MAX + 1, "%s",
			       value); /* conf.h bounds it */
}

void config_init(struct config *config)
{
	*config = (struct config){
		.listen = "0.0.0.0:8443",
		.console_listen = "127.0.0.1:8444",
		.dir = CONFIG_DIR_DEFAULT,
		.threads = 2,
		.max_connections = 8192,
	};
}

static int set_format(const char *path, const char *value,
		      struct config *config, char *ret_error)
{
	bool is_cef = value && strcmp(value, "cef") == 0;

	if (value && !is_cef && strcmp(value, "json") != 0) {
		(void)snprintf(ret_error, CONF_ERROR_MAX,
			       "%.200s: 'output_format' is json or cef",
			       path); /* cut is fine */
		return -EINVAL;
	}
	config->is_output_cef = is_cef;
	return 0;
}

static int check(const char *path, const struct conf *conf,
		 struct config *config, char *ret_error)
{
	const struct conf_pair *unknown = conf_find_unknown(conf, KEYS);
	char reason[CONF_ERROR_MAX];
	int r;

	if (unknown) {
		(void)snprintf(ret_error, CONF_ERROR_MAX,
			       "%s:%u: unknown key '%s'", path, unknown->line,
			       unknown->key); /* cut is fine */
		return -EINVAL;
	}
	r = conf_get_u64(conf, "threads", THREADS, &config->threads, reason);
	if (r == 0)
		r = conf_get_u64(conf, "max_connections", CONNECTIONS,
				 &config->max_connections, reason);
	if (r == 0)
		r = conf_get_u64(conf, "retention_days", DAYS,
				 &config->retention_days, reason);
	if (r < 0) {
		(void)snprintf(ret_error, CONF_ERROR_MAX, "%.100s:%.150s", path,
			       reason); /* cut is fine */
		return r;
	}
	set_text(config->listen, conf_get(conf, "listen"));
	set_text(config->console_listen, conf_get(conf, "console_listen"));
	set_text(config->dir, conf_get(conf, "dir"));
	set_text(config->database, conf_get(conf, "database"));
	for (size_t i = 0; i < CONFIG_WITNESSES; i++)
		set_text(config->witnesses[i], conf_get(conf, WITNESSES[i]));
	for (size_t i = 0; i < CONFIG_OUTPUTS; i++)
		set_text(config->outputs[i], conf_get(conf, OUTPUTS[i]));
	r = set_format(path, conf_get(conf, "output_format"), config,
		       ret_error);
	if (r < 0)
		return r;
	set_text(config->output_ca, conf_get(conf, "output_ca"));
	set_text(config->output_cert, conf_get(conf, "output_cert"));
	set_text(config->output_key, conf_get(conf, "output_key"));
	if (config->database[0] &&
	    strncmp(config->database, "postgresql://", 13) != 0) {
		(void)snprintf(ret_error, CONF_ERROR_MAX,
			       "%.200s: 'database' must begin with "
			       "postgresql://",
			       path); /* cut is fine */
		return -EINVAL;
	}
	if (config->dir[0] != '/') {
		(void)snprintf(ret_error, CONF_ERROR_MAX,
			       "%.200s: 'dir' must be an absolute path",
			       path); /* cut is fine */
		return -EINVAL;
	}
	if (!config->output_cert[0] != !config->output_key[0]) {
		(void)snprintf(ret_error, CONF_ERROR_MAX,
			       "%.200s: 'output_cert' and 'output_key' go "
			       "together",
			       path); /* cut is fine */
		return -EINVAL;
	}
	return 0;
}

int config_load(const char *path, struct config *config, char *ret_error)
{
	_cleanup_conf_ struct conf conf = {0};
	struct config next = *config;
	int r;

	r = conf_load(AT_FDCWD, path, &conf, ret_error);
	if (r == 0)
		r = check(path, &conf, &next, ret_error);
	if (r == 0)
		*config = next;
	return r;
}
