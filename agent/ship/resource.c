/* SPDX-License-Identifier: Apache-2.0 */
/* uname, boot id and os-release; nothing here can fail. */
#include "agent/ship/resource.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

#include "agent/base/banned.h"

#define OS_RELEASE_MAX 8192u

/* PRETTY_NAME="…" of os-release(5). */
static void find_pretty_name(const char *text, char ret_name[])
{
	static const char key[] = "PRETTY_NAME=\"";
	const char *at = strstr(text, key);

	if (!at || (at != text && at[-1] != '\n'))
		return;
	at += sizeof(key) - 1;
	size_t length = strcspn(at, "\"\n");
	(void)snprintf(ret_name, RESOURCE_TEXT_MAX + 1, "%.*s",
		       (int)(length < RESOURCE_TEXT_MAX ? length
							: RESOURCE_TEXT_MAX),
		       at);
}

void resource_init(struct resource *resource, int root_fd)
{
	_cleanup_free_ char *text = NULL;
	struct utsname names;

	*resource = (struct resource){0};
	if (uname(&names) == 0)
		(void)snprintf(resource->host_name, sizeof(resource->host_name),
			       "%s", names.nodename);
	/* Hidden by ProcSubset=pid: then it is left out. */
	if (read_line_file(root_fd, "proc/sys/kernel/random/boot_id",
			   resource->boot_id, sizeof(resource->boot_id)) < 0)
		resource->boot_id[0] = '\0';
	/* /etc/os-release is a link to it. */
	if (read_small_file(root_fd, "usr/lib/os-release", OS_RELEASE_MAX,
			    &text, NULL) == 0)
		find_pretty_name(text, resource->os);
}

struct otlp_resource resource_attributes(const struct resource *resource,
					 const char *host_id,
					 const char *stream)
{
	return (struct otlp_resource){
		.host_id = span_str(host_id),
		.host_name = span_str(resource->host_name),
		.service_name = SPAN("sekimori"),
		.service_version = SPAN(SEKIMORI_VERSION),
		.stream = span_str(stream),
		.boot_id = span_str(resource->boot_id),
		.os_description = span_str(resource->os),
	};
}
