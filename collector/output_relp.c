/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_relp: open, messages, answers, close. Answers may come in any order;
 * each transaction is ticked off once.
 */
#include "collector/output_relp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/banned.h"

#define FAREWELL_READS 4u /* answer, serverclose, end */
#define FIRST	       2u /* transaction of the first message */

struct session {
	struct output_link *link;
	char data[RELP_HEAD_MAX + RELP_DATA_MAX];
	size_t size;
	bool is_answered[FIRST + RELP_MESSAGES_MAX];
};

int output_relp_add(struct buf *batch, size_t index, const char *message,
		    size_t size)
{
	int r = buf_printf(batch, "%zu syslog %zu ", FIRST + index, size);

	if (r == 0)
		r = buf_append(batch, message, size);
	return r < 0 ? r : buf_append_text(batch, "\n");
}

/* ---- the session ---------------------------------------------------------- */

static bool is_command(const struct relp_frame *frame, const char *command)
{
	return frame->command_len == strlen(command) &&
	       memcmp(frame->command, command, frame->command_len) == 0;
}

/* The next frame, which must be an answer of 200 to a transaction of ours. */
static int take_answer(struct session *s, uint32_t *ret_number)
{
	struct relp_frame frame = {0};
	size_t size = 0;
	int r;

	while ((r = relp_frame_read(s->data, s->size, &frame)) == RELP_MORE) {
		if (s->size == sizeof(s->data))
			return -EPROTO;
		r = output_link_read(s->link, s->data + s->size,
				     sizeof(s->data) - s->size, &size);
		if (r < 0)
			return r;
		s->size += size;
	}
	if (r < 0)
		return r;
	if (is_command(&frame, "serverclose"))
		return -EPIPE;
	if (!is_command(&frame, "rsp"))
		return -EPROTO;
	if (frame.data_len < 3 || memcmp(frame.data, "200", 3) != 0)
		return -ECONNREFUSED;
	*ret_number = frame.number;
	s->size -= frame.size;
	memmove(s->data, s->data + frame.size, s->size);
	return 0;
}

static int open_session(struct session *s)
{
	static const char offer[] = "relp_version=0\nrelp_software=sekimori\n"
				    "commands=syslog";
	uint32_t number = 0;
	char text[128];
	int len = snprintf(text, sizeof(text), "1 open %zu %s\n",
			   sizeof(offer) - 1, offer);
	int r = output_link_write(s->link, text, (size_t)len);

	if (r == 0)
		r = take_answer(s, &number);
	return r < 0 ? r : number == 1 ? 0 : -EPROTO;
}

static int wait_for_answers(struct session *s, size_t count)
{
	uint32_t number = 0;
	int r;

	for (size_t left = count; left > 0; left--) {
		r = take_answer(s, &number);
		if (r < 0)
			return r;
		if (number < FIRST || number >= FIRST + count ||
		    s->is_answered[number])
			return -EPROTO;
		s->is_answered[number] = true;
	}
	return 0;
}

static void close_session(struct session *s, size_t count)
{
	char text[RELP_HEAD_MAX];
	int len = snprintf(text, sizeof(text), "%zu close 0\n", FIRST + count);
	size_t size = 0;
	int r = output_link_write(s->link, text, (size_t)len);

	/* Politeness, whatever comes of it: what counts was answered. */
	for (unsigned int i = 0; r == 0 && i < FAREWELL_READS; i++)
		r = output_link_read(s->link, s->data, sizeof(s->data), &size);
}

int output_relp_deliver(struct output_link *link, const struct buf *batch,
			size_t count)
{
	struct session s = {.link = link};
	int r;

	if (count > RELP_MESSAGES_MAX)
		return -EINVAL;
	r = open_session(&s);
	/* The answers to all of them fit the socket's buffers meanwhile. */
	if (r == 0)
		r = output_link_write(link, batch->data, batch->size);
	if (r == 0)
		r = wait_for_answers(&s, count);
	if (r == 0)
		close_session(&s, count);
	return r;
}
