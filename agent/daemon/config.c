/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.conf to struct config: a table of texts, a table of numbers.
 */
#include "agent/daemon/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Every key there is, for all programs that read the file. */
static const char *const known_keys[] = {
	"collector",
	"tenant",
	"organisation",
	"unit",
	"asset",
	"contact",
	"zone",
	"heartbeat_s",
	"fold_s",
	"ending_grace_s",
	"spool_mib",
	"queue_events",
	"login_reader",
	/* sekimori-ship's */
	"proxy",
	"receiver",
	"backoff_max_s",
	"splay_max_s",
	"request_timeout_s",
	NULL,
};

static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{"collector", offsetof(struct config, collector)},
	{"tenant", offsetof(struct config, tenant)},
	{"organisation", offsetof(struct config, organisation)},
	{"unit", offsetof(struct config, unit)},
	{"asset", offsetof(struct config, asset)},
	{"contact", offsetof(struct config, contact)},
	{"zone", offsetof(struct config, zone)},
};

static const struct {
	const char *key;
	size_t offset;
	uint64_t bounds[2];
	uint64_t value; /* default */
} numbers[] = {
	{"heartbeat_s", offsetof(struct config, heartbeat_s), {5, 86400}, 300},
	{"fold_s", offsetof(struct config, fold_s), {1, 3600}, 60},
	{"ending_grace_s",
	 offsetof(struct config, ending_grace_s),
	 {1, 600},
	 60},
	{"spool_mib", offsetof(struct config, spool_mib), {8, 65536}, 256},
	{"queue_events",
	 offsetof(struct config, queue_events),
	 {64, 65536},
	 1024},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void config_init(struct config *config)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < COUNT(numbers); i++)
		*(uint64_t *)((char *)config + numbers[i].offset) =
			numbers[i].value;
	config->login_reader = true;
}

static int take_bool(const struct conf *conf, const char *key, bool *ret_value,
		     char *ret_error)
{
	const char *value = conf_get(conf, key);

	if (!value)
		return 0;
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
		(void)snprintf(ret_error, CONF_ERROR_MAX,
			       "%s: expected yes or no", key);
		return -EINVAL;
	}
	*ret_value = strcmp(value, "yes") == 0;
	return 0;
}

static int take(const struct conf *conf, struct config *config, char *ret_error)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *value = conf_get(conf, texts[i].key);
		if (value)
			(void)snprintf((char *)config + texts[i].offset,
				       CONFIG_TEXT_MAX, "%s", value);
	}
	for (size_t i = 0; i < COUNT(numbers); i++) {
		uint64_t *value =
			(uint64_t *)((char *)config + numbers[i].offset);
		int r = conf_get_u64(conf, numbers[i].key, numbers[i].bounds,
				     value, ret_error);
		if (r < 0)
			return r;
	}
	return take_bool(conf, "login_reader", &config->login_reader,
			 ret_error);
}

int config_load(int root_fd, const char *path, struct config *ret_config,
		char *ret_error)
{
	_cleanup_conf_ struct conf conf = {0};
	struct config config;

	config_init(&config);
	int r = conf_load(root_fd, path, &conf, ret_error);
	if (r == -ENOENT) {
		*ret_config = config;
		return 0;
	}
	if (r < 0)
		return r;
	r = take(&conf, &config, ret_error);
	if (r < 0)
		return r;
	*ret_config = config;

	const struct conf_pair *unknown = conf_find_unknown(&conf, known_keys);
	if (!unknown)
		return 0;
	(void)snprintf(ret_error, CONF_ERROR_MAX, "line %u: unknown key '%s'",
		       unknown->line, unknown->key);
	return CONFIG_UNKNOWN_KEY;
}
