/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's own readers of what clients send and its escaper of what it
 * shows. The first octet picks one; the rest is its input. The sources are
 * included, as the fuzzer is linked with the pure libraries only.
 */
#include <stdint.h>
#include <stdlib.h>

#include "collector/event.c"
#include "collector/headers.c"
#include "collector/ident.c"
#include "collector/secret.c"
#include "collector/web/html.c"

#define PARTS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

static bool is_utf8(const char *text)
{
	const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);

	while (at < end) {
		size_t n = *at < 0x80 ? 1 : utf8_len(at, end);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

static void try_event(const char *text, size_t size)
{
	struct event_fields f;
	char out[64];

	if (event_scan(text, size, &f) != 0)
		return;
	check(!memchr(text, '\n', size) && !memchr(text, '\0', size));
	check(f.code.at >= text && f.code.at + f.code.len <= text + size);
	check(f.sequence > 0 && f.severity >= 0 && f.wall_time_ms >= 0);
	check(event_unescape(f.unit, out, sizeof(out)) < sizeof(out));
	check(is_utf8(out));
	check(event_unescape(f.hostname, out, 7) < 7);
	check(is_utf8(out));
}

/* Fields apart by newlines; an empty one is a missing header. */
static void try_headers(char *text)
{
	struct header_text fields = {0};
	const char **slots[PARTS] = {&fields.stream,   &fields.first_seq,
				     &fields.count,    &fields.prev_hash,
				     &fields.tip_hash, &fields.tail_seq,
				     &fields.time,     &fields.lost};
	struct headers h;
	const char *name;

	for (int i = 0; i < PARTS && text; i++) {
		char *line = strsep(&text, "\n");

		*slots[i] = *line ? line : NULL;
	}
	if (headers_parse(&fields, &h, &name) != 0) {
		check(name != NULL);
		return;
	}
	check(h.first_seq >= 1 && h.count >= 1);
	check(h.last_seq == h.first_seq + h.count - 1);
	check(h.last_seq <= INT64_MAX && h.lost_seq < h.first_seq);
}

static void try_html(const char *text)
{
	struct buf out = BUF_INIT(1 << 20);

	if (html_add(&out, text) == 0) {
		const char *html = buf_text(&out);

		check(!strpbrk(html, "<>\"'\n\r\t\x1b"));
		check(strlen(html) == out.size);
	}
	buf_fini(&out);
}

static void try_base64(const char *text, size_t size)
{
	uint8_t plain[256];
	char *again = NULL;
	ssize_t n = secret_from_base64(text, size, plain, sizeof(plain));

	if (n < 0)
		return;
	check((size_t)n <= sizeof(plain));
	check(secret_to_base64(plain, (size_t)n, &again) == 0);
	/* One spelling: what is left of the input without blanks. */
	for (size_t i = 0, at = 0; i < size; i++)
		if (!is_blank(text[i]))
			check(again[at++] == text[i]);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char user[HEADERS_BASIC_SIZE], password[HEADERS_BASIC_SIZE];
	struct ident ident;
	char *text;

	if (size < 1)
		return 0;
	text = malloc(size);
	check(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0]) {
	case 'e':
		try_event(text, size - 1);
		break;
	case 'h':
		try_headers(text);
		break;
	case 'b':
		(void)!headers_parse_basic(text, user, password);
		break;
	case '6':
		try_base64(text, size - 1);
		break;
	case 'i':
		(void)!ident_parse_uri(text, size - 1, &ident);
		break;
	case 'w':
		try_html(text);
		break;
	default:
		break;
	}
	free(text);
	return 0;
}
