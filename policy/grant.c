/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a grant, see grant.h. Every check is made when reading; writing
 * reads back what it wrote. */
#include "policy/grant.h"

#include <assert.h>
#include <errno.h>

#include "policy/lines.h"
#include "policy/utf8.h"

#define FIRST_WORD "sekimori-grant"

static const char *const actions[] = {
	[GRANT_NONE] = "none",	   [GRANT_REQUEST] = "request",
	[GRANT_GRANT] = "grant",   [GRANT_DENY] = "deny",
	[GRANT_REVOKE] = "revoke",
};
static_assert(sizeof(actions) / sizeof(actions[0]) == GRANT_ACTION_COUNT,
	      "one word for each action");

static const char *const accesses[] = {
	[GRANT_NOTHING] = "nothing",
	[GRANT_READ_ONLY] = "read-only",
	[GRANT_READ_WRITE] = "read-write",
	[GRANT_AUTHORISE] = "authorise",
	[GRANT_SUBSTITUTE_FACTOR] = "substitute-factor",
};
static_assert(sizeof(accesses) / sizeof(accesses[0]) == GRANT_ACCESS_COUNT,
	      "one word for each access");

const char *grant_action_to_str(enum grant_action action)
{
	return (unsigned int)action < GRANT_ACTION_COUNT ? actions[action]
							 : actions[GRANT_NONE];
}

int grant_action_from_str(struct span text, enum grant_action *ret_action)
{
	for (unsigned int i = GRANT_NONE + 1; i < GRANT_ACTION_COUNT; i++) {
		if (!span_equals_str(text, actions[i]))
			continue;
		*ret_action = (enum grant_action)i;
		return 0;
	}
	return -ENOENT;
}

const char *grant_access_to_str(enum grant_access access)
{
	return (unsigned int)access < GRANT_ACCESS_COUNT
		       ? accesses[access]
		       : accesses[GRANT_NOTHING];
}

int grant_access_from_str(struct span text, enum grant_access *ret_access)
{
	for (unsigned int i = GRANT_NOTHING + 1; i < GRANT_ACCESS_COUNT; i++) {
		if (!span_equals_str(text, accesses[i]))
			continue;
		*ret_access = (enum grant_access)i;
		return 0;
	}
	return -ENOENT;
}

static bool is_hex(struct span text, size_t count)
{
	if (text.len != count)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

bool grant_is_id(struct span text)
{
	return span_starts_with(text, SPAN("g-")) &&
	       is_hex(span_skip(text, 2), GRANT_ID_CHARS - 2);
}

/* Printable ASCII without blanks: base64, hex and words. */
static bool is_printable(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f)
			return false;
	return text.len > 0;
}

bool grant_is_device(struct span text)
{
	enum usb_channel channel;

	if (text.len > GRANT_DEVICE_MAX)
		return false;
	if (span_starts_with(text, SPAN("channel:")))
		return usb_channel_from_str(span_skip(text, 8), &channel);
	if (span_starts_with(text, SPAN("usb:")))
		return is_printable(span_skip(text, 4));
	return span_starts_with(text, SPAN("disk:")) &&
	       is_hex(span_skip(text, 5), 64);
}

static bool take_head(struct lines *lines, struct grant *grant)
{
	struct span value;

	if (!lines_take(lines, FIRST_WORD, &value) ||
	    !span_equals_str(value, "1"))
		return lines_fail(lines,
				  "does not begin with '" FIRST_WORD " 1'");
	if (!lines_take(lines, "action", &value) ||
	    grant_action_from_str(value, &grant->action) != 0)
		return lines_fail(lines, "has no action that is known");
	if (!lines_take(lines, "id", &grant->id) || !grant_is_id(grant->id))
		return lines_fail(lines, "has no valid id");
	if (!lines_take_time(lines, "issued", &grant->wall_issued_s))
		return false;
	if (grant->wall_issued_s == 0)
		return lines_fail(lines, "does not say when it was issued");
	if (!lines_take(lines, "terminal", &grant->terminal) ||
	    !is_hex(grant->terminal, GRANT_TERMINAL_CHARS))
		return lines_fail(lines, "names no terminal");
	return true;
}

static bool take_scope(struct lines *lines, struct grant *grant)
{
	struct span value;

	if (!lines_take(lines, "user", &grant->user) ||
	    !lines_is_word(grant->user, GRANT_USER_MAX))
		return lines_fail(lines, "names no user");
	if (!lines_take(lines, "device", &grant->device) ||
	    !grant_is_device(grant->device))
		return lines_fail(lines, "names no device");
	if (!lines_take(lines, "access", &value) ||
	    grant_access_from_str(value, &grant->access) != 0)
		return lines_fail(lines, "has no access that is known");
	return true;
}

/* An optional number from 1 to `max`. */
static bool take_count(struct lines *lines, const char *word, uint32_t max,
		       uint32_t *ret_value)
{
	struct span value;
	uint64_t number;

	if (!lines_take(lines, word, &value))
		return true;
	if (!lines_number(value, &number) || number == 0 || number > max)
		return lines_fail(lines, "a number is outside its limits");
	*ret_value = (uint32_t)number;
	return true;
}

static bool take_limits(struct lines *lines, struct grant *grant)
{
	if (!lines_take_time(lines, "not-before", &grant->wall_not_before_s) ||
	    !lines_take_time(lines, "not-after", &grant->wall_not_after_s) ||
	    !take_count(lines, "minutes", GRANT_MINUTES_MAX, &grant->minutes) ||
	    !take_count(lines, "uses", GRANT_USES_MAX, &grant->uses))
		return false;
	if (grant->wall_not_after_s == 0)
		return lines_fail(lines, "has no end");
	if (grant->wall_not_after_s <= grant->wall_not_before_s)
		return lines_fail(lines, "ends before it begins");
	if (grant->wall_not_after_s <= grant->wall_issued_s)
		return lines_fail(lines, "ends before it was issued");
	if (grant->minutes == 0)
		return lines_fail(lines, "does not say how long");
	return true;
}

static bool take_why(struct lines *lines, struct grant *grant)
{
	if (!lines_take(lines, "reason", &grant->reason) ||
	    !lines_is_word(grant->reason, GRANT_WORD_MAX))
		return lines_fail(lines, "has no reason");
	if (lines_take(lines, "ticket", &grant->ticket) &&
	    !lines_is_word(grant->ticket, GRANT_WORD_MAX))
		return lines_fail(lines, "the ticket is not valid");
	if (lines_take(lines, "requester", &grant->requester) &&
	    !lines_is_word(grant->requester, GRANT_USER_MAX))
		return lines_fail(lines, "the requester is not valid");
	return lines_take_time(lines, "report-by", &grant->wall_report_by_s);
}

/* Shown to people and written into events: nothing that hides in it. */
static bool is_clean(struct span text)
{
	while (text.len > 0) {
		uint32_t cp;
		size_t n = utf8_next(text.ptr, text.len, &cp);
		if (cp == UTF8_REPLACEMENT || utf8_is_invisible(cp))
			return false;
		text = span_skip(text, n);
	}
	return true;
}

static bool take_note(struct lines *lines, struct grant *grant)
{
	bool is_needed = grant->action == GRANT_DENY ||
			 grant->action == GRANT_REVOKE;

	if (!lines_take(lines, "note", &grant->note))
		return !is_needed || lines_fail(lines, "does not say why");
	if (!lines_is_text(grant->note, GRANT_NOTE_MAX) ||
	    !is_clean(grant->note))
		return lines_fail(lines, "the note is not valid");
	return true;
}

int grant_read(struct span text, struct grant *ret_grant, const char **ret_why)
{
	struct lines lines = {.rest = text};
	struct grant *grant = ret_grant;

	*grant = (struct grant){0};
	if (text.len > GRANT_MAX_BYTES) {
		*ret_why = "is too long";
		return GRANT_MALFORMED;
	}
	bool ok = take_head(&lines, grant);
	if (ok &&
	    (grant->action == GRANT_REQUEST || grant->action == GRANT_GRANT))
		ok = take_scope(&lines, grant) && take_limits(&lines, grant) &&
		     take_why(&lines, grant);
	if (ok && take_note(&lines, grant) &&
	    span_equals_str(lines.rest, "end\n"))
		return 0;
	*ret_why = lines.why ? lines.why
			     : "a line is not known, or not in its place";
	return GRANT_MALFORMED;
}

static bool is_same(const struct grant *a, const struct grant *b)
{
	return a->action == b->action && span_equals(a->id, b->id) &&
	       a->wall_issued_s == b->wall_issued_s &&
	       span_equals(a->terminal, b->terminal) &&
	       span_equals(a->user, b->user) &&
	       span_equals(a->device, b->device) && a->access == b->access &&
	       a->wall_not_before_s == b->wall_not_before_s &&
	       a->wall_not_after_s == b->wall_not_after_s &&
	       a->minutes == b->minutes && a->uses == b->uses &&
	       span_equals(a->reason, b->reason) &&
	       span_equals(a->ticket, b->ticket) &&
	       span_equals(a->requester, b->requester) &&
	       a->wall_report_by_s == b->wall_report_by_s &&
	       span_equals(a->note, b->note);
}

static void put_scope(struct lines_out *out, const struct grant *grant)
{
	lines_put_text(out, "user", grant->user);
	lines_put_text(out, "device", grant->device);
	lines_put_text(out, "access",
		       span_str(grant_access_to_str(grant->access)));
	lines_put_number(out, "not-before", grant->wall_not_before_s);
	lines_put_number(out, "not-after", grant->wall_not_after_s);
	lines_put_number(out, "minutes", grant->minutes);
	lines_put_number(out, "uses", grant->uses);
	lines_put_text(out, "reason", grant->reason);
	lines_put_text(out, "ticket", grant->ticket);
	lines_put_text(out, "requester", grant->requester);
	lines_put_number(out, "report-by", grant->wall_report_by_s);
}

int grant_write(const struct grant *grant, char *buf, size_t cap,
		size_t *ret_len)
{
	struct lines_out out = {.buf = buf, .cap = cap};
	struct grant back;
	const char *why;

	lines_put(&out, SPAN(FIRST_WORD " 1\n"));
	lines_put_text(&out, "action",
		       span_str(grant_action_to_str(grant->action)));
	lines_put_text(&out, "id", grant->id);
	lines_put_number(&out, "issued", grant->wall_issued_s);
	lines_put_text(&out, "terminal", grant->terminal);
	if (grant->action == GRANT_REQUEST || grant->action == GRANT_GRANT)
		put_scope(&out, grant);
	lines_put_text(&out, "note", grant->note);
	lines_put(&out, SPAN("end\n"));
	if (out.is_full)
		return -ENOBUFS;
	if (grant_read(span_of(buf, out.len), &back, &why) != 0 ||
	    !is_same(grant, &back))
		return GRANT_MALFORMED;
	*ret_len = out.len;
	return 0;
}
