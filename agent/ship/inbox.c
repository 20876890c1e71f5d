/* SPDX-License-Identifier: Apache-2.0 */
/* Names are checked to be names, texts only for their size. */
#include "agent/ship/inbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/wire/jws.h"

#include "agent/base/banned.h"

/* "policy.jws": nothing that could be a path or a temporary file. */
static bool is_name(struct span name)
{
	static const char end[] = ".jws";
	size_t stem = name.len - (sizeof(end) - 1);

	if (name.len < sizeof(end) || name.len > INBOX_NAME_MAX ||
	    memcmp(name.ptr + stem, end, sizeof(end) - 1) != 0)
		return false;
	for (size_t i = 0; i < stem; i++)
		if (!(name.ptr[i] >= 'a' && name.ptr[i] <= 'z') &&
		    !(name.ptr[i] >= '0' && name.ptr[i] <= '9') &&
		    name.ptr[i] != '-')
			return false;
	return true;
}

static bool has_it(int inbox_fd, const char *name, struct span text)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;

	return read_small_file(inbox_fd, name, JWS_TEXT_MAX_BYTES, &data,
			       &size) == 0 &&
	       size == text.len && memcmp(data, text.ptr, size) == 0;
}

/* 1: written; 0: it was there. */
static int store_one(int inbox_fd, struct span line)
{
	const char *space = memchr(line.ptr, ' ', line.len);
	char name[INBOX_NAME_MAX + 1];

	if (!space)
		return -EBADMSG;
	struct span word = {line.ptr, (size_t)(space - line.ptr)};
	struct span text = {space + 1, line.len - word.len - 1};
	if (!is_name(word) || text.len == 0 || text.len > JWS_TEXT_MAX_BYTES)
		return -EBADMSG;
	(void)snprintf(name, sizeof(name), "%.*s", (int)word.len, word.ptr);
	if (has_it(inbox_fd, name, text))
		return 0;
	int r = write_atomic(inbox_fd, name, text.ptr, text.len, 0640);
	return r < 0 ? r : 1;
}

int inbox_store(int inbox_fd, struct span text)
{
	int count = 0;

	for (int lines = 0; text.len > 0; lines++) {
		const char *end = memchr(text.ptr, '\n', text.len);

		if (!end || lines == INBOX_DOCUMENTS_MAX)
			return -EBADMSG;
		struct span line = {text.ptr, (size_t)(end - text.ptr)};
		int r = store_one(inbox_fd, line);
		if (r < 0)
			return r;
		count += r;
		text.ptr += line.len + 1;
		text.len -= line.len + 1;
	}
	return count;
}
