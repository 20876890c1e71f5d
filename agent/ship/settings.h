/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shipper needs of /etc/sekimori/agent.conf, and where its files are
 * below the root directory (tests use another root than "/").
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/conf.h"

#define SETTINGS_PATH  "etc/sekimori/agent.conf"
#define TERMINAL_PATH  "var/lib/sekimori/terminal.id"
#define SPOOL_PATH     "var/lib/sekimori/spool"
#define STATE_PATH     "var/lib/sekimori-ship"
#define TAIL_DIRECTORY "run/sekimori"
#define TAIL_NAME      "spool.tail"
/* Stands in certificates where agent.conf names no tenant. */
#define TENANT_DEFAULT "000000"
#define TENANT_MAX     32u
/* scheme, host, port; no path */
#define COLLECTOR_MAX 300u

struct settings {
	char collector[COLLECTOR_MAX + 1]; /* "" = none; no final slash */
	char tenant[TENANT_MAX + 1];
	char proxy[CONF_VALUE_MAX + 1]; /* "" = direct */
	bool is_foreign; /* receiver = otlp: acks are only its 200 */
	uint64_t backoff_max_s;
	uint64_t splay_max_s;
	uint64_t request_timeout_s;
};

/*
 * Reads the settings below root_fd. Returns 0 (a missing file gives defaults),
 * -EINVAL with a "FILE:LINE: …" text in ret_error (CONF_ERROR_MAX bytes), or
 * -errno; *ret_settings unchanged on failure.
 */
int settings_load(int root_fd, struct settings *ret_settings, char *ret_error)
	__attribute__((nonnull, warn_unused_result));

/* As settings_load from text, for tests. */
int settings_parse(const char *text, size_t size, struct settings *ret_settings,
		   char *ret_error)
	__attribute__((nonnull, warn_unused_result));

/*
 * Checks an address "https://HOST[:PORT]" and copies it without a final slash.
 * Returns 0, or -EINVAL for another scheme, a path, a user or blanks.
 */
int settings_check_collector(const char *text,
			     char ret_collector[COLLECTOR_MAX + 1])
	__attribute__((nonnull, warn_unused_result));

/* 1..TENANT_MAX of [A-Za-z0-9_-], as the collector wants it. */
bool settings_is_tenant(const char *text) __attribute__((nonnull));

/* Writes collector (and tenant unless NULL) to agent.conf. 0 or -errno. */
int settings_save(int root_fd, const char *collector, const char *tenant)
	__attribute__((nonnull(2), warn_unused_result));
