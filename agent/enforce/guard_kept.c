/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list by name. What a descriptor is, the kernel says when it is used.
 */
#include "agent/enforce/guard_kept.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/enforce/guard_identity.h"
#include "agent/base/banned.h"

static const char config_name[] = "config";

bool guard_kept_add(struct guard_kept *kept, const char *name, int fd)
{
	if (kept->count == GUARD_KEPT_MAX || !strchr(name, '.') ||
	    strlen(name) >= GUARD_KEPT_NAME_MAX) {
		(void)close(fd);
		return false;
	}
	(void)snprintf(kept->list[kept->count].name, GUARD_KEPT_NAME_MAX, "%s",
		       name);
	kept->list[kept->count++].fd = fd;
	return true;
}

void guard_kept_fini(struct guard_kept *kept)
{
	guard_kept_close(kept);
	kept->count = 0;
}

void guard_kept_close(struct guard_kept *kept)
{
	for (size_t i = 0; i < kept->count; i++) {
		if (kept->list[i].fd >= 0)
			(void)close(kept->list[i].fd);
		kept->list[i].fd = -1;
	}
}

void guard_kept_name(char ret_name[GUARD_KEPT_NAME_MAX], const char *set,
		     const char *name)
{
	(void)snprintf(ret_name, GUARD_KEPT_NAME_MAX, "%s.%s", set, name);
}

int guard_kept_find(void *userdata, const char *set, const char *name)
{
	const struct guard_kept *kept = userdata;

	for (size_t i = 0; i < kept->count; i++) {
		const char *have = kept->list[i].name;
		size_t len = strcspn(have, ".");
		if (strcmp(have + len + 1, name) == 0 &&
		    (!set ||
		     (strlen(set) == len && strncmp(have, set, len) == 0)))
			return kept->list[i].fd;
	}
	return -ENOENT;
}

void guard_kept_claim(const struct guard_kept *kept,
		      const struct guard_config *own)
{
	for (size_t i = 0; i < kept->count; i++) {
		const char *dot = strchr(kept->list[i].name, '.');
		if (strcmp(dot + 1, config_name) != 0)
			continue;
		/* What it costs shows when the pins cannot be opened */
		(void)!guard_identity_claim(kept->list[i].fd, own);
	}
}
