/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damage to a spool: the input is a list of (offset, value) octets written over
 * a sound segment of three events, then the spool is opened. Whatever happened
 * to it, what is recovered must be a beginning of what was written, or a new
 * stream; an event appended then must be read back, and the chain must hold.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/spool/directory.h"
#include "agent/spool/reader.h"
#include "agent/spool/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENTS	    3u
#define CHANGE_SIZE 4u /* 24 bits of offset, one octet */
#define CHANGES_MAX 256u
#define FLUSH_MS    10000u

static const char *const bodies[EVENTS + 1] = {"{\"a\":1}", "{\"bb\":22}",
					       "{\"ccc\":333}", "{\"d\":4}"};

static void need(int condition)
{
	if (!condition)
		abort();
}

static void append(struct spool *spool, const char *body)
{
	const struct spool_entry entry = {.data = body, .size = strlen(body)};
	uint64_t seq = 0;

	need(spool_append(spool, &entry, &seq) == 0);
	need(spool_flush(spool, seq, FLUSH_MS) == 0);
}

static struct spool *open_spool(int dirfd, struct spool_opening *opening)
{
	const struct spool_config config = {
		.dirfd = dirfd,
		.tail_fd = -1,
		.segment_bytes = SPOOL_SEGMENT_BYTES_MIN,
		.pending_bytes = SPOOL_SEGMENT_BYTES_MIN,
		.total_bytes = 2 * SPOOL_SEGMENT_BYTES_MIN,
		.reserve_bytes = SPOOL_SEGMENT_BYTES_MIN,
	};
	struct spool *spool = NULL;

	need(spool_open(&config, &spool, opening) == 0);
	return spool;
}

static void remove_all(int dirfd, const char *path)
{
	DIR *directory = fdopendir(dirfd);
	const struct dirent *entry;

	need(directory != NULL);
	rewinddir(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.' ||
		    unlinkat(dirfd, entry->d_name, 0) == 0)
			continue;
		/* A stream set aside: a folder with the segment. */
		char segment[256 + SEGMENT_NAME_SIZE];
		char name[SEGMENT_NAME_SIZE];

		segment_name(1, name);
		(void)snprintf(segment, sizeof(segment), "%s/%s", entry->d_name,
			       name);
		(void)unlinkat(dirfd, segment, 0);
		need(unlinkat(dirfd, entry->d_name, AT_REMOVEDIR) == 0);
	}
	(void)closedir(directory);
	(void)rmdir(path);
}

/* Reads the stream from its beginning; returns the number of events. */
static uint64_t read_back(int dirfd, int is_new)
{
	struct spool_reader *reader = NULL;
	struct spool_item item;
	uint64_t last = 0;

	need(spool_reader_new(dirfd, &reader) == 0);
	need(spool_reader_seek(reader, 1) == 0);
	while (spool_reader_next(reader, UINT64_MAX, &item) == 0) {
		need(item.frame.seq == last + 1);
		last = item.frame.seq;
		const char *body = is_new ? bodies[EVENTS] : bodies[last - 1];
		/* The one appended behind a cut follows a shorter prefix. */
		need((item.frame.payload_size == strlen(body) &&
		      memcmp(item.frame.payload, body, strlen(body)) == 0) ||
		     (item.frame.payload_size == strlen(bodies[EVENTS]) &&
		      memcmp(item.frame.payload, bodies[EVENTS],
			     strlen(bodies[EVENTS])) == 0));
	}
	spool_reader_free(reader);
	return last;
}

static void damage(int dirfd, const uint8_t *data, size_t size)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(1, name);
	int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC);
	need(fd >= 0);
	for (size_t i = 0; i + CHANGE_SIZE <= size && i < CHANGES_MAX;
	     i += CHANGE_SIZE) {
		uint32_t offset = (uint32_t)data[i] << 16 |
				  (uint32_t)data[i + 1] << 8 | data[i + 2];

		need(pwrite(fd, data + i + 3, 1,
			    offset % SPOOL_SEGMENT_BYTES_MIN) == 1);
	}
	need(close(fd) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/dev/shm/fuzz-spool-XXXXXX";
	struct spool_opening opening;

	if (!mkdtemp(path))
		return 0; /* no tmpfs here: too slow to be of use on a disk */
	int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	need(dirfd >= 0);

	struct spool *spool = open_spool(dirfd, &opening);
	for (unsigned i = 0; i < EVENTS; i++)
		append(spool, bodies[i]);
	(void)spool_close(spool, FLUSH_MS);
	damage(dirfd, data, size);

	spool = open_spool(dirfd, &opening);
	uint64_t kept = spool_next_seq(spool) - 1;
	need(opening.is_new_stream ? kept == 0 : kept <= EVENTS);
	append(spool, bodies[EVENTS]);
	need(read_back(dirfd, opening.is_new_stream) == kept + 1);
	(void)spool_close(spool, FLUSH_MS);

	remove_all(dirfd, path);
	return 0;
}
