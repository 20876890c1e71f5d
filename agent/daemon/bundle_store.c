/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files; see bundle_store.h.
 */
#include "agent/daemon/bundle_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/log.h"

#define STATE_DIR  "var/lib/sekimori/state"
#define KEPT_FILE  "policy.jws"
#define FLOOR_FILE "policy.floor"
#define INBOX_FILE "policy.jws"

void bundle_store_fini(struct bundle_store *store)
{
	trust_fini(&store->trust);
}

static uint64_t read_floor(int root_fd)
{
	_cleanup_close_ int dir = open_below(root_fd, STATE_DIR,
					     O_PATH | O_DIRECTORY, 0);
	char text[32], *end;

	if (dir < 0 || read_line_file(dir, FLOOR_FILE, text, sizeof(text)) < 0)
		return 0;
	uint64_t floor = strtoull(text, &end, 10);
	return *end == '\0' ? floor : 0;
}

static int read_anchor(int root_fd, struct bundle_store *store)
{
	static const char *const outcomes[] = {
		[TRUST_NONE] = "has no key",
		[TRUST_MALFORMED] = "has something else than P-256 keys",
		[TRUST_TOO_MANY] = "has too many keys",
	};
	_cleanup_free_ char *pem = NULL;
	const char *why;
	size_t size = 0;

	int r = read_small_file(root_fd, BUNDLE_ANCHOR, TRUST_MAX_BYTES, &pem,
				&size);
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT && store->floor == 0)
		return 0; /* never had one: the rule files count */
	store->is_anchored = true;
	if (r < 0) {
		why = errno_text(r);
	} else {
		r = trust_read(span_of(pem, size), &store->trust);
		if (r <= 0)
			return r;
		why = outcomes[r];
	}
	(void)snprintf(store->error, sizeof(store->error), "/%s: %s",
		       BUNDLE_ANCHOR, why);
	return 0;
}

int bundle_store_read(int root_fd, struct bundle_store *store)
{
	uint64_t floor = read_floor(root_fd);

	trust_fini(&store->trust);
	*store = (struct bundle_store){
		/* /var may have gone read-only, not back in time */
		.floor = floor > store->floor ? floor : store->floor,
	};
	return read_anchor(root_fd, store);
}

int bundle_store_read_fd(int fd, char **ret_text, size_t *ret_size)
{
	struct stat stat;
	size_t size = 0;

	if (fstat(fd, &stat) < 0)
		return -errno;
	if (!S_ISREG(stat.st_mode))
		return -EINVAL;
	if (stat.st_size < 0 || (uint64_t)stat.st_size > JWS_TEXT_MAX_BYTES)
		return -EFBIG;
	_cleanup_free_ char *text = malloc((size_t)stat.st_size + 1);
	if (!text)
		return -ENOMEM;
	int r = pread_full(fd, text, (size_t)stat.st_size, 0, &size);
	if (r < 0)
		return r;
	*ret_text = TAKE_PTR(text);
	*ret_size = size;
	return 0;
}

static int read_in(int root_fd, const char *dir_path, const char *name,
		   char **ret_text, size_t *ret_size)
{
	/* The inbox is its writer's: neither it nor the file may be a link,
	 * and what would make open() wait must not */
	_cleanup_close_ int dir = open_below(root_fd, dir_path,
					     O_PATH | O_DIRECTORY, 0);
	if (dir < 0)
		return dir;
	_cleanup_close_ int fd = open_below(dir, name, O_RDONLY | O_NONBLOCK,
					    0);
	if (fd < 0)
		return fd;
	return bundle_store_read_fd(fd, ret_text, ret_size);
}

int bundle_store_kept(int root_fd, char **ret_text, size_t *ret_size)
{
	return read_in(root_fd, STATE_DIR, KEPT_FILE, ret_text, ret_size);
}

int bundle_store_inbox(int root_fd, char **ret_text, size_t *ret_size)
{
	return bundle_store_inbox_named(root_fd, INBOX_FILE, ret_text,
					ret_size);
}

int bundle_store_inbox_named(int root_fd, const char *name, char **ret_text,
			     size_t *ret_size)
{
	return read_in(root_fd, BUNDLE_INBOX, name, ret_text, ret_size);
}

int bundle_store_keep(int root_fd, struct span text, uint64_t serial,
		      struct bundle_store *store)
{
	_cleanup_close_ int dir = open_below(root_fd, STATE_DIR,
					     O_RDONLY | O_DIRECTORY, 0);
	char line[32];

	if (dir < 0)
		return dir;
	int r = write_atomic(dir, KEPT_FILE, text.ptr, text.len, 0600);
	if (r < 0)
		return r;
	/* After a power cut here the floor is that of the kept one's elder:
	 * the kept one counts all the same */
	int n = snprintf(line, sizeof(line), "%" PRIu64 "\n", serial);
	r = write_atomic(dir, FLOOR_FILE, line, (size_t)n, 0600);
	if (r == 0)
		store->floor = serial;
	return r;
}
