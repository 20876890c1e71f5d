/* SPDX-License-Identifier: Apache-2.0 */
/* Names in the spool directory; anything else in it is ignored. */
#include "agent/spool/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/spool/spool.h"

#include "agent/base/banned.h"

#define SEQ_DIGITS 20u

void segment_name(uint64_t first_seq, char ret_name[SEGMENT_NAME_SIZE])
{
	(void)snprintf(ret_name, SEGMENT_NAME_SIZE, "%020" PRIu64 ".seg",
		       first_seq);
}

void prepared_name(unsigned slot, char ret_name[PREPARED_NAME_SIZE])
{
	(void)snprintf(ret_name, PREPARED_NAME_SIZE, "prepared-%02u",
		       slot % 1000);
}

int segment_name_parse(const char *name, uint64_t *ret_first_seq)
{
	uint64_t seq = 0;

	if (strlen(name) != SEGMENT_NAME_SIZE - 1 ||
	    strcmp(name + SEQ_DIGITS, ".seg") != 0)
		return -EINVAL;
	for (size_t i = 0; i < SEQ_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -EINVAL;

		uint64_t digit = (uint64_t)(name[i] - '0');
		if (seq > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		seq = seq * 10 + digit;
	}
	*ret_first_seq = seq;
	return 0;
}

static int compare_seq(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static int collect(DIR *directory, uint64_t *first_seqs, size_t *ret_count)
{
	size_t count = 0;

	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(directory);
		if (!entry && errno)
			return -errno;
		if (!entry)
			break;

		uint64_t seq;
		if (segment_name_parse(entry->d_name, &seq) < 0)
			continue;
		if (count == SPOOL_SEGMENTS_MAX)
			return -E2BIG;
		first_seqs[count++] = seq;
	}
	*ret_count = count;
	return 0;
}

int segment_list(int dirfd, uint64_t **ret_first_seqs, size_t *ret_count)
{
	_cleanup_closedir_ DIR *directory = NULL;
	_cleanup_free_ uint64_t *seqs = NULL;
	size_t count = 0;

	int r = open_dir_below(dirfd, ".", &directory);
	if (r < 0)
		return r;

	seqs = malloc(SPOOL_SEGMENTS_MAX * sizeof(*seqs));
	if (!seqs)
		return -ENOMEM;
	r = collect(directory, seqs, &count);
	if (r < 0)
		return r;

	if (count > 0)
		qsort(seqs, count, sizeof(*seqs), compare_seq);
	*ret_first_seqs = count > 0 ? TAKE_PTR(seqs) : NULL;
	*ret_count = count;
	return 0;
}
