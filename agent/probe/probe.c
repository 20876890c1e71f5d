/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libblkid's answer as lines. An ambivalent answer (two formats fit) is told
 * as such: the daemon takes it for unknown.
 */
#include "agent/probe/probe.h"

#include <stdio.h>
#include <string.h>

#include <blkid/blkid.h>

#include "agent/base/buf.h"
#include "agent/base/fd.h"

#define VALUE_MAX  1024 /* an encoded label of 256 bytes */
#define ANSWER_MAX 4096

static const struct {
	const char *name; /* libblkid's */
	const char *key;  /* ours */
} values[] = {
	{"TYPE", "type"},   {"LABEL", "label"},	    {"UUID", "uuid"},
	{"USAGE", "usage"}, {"VERSION", "version"}, {"PTTYPE", "table"},
};

static int add_value(blkid_probe probe, size_t i, struct buf *answer)
{
	char encoded[VALUE_MAX];
	const char *data;

	if (blkid_probe_lookup_value(probe, values[i].name, &data, NULL) < 0)
		return 0;
	if (blkid_encode_string(data, encoded, sizeof(encoded)) < 0)
		return 0; /* too long to be told: as if it were not there */
	return buf_printf(answer, "%s=%s\n", values[i].key, encoded);
}

static int describe(blkid_probe probe, struct buf *answer)
{
	/* -2 ambivalent, -1 error, 0 found, 1 nothing */
	int found = blkid_do_safeprobe(probe);
	if (found == -1)
		return PROBE_EXIT_DEVICE;

	int r = 0;
	if (found == 0)
		for (size_t i = 0;
		     r == 0 && i < sizeof(values) / sizeof(values[0]); i++)
			r = add_value(probe, i, answer);
	if (r == 0)
		r = buf_printf(answer, "result=%s\nend\n",
			       found == 0   ? "found"
			       : found == 1 ? "none"
					    : "ambivalent");
	return r == 0 ? PROBE_EXIT_OK : PROBE_EXIT_OUTPUT;
}

static int configure(blkid_probe probe, int fd)
{
	if (blkid_probe_set_device(probe, fd, 0, 0) < 0 ||
	    blkid_probe_enable_superblocks(probe, 1) < 0 ||
	    blkid_probe_set_superblocks_flags(
		    probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
				   BLKID_SUBLKS_UUID | BLKID_SUBLKS_USAGE |
				   BLKID_SUBLKS_VERSION) < 0 ||
	    blkid_probe_enable_partitions(probe, 1) < 0)
		return PROBE_EXIT_DEVICE;
	return PROBE_EXIT_OK;
}

int probe_run(int fd, int out_fd)
{
	_cleanup_buf_ struct buf answer = BUF_INIT(ANSWER_MAX);
	blkid_probe probe = blkid_new_probe();

	if (!probe)
		return PROBE_EXIT_DEVICE;
	int r = configure(probe, fd);
	if (r == PROBE_EXIT_OK)
		r = describe(probe, &answer);
	blkid_free_probe(probe);
	if (r != PROBE_EXIT_OK)
		return r;
	return write_full(out_fd, answer.data, answer.size) < 0
		       ? PROBE_EXIT_OUTPUT
		       : PROBE_EXIT_OK;
}
