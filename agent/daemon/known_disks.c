/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One identity a line.
 */
#include "agent/daemon/known_disks.h"

#include <errno.h>
#include <string.h>

#include "agent/base/buf.h"
#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

bool known_disks_has(const struct known_disks *disks, const char *identity)
{
	for (size_t i = 0; i < disks->count; i++)
		if (strcmp(disks->rows[i], identity) == 0)
			return true;
	return false;
}

bool known_disks_add(struct known_disks *disks, const char *identity)
{
	size_t len = strnlen(identity, BLOCK_IDENTITY_SIZE);

	if (len == 0 || len == BLOCK_IDENTITY_SIZE ||
	    known_disks_has(disks, identity))
		return true;
	if (disks->count == KNOWN_DISKS_MAX)
		return false;
	memcpy(disks->rows[disks->count++], identity, len + 1);
	return true;
}

int known_disks_load(int dir_fd, struct known_disks *ret_disks)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t size;

	int r = read_small_file(dir_fd, KNOWN_DISKS_FILE, KNOWN_DISKS_FILE_MAX,
				&text, &size);
	if (r < 0)
		return r;
	ret_disks->count = 0;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		(void)known_disks_add(ret_disks, line); /* the rest is medium */
	ret_disks->is_known = true;
	return 0;
}

int known_disks_save(int dir_fd, struct known_disks *disks)
{
	_cleanup_buf_ struct buf buf = BUF_INIT(KNOWN_DISKS_FILE_MAX);

	for (size_t i = 0; i < disks->count; i++) {
		int r = buf_printf(&buf, "%s\n", disks->rows[i]);
		if (r < 0)
			return r;
	}
	int r = write_atomic(dir_fd, KNOWN_DISKS_FILE, buf_text(&buf), buf.size,
			     0600);
	if (r == 0)
		disks->is_known = true;
	return r;
}
