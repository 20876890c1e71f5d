/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer: what a server's reply means for us; the table of the protocol
 * (sekimori-ship(8), STATUS). Pure. An answer that contradicts itself, names
 * another stream or acknowledges what was never sent is nonsense: it changes
 * nothing and is tried again later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/wire/otlp.h"

enum answer_action {
	ANSWER_RETRY = 0, /* transient or nonsense: back off, send again */
	ANSWER_ACK,	  /* everything up to .seq is stored */
	ANSWER_REWIND,	  /* the server has only up to .seq: go on there */
	ANSWER_MISMATCH,  /* same numbers, other history: stop and tell */
	ANSWER_HALVE,	  /* too large: half as many */
	ANSWER_RECODE,	  /* does not take this coding */
	ANSWER_REFUSED,	  /* does not take these events */
	ANSWER_DENIED,	  /* does not take us */
};

/* What came back; texts are "" where a header was missing. */
struct answer_reply {
	long status; /* 0: no answer at all */
	const char *ack;
	const char *expect;
	const char *chain;
	const char *retry_after;
	const char *rate;
	struct span body;
};

/* What was sent. */
struct answer_question {
	const char *stream; /* 32 hex */
	uint64_t first_seq;
	uint64_t last_seq;
	uint64_t tail_seq;
	bool is_foreign; /* agreed by configuration: a plain 200 counts */
};

struct answer {
	enum answer_action action;
	uint64_t seq;	   /* of ACK and REWIND */
	uint64_t rejected; /* set aside by the server, stored all the same */
	uint64_t wait_s;   /* Retry-After; 0: not said */
	/* X-Agent-Rate: of requests, in ms, while there is more to send; 0:
	 * not said, or there is no more. */
	uint64_t spacing_ms;
	bool is_foreign;    /* ACK by a plain 200 */
	const char *reason; /* for people, static; "" with ACK */
};

/* Total: every reply gives an answer. */
struct answer answer_judge(const struct answer_question *question,
			   const struct answer_reply *reply)
	__attribute__((nonnull));
