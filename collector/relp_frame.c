/* SPDX-License-Identifier: Apache-2.0 */
/* relp_frame: "NUMBER SP COMMAND SP LENGTH [SP DATA] LF", one pass, no state. */
#include "collector/relp_frame.h"

#include <errno.h>

#include "agent/base/banned.h"

#define DIGITS_MAX  9u	/* of a number, as the protocol says */
#define COMMAND_MAX 32u /* same */

/* Digits at *at; *at moves behind them. RELP_MORE at the end of the data. */
static int read_number(const char *data, size_t size, size_t *at,
		       uint32_t *ret_number)
{
	uint32_t number = 0;
	size_t start = *at;

	for (; *at < size && data[*at] >= '0' && data[*at] <= '9'; (*at)++) {
		if (*at - start == DIGITS_MAX)
			return -EPROTO;
		number = number * 10 + (uint32_t)(data[*at] - '0');
	}
	if (*at == size)
		return RELP_MORE;
	*ret_number = number;
	return *at > start ? 0 : -EPROTO;
}

static int read_command(const char *data, size_t size, size_t *at,
			struct relp_frame *frame)
{
	if (data[(*at)++] != ' ')
		return -EPROTO;
	frame->command = data + *at;
	while (*at < size && data[*at] >= 'a' && data[*at] <= 'z') {
		(*at)++;
		if (++frame->command_len > COMMAND_MAX)
			return -EPROTO;
	}
	if (*at == size)
		return RELP_MORE;
	return frame->command_len > 0 && data[(*at)++] == ' ' ? 0 : -EPROTO;
}

int relp_frame_read(const char *data, size_t size, struct relp_frame *ret_frame)
{
	struct relp_frame frame = {0};
	uint32_t len = 0;
	size_t at = 0;
	int r = read_number(data, size, &at, &frame.number);

	if (r == 0)
		r = read_command(data, size, &at, &frame);
	if (r == 0)
		r = read_number(data, size, &at, &len);
	if (r != 0)
		return r;
	if (len > RELP_DATA_MAX)
		return -EPROTO;
	/* "0 LF" and, from some, "0 SP LF" */
	if (data[at] == ' ')
		at++;
	else if (len > 0)
		return -EPROTO;
	if (size - at < (size_t)len + 1)
		return RELP_MORE;
	frame.data = data + at;
	frame.data_len = len;
	frame.size = at + len + 1;
	if (data[at + len] != '\n')
		return -EPROTO;
	*ret_frame = frame;
	return 0;
}
