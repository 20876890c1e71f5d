/* SPDX-License-Identifier: Apache-2.0 */
/* agent.conf is shared with the daemon; keys that are not ours are skipped. */
#include "agent/ship/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/log.h"
#include "agent/ship/limits.h"

#include "agent/base/banned.h"

#define SCHEME "https://"

int settings_check_collector(const char *text,
			     char ret_collector[COLLECTOR_MAX + 1])
{
	size_t length = strlen(text);
	size_t scheme = strlen(SCHEME);

	if (length > scheme && text[length - 1] == '/')
		length--;
	if (length <= scheme || length > COLLECTOR_MAX ||
	    strncmp(text, SCHEME, scheme) != 0)
		return -EINVAL;
	for (size_t i = scheme; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= 0x20 || c >= 0x7f || strchr("/?#@\\\"", c))
			return -EINVAL;
	}
	memcpy(ret_collector, text, length);
	ret_collector[length] = '\0';
	return 0;
}

bool settings_is_tenant(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";
	size_t length = strlen(text);

	return length > 0 && length <= TENANT_MAX &&
	       strspn(text, allowed) == length;
}

static int parse_numbers(const struct conf *conf, struct settings *settings,
			 char *ret_error)
{
	const struct {
		const char *key;
		uint64_t bounds[2];
		uint64_t *value;
	} numbers[] = {
		{"backoff_max_s", {1, 86400}, &settings->backoff_max_s},
		{"splay_max_s", {0, 3600}, &settings->splay_max_s},
		{"request_timeout_s", {1, 600}, &settings->request_timeout_s},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		char reason[CONF_ERROR_MAX];

		int r = conf_get_u64(conf, numbers[i].key, numbers[i].bounds,
				     numbers[i].value, reason);
		if (r < 0) {
			(void)snprintf(ret_error, CONF_ERROR_MAX, "/%s:%.200s",
				       SETTINGS_PATH, reason);
			return r;
		}
	}
	return 0;
}

/* Fails with "FILE: KEY WHY". */
static int refuse(char *ret_error, const char *key, const char *why)
{
	(void)snprintf(ret_error, CONF_ERROR_MAX, "/%s: '%s' %s", SETTINGS_PATH,
		       key, why);
	return -EINVAL;
}

static int parse(const struct conf *conf, struct settings *ret_settings,
		 char *ret_error)
{
	struct settings settings = {
		.tenant = TENANT_DEFAULT,
		.backoff_max_s = BACKOFF_MAX_S,
		.splay_max_s = SPLAY_MAX_S,
		.request_timeout_s = REQUEST_TIMEOUT_S,
	};
	const char *collector = conf_get(conf, "collector");
	const char *tenant = conf_get(conf, "tenant");
	const char *proxy = conf_get(conf, "proxy");
	const char *receiver = conf_get(conf, "receiver");

	if (collector && *collector &&
	    settings_check_collector(collector, settings.collector) < 0)
		return refuse(ret_error, "collector",
			      "wants https://HOST[:PORT]");
	if (tenant && *tenant) {
		if (!settings_is_tenant(tenant))
			return refuse(ret_error, "tenant",
				      "wants 1 to 32 of A-Z a-z 0-9 _ -");
		(void)snprintf(settings.tenant, sizeof(settings.tenant), "%s",
			       tenant);
	}
	if (proxy)
		(void)snprintf(settings.proxy, sizeof(settings.proxy), "%s",
			       proxy);
	if (receiver) {
		settings.is_foreign = strcmp(receiver, "otlp") == 0;
		if (!settings.is_foreign && strcmp(receiver, "sekimori") != 0)
			return refuse(ret_error, "receiver",
				      "wants 'sekimori' or 'otlp'");
	}

	int r = parse_numbers(conf, &settings, ret_error);
	if (r == 0)
		*ret_settings = settings;
	return r;
}

int settings_parse(const char *text, size_t size, struct settings *ret_settings,
		   char *ret_error)
{
	_cleanup_conf_ struct conf conf = {0};

	int r = conf_parse("/" SETTINGS_PATH, text, size, &conf, ret_error);
	return r < 0 ? r : parse(&conf, ret_settings, ret_error);
}

int settings_load(int root_fd, struct settings *ret_settings, char *ret_error)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	int r = read_small_file(root_fd, SETTINGS_PATH, CONF_FILE_MAX, &text,
				&size);
	if (r == -ENOENT)
		return settings_parse("", 0, ret_settings, ret_error);
	if (r < 0) {
		(void)snprintf(ret_error, CONF_ERROR_MAX, "/%s: %s",
			       SETTINGS_PATH, errno_text(r));
		return r;
	}
	return settings_parse(text, size, ret_settings, ret_error);
}

int settings_save(int root_fd, const char *collector, const char *tenant)
{
	struct buf first = BUF_INIT((size_t)2 * CONF_FILE_MAX);
	_cleanup_buf_ struct buf edited = BUF_INIT((size_t)2 * CONF_FILE_MAX);
	_cleanup_free_ char *text = NULL;

	_cleanup_close_ int dirfd = open_below(root_fd, "etc/sekimori",
					       O_RDONLY | O_DIRECTORY, 0);
	if (dirfd < 0)
		return dirfd;
	int r = read_small_file(dirfd, "agent.conf", CONF_FILE_MAX, &text,
				NULL);
	if (r < 0 && r != -ENOENT)
		return r;

	r = conf_edit(text ? text : "", "collector", collector, &first);
	if (r == 0 && tenant)
		r = conf_edit(buf_text(&first), "tenant", tenant, &edited);
	else if (r == 0)
		r = buf_append_text(&edited, buf_text(&first));
	if (r == 0)
		r = write_atomic(dirfd, "agent.conf", buf_text(&edited),
				 edited.size, 0644);
	buf_fini(&first);
	return r;
}
