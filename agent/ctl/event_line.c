/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_line: picks fields by path. Must escape all of them: a record holds
 * what a device said, cleaned by its writer, but we do not rely on that.
 */
#include "agent/ctl/event_line.h"

#include <inttypes.h>
#include <string.h>

#include "agent/ctl/text.h"
#include "policy/json_in.h"

#define CODE_COLUMNS	 22
#define SEQUENCE_COLUMNS 7
#define SEVERITY_COLUMNS 8
/* A sentence has two names of 60 characters and some words of ours. */
#define FIELD_MAX 1100u

static bool get(const char *json, const char *path, char buf[static FIELD_MAX])
{
	struct span value;

	buf[0] = '\0';
	return json_in_find(span_str(json), path, &value) == 0 &&
	       json_in_str(value, buf, FIELD_MAX) == 0 && buf[0];
}

static int64_t get_i64(const char *json, const char *path)
{
	struct span value;
	int64_t number = 0;

	if (json_in_find(span_str(json), path, &value) < 0 ||
	    json_in_i64(value, &number) < 0)
		return 0;
	return number;
}

bool event_line_has_code(const char *json, const char *code)
{
	char have[FIELD_MAX];

	if (!code)
		return true;
	if (!get(json, "metadata.event_code", have))
		return false;
	size_t len = strlen(code);
	return strncmp(have, code, len) == 0 &&
	       (have[len] == '\0' || have[len] == '.');
}

static const char *severity_word(const struct ctl *ctl, int64_t severity)
{
	switch (severity) {
	case 1:
		return _("info");
	case 2:
		return _("low");
	case 3:
		return _("medium");
	case 4:
		return _("high");
	case 5:
		return _("critical");
	default:
		return "-";
	}
}

/*
 * What stands before the field, the field, and what stands after it; nothing
 * where the record does not have it. Blanks that would open the sentence are
 * left out. Returns whether something was printed.
 */
static bool print_field(const struct ctl *ctl, const char *json,
			const char *const words[static 3], bool is_first)
{
	char value[FIELD_MAX];

	if (!get(json, words[1], value))
		return false;
	fputs(words[0] + (is_first ? strspn(words[0], " :") : 0), ctl->out);
	text_print(ctl->out, value);
	fputs(words[2], ctl->out);
	return true;
}

/* "QEMU" of "QEMU USB Mouse" need not be said twice. */
static bool is_vendor_said(const char *json)
{
	char vendor[FIELD_MAX], name[FIELD_MAX];

	return get(json, "peripheral_device.vendor_name", vendor) &&
	       get(json, "peripheral_device.name", name) &&
	       strncmp(name, vendor, strlen(vendor)) == 0;
}

/* In English: who or what, why, by which rule. */
static void print_fields(const struct ctl *ctl, const char *json)
{
	static const char *const parts[][3] = {
		{"", "peripheral_device.vendor_name", " "},
		{"", "peripheral_device.name", ""},
		{" (", "peripheral_device.vendor_id_list.0", ""},
		{":", "peripheral_device.model", ")"},
		{" at ", "sekimori.usb.busport", ""},
		{" ", "file.path", ""},
		{" by ", "actor.process.name", ""},
		{" for ", "actor.user.name", ""},
		{" tier ", "sekimori.health.tier", ""},
		{" previous stop: ", "sekimori.agent.prev_stop", ""},
		{" ", "sekimori.tamper.kind", ""},
		{"", "sekimori.order.action", ""},
		{" issued by ", "sekimori.order.issuer", ""},
		{": ", "status_detail", ""},
		{" [", "sekimori.decision.rule", "]"},
	};
	static const char *const policy[3] = {"", "policy.name", ""};
	struct span change;
	bool is_first = true;
	char mode[FIELD_MAX];

	if (json_in_find(span_str(json), "sekimori.policy", &change) == 0 &&
	    print_field(ctl, json, policy, true)) {
		fprintf(ctl->out, " serial %" PRId64,
			get_i64(json, "sekimori.policy.serial"));
		is_first = false;
	}
	for (size_t i = is_vendor_said(json);
	     i < sizeof(parts) / sizeof(parts[0]); i++)
		if (print_field(ctl, json, parts[i], is_first))
			is_first = false;
	if (get_i64(json, "action_id") == 3 &&
	    get(json, "sekimori.decision.mode", mode) &&
	    strcmp(mode, "monitor") == 0)
		fputs(" (monitor mode: not done)", ctl->out);
}

static void print_sentence(const struct ctl *ctl, const char *json)
{
	char message[FIELD_MAX];

	if (!ctl->is_japanese || !get(json, "message", message))
		print_fields(ctl, json);
	else
		text_print(ctl->out, message);
	if (get_i64(json, "count") > 1)
		fprintf(ctl->out, " ×%" PRId64, get_i64(json, "count"));
}

void event_line_print(const struct ctl *ctl, const char *json)
{
	char code[FIELD_MAX], when[TEXT_SHORT_MAX], sequence[TEXT_SHORT_MAX];

	if (!get(json, "metadata.event_code", code)) {
		text_print(ctl->out, json);
		fputc('\n', ctl->out);
		return;
	}
	text_time(get_i64(json, "time"), when);
	snprintf(sequence, sizeof(sequence), "%" PRId64,
		 get_i64(json, "metadata.sequence"));
	fprintf(ctl->out, "%s  ", when);
	text_print_padded(ctl->out, sequence, SEQUENCE_COLUMNS);
	fputs(" ", ctl->out);
	text_print_padded(ctl->out,
			  severity_word(ctl, get_i64(json, "severity_id")),
			  SEVERITY_COLUMNS);
	fputs(" ", ctl->out);
	text_print_padded(ctl->out, code, CODE_COLUMNS);
	fputs(" ", ctl->out);
	print_sentence(ctl, json);
	fputc('\n', ctl->out);
}
