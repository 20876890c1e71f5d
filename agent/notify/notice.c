/* SPDX-License-Identifier: Apache-2.0 */
/* A row for each event that is told, and the lines that a text is made of. */
#include "agent/notify/notice.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/notify/scope.h"
#include "agent/notify/text.h"
#include "policy/grant.h"
#include "policy/json_in.h"
#include "policy/record.h"

#define FIELD_SIZE 512
#define MINUTE_S   60

static const struct {
	const char *code;
	enum notice_kind kind;
	bool can_request;
	const char *title; /* %s: the name of the device */
	const char *title_nameless;
} rows[] = {
	{"usb.device.blocked", NOTICE_BLOCKED, true, N_("“%s” cannot be used"),
	 N_("A device cannot be used")},
	{"media.denied", NOTICE_BLOCKED, true, N_("“%s” cannot be used"),
	 N_("A medium cannot be used")},
	{"media.readonly", NOTICE_BLOCKED, true, N_("“%s” can only be read"),
	 N_("A medium can only be read")},
	{"mount.blocked", NOTICE_BLOCKED, true, N_("“%s” cannot be opened"),
	 N_("A medium cannot be opened")},
	{"block.open.blocked", NOTICE_BLOCKED, false,
	 N_("“%s” cannot be opened"), N_("A medium cannot be opened")},
	{"block.rawwrite.blocked", NOTICE_BLOCKED, false,
	 N_("Writing to “%s” was stopped"),
	 N_("Writing to a medium was stopped")},
	{"channel.blocked", NOTICE_BLOCKED, true, N_("“%s” cannot be used"),
	 N_("A connection cannot be used")},
	{"usb.keyboard.cut", NOTICE_BLOCKED, false,
	 N_("“%s” was cut off: it typed as no person does"),
	 N_("A keyboard was cut off: it typed as no person does")},
	{"usb.device.held", NOTICE_WAITS, false,
	 N_("“%s” waits to be confirmed"),
	 N_("A keyboard waits to be confirmed")},
	{"grant.requested", NOTICE_REQUESTED, false,
	 N_("Your request for “%s” was sent"), N_("Your request was sent")},
	{"grant.granted", NOTICE_GRANTED, false, N_("“%s” may be used now"),
	 N_("Your request was granted")},
	{"grant.refused", NOTICE_REFUSED, true, N_("No permission for “%s”"),
	 N_("Your request was refused")},
	{"media.ending", NOTICE_ENDING, true, N_("Use of “%s” ends soon"),
	 N_("Permission ends soon")},
	{"media.ended", NOTICE_ENDED, true, N_("“%s” was disconnected"),
	 N_("A medium was disconnected")},
	{"grant.ended", NOTICE_ENDED, true, N_("Permission for “%s” has ended"),
	 N_("Permission has ended")},
	{"grant.revoked", NOTICE_ENDED, false,
	 N_("Permission for “%s” was taken back"),
	 N_("Permission was taken back")},
	{"grant.suspended", NOTICE_SUSPENDED, false,
	 N_("Permission for “%s” is suspended"), N_("Permission is suspended")},
	{"grant.resumed", NOTICE_RESUMED, false, N_("“%s” may be used again"),
	 N_("Permission is back")},
	{"mfa.session.denied", NOTICE_LOGIN, false, NULL,
	 N_("A login was refused")},
	{"mfa.session.violation", NOTICE_LOGIN, false, NULL,
	 N_("This session has not proved two factors")},
	{"mfa.session.locked", NOTICE_LOGIN, false, NULL,
	 N_("The screen is being locked")},
	{"mfa.token.removed", NOTICE_LOGIN, false, NULL,
	 N_("The card or key was pulled out")},
	{"mfa.breakglass.used", NOTICE_LOGIN, false, NULL,
	 N_("An emergency login was used and reported")},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool get(struct span event, const char *path, char *ret_text,
		size_t size)
{
	struct span value;

	ret_text[0] = '\0';
	return json_in_find(event, path, &value) == 0 &&
	       json_in_str(value, ret_text, size) == 0 && ret_text[0];
}

/* 0 for what is none, or absurd. */
static int get_number(struct span event, const char *path)
{
	struct span value;
	int64_t number = 0;

	if (json_in_find(event, path, &value) < 0 ||
	    json_in_i64(value, &number) < 0 || number < 0 || number > INT_MAX)
		return 0;
	return (int)number;
}

/* The text with the name where it has "%s": a table's text is no format. */
static void put_title(const char *text, struct notice *notice)
{
	const char *at = strstr(text, "%s");
	int before = at ? (int)(at - text) : (int)strlen(text);

	(void)snprintf(notice->title, sizeof(notice->title), "%.*s%s%s", before,
		       text, at ? notice->name : "", at ? at + 2 : "");
	text_mend(notice->title);
}

static void __attribute__((format(printf, 3, 4)))
put(char *text, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, size, format, args);
	va_end(args);
	text_mend(text);
}

/* One more line of the body. */
static void __attribute__((format(printf, 2, 3)))
add_line(struct notice *notice, const char *format, ...)
{
	size_t len = strlen(notice->body);
	va_list args;

	if (len > 0 && len + 1 < sizeof(notice->body))
		notice->body[len++] = '\n';
	va_start(args, format);
	(void)vsnprintf(notice->body + len, sizeof(notice->body) - len, format,
			args);
	va_end(args);
	text_mend(notice->body);
}

/* What people call it: the label of a medium, what a device says it is. */
static void find_name(struct span event, struct notice *notice)
{
	static const char *const paths[] = {
		"sekimori.media.label",
		"peripheral_device.name",
		"sekimori.channel.name",
		"sekimori.media.node",
		"file.path",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (get(event, paths[i], notice->name, sizeof(notice->name)))
			return;
}

/*
 * Devices of one dock come and go together: the port of the hub they hang on is
 * their group ("1-4" of "1-4.2.1"). Else the disk, else the grant, else the
 * event's code: something always holds repetitions together.
 */
static void find_group(struct span event, const char *code,
		       struct notice *notice)
{
	char port[FIELD_SIZE];
	char node[FIELD_SIZE];

	(void)get(event, "sekimori.media.node", node, sizeof(node));
	if (get(event, "sekimori.usb.busport", port, sizeof(port))) {
		put(notice->device, sizeof(notice->device), "%s",
		    node[0] ? node : port);
		port[strcspn(port, ".")] = '\0';
		put(notice->group, sizeof(notice->group), "port %s", port);
	} else if (node[0]) {
		put(notice->device, sizeof(notice->device), "%s", node);
		put(notice->group, sizeof(notice->group), "disk %s", node);
	} else if (get(event, "sekimori.grant.id", node, sizeof(node))) {
		put(notice->group, sizeof(notice->group), "grant %s", node);
	} else {
		put(notice->group, sizeof(notice->group), "event %s", code);
	}
}

static void add_reason(struct span event, struct notice *notice)
{
	enum record_reason reason;
	char code[FIELD_SIZE];

	if (!get(event, "status_code", code, sizeof(code)) ||
	    record_reason_from_str(code, &reason) < 0)
		return;
	add_line(notice, _("Reason: %s (%s)"),
		 text_is_japanese() ? record_reason_japanese(reason)
				    : record_reason_english(reason),
		 code);
}

static void add_help(const char *contact, struct notice *notice)
{
	if (notice->ref[0])
		add_line(notice, _("Receipt number: %s"), notice->ref);
	if (contact && contact[0])
		add_line(notice, _("Call: %s"), contact);
}

/* 「読み取り専用・30分・1回」 */
static void add_scope(struct span event, struct notice *notice)
{
	int minutes = get_number(event, "sekimori.grant.minutes");
	int uses = get_number(event, "sekimori.grant.uses");
	char word[FIELD_SIZE];
	enum grant_access access;

	if (!get(event, "sekimori.grant.access", word, sizeof(word)) ||
	    grant_access_from_str(span_str(word), &access) < 0)
		return;
	if (uses > 0)
		add_line(notice, _("%s, %d minutes, %d×"), scope_access(access),
			 minutes, uses);
	else
		add_line(notice, _("%s, %d minutes"), scope_access(access),
			 minutes);
}

static void add_left(struct span event, struct notice *notice)
{
	int left_s = get_number(event, "sekimori.ending.left_s");

	if (left_s >= MINUTE_S)
		add_line(notice, _("%d minutes are left."),
			 (left_s + MINUTE_S / 2) / MINUTE_S);
	else if (left_s > 0)
		add_line(notice, _("%d seconds are left."), left_s);
}

static void add_open_files(struct span event, struct notice *notice)
{
	bool is_any = false;

	for (unsigned i = 0; i < NOTICE_FILES_MAX; i++) {
		char path[64];
		char name[FIELD_SIZE];
		char file[FIELD_SIZE];

		(void)snprintf(path, sizeof(path),
			       "sekimori.ending.open.%u.name", i);
		if (!get(event, path, name, sizeof(name)))
			break;
		(void)snprintf(path, sizeof(path),
			       "sekimori.ending.open.%u.path", i);
		if (!get(event, path, file, sizeof(file)))
			(void)snprintf(file, sizeof(file), "?");
		const char *base = strrchr(file, '/');
		if (!is_any)
			add_line(notice, "%s",
				 _("Please save and close these files:"));
		is_any = true;
		add_line(notice, _("・%s (%s)"), base ? base + 1 : file, name);
	}
	if (!is_any)
		return;
	int all = get_number(event, "sekimori.ending.processes");
	if (all > NOTICE_FILES_MAX)
		add_line(notice, _("and %d programs in all"), all);
}

static void fill_body(struct span event, const char *contact,
		      struct notice *notice)
{
	switch (notice->kind) {
	case NOTICE_BLOCKED:
	case NOTICE_LOGIN:
	case NOTICE_REFUSED:
		add_reason(event, notice);
		add_help(contact, notice);
		break;
	case NOTICE_WAITS:
		add_line(notice, "%s",
			 _("Confirm it from another keyboard: sekimorictl "
			   "confirm"));
		add_help(contact, notice);
		break;
	case NOTICE_REQUESTED:
		add_scope(event, notice);
		add_line(notice, "%s",
			 _("You will be told of the answer here."));
		add_help(contact, notice);
		break;
	case NOTICE_GRANTED:
	case NOTICE_RESUMED:
		add_scope(event, notice);
		break;
	case NOTICE_ENDING:
		add_left(event, notice);
		add_open_files(event, notice);
		break;
	case NOTICE_ENDED:
		add_reason(event, notice);
		break;
	case NOTICE_SUSPENDED:
		add_reason(event, notice);
		add_line(notice, "%s",
			 _("It is back when you have logged in or unlocked "
			   "with two factors."));
		break;
	case NOTICE_NONE:
		break;
	}
}

/* Only observed: nothing was blocked, and nobody is to be alarmed. */
static bool is_monitor(struct span event)
{
	char mode[FIELD_SIZE];

	return get(event, "sekimori.decision.mode", mode, sizeof(mode)) &&
	       strcmp(mode, "monitor") == 0;
}

void notice_make(struct span event, const char *contact,
		 struct notice *ret_notice)
{
	struct notice notice = {0};
	char code[FIELD_SIZE];
	size_t i = 0;

	*ret_notice = notice;
	if (event.len > NOTICE_EVENT_MAX_BYTES ||
	    !get(event, "metadata.event_code", code, sizeof(code)))
		return;
	while (i < ROWS && strcmp(rows[i].code, code) != 0)
		i++;
	if (i == ROWS || is_monitor(event))
		return;
	notice.kind = rows[i].kind;
	notice.can_request = rows[i].can_request;
	if (rows[i].title)
		find_name(event, &notice);
	find_group(event, code, &notice);
	(void)get(event, "sekimori.user_ref", notice.ref, sizeof(notice.ref));
	put_title(notice.name[0] ? _(rows[i].title) : _(rows[i].title_nameless),
		  &notice);
	fill_body(event, contact, &notice);
	*ret_notice = notice;
}
