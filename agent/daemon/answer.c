/* SPDX-License-Identifier: Apache-2.0 */
/* D-Bus refuses the whole message for one string that is not UTF-8. */
#include "agent/daemon/answer.h"

#include <string.h>

#include "policy/utf8.h"

void answer_note(struct answer *answer, int r)
{
	if (answer->error == 0 && r < 0)
		answer->error = r;
}

void answer_clean(const char *from, char *to, size_t size)
{
	size_t len = strlen(from), used = 0;

	while (len > 0 && used + UTF8_BYTES_MAX < size) {
		uint32_t cp;
		size_t n = utf8_next(from, len, &cp);
		if (utf8_is_noncharacter(cp))
			cp = UTF8_REPLACEMENT;
		used += utf8_put(cp, to + used);
		from += n;
		len -= n;
	}
	to[used] = '\0';
}

void answer_put_text(struct answer *answer, const char *key, const char *value)
{
	char text[ANSWER_TEXT_MAX];

	if (!value || !value[0] || answer->error)
		return;
	answer_clean(value, text, sizeof(text));
	answer_note(answer, sd_bus_message_append(answer->reply, "{sv}", key,
						  "s", text));
}

void answer_put_span(struct answer *answer, const char *key, struct span value)
{
	char text[ANSWER_TEXT_MAX];

	value = span_take(value, sizeof(text) - 1);
	if (value.len > 0)
		memcpy(text, value.ptr, value.len);
	text[value.len] = '\0';
	answer_put_text(answer, key, text);
}

void answer_put_u64(struct answer *answer, const char *key, uint64_t value)
{
	if (!answer->error)
		answer_note(answer, sd_bus_message_append(answer->reply, "{sv}",
							  key, "t", value));
}

void answer_put_u32(struct answer *answer, const char *key, uint32_t value)
{
	if (!answer->error)
		answer_note(answer, sd_bus_message_append(answer->reply, "{sv}",
							  key, "u", value));
}

void answer_put_bool(struct answer *answer, const char *key, bool value)
{
	if (!answer->error)
		answer_note(answer,
			    sd_bus_message_append(answer->reply, "{sv}", key,
						  "b", (int)value));
}

void answer_open(struct answer *answer, const char *contents)
{
	if (!answer->error)
		answer_note(answer,
			    sd_bus_message_open_container(answer->reply, 'a',
							  contents));
}

void answer_close(struct answer *answer)
{
	if (!answer->error)
		answer_note(answer,
			    sd_bus_message_close_container(answer->reply));
}

/* Into the value of one entry of a dictionary. */
static void open_value(struct answer *answer, const char *key,
		       const char *contents)
{
	sd_bus_message *reply = answer->reply;

	if (answer->error)
		return;
	answer_note(answer, sd_bus_message_open_container(reply, 'e', "sv"));
	answer_note(answer, sd_bus_message_append(reply, "s", key));
	answer_note(answer,
		    sd_bus_message_open_container(reply, 'v', contents));
}

void answer_put_strings(struct answer *answer, const char *key, char **list)
{
	if (!list[0])
		return;
	open_value(answer, key, "as");
	if (!answer->error)
		answer_note(answer,
			    sd_bus_message_append_strv(answer->reply, list));
	answer_close(answer);
	answer_close(answer);
}

void answer_open_rows(struct answer *answer, const char *key)
{
	open_value(answer, key, "a(sss)");
	answer_open(answer, "(sss)");
}

void answer_put_row(struct answer *answer, const char *name, const char *state,
		    const char *detail)
{
	if (!answer->error)
		answer_note(answer,
			    sd_bus_message_append(answer->reply, "(sss)", name,
						  state, detail));
}

void answer_close_rows(struct answer *answer)
{
	for (int i = 0; i < 3; i++)
		answer_close(answer);
}
