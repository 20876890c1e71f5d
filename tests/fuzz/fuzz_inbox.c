/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to GET /v1/inbox, into a folder of its own. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/ship/inbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int folder(void)
{
	char path[] = "/tmp/fuzz-inbox-XXXXXX";
	int fd = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY) : -1;

	/* Nothing can be made in a folder that is gone: only what is read of
	 * the answer matters here. */
	(void)rmdir(path);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = folder();
	if (fd < 0)
		abort();
	int r = inbox_store(fd, (struct span){(const char *)data, size});
	if (r > INBOX_DOCUMENTS_MAX)
		abort();
	return 0;
}
