/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login enforce, confirm, report: turn the switch. Enforcement begins on trial
 * and ends by itself, in the module, without a timer that could be missing:
 * after five minutes, or with this boot. It is refused where it would lock
 * somebody out who is needed to undo it.
 */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/ctl/bus.h"
#include "agent/ctl/dict.h"
#include "agent/ctl/login.h"
#include "agent/ctl/text.h"
#include "policy/mfa_text.h"

#define TRIAL_S	    300u
#define TRIAL_NS    (TRIAL_S * NS_PER_S)
#define SWITCH_DIR  "var/lib/sekimori" /* LOGIN_SWITCH_FILE */
#define SWITCH_NAME "login.switch"
#define RECORDS_DIR "run/sekimori/mfa/open" /* LOGIN_RECORDS_DIR */
#define RECORDS_MAX 1024u

/* The way back must work without a daemon: the module reads the switch. */
static int write_switch(const struct ctl *ctl, const struct login_view *view,
			const struct login_switch *sw)
{
	char text[LOGIN_SWITCH_MAX_BYTES];
	size_t len = login_switch_format(sw, text);
	_cleanup_close_ int dir = open_below(view->root_fd, SWITCH_DIR,
					     O_RDONLY | O_DIRECTORY, 0);
	int r = dir < 0 ? dir : write_atomic(dir, SWITCH_NAME, text, len, 0644);

	if (r == 0)
		return CTL_OK;
	fprintf(ctl->err, "/" SWITCH_DIR "/" SWITCH_NAME ": %s\n",
		strerror(-r));
	return CTL_FAILED;
}

/* Asks the daemon to turn it: it knows the rules, and records the change. */
static int turn_switch(struct ctl *ctl, const char *mode, uint32_t trial_s)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	return bus_call(ctl, "SetLoginMode", &reply, "su", mode, trial_s);
}

/* What came of it: a policy that only reports is not made to refuse. */
static int check_mode(struct ctl *ctl)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_dict_ struct dict answer = {0};

	int r = bus_call(ctl, "LoginMode", &reply, NULL);
	if (r != CTL_OK)
		return r;
	if (dict_read(reply, &answer) < 0)
		return bus_tell_garbled(ctl);
	const char *mode = dict_str(&answer, "mode");
	if (mode && strcmp(mode, "enforce") == 0)
		return CTL_OK;
	fprintf(ctl->err,
		mode && strcmp(mode, "off") == 0
			? _("The policy has no login rules: nothing is asked "
			    "of anybody. See sekimori.rules(5).\n")
			: _("The policy only monitors: nobody is refused until "
			    "it says enforce.\n"));
	return CTL_FAILED;
}

/* ---- what must be so before anybody is refused -------------------------- */

static int check_stacks(const struct ctl *ctl, const struct login_view *view)
{
	struct lint_report report = {0};
	char hash[DIGEST_HEX_SIZE];

	int r = login_lint_run(ctl, view, &report, hash);
	if (r != CTL_OK)
		return r;
	for (size_t i = 0; i < report.count; i++)
		if (report.findings[i].is_error)
			login_lint_print(ctl, &report.findings[i], ctl->err);
	free(report.findings);
	if (report.error_count == 0)
		return CTL_OK;
	fprintf(ctl->err,
		_("Refused: %zu errors in how people log in. Mend "
		  "them first.\n"),
		report.error_count);
	return CTL_FAILED;
}

static int check_breakglass(const struct ctl *ctl,
			    const struct login_view *view)
{
	if (login_has_breakglass(view))
		return CTL_OK;
	fprintf(ctl->err,
		_("Refused: nobody could come in when factors are lost. Give a "
		  "sealed account a\npassword and put it into the group "
		  "'%s'.\n"),
		view->policy.breakglass_group[0] ? view->policy.breakglass_group
						 : "-");
	return CTL_FAILED;
}

struct census {
	const struct ctl *ctl;
	const struct login_view *view;
	unsigned able;
	unsigned others;
};

static int count_person(void *data, const struct login_person *person)
{
	struct census *census = data;
	const struct ctl *ctl = census->ctl;
	struct login_try result;

	/* The glass is for who cannot prove two: nothing to tell */
	if (login_is_sealed(census->view, person->name)) {
		census->others++;
		return 0;
	}
	int r = login_try_person(census->view, "login", person, &result);
	if (r < 0)
		return r;
	if (result.is_possible) {
		census->able++;
		return 0;
	}
	census->others++;
	text_print(ctl->err, person->name);
	fprintf(ctl->err, _(": cannot prove two factors yet\n"));
	return 0;
}

static int check_people(const struct ctl *ctl, const struct login_view *view)
{
	struct census census = {ctl, view, 0, 0};

	int r = login_people_each(view, count_person, &census);
	if (r < 0) {
		fprintf(ctl->err, _("The users cannot be read: %s\n"),
			strerror(-r));
		return CTL_FAILED;
	}
	if (census.able > 0 || census.others == 0)
		return CTL_OK;
	fprintf(ctl->err, _("Refused: nobody here could prove two factors. "
			    "Enrol somebody first.\n"));
	return CTL_FAILED;
}

/* ---- the commands ------------------------------------------------------- */

/* Only "--untested" is taken. */
static int take_arguments(const struct ctl *ctl, int argc, char **argv,
			  bool *ret_untested)
{
	for (int i = 1; i < argc; i++) {
		if (!ret_untested || strcmp(argv[i], "--untested") != 0)
			return ctl_usage(ctl, "login",
					 argv[i][0] == '-'
						 ? _("there is no option '%s'")
						 : _("unexpected argument "
						     "'%s'"),
					 argv[i]);
		*ret_untested = true;
	}
	return login_want_root(ctl);
}

int login_enforce(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_login_view_ struct login_view view = {.root_fd = -1};

	int r = take_arguments(ctl, argc, argv, NULL);
	if (r == CTL_OK)
		r = login_view_open(ctl, &view);
	if (r == CTL_OK)
		r = check_stacks(ctl, &view);
	if (r == CTL_OK)
		r = check_breakglass(ctl, &view);
	if (r == CTL_OK)
		r = check_people(ctl, &view);
	if (r != CTL_OK)
		return r;
	if (login_view_mode(&view) == LOGIN_MODE_ENFORCE &&
	    view.policy.trial_until_boot_ns == 0) {
		fprintf(ctl->out, _("Logins are enforced already.\n"));
		return CTL_OK;
	}
	r = turn_switch(ctl, "enforce", TRIAL_S);
	if (r == CTL_OK)
		r = check_mode(ctl);
	if (r != CTL_OK)
		return r;
	fprintf(ctl->out,
		_("From now on fewer than two factors are refused, for five "
		  "minutes on trial.\nKeep this shell. Log in on another "
		  "console; when that works:\n  sudo sekimorictl login "
		  "confirm\nWithout it, and after a restart, logins are only "
		  "reported again.\n"));
	return CTL_OK;
}

/* Whether somebody is in who came with two factors since the trial began. */
static bool is_tried(const struct login_view *view)
{
	int fd = openat(view->root_fd, RECORDS_DIR,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	uint64_t until = view->policy.trial_until_boot_ns;
	uint64_t begun = until > TRIAL_NS ? until - TRIAL_NS : 0;
	unsigned left = RECORDS_MAX;

	for (const struct dirent *entry;
	     dir && left-- && (entry = readdir(dir));) {
		_cleanup_free_ char *text = NULL;
		struct login_record record;

		if (entry->d_name[0] != '.' &&
		    read_small_file(dirfd(dir), entry->d_name,
				    LOGIN_TEXT_MAX_BYTES, &text, NULL) == 0 &&
		    login_record_parse(span_str(text), &record) == 0 &&
		    record.outcome == LOGIN_ALLOW_FACTORS &&
		    record.boot_ns >= begun)
			return true;
	}
	return false;
}

int login_confirm(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_login_view_ struct login_view view = {.root_fd = -1};
	bool is_untested = false;

	int r = take_arguments(ctl, argc, argv, &is_untested);
	if (r == CTL_OK)
		r = login_view_open(ctl, &view);
	if (r != CTL_OK)
		return r;
	if (login_view_mode(&view) != LOGIN_MODE_ENFORCE) {
		fprintf(ctl->err, _("No trial is running. Begin one: "
				    "sekimorictl login enforce\n"));
		return CTL_FAILED;
	}
	if (!is_untested && !is_tried(&view)) {
		fprintf(ctl->err,
			_("Nobody is logged in who proved two factors since "
			  "the trial began. Log in on\nanother console and "
			  "stay; or confirm with --untested.\n"));
		return CTL_FAILED;
	}
	r = turn_switch(ctl, "enforce", 0);
	if (r == CTL_OK)
		fprintf(ctl->out, _("Two factors are asked from now on.\n"));
	return r;
}

int login_report(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_login_view_ struct login_view view = {.root_fd = -1};
	const struct login_switch sw = {.mode = LOGIN_MODE_REPORT};

	int r = take_arguments(ctl, argc, argv, NULL);
	if (r == CTL_OK)
		r = login_view_open(ctl, &view);
	if (r == CTL_OK)
		r = write_switch(ctl, &view, &sw);
	if (r != CTL_OK)
		return r;
	fprintf(ctl->out, _("Logins are only reported; nobody is refused.\n"));
	/* The daemon is told too; where it is down it reads the switch later. */
	if (ctl->root && !ctl->bus_address)
		return CTL_OK;
	if (turn_switch(ctl, "report", 0) != CTL_OK)
		fprintf(ctl->err, _("The daemon was not told; the logins go by "
				    "it all the same.\n"));
	return CTL_OK;
}
