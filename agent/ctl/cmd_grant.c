/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request, code, grants, end, extend: exceptions as the person at the terminal asks
 * for them and sees them. The daemon says what is one; nothing is decided here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/bus.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/dict.h"
#include "agent/ctl/report.h"
#include "agent/ctl/text.h"

#define MINUTES_DEFAULT	 30u
#define GRANTS_SHOWN_MAX 256u

struct wish {
	const char *what; /* device or id */
	const char *access;
	const char *reason;
	const char *ticket;
	const char *note;
	uint32_t minutes;
};

/* --- the command line -------------------------------------------------------- */

static int take_minutes(const struct ctl *ctl, const char *command,
			const char *text, uint32_t *ret_minutes)
{
	char *end = NULL;

	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value == 0 ||
	    value > 10080)
		return ctl_usage(ctl, command,
				 _("'%s' is not a number that %s takes"), text,
				 "--minutes");
	*ret_minutes = (uint32_t)value;
	return CTL_OK;
}

/* Where the value of an option goes; NULL: there is no such option. */
static const char **place_of(struct wish *wish, const char *option)
{
	if (strcmp(option, "--access") == 0)
		return &wish->access;
	if (strcmp(option, "--reason") == 0)
		return &wish->reason;
	if (strcmp(option, "--ticket") == 0)
		return &wish->ticket;
	return strcmp(option, "--note") == 0 ? &wish->note : NULL;
}

static int take_option(const struct ctl *ctl, char **argv, int i,
		       struct wish *wish)
{
	const char **place = place_of(wish, argv[i]);
	bool is_minutes = strcmp(argv[i], "--minutes") == 0;

	if (!place && !is_minutes)
		return ctl_usage(ctl, argv[0], _("there is no option '%s'"),
				 argv[i]);
	if (!argv[i + 1])
		return ctl_usage(ctl, argv[0], _("'%s' needs a value"),
				 argv[i]);
	if (is_minutes)
		return take_minutes(ctl, argv[0], argv[i + 1], &wish->minutes);
	*place = argv[i + 1];
	return CTL_OK;
}

static int parse(const struct ctl *ctl, int argc, char **argv,
		 struct wish *ret_wish)
{
	*ret_wish = (struct wish){.minutes = MINUTES_DEFAULT};
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-') {
			int r = take_option(ctl, argv, i, ret_wish);
			if (r != CTL_OK)
				return r;
			i++;
		} else if (ret_wish->what) {
			return ctl_usage(ctl, argv[0],
					 _("unexpected argument '%s'"),
					 argv[i]);
		} else {
			ret_wish->what = argv[i];
		}
	}
	return CTL_OK;
}

/* --- request, extend, end ----------------------------------------------------- */

static int put(sd_bus_message *call, const char *key, const char *value)
{
	return value ? sd_bus_message_append(call, "{sv}", key, "s", value) : 0;
}

static int put_wish(sd_bus_message *call, const struct wish *wish)
{
	int r = sd_bus_message_open_container(call, 'a', "{sv}");

	if (r >= 0)
		r = put(call, "device", wish->what);
	if (r >= 0)
		r = put(call, "access", wish->access);
	if (r >= 0)
		r = put(call, "reason", wish->reason);
	if (r >= 0)
		r = put(call, "ticket", wish->ticket);
	if (r >= 0)
		r = put(call, "note", wish->note);
	if (r >= 0)
		r = sd_bus_message_append(call, "{sv}", "minutes", "u",
					  wish->minutes);
	return r < 0 ? r : sd_bus_message_close_container(call);
}

/* The id of what was asked for, alone on the standard output. */
static int print_id(struct ctl *ctl, sd_bus_message *reply)
{
	const char *id;

	if (sd_bus_message_read(reply, "s", &id) < 0)
		return bus_tell_garbled(ctl);
	text_print(ctl->out, id);
	fputc('\n', ctl->out);
	fprintf(ctl->err, _("Asked. \"sekimorictl grants\" shows what comes of "
			    "it.\n"));
	return CTL_OK;
}

int cmd_request(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *call = NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct wish wish;

	int r = parse(ctl, argc, argv, &wish);
	if (r != CTL_OK)
		return r;
	if (!wish.what)
		return ctl_usage(ctl, argv[0], "%s", _("a device is missing"));
	if (!wish.reason)
		return ctl_usage(ctl, argv[0], "%s",
				 _("--reason WORD is missing"));
	r = bus_open(ctl);
	if (r != CTL_OK)
		return r;
	r = bus_new_call(ctl, "Request", &call);
	if (r >= 0)
		r = put_wish(call, &wish);
	if (r >= 0)
		r = bus_send(ctl, call, &reply, &error);
	return r < 0 ? bus_tell(ctl, &error, r) : print_id(ctl, reply);
}

int cmd_extend(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct wish wish;

	int r = parse(ctl, argc, argv, &wish);
	if (r != CTL_OK)
		return r;
	if (!wish.what)
		return ctl_usage(ctl, argv[0], "%s", _("an id is missing"));
	r = bus_call(ctl, "Extend", &reply, "sus", wish.what, wish.minutes,
		     wish.note ? wish.note : "");
	return r != CTL_OK ? r : print_id(ctl, reply);
}

int cmd_end(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	if (argc < 2)
		return ctl_usage(ctl, argv[0], "%s", _("an id is missing"));
	if (argc > 2)
		return ctl_usage(ctl, argv[0], _("unexpected argument '%s'"),
				 argv[2]);
	int r = bus_call(ctl, "EndGrant", &reply, "s", argv[1]);
	if (r != CTL_OK)
		return r;
	fprintf(ctl->out, _("It has ended.\n"));
	return CTL_OK;
}

/* What the code gives is said before it is used up: the daemon's answer. */
int cmd_code(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_dict_ struct dict given = {0};

	if (argc < 3)
		return ctl_usage(ctl, argv[0], "%s",
				 _("a receipt number and a code are wanted"));
	if (argc > 3)
		return ctl_usage(ctl, argv[0], _("unexpected argument '%s'"),
				 argv[3]);
	int r = bus_call(ctl, "UseCode", &reply, "ss", argv[1], argv[2]);
	if (r != CTL_OK)
		return r;
	if (dict_read(reply, &given) < 0)
		return bus_tell_garbled(ctl);
	fprintf(ctl->out, _("Accepted: %s, %" PRIu64 " min, %" PRIu64 "×\n"),
		report_word(ctl, dict_str(&given, "access")),
		dict_u64(&given, "minutes"), dict_u64(&given, "uses"));
	return CTL_OK;
}

/* --- grants -------------------------------------------------------------------- */

static void print_grant(const struct ctl *ctl, const struct dict *grant)
{
	uint64_t minutes = dict_u64(grant, "minutes");
	uint64_t uses = dict_u64(grant, "uses");
	uint64_t left = dict_u64(grant, "left");
	char text[TEXT_SHORT_MAX];

	text_print(ctl->out, dict_str(grant, "id"));
	fprintf(ctl->out, "  %s  %s  ",
		report_word(ctl, dict_str(grant, "state")),
		report_word(ctl, dict_str(grant, "access")));
	fprintf(ctl->out, _("%" PRIu64 " min"), minutes);
	if (uses > 0)
		fprintf(ctl->out, _(", used %" PRIu64 " of %" PRIu64),
			dict_u64(grant, "use-count"), uses);
	if (left > 0) {
		text_duration(ctl, left, text);
		fprintf(ctl->out, _(", %s left"), text);
	}
	fputs("\n  ", ctl->out);
	text_print(ctl->out, dict_str(grant, "user"));
	fputs("  ", ctl->out);
	text_print(ctl->out, dict_str(grant, "reason"));
	fputs("  ", ctl->out);
	text_print(ctl->out, dict_str(grant, "device"));
	fputc('\n', ctl->out);
}

/* One of the answer; *count of those before. 0 or -errno. */
static int take_grant(const struct ctl *ctl, sd_bus_message *reply,
		      bool is_json, size_t *count)
{
	_cleanup_dict_ struct dict grant = {0};

	int r = dict_read(reply, &grant);
	if (r < 0)
		return r;
	if (!is_json) {
		print_grant(ctl, &grant);
	} else {
		fputs(*count ? ",\n " : "[", ctl->out);
		if (report_json(ctl, &grant) != CTL_OK)
			return -ENOMEM;
	}
	(*count)++;
	return 0;
}

int cmd_grants(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *rest;
	size_t count = 0;
	bool is_json;

	int r = report_arguments(ctl, argc, argv, &is_json, &rest);
	if (r != CTL_OK)
		return r;
	if (rest)
		return ctl_usage(ctl, argv[0], _("unexpected argument '%s'"),
				 rest);
	r = bus_call(ctl, "ListGrants", &reply, NULL);
	if (r != CTL_OK)
		return r;
	r = sd_bus_message_enter_container(reply, 'a', "a{sv}");
	while (r > 0 && count < GRANTS_SHOWN_MAX &&
	       sd_bus_message_at_end(reply, 0) == 0)
		if (take_grant(ctl, reply, is_json, &count) < 0)
			r = -EBADMSG;
	if (r <= 0)
		return bus_tell_garbled(ctl);
	if (is_json)
		fputs(count ? "]\n" : "[]\n", ctl->out);
	else if (count == 0)
		fprintf(ctl->out, _("No exceptions.\n"));
	return CTL_OK;
}
