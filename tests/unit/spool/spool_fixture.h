/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spool in a temporary directory, with small segments, for the tests of
 * spool/ and ship/. Header-only, since each test is one program.
 */
#pragma once

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>
#include <dirent.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/spool/aside.h"
#include "agent/spool/directory.h"
#include "agent/spool/reader.h"
#include "agent/spool/spool.h"
#include "agent/spool/tail.h"

#define FIXTURE_SEGMENT SPOOL_SEGMENT_BYTES_MIN
#define FLUSH_MS	20000

struct fixture {
	char path[64];
	int dirfd;
	int tail_fd;
	struct spool_config config;
	struct spool *spool;
	struct spool_opening opening;
};

static const uint8_t fixture_host[FRAME_ID_SIZE] = {0xaa, 1, 2, 3};

/* Lets the spool's thread, or the disk, get on. */
static inline void fixture_wait_us(unsigned us)
{
	const struct timespec time = {.tv_nsec = us * 1000L};

	(void)ppoll(NULL, 0, &time, NULL);
}

static inline void fixture_init_at(struct fixture *f, const char *base)
{
	*f = (struct fixture){.dirfd = -1, .tail_fd = -1};
	(void)snprintf(f->path, sizeof(f->path), "%s/spool-XXXXXX", base);
	assert_non_null(mkdtemp(f->path));
	f->dirfd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->dirfd >= 0);
	/* Unlinked: survives a "crash" of the spool, not the test. */
	f->tail_fd = openat(f->dirfd, "tail", O_RDWR | O_CREAT | O_CLOEXEC,
			    0600);
	assert_true(f->tail_fd >= 0);
	f->config = (struct spool_config){
		.dirfd = f->dirfd,
		.tail_fd = f->tail_fd,
		.segment_bytes = FIXTURE_SEGMENT,
		.pending_bytes = FIXTURE_SEGMENT,
		.total_bytes = 8 * FIXTURE_SEGMENT,
		.reserve_bytes = 2 * FIXTURE_SEGMENT,
		.retain_segments = 1,
		.keep_plain = UINT32_MAX, /* test_pack.c packs */
	};
	memcpy(f->config.host_id, fixture_host, FRAME_ID_SIZE);
}

static inline void fixture_init(struct fixture *f)
{
	fixture_init_at(f, "/tmp");
}

static inline void fixture_remove_all(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fdopendir(fd);
	const struct dirent *entry;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.' ||
		    unlinkat(dirfd, entry->d_name, 0) == 0)
			continue;
		/* A stream set aside: a folder of files. */
		int below = openat(dirfd, entry->d_name,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below < 0)
			continue;
		fixture_remove_all(below);
		(void)close(below);
		(void)unlinkat(dirfd, entry->d_name, AT_REMOVEDIR);
	}
	(void)closedir(directory);
}

static inline void fixture_fini(struct fixture *f)
{
	f->spool = spool_close(f->spool, 1000);
	fixture_remove_all(f->dirfd);
	(void)rmdir(f->path);
	(void)close(f->dirfd);
	if (f->tail_fd >= 0)
		(void)close(f->tail_fd);
}

static inline void fixture_open(struct fixture *f)
{
	assert_int_equal(spool_open(&f->config, &f->spool, &f->opening), 0);
}

static inline void fixture_close(struct fixture *f)
{
	f->spool = spool_close(f->spool, FLUSH_MS);
}

/* The payload of an event is a function of its number. */
static inline size_t fixture_payload(uint64_t seq, char *buffer, size_t size)
{
	int n = snprintf(buffer, size,
			 "{\"metadata\":{\"event_code\":\"usb.device.blocked\","
			 "\"sequence\":%llu},\"pad\":\"",
			 (unsigned long long)seq);
	size_t used = (size_t)n;
	size_t pad = 100 + seq % 700;

	for (size_t i = 0; i < pad && used + 3 < size; i++)
		buffer[used++] = (char)('a' + (seq + i) % 26);
	buffer[used++] = '"';
	buffer[used++] = '}';
	return used;
}

static inline int fixture_append(struct fixture *f, uint32_t flags)
{
	char data[2048];
	uint64_t seq = spool_next_seq(f->spool);
	uint64_t got = 0;
	struct spool_entry entry = {
		.data = data,
		.size = fixture_payload(seq, data, sizeof(data)),
		.flags = flags,
		.seq = seq,
		.wall_ns = 1795172301000000000u + seq,
		.boot_ns = 1000 + seq,
	};
	int r = spool_append(f->spool, &entry, &got);

	if (r == 0)
		assert_int_equal(got, seq);
	return r;
}

/* Appends n events; where the disk is behind, waits for it. */
static inline void fixture_fill(struct fixture *f, unsigned n)
{
	for (unsigned i = 0; i < n;) {
		int r = fixture_append(f, 1);

		if (r == 0) {
			i++;
			continue;
		}
		assert_int_equal(r, SPOOL_BUSY);
		assert_int_equal(spool_flush(f->spool,
					     spool_next_seq(f->spool) - 1,
					     FLUSH_MS),
				 0);
		fixture_wait_us(1000);
	}
}

static inline void fixture_flush(struct fixture *f)
{
	assert_int_equal(spool_flush(f->spool, spool_next_seq(f->spool) - 1,
				     FLUSH_MS),
			 0);
}

/* Reads everything from `seq` on and checks each payload. Last seq read. */
static inline uint64_t fixture_read_all(struct fixture *f, uint64_t seq)
{
	struct spool_reader *reader = NULL;
	struct spool_item item;
	char data[2048];
	uint64_t last = 0;

	assert_int_equal(spool_reader_new(f->dirfd, &reader), 0);
	int r = spool_reader_seek(reader, seq);
	if (r == SPOOL_READ_END) {
		spool_reader_free(reader);
		return 0;
	}
	assert_int_equal(r, 0);
	while ((r = spool_reader_next(reader, UINT64_MAX, &item)) == 0) {
		size_t size = fixture_payload(item.frame.seq, data,
					      sizeof(data));

		assert_int_equal(item.frame.payload_size, size);
		assert_memory_equal(item.frame.payload, data, size);
		if (last)
			assert_int_equal(item.frame.seq, last + 1);
		last = item.frame.seq;
	}
	if (r != SPOOL_READ_END)
		fail_msg("after %llu: %s", (unsigned long long)last,
			 spool_read_outcome_to_str(r));
	spool_reader_free(reader);
	return last;
}

/* How many names in the directory begin with a prefix and end in a suffix. */
static inline unsigned fixture_count(struct fixture *f, const char *prefix,
				     const char *suffix)
{
	int fd = openat(f->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fdopendir(fd);
	const struct dirent *entry;
	unsigned count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);
		size_t end = strlen(suffix);

		count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
			 length >= end &&
			 strcmp(entry->d_name + length - end, suffix) == 0;
	}
	(void)closedir(directory);
	return count;
}

/*
 * Waits until `wanted` segments are left and the spool knows it: the thread
 * unlinks first and counts then.
 */
static inline void fixture_wait_segments(struct fixture *f, unsigned wanted)
{
	for (int i = 0; i < 2000; i++) {
		struct spool_stats stats;
		char name[SEGMENT_NAME_SIZE];

		spool_stats(f->spool, &stats);
		segment_name(stats.first_seq, name);
		if (fixture_count(f, "0", ".seg") == wanted &&
		    faccessat(f->dirfd, name, F_OK, 0) == 0)
			return;
		fixture_wait_us(5000);
	}
	fail_msg("%u segments, not %u", fixture_count(f, "0", ".seg"), wanted);
}

static inline struct spool_tail fixture_tail(struct fixture *f)
{
	char text[SPOOL_TAIL_SIZE];
	struct spool_tail tail = {0};

	assert_int_equal(pread(f->tail_fd, text, sizeof(text), 0),
			 sizeof(text));
	assert_int_equal(spool_tail_parse(text, sizeof(text), &tail), 0);
	return tail;
}
