/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push: one checkpoint to one witness (C2SP tlog-witness add-checkpoint) over
 * HTTP/1.1, with TLS for https. What comes back counts only with the witness's
 * signature, so nothing else of the answer is believed.
 */
#pragma once

#include <stdint.h>

#include "agent/wire/merkle.h"
#include "agent/wire/note.h"
#include "collector/logkey.h"

struct push_request {
	const char *url;
	const struct note_key *key; /* the witness's, public */
	const struct logkey_checkpoint *checkpoint;
	uint64_t old_size;
	struct merkle_proof proof;
};

enum push_outcome {
	PUSH_ELSEWHERE = 1, /* 409: the witness stands at *ret_size */
};

/*
 * Sends and waits, at most some ten seconds a step. 0 and the witness's
 * signature line in ret_line; PUSH_ELSEWHERE; -EPROTO: another answer;
 * -EKEYREJECTED: not its signature; or -errno of the network.
 */
int push_checkpoint(const struct push_request *request,
		    char ret_line[NOTE_LINE_SIZE], uint64_t *ret_size)
	__attribute__((nonnull, warn_unused_result));
