/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc says of a process: its cgroup, parts of which its owner names, and
 * its stat, where the process names itself. A session that is found is one that
 * systemd's own name stands for.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/proc.h"
#include "agent/sense/login.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char id[LOGIN_SESSION_ID_SIZE] = "?";
	char head[LOGIN_SESSION_ID_SIZE + 80];
	uint32_t uid = 0;
	uint64_t start = 0;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (proc_parse_start(text, &start) == 0 && start == 0)
		abort();
	if (login_parse_cgroup(text, id, &uid) == 0 && id[0] != '\0') {
		(void)snprintf(head, sizeof(head), ".slice/session-%s.scope",
			       id);
		if (strchr(id, '/') || !strstr(text, head))
			abort();
	}
	free(text);
	return 0;
}
