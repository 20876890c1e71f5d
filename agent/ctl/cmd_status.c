/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status: is this terminal protected, how well, and do its events arrive.
 */
#include <inttypes.h>
#include <string.h>

#include "agent/ctl/bus.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/dict.h"
#include "agent/ctl/report.h"
#include "agent/ctl/text.h"

#define LABEL_COLUMNS 12
#define NAME_COLUMNS  15
#define STATE_COLUMNS 10

static void print_label(const struct ctl *ctl, const char *label)
{
	text_print_padded(ctl->out, label, LABEL_COLUMNS);
}

static void print_state(const struct ctl *ctl, const struct dict *status)
{
	const char *state = dict_str(status, "state");
	const char *tier = dict_str(status, "tier");
	const char *floor = dict_str(status, "floor");

	text_field(ctl, _("State"), report_state(ctl, state), LABEL_COLUMNS);
	text_field(ctl, "", dict_str(status, "state-why"), LABEL_COLUMNS);
	if (!tier)
		return;
	print_label(ctl, _("Tier"));
	text_print(ctl->out, tier);
	fprintf(ctl->out, "  %s\n", report_tier(ctl, tier));
	if (floor && strcmp(tier, floor) > 0) {
		print_label(ctl, "");
		fprintf(ctl->out, _("the policy asks for %s at least\n"),
			report_tier(ctl, floor)[0] ? floor : "?");
	}
}

static void print_tamper(const struct ctl *ctl, const struct dict *status)
{
	const char *tamper = dict_str(status, "tamper");
	char when[TEXT_SHORT_MAX];

	if (!tamper)
		return;
	print_label(ctl, _("Tampering"));
	if (strcmp(tamper, "lifted") == 0) {
		text_time((int64_t)dict_u64(status, "tamper-until"), when);
		fprintf(ctl->out, _("lifted until %s\n"), when);
		return;
	}
	fprintf(ctl->out, "%s\n",
		strcmp(tamper, "on") == 0    ? _("on")
		: strcmp(tamper, "off") == 0 ? _("off")
					     : _("not in this tier"));
}

/* Whose it is; or that nobody answers for it although somebody should. */
static void print_signature(const struct ctl *ctl, const struct dict *status)
{
	const char *signer = dict_str(status, "policy-signer");
	char when[TEXT_SHORT_MAX];

	if (!signer && !dict_u64(status, "policy-anchored"))
		return;
	print_label(ctl, "");
	if (!signer) {
		fputs(_("not signed, although a trust anchor is pinned\n"),
		      ctl->out);
		return;
	}
	fputs(_("signed with key "), ctl->out);
	text_print(ctl->out, signer);
	if (dict_u64(status, "policy-until")) {
		text_time((int64_t)dict_u64(status, "policy-until"), when);
		fprintf(ctl->out, _(", until %s"), when);
	}
	fputc('\n', ctl->out);
}

static void print_policy(const struct ctl *ctl, const struct dict *status)
{
	const char *name = dict_str(status, "policy-name");
	const char *error = dict_str(status, "policy-error");
	char when[TEXT_SHORT_MAX];

	print_label(ctl, _("Policy"));
	if (name) {
		text_print(ctl->out, name);
		fprintf(ctl->out,
			_(", serial %" PRIu64 ", %" PRIu64 " rules, mode %s"),
			dict_u64(status, "policy-serial"),
			dict_u64(status, "policy-rules"),
			report_word(ctl, dict_str(status, "mode")));
	} else {
		fputs(_("none could be read: media are denied"), ctl->out);
	}
	fputc('\n', ctl->out);
	if (dict_u64(status, "policy-loaded")) {
		text_time((int64_t)dict_u64(status, "policy-loaded"), when);
		print_label(ctl, "");
		fprintf(ctl->out, _("in force since %s\n"), when);
	}
	print_signature(ctl, status);
	if (error) {
		print_label(ctl, "");
		fputs(_("newest one refused: "), ctl->out);
		text_print(ctl->out, error);
		fputc('\n', ctl->out);
	}
}

static void print_events(const struct ctl *ctl, const struct dict *status)
{
	uint64_t last = dict_u64(status, "spool-last");
	uint64_t acked = dict_u64(status, "spool-acked");
	uint64_t pending = last > acked ? last - acked : 0;
	uint64_t oldest = dict_u64(status, "spool-oldest");
	char size[TEXT_SHORT_MAX], age[TEXT_SHORT_MAX];

	text_size(dict_u64(status, "spool-bytes"), size);
	print_label(ctl, _("Events"));
	fprintf(ctl->out, _("newest %" PRIu64 ", %s on disk; "), last, size);
	if (pending == 0) {
		fputs(_("the collector has all\n"), ctl->out);
		return;
	}
	fprintf(ctl->out, _("%" PRIu64 " not yet at the collector"), pending);
	if (oldest > 0 && (int64_t)oldest <= ctl->wall_now_ms) {
		text_duration(ctl, ((uint64_t)ctl->wall_now_ms - oldest) / 1000,
			      age);
		fprintf(ctl->out, _(", the oldest for %s"), age);
	}
	fputc('\n', ctl->out);
}

static void print_collector(const struct ctl *ctl, const struct dict *status)
{
	const char *url = dict_str(status, "collector");
	const char *error = dict_str(status, "contact-error");
	char when[TEXT_LONG_MAX];

	print_label(ctl, _("Collector"));
	if (!url) {
		fputs(_("none configured: events stay on this terminal\n"),
		      ctl->out);
		return;
	}
	text_time_ago(ctl, (int64_t)dict_u64(status, "contact-last"), when);
	text_print(ctl->out, url);
	fprintf(ctl->out, _(", last contact %s\n"), when);
	if (error) {
		print_label(ctl, "");
		fputs(_("newest try failed: "), ctl->out);
		text_print(ctl->out, error);
		fputc('\n', ctl->out);
	}
}

static void print_row(const struct ctl *ctl, const char *name,
		      const char *state, const char *text)
{
	fputs("  ", ctl->out);
	text_print_padded(ctl->out, name, NAME_COLUMNS);
	text_print_padded(ctl->out, report_word(ctl, state),
			  text[0] ? STATE_COLUMNS : 0);
	text_print(ctl->out, text);
}

/* Rows of name, state, detail under TITLE, printed one by one. */
static void print_rows(const struct ctl *ctl, const struct dict_entry *rows,
		       const char *title,
		       void (*print)(const struct ctl *ctl,
				     const char *const *row))
{
	if (!rows || rows->list_width != 3)
		return;
	fprintf(ctl->out, "\n%s\n", title);
	for (size_t i = 0; i + 2 < rows->list_count; i += 3) {
		print(ctl, &rows->list[i]);
		fputc('\n', ctl->out);
	}
}

/* What is not ok says why; what is, what for. */
static void print_layer(const struct ctl *ctl, const char *const *row)
{
	const char *text = row[2];

	if (strcmp(row[1], "ok") == 0)
		text = report_layer(ctl, row[0]);
	else if (!text[0])
		text = _("not in use");
	print_row(ctl, row[0], row[1], text);
}

/* The detail is the names of what there is. */
static void print_channel(const struct ctl *ctl, const char *const *row)
{
	print_row(ctl, row[0], row[1], report_channel(ctl, row[0]));
	if (row[2][0]) {
		fputs(": ", ctl->out);
		text_print(ctl->out, row[2]);
	}
}

static void print_status(const struct ctl *ctl, const struct dict *status)
{
	const char *hostname = dict_str(status, "hostname");
	const char *version = dict_str(status, "version");

	text_field(ctl, _("Terminal"), hostname ? hostname : "-",
		   LABEL_COLUMNS);
	text_field(ctl, "", dict_str(status, "terminal"), LABEL_COLUMNS);
	if (version) {
		print_label(ctl, "");
		fputs("sekimori ", ctl->out);
		text_print(ctl->out, version);
		fputc('\n', ctl->out);
	}
	print_state(ctl, status);
	print_tamper(ctl, status);
	print_policy(ctl, status);
	print_label(ctl, _("Devices"));
	fprintf(ctl->out, _("%" PRIu64 " allowed, %" PRIu64 " blocked\n"),
		dict_u64(status, "devices-authorised"),
		dict_u64(status, "devices-blocked"));
	print_events(ctl, status);
	print_collector(ctl, status);
	text_field(ctl, _("Contact"), dict_str(status, "contact"),
		   LABEL_COLUMNS);
	print_rows(ctl, dict_list(status, "layers"), _("Layers"), print_layer);
	print_rows(ctl, dict_list(status, "channels"), _("Channels"),
		   print_channel);
}

int cmd_status(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_dict_ struct dict status = {0};
	const char *rest;
	bool is_json;

	int r = report_arguments(ctl, argc, argv, &is_json, &rest);
	if (r != CTL_OK)
		return r;
	if (rest)
		return ctl_usage(ctl, argv[0], _("unexpected argument '%s'"),
				 rest);
	r = bus_call(ctl, "Status", &reply, NULL);
	if (r != CTL_OK)
		return r;
	if (dict_read(reply, &status) < 0 || !dict_str(&status, "state"))
		return bus_tell_garbled(ctl);

	if (is_json) {
		r = report_json(ctl, &status);
		if (r != CTL_OK)
			return r;
		fputc('\n', ctl->out);
	} else {
		print_status(ctl, &status);
	}
	return strcmp(dict_str(&status, "state"), "enforcing") == 0
		       ? CTL_OK
		       : CTL_FAILED;
}
