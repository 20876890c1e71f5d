/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink datagrams: whatever comes, names and addresses end. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/sense/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct net_event *event, void *userdata)
{
	size_t *count = userdata;

	(*count)++;
	assert(event->index != 0);
	assert(memchr(event->name, '\0', sizeof(event->name)));
	assert(memchr(event->address, '\0', sizeof(event->address)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = 0;

	(void)net_parse(data, size, check, &count);
	return 0;
}
