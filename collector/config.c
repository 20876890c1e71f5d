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

#define OUTPUT_KEYS(name)                                                      \
	name, name "_format", name "_ca", name "_cert", name "_key",           \
		name "_secret"

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
	OUTPUT_KEYS("output"),
	OUTPUT_KEYS("output2"),
	OUTPUT_KEYS("output3"),
	OUTPUT_KEYS("output4"),
	"retention_days",
	NULL,
};
static const char *const WITNESSES[CONFIG_WITNESSES] = {"witness", "witness2",
							"witness3"};
static const char *const OUTPUTS[CONFIG_OUTPUTS] = {"output", "output2",
						    "output3", "output4"};
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

/* What "output3_ca" says, or where it says nothing "output_ca". */
static const char *output_value(const struct conf *conf, const char *output,
				const char *setting)
{
	char key[CONF_KEY_MAX + 1];
	const char *value;

	(void)snprintf(key, sizeof(key), "%s_%s", output, setting); /* fits */
	value = conf_get(conf, key);
	if (value)
		return value;
	(void)snprintf(key, sizeof(key), "%s_%s", OUTPUTS[0],
		       setting); /* fits */
	return conf_get(conf, key);
}

static int check_output(const char *path, const struct conf *conf, size_t index,
			struct config_output *output, char *ret_error)
{
	const char *name = OUTPUTS[index];
	const char *format = output_value(conf, name, "format");
	char key[CONF_KEY_MAX + 1];

	set_text(output->url, conf_get(conf, name));
	set_text(output->ca, output_value(conf, name, "ca"));
	set_text(output->cert, output_value(conf, name, "cert"));
	set_text(output->key, output_value(conf, name, "key"));
	/* Its own only: one system's password is not for another. */
	(void)snprintf(key, sizeof(key), "%s_secret", name); /* fits */
	set_text(output->secret, conf_get(conf, key));
	if (format && output_format_from_str(format, &output->format) < 0) {
		(void)snprintf(ret_error, CONF_ERROR_MAX,
			       "%.150s: '%s_format' is json, cef or ecs", path,
			       name); /* cut is fine */
		return -EINVAL;
	}
	if (!output->cert[0] != !output->key[0]) {
		(void)snprintf(ret_error, CONF_ERROR_MAX,
			       "%.150s: '%s_cert' and '%s_key' go together",
			       path, name, name); /* cut is fine */
		return -EINVAL;
	}
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
	for (size_t i = 0; r == 0 && i < CONFIG_OUTPUTS; i++)
		r = check_output(path, conf, i, &config->outputs[i], ret_error);
	if (r < 0)
		return r;
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
