/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function a row of the status table. Whatever does not fit exactly ends
 * in `nonsense`, which loses nothing but time.
 */
#include "agent/ship/answer.h"

#include <errno.h>
#include <string.h>

#include "agent/ship/limits.h"
#include "agent/spool/tail.h"
#include "agent/wire/otlp.h"

#include "agent/base/banned.h"

#define RETRY_AFTER_MAX_S 86400u
/* Requests a minute; what is more is no limit. */
#define RATE_MAX      6000u
#define MS_PER_MINUTE 60000u

static struct answer nonsense(const char *reason)
{
	return (struct answer){.action = ANSWER_RETRY, .reason = reason};
}

/* Decimal digits only. 0 or -EINVAL. */
static int parse_number(const char *text, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(unsigned char)*text - '0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		value = value * 10 + digit;
	}
	*ret_value = value;
	return 0;
}

/* "STREAM:SEQ" of our stream. 0 or -EINVAL. */
static int parse_position(const char *text, const char *stream,
			  uint64_t *ret_seq)
{
	size_t length = strlen(stream);

	if (strncmp(text, stream, length) != 0 || text[length] != ':')
		return -EINVAL;
	return parse_number(text + length + 1, ret_seq);
}

/* Seconds; an HTTP date is rare here and counts as not said. */
static uint64_t parse_wait(const char *text)
{
	uint64_t wait_s = 0;

	if (parse_number(text, &wait_s) < 0)
		return 0;
	return wait_s < RETRY_AFTER_MAX_S ? wait_s : RETRY_AFTER_MAX_S;
}

/* A rate that makes no sense counts as not said. */
static uint64_t parse_spacing(const char *text)
{
	uint64_t rate = 0;

	if (parse_number(text, &rate) < 0 || rate == 0 || rate > RATE_MAX)
		return 0;
	return MS_PER_MINUTE / rate;
}

static struct answer judge_success(const struct answer_question *question,
				   const struct answer_reply *reply)
{
	struct answer answer = {.action = ANSWER_ACK, .reason = ""};
	struct otlp_response response = {0};

	if (otlp_decode_response(reply->body, &response) < 0)
		return nonsense("answer is not OTLP");
	answer.rejected = response.rejected;

	if (!*reply->ack) {
		if (!question->is_foreign)
			return nonsense("success without X-Agent-Ack");
		answer.seq = question->last_seq;
		answer.is_foreign = true;
		return answer;
	}
	if (parse_position(reply->ack, question->stream, &answer.seq) < 0)
		return nonsense("X-Agent-Ack is not for this stream");
	/* More than this batch is fine: an earlier answer was lost. */
	if (answer.seq < question->last_seq || answer.seq > question->tail_seq)
		return nonsense("X-Agent-Ack is not for what was sent");
	/* What has just happened is not a backlog, and never waits for it. */
	if (answer.seq < question->tail_seq)
		answer.spacing_ms = parse_spacing(reply->rate);
	return answer;
}

static struct answer judge_conflict(const struct answer_question *question,
				    const struct answer_reply *reply)
{
	struct answer answer = {.action = ANSWER_REWIND,
				.reason = "collector wants older events"};

	if (strcmp(reply->chain, "mismatch") == 0)
		return (struct answer){.action = ANSWER_MISMATCH,
				       .reason = CURSOR_MISMATCH
				       ": collector holds another history"};
	if (parse_position(reply->expect, question->stream, &answer.seq) < 0)
		return nonsense("409 without a position in this stream");
	/* A gap is before what was sent. Going on behind it would count events
	 * as stored that nobody has. */
	if (answer.seq >= question->first_seq)
		return nonsense("409 expects what was just sent");
	return answer;
}

struct answer answer_judge(const struct answer_question *question,
			   const struct answer_reply *reply)
{
	struct answer answer = {.action = ANSWER_RETRY};

	switch (reply->status) {
	case 200:
	case 201:
	case 202:
	case 204:
		return judge_success(question, reply);
	case 409:
		return judge_conflict(question, reply);
	case 400:
	case 422:
		answer.action = ANSWER_REFUSED;
		answer.reason = "collector refuses the events";
		return answer;
	case 401:
	case 403:
		answer.action = ANSWER_DENIED;
		answer.reason = "collector refuses the certificate";
		return answer;
	case 413:
		answer.action = ANSWER_HALVE;
		answer.reason = "collector finds the request too large";
		return answer;
	case 415:
		answer.action = ANSWER_RECODE;
		answer.reason = "collector refuses the coding";
		return answer;
	case 429:
	case 503:
		answer.wait_s = parse_wait(reply->retry_after);
		answer.reason = "collector is busy";
		return answer;
	case 0:
		answer.reason = "no answer";
		return answer;
	default:
		answer.reason = "answer makes no sense";
		return answer;
	}
}
