/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain: why a device is as it is, what would have let it in, and what to
 * do about it.
 */
#include <inttypes.h>
#include <string.h>

#include "agent/ctl/bus.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/dict.h"
#include "agent/ctl/report.h"
#include "agent/ctl/text.h"
#include "policy/record.h"

#define LABEL_COLUMNS 12

static void print_label(const struct ctl *ctl, const char *label)
{
	fputs("  ", ctl->out);
	text_print_padded(ctl->out, label, LABEL_COLUMNS);
}

static void print_field(const struct ctl *ctl, const char *label,
			const char *value)
{
	if (!value || !value[0])
		return;
	print_label(ctl, label);
	text_print(ctl->out, value);
	fputc('\n', ctl->out);
}

static void print_title(const struct ctl *ctl, const struct dict *device)
{
	const char *vid_pid = dict_str(device, "vid-pid");
	char name[REPORT_NAME_MAX];

	report_name(device, name);
	text_print(ctl->out, dict_str(device, "id"));
	if (name[0]) {
		fputs("  ", ctl->out);
		text_print(ctl->out, name);
	}
	if (vid_pid) {
		fputs(" (", ctl->out);
		text_print(ctl->out, vid_pid);
		fputc(')', ctl->out);
	}
	fputc('\n', ctl->out);
}

/* "storage-denied (10-usb.rules:12)" and below it the rule itself. */
static void print_rule(const struct ctl *ctl, const char *label,
		       const char *const names[static 3], uint64_t line)
{
	const char *id = names[0], *file = names[1], *text = names[2];

	if (!id && !file)
		return;
	print_label(ctl, label);
	if (id && strcmp(id, "implicit") == 0 && !file) {
		fputs(_("none matched: what no rule allows is blocked\n"),
		      ctl->out);
		return;
	}
	/* A rule without an id goes by its place already. */
	bool is_place = id && file && strncmp(id, file, strlen(file)) == 0 &&
			id[strlen(file)] == ':';
	if (id && !is_place)
		text_print(ctl->out, id);
	if (file) {
		bool has_id = id && !is_place;
		fputs(has_id ? " (" : "", ctl->out);
		text_print(ctl->out, file);
		fprintf(ctl->out, ":%" PRIu64 "%s", line, has_id ? ")" : "");
	}
	fputc('\n', ctl->out);
	print_field(ctl, "", text);
}

/* The daemon's own words, or ours for its code where they are Japanese. */
static const char *reason_of(const struct ctl *ctl, const struct dict *device)
{
	const char *code = dict_str(device, "reason-code");
	enum record_reason reason;

	if (ctl->is_japanese && code &&
	    record_reason_from_str(code, &reason) == 0)
		return record_reason_japanese(reason);
	return dict_str(device, "reason");
}

static void print_decision(const struct ctl *ctl, const struct dict *device)
{
	const char *const rule[] = {dict_str(device, "rule"),
				    dict_str(device, "rule-file"),
				    dict_str(device, "rule-text")};
	const char *mode = dict_str(device, "mode");
	const char *layer = dict_str(device, "layer");
	char when[TEXT_LONG_MAX];

	print_field(ctl, _("State"),
		    report_word(ctl, dict_str(device, "state")));
	print_field(ctl, _("Access"),
		    report_word(ctl, dict_str(device, "access")));
	if (dict_u64(device, "decided")) {
		text_time_ago(ctl, (int64_t)dict_u64(device, "decided"), when);
		print_field(ctl, _("Decided"), when);
	}
	if (mode && strcmp(mode, "monitor") == 0)
		print_field(ctl, _("Mode"), report_word(ctl, mode));
	print_rule(ctl, _("Rule"), rule, dict_u64(device, "rule-line"));
	print_field(ctl, _("Because"), reason_of(ctl, device));
	if (dict_u64(device, "lifeline"))
		print_field(ctl, _("Lifeline"),
			    _("the last of its kind: it is never taken away"));
	if (layer) {
		const char *meaning = report_layer(ctl, layer);
		print_label(ctl, _("Held by"));
		text_print(ctl->out, layer);
		fprintf(ctl->out, "%s%s\n", meaning[0] ? ": " : "", meaning);
	}
}

static void print_nearest(const struct ctl *ctl, const struct dict *device)
{
	const char *const rule[] = {dict_str(device, "near-rule"),
				    dict_str(device, "near-file"),
				    dict_str(device, "near-text")};
	const char *why = dict_str(device, "near-why");

	if (!rule[0] && !rule[1])
		return;
	print_rule(ctl, _("Nearest"), rule, dict_u64(device, "near-line"));
	if (why) {
		print_label(ctl, "");
		fputs(_("would have allowed it; did not match: "), ctl->out);
		text_print(ctl->out, why);
		fputc('\n', ctl->out);
	}
}

static void print_explanation(const struct ctl *ctl, const struct dict *device)
{
	print_title(ctl, device);
	print_decision(ctl, device);
	print_nearest(ctl, device);
	if (dict_u64(device, "waits")) {
		print_label(ctl, _("To use it"));
		fputs("sekimorictl confirm ", ctl->out);
		text_print(ctl->out, dict_str(device, "id"));
		fputc('\n', ctl->out);
	}
	print_field(ctl, _("Ask for"),
		    report_word(ctl, dict_str(device, "ask")));
	print_field(ctl, _("Call"), dict_str(device, "contact"));
	print_field(ctl, _("Reference"), dict_str(device, "user-ref"));
}

int cmd_explain(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_dict_ struct dict device = {0};
	const char *name;
	bool is_json;

	int r = report_arguments(ctl, argc, argv, &is_json, &name);
	if (r != CTL_OK)
		return r;
	if (!name)
		return ctl_usage(ctl, argv[0], "%s", _("a device is missing"));
	r = bus_call(ctl, "Explain", &reply, "s", name);
	if (r != CTL_OK)
		return r;
	if (dict_read(reply, &device) < 0 || !dict_str(&device, "id"))
		return bus_tell_garbled(ctl);

	if (is_json) {
		r = report_json(ctl, &device);
		fputc('\n', ctl->out);
		return r;
	}
	print_explanation(ctl, &device);
	return CTL_OK;
}
