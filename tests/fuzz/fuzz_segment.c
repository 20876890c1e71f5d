/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One segment file with any content, as found on a disk that somebody else
 * wrote: unpacked, read and verified. Every event that the reader gives must
 * chain; what the verifier counts must be in bounds.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/spool/directory.h"
#include "agent/spool/reader.h"
#include "agent/spool/verify.h"

#define FILE_MAX (1u << 20)

static void need(int condition)
{
	if (!condition)
		abort();
}

static uint64_t read_all(int dirfd)
{
	struct spool_reader *reader = NULL;
	struct spool_item item;
	uint64_t count = 0;

	need(spool_reader_new(dirfd, &reader) == 0);
	if (spool_reader_seek(reader, 0) == 0)
		while (spool_reader_next(reader, UINT64_MAX, &item) == 0)
			count++;
	spool_reader_free(reader);
	return count;
}

static void on_finding(const struct spool_finding *finding, void *userdata)
{
	size_t *count = userdata;

	need(finding->file != NULL && finding->detail != NULL);
	need(strcmp(spool_fault_to_str(finding->fault), "unknown") != 0);
	++*count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/dev/shm/fuzz-segment-XXXXXX";
	char name[SEGMENT_NAME_SIZE];
	struct spool_verified result;
	size_t found = 0;

	if (size > FILE_MAX || !mkdtemp(path))
		return 0; /* no tmpfs here: too slow to be of use on a disk */
	int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	need(dirfd >= 0);
	segment_name(1, name);
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	need(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)close(fd);

	uint64_t count = read_all(dirfd);
	const struct spool_verify_options options = {
		.dirfd = dirfd,
		.known[0].seq = 1000,
		.found = on_finding,
		.userdata = &found,
	};
	need(spool_verify(&options, &result) == 0);
	need(result.fault_count == found && result.segment_count <= 1);
	/* A reader stops at the first fault, the verifier goes on. */
	need(result.event_count >= count);

	(void)unlinkat(dirfd, name, 0);
	(void)close(dirfd);
	(void)rmdir(path);
	return 0;
}
