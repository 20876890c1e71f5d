/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes events to a spool below a root directory, as the daemon would, for
 * tests that drive sekimori-ship without one.
 * Usage: spool_write ROOT COUNT [SIZE [plain|report]]; makes what is missing
 * below ROOT; plain: closed segments are not packed; report: goes on until it is
 * killed, and prints each number when it is durable.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "agent/spool/spool.h"
#include "agent/spool/tail.h"

#define FLUSH_MS 30000u

static void die(const char *what, int r)
{
	(void)fprintf(stderr, "spool_write: %s: %s\n", what,
		      strerror(r < 0 ? -r : r));
	exit(1);
}

static int make_directories(int root_fd)
{
	static const char *const names[] = {
		"etc",
		"etc/sekimori",
		"var",
		"var/lib",
		"var/lib/sekimori",
		"var/lib/sekimori/spool",
		"var/lib/sekimori-ship",
		"run",
		"run/sekimori",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (mkdirat(root_fd, names[i], 0755) < 0 && errno != EEXIST)
			return -errno;
	return 0;
}

/* The id, made at the first run. */
static void read_id(int root_fd, uint8_t ret_id[FRAME_ID_SIZE])
{
	static const char path[] = "var/lib/sekimori/terminal.id";
	char text[HEX_SIZE(FRAME_ID_SIZE) + 1];

	int r = read_line_file(root_fd, path, text, sizeof(text));
	if (r == -ENOENT) {
		uint64_t now[2] = {clock_wall_ns(), clock_mono_ns()};

		_cleanup_close_ int fd = open_below(root_fd, path,
						    O_WRONLY | O_CREAT | O_EXCL,
						    0644);
		hex_encode((const uint8_t *)now, FRAME_ID_SIZE, text);
		if (fd < 0 || write_full(fd, text, strlen(text)) < 0 ||
		    write_full(fd, "\n", 1) < 0)
			die(path, errno);
		r = 0;
	}
	if (r < 0 || hex_decode(text, strlen(text), ret_id, FRAME_ID_SIZE) < 0)
		die(path, r < 0 ? r : EINVAL);
}

/* As the daemon does: a stream that the collector refuses is given up. */
static void read_cursor(int root_fd, struct spool_config *config)
{
	char text[512] = "";
	struct spool_tail acked;
	size_t size = 0;

	_cleanup_close_ int fd = open_below(root_fd,
					    "var/lib/sekimori-ship/cursor",
					    O_RDONLY, 0);
	if (fd < 0 || read_full(fd, text, sizeof(text) - 1, &size) < 0 ||
	    spool_tail_parse(text, size, &acked) < 0)
		return;
	config->known_seq = acked.seq;
	memcpy(config->known_stream, acked.stream, FRAME_ID_SIZE);
	if (strstr(text, " " CURSOR_MISMATCH))
		memcpy(config->forked_stream, acked.stream, FRAME_ID_SIZE);
}

/* A record that passes for one of ours, padded to about `size` bytes. */
static size_t make_event(uint64_t seq, size_t size, char *event)
{
	int n = snprintf(event, FRAME_PAYLOAD_MAX,
			 "{\"class_uid\":1010,\"severity_id\":1,\"time\":%llu,"
			 "\"metadata\":{\"event_code\":\"usb.device.removed\","
			 "\"sequence\":%llu,\"version\":\"1.8.0\"},"
			 "\"message\":\"",
			 (unsigned long long)(clock_wall_ns() / NS_PER_MS),
			 (unsigned long long)seq);
	size_t used = (size_t)n;

	for (; used + 2 < size; used++)
		event[used] = (char)('a' + used % 26);
	event[used++] = '"';
	event[used++] = '}';
	return used;
}

static void append(struct spool *spool, size_t size)
{
	static char event[FRAME_PAYLOAD_MAX];
	uint64_t seq = spool_next_seq(spool);
	const struct spool_entry entry = {
		.data = event,
		.size = make_event(seq, size, event),
		.flags = 1,
		.seq = seq,
		.wall_ns = clock_wall_ns(),
		.boot_ns = clock_boot_ns(),
	};
	int r;

	while ((r = spool_append(spool, &entry, &seq)) == SPOOL_BUSY)
		if (spool_flush(spool, entry.seq - 1, FLUSH_MS) != 0)
			die("flush", ETIMEDOUT);
	if (r != 0)
		die("append", r < 0 ? r : ENOSPC);
}

/* A few at a time, then the number that is durable; never returns. */
static void report(struct spool *spool, size_t size)
{
	for (;;) {
		for (int i = 0; i < 5; i++)
			append(spool, size);
		uint64_t last = spool_next_seq(spool) - 1;
		if (spool_flush(spool, last, FLUSH_MS) != 0)
			die("flush", ETIMEDOUT);
		printf("%llu\n", (unsigned long long)last);
		if (fflush(stdout) != 0)
			die("stdout", errno);
	}
}

int main(int argc, char **argv)
{
	struct spool_opening opening;
	struct spool *spool = NULL;

	if (argc < 3)
		die("usage: spool_write ROOT COUNT [SIZE [plain|report]]",
		    EINVAL);
	unsigned long count = strtoul(argv[2], NULL, 10);
	size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : 645;

	_cleanup_close_ int root_fd = open(argv[1],
					   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || make_directories(root_fd) < 0)
		die(argv[1], errno);
	_cleanup_close_ int dirfd = open_below(root_fd,
					       "var/lib/sekimori/spool",
					       O_RDONLY | O_DIRECTORY, 0);
	_cleanup_close_ int tail_fd = open_below(root_fd,
						 "run/sekimori/spool.tail",
						 O_RDWR | O_CREAT, 0644);
	struct spool_config config = {.dirfd = dirfd,
				      .tail_fd = tail_fd,
				      .segment_bytes = 1u << 20,
				      .total_bytes = 64u << 20,
				      .reserve_bytes = 2u << 20};
	if (argc > 4 && strcmp(argv[4], "plain") == 0)
		config.keep_plain = UINT32_MAX;
	read_id(root_fd, config.host_id);
	read_cursor(root_fd, &config);

	int r = spool_open(&config, &spool, &opening);
	if (r < 0)
		die("spool_open", r);
	if (argc > 4 && strcmp(argv[4], "report") == 0)
		report(spool, size);
	for (unsigned long i = 0; i < count; i++)
		append(spool, size);
	uint64_t last = spool_next_seq(spool) - 1;
	if (spool_flush(spool, last, FLUSH_MS) != 0)
		die("flush", ETIMEDOUT);
	(void)spool_close(spool, FLUSH_MS);
	printf("%s %llu\n", spool_found_to_str(opening.found),
	       (unsigned long long)last);
	return 0;
}
