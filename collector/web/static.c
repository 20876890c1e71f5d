/* SPDX-License-Identifier: Apache-2.0 */
/*
 * static: the files of collector/web/static, built into the program by
 * embed.py. Looked up by exact name, so no path can lead anywhere else.
 */
#include "collector/console.h"

#include <string.h>

#include "agent/base/banned.h"

struct static_file {
	const char *name;
	const char *type;
	size_t size;
	const unsigned char *data;
};

static const struct static_file FILES[] = {
#include "web_static.inc"
};

bool web_static(struct console_request *request, const char *name)
{
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		if (strcmp(FILES[i].name, name) != 0)
			continue;
		buf_clear(&request->reply.body);
		if (buf_append(&request->reply.body, FILES[i].data,
			       FILES[i].size) < 0)
			return false;
		request->reply.status = MHD_HTTP_OK;
		request->reply.type = FILES[i].type;
		return true;
	}
	return false;
}
