/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One named value a terminal: its signed texts, the newest last, blanks in
 * between, as they go into the inbox.
 */
#include "collector/grants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/buf.h"
#include "agent/wire/jws.h"
#include "collector/inbox.h"

#include "agent/base/banned.h"

int grants_read(const char *text, size_t len, struct grants_text *ret_text)
{
	struct jws jws;
	const char *why;

	if (len > GRANTS_TEXT_MAX || jws_read(span_of(text, len), &jws) != 0 ||
	    strcmp(jws.typ, GRANT_TYP) != 0)
		return GRANTS_NO_JWS;
	size_t size = jws_payload_size(&jws);
	if (size > sizeof(ret_text->payload) ||
	    jws_payload(&jws, (uint8_t *)ret_text->payload) != 0 ||
	    grant_read(span_of(ret_text->payload, size), &ret_text->grant,
		       &why) != 0 ||
	    ret_text->grant.action == GRANT_REQUEST)
		return GRANTS_NO_GRANT;
	memcpy(ret_text->host, ret_text->grant.terminal.ptr,
	       GRANT_TERMINAL_CHARS);
	ret_text->host[GRANT_TERMINAL_CHARS] = '\0';
	return 0;
}

/* What ends something counts for as long as what it may end. */
static bool is_over(const struct grant *grant, int64_t now_s)
{
	uint64_t end_s = grant->action == GRANT_GRANT
				 ? grant->wall_not_after_s
				 : grant->wall_issued_s + GRANT_TERM_MAX_S;

	return now_s > 0 && end_s + GRANTS_OVER_S < (uint64_t)now_s;
}

int grants_kept(struct store *store, const char *host, char **ret_texts)
{
	return inbox_read(store, host, INBOX_GRANTS, ret_texts);
}

/* The next text, its blank made a NUL; NULL: there is no more. */
static char *next_text(char **rest)
{
	char *text = *rest;

	if (!text || *text == '\0')
		return NULL;
	char *blank = strchr(text, ' ');
	*rest = blank ? blank + 1 : NULL;
	if (blank)
		*blank = '\0';
	return text;
}

/* Those of KEPT that a terminal may still need, but for the oldest where they
 * would be too many; and TEXT, once. */
static int merge(char *kept, const char *text, int64_t now_s, struct buf *out)
{
	struct grants_text *read = malloc(sizeof(*read));
	const char *list[GRANTS_KEPT_MAX];
	size_t count = 0;
	int r = 0;

	if (!read)
		return -ENOMEM;
	for (char *one; (one = next_text(&kept));) {
		if (strcmp(one, text) == 0 ||
		    grants_read(one, strlen(one), read) != 0 ||
		    is_over(&read->grant, now_s))
			continue;
		if (count == GRANTS_KEPT_MAX - 1)
			memmove(list, list + 1, --count * sizeof(list[0]));
		list[count++] = one;
	}
	list[count++] = text;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = buf_printf(out, "%s%s", i ? " " : "", list[i]);
	free(read);
	return r;
}

int grants_publish(struct store *store, const char *text, int64_t now_s)
{
	_cleanup_free_ struct grants_text *read = malloc(sizeof(*read));
	_cleanup_free_ char *kept = NULL;
	_cleanup_buf_ struct buf merged =
		BUF_INIT(GRANTS_KEPT_MAX * (GRANTS_TEXT_MAX + 1));
	int r;

	if (!read)
		return -ENOMEM;
	r = grants_read(text, strlen(text), read);
	if (r != 0)
		return r;
	if (read->grant.action == GRANT_GRANT &&
	    read->grant.wall_not_after_s <= (uint64_t)now_s)
		return GRANTS_OVER;
	r = grants_kept(store, read->host, &kept);
	if (r < 0 && r != -ENOENT)
		return r;
	r = merge(kept, text, now_s, &merged);
	if (r < 0)
		return r;
	return inbox_publish(store, read->host, INBOX_GRANTS,
			     buf_text(&merged));
}
