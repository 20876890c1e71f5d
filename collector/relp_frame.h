/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relp_frame: one frame of RELP (rsyslog's relp.html, version 0) as a server
 * sends it. Pure: knows no connection.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* An answer's data; more is a protocol error. Ours to "open" is the longest. */
#define RELP_DATA_MAX 4096u
/* Longest head: number, command, length and what stands between. */
#define RELP_HEAD_MAX 64u
/* One frame as received; borrowed. */
struct relp_frame {
	uint32_t number;
	const char *command;
	size_t command_len;
	const char *data;
	size_t data_len;
	size_t size; /* of the whole frame */
};

enum relp_outcome {
	RELP_MORE = 1, /* the frame is not whole yet */
};

/*
 * Reads the frame at the begin of `data`. 0 and *ret_frame; RELP_MORE; -EPROTO
 * when it can never be one. Pure.
 */
int relp_frame_read(const char *data, size_t size, struct relp_frame *ret_frame)
	__attribute__((nonnull, warn_unused_result));
