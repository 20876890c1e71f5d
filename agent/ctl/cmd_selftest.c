/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selftest [--light] [--json]: the coverage matrix of this machine, and what
 * of it the daemon is told for its log.
 */
#include "agent/ctl/selftest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/ctl/bus.h"
#include "agent/ctl/dict.h"
#include "agent/ctl/report.h"
#include "agent/ctl/text.h"
#include "policy/json_out.h"

#define STATE_COLUMNS 20
#define NAME_COLUMNS  16
#define JSON_BYTES    16384u
#define OPEN_BYTES    256u

static const char *const words[] = {
	[WAY_UNTESTED] = N_("not testable here"),
	[WAY_OPEN] = N_("OPEN"),
	[WAY_USERS_ONLY] = N_("closed for users"),
	[WAY_CLOSED] = N_("closed"),
};

/* ---- the matrix ---------------------------------------------------------- */

static int print_json(const struct ctl *ctl, const struct selftest *test)
{
	_cleanup_free_ char *buf = malloc(JSON_BYTES);
	struct json_out out;
	size_t len;

	if (!buf)
		return CTL_FAILED;
	json_out_init(&out, buf, JSON_BYTES);
	json_out_object(&out, NULL);
	json_out_array(&out, "ways");
	for (size_t i = 0; i < test->count; i++) {
		const struct way *way = &test->ways[i];
		json_out_object(&out, NULL);
		json_out_str(&out, "name", way->name, SELFTEST_DETAIL_MAX);
		json_out_str(&out, "state", way_state_to_str(way->state),
			     SELFTEST_DETAIL_MAX);
		json_out_str(&out, "title", way->title, SELFTEST_DETAIL_MAX);
		json_out_str(&out, "detail", way->detail, SELFTEST_DETAIL_MAX);
		json_out_end(&out);
	}
	json_out_end(&out);
	for (unsigned int i = 0; i < WAY_STATE_COUNT_; i++)
		json_out_u64(&out, way_state_to_str((enum way_state)i),
			     selftest_count(test, (enum way_state)i));
	json_out_end(&out);
	if (json_out_finish(&out, &len) < 0)
		return CTL_FAILED;
	fwrite(buf, 1, len, ctl->out);
	fputc('\n', ctl->out);
	return CTL_OK;
}

static void print_table(const struct ctl *ctl, const struct selftest *test)
{
	for (size_t i = 0; i < test->count; i++) {
		const struct way *way = &test->ways[i];
		text_print_padded(ctl->out, _(words[way->state]),
				  STATE_COLUMNS);
		text_print_padded(ctl->out, way->name, NAME_COLUMNS);
		fputs(_(way->title), ctl->out);
		if (way->detail[0])
			fprintf(ctl->out, " (%s)", _(way->detail));
		fputc('\n', ctl->out);
	}
	fprintf(ctl->out,
		_("\n%u closed, %u closed for users only, %u open, %u not "
		  "testable here\n"),
		selftest_count(test, WAY_CLOSED),
		selftest_count(test, WAY_USERS_ONLY),
		selftest_count(test, WAY_OPEN),
		selftest_count(test, WAY_UNTESTED));
}

int selftest_print(const struct ctl *ctl, const struct selftest *test,
		   bool is_json)
{
	int r = CTL_OK;

	if (is_json)
		r = print_json(ctl, test);
	else
		print_table(ctl, test);
	if (r != CTL_OK)
		return r;
	return selftest_count(test, WAY_OPEN) ||
			       selftest_count(test, WAY_USERS_ONLY)
		       ? CTL_FAILED
		       : CTL_OK;
}

/* ---- the daemon ---------------------------------------------------------- */

/* The channels that are let out on purpose. */
static void note_allowed(const struct dict *status, struct selftest *test)
{
	const struct dict_entry *rows = dict_list(status, "channels");
	size_t used = 0;

	if (!rows || rows->list_width != 3)
		return;
	for (size_t i = 0; i + 2 < rows->list_count; i += 3) {
		size_t left = sizeof(test->allowed) - used;
		if (strcmp(rows->list[i + 1], "authorised") != 0 ||
		    strlen(rows->list[i]) + 3 > left)
			continue;
		used += (size_t)snprintf(test->allowed + used, left, " %s ",
					 rows->list[i]);
	}
}

/* Its process; and a word where it refuses nothing anyway. */
static int meet_daemon(struct ctl *ctl, struct selftest *test)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_dict_ struct dict status = {0};
	sd_bus_creds *creds = NULL;

	int r = bus_call(ctl, "Status", &reply, NULL);
	if (r != CTL_OK)
		return r;
	if (dict_read(reply, &status) < 0)
		return bus_tell_garbled(ctl);
	const char *state = dict_str(&status, "state");
	if (state && strcmp(state, "monitor") == 0)
		fputs(_("Monitor mode: nothing is refused, so every way is "
			"open.\n"),
		      ctl->err);
	note_allowed(&status, test);
	r = sd_bus_get_name_creds(ctl->bus, BUS_NAME, SD_BUS_CREDS_PID, &creds);
	if (r >= 0)
		r = sd_bus_creds_get_pid(creds, &test->daemon);
	sd_bus_creds_unref(creds);
	return r < 0 ? bus_tell_garbled(ctl) : CTL_OK;
}

struct verdict {
	struct ctl *ctl;
	const char *disk;
};

static bool has_verdict(void *userdata)
{
	const struct verdict *verdict = userdata;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	_cleanup_dict_ struct dict dict = {0};

	if (bus_new_call(verdict->ctl, "Explain", &call) < 0 ||
	    sd_bus_message_append(call, "s", verdict->disk) < 0 ||
	    bus_send(verdict->ctl, call, &reply, &error) < 0 ||
	    dict_read(reply, &dict) < 0)
		return false;
	const char *state = dict_str(&dict, "state");
	return state && strcmp(state, "held") != 0;
}

void selftest_wait_verdict(struct selftest *test, const char *disk)
{
	struct verdict verdict = {test->ctl, disk};

	(void)selftest_wait(has_verdict, &verdict);
}

/* The names of what is not closed, as far as they fit. */
static void list_open(const struct selftest *test, char ret[OPEN_BYTES])
{
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < test->count; i++) {
		const struct way *way = &test->ways[i];
		if (way->state != WAY_OPEN && way->state != WAY_USERS_ONLY)
			continue;
		int n = snprintf(ret + len, OPEN_BYTES - len, "%s%s",
				 len ? " " : "", way->name);
		if (n < 0 || (size_t)n >= OPEN_BYTES - len) {
			ret[len] = '\0';
			return;
		}
		len += (size_t)n;
	}
}

static int tell_daemon(struct ctl *ctl, const struct selftest *test)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	char names[OPEN_BYTES];

	list_open(test, names);
	return bus_call(ctl, "SelfTested", &reply, "uuuus",
			selftest_count(test, WAY_CLOSED),
			selftest_count(test, WAY_USERS_ONLY),
			selftest_count(test, WAY_OPEN),
			selftest_count(test, WAY_UNTESTED), names);
}

/* ---- the command --------------------------------------------------------- */

/* A module must not stay because somebody lost patience. */
static void hold_signals(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(how, &set, NULL); /* cannot fail with a set */
}

static int run(struct ctl *ctl, struct selftest *test)
{
	struct selftest_modules modules;

	(void)snprintf(test->folder, sizeof(test->folder),
		       "/run/sekimori-selftest-XXXXXX");
	if (!mkdtemp(test->folder)) {
		fprintf(ctl->err, "%s: %s\n", test->folder, strerror(errno));
		return CTL_FAILED;
	}
	(void)chmod(test->folder, 0755); /* nobody mounts on it, too */
	hold_signals(SIG_BLOCK);
	selftest_modules_read(&modules);
	selftest_guard(test);
	selftest_disks(test);
	selftest_usb(test);
	selftest_channels(test);
	selftest_modules_restore(&modules);
	hold_signals(SIG_UNBLOCK);
	(void)rmdir(test->folder); /* in /run: gone with the next start */
	return CTL_OK;
}

static int parse(const struct ctl *ctl, int argc, char **argv,
		 struct selftest *test)
{
	int is_json = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			is_json = 1;
		else if (strcmp(argv[i], "--light") == 0)
			test->is_light = true;
		else
			return -ctl_usage(ctl, argv[0],
					  _("there is no option '%s'"),
					  argv[i]);
	}
	return is_json;
}

int cmd_selftest(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_free_ struct selftest *test = calloc(1, sizeof(*test));

	if (!test)
		return CTL_FAILED;
	int is_json = parse(ctl, argc, argv, test);
	if (is_json < 0)
		return -is_json;
	int r = meet_daemon(ctl, test);
	if (r != CTL_OK)
		return r;
	if (geteuid() != 0) {
		fputs(_("Only root can try what root could do. Run it again "
			"with sudo.\n"),
		      ctl->err);
		return CTL_FAILED;
	}
	test->ctl = ctl;
	r = run(ctl, test);
	if (r == CTL_OK && !test->is_light)
		r = tell_daemon(ctl, test);
	return r == CTL_OK ? selftest_print(ctl, test, is_json) : r;
}
