/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login status and login test: who is here by which factors, and who could be.
 * The daemon knows sessions; where it cannot be asked, root reads the records
 * that the PAM module left.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/ctl/bus.h"
#include "agent/ctl/dict.h"
#include "agent/ctl/login.h"
#include "agent/ctl/report.h"
#include "agent/ctl/text.h"
#include "policy/mfa_text.h"

#define RECORDS_DIR  "run/sekimori/mfa/open" /* LOGIN_RECORDS_DIR */
#define BUS_SOCKET   "/run/dbus/system_bus_socket"
#define LOGINS_MAX   256u
#define VALUE_MAX    256u
#define NAME_COLUMNS 16

/* ---- the daemon's answer ----------------------------------------------- */

static void print_login(const struct ctl *ctl, const struct dict *login)
{
	const char *tty = dict_str(login, "tty");
	const char *cause = dict_str(login, "cause");
	const char *factors = dict_str(login, "factors");

	text_print_padded(ctl->out, dict_str(login, "user"), NAME_COLUMNS);
	text_print_padded(ctl->out, dict_str(login, "service"), NAME_COLUMNS);
	text_print_padded(ctl->out, tty && tty[0] ? tty : "-", 10);
	text_print_padded(ctl->out, dict_str(login, "state"), NAME_COLUMNS);
	text_print(ctl->out, factors && factors[0] ? factors : "-");
	if (cause && cause[0] && strcmp(cause, "none") != 0) {
		fputs("  ", ctl->out);
		text_print(ctl->out, cause);
	}
	fputc('\n', ctl->out);
}

/* aa{sv}; the number of logins, or -errno. */
static int take_logins(const struct ctl *ctl, sd_bus_message *reply,
		       bool is_json)
{
	unsigned count = 0;

	int r = sd_bus_message_enter_container(reply, 'a', "a{sv}");
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	if (is_json)
		fputs("[", ctl->out);
	while ((r = sd_bus_message_at_end(reply, 0)) == 0 &&
	       count < LOGINS_MAX) {
		_cleanup_dict_ struct dict login = {0};

		r = dict_read(reply, &login);
		if (r < 0)
			return r;
		if (!is_json) {
			print_login(ctl, &login);
		} else {
			fputs(count ? ",\n " : "", ctl->out);
			if (report_json(ctl, &login) != CTL_OK)
				return -ENOMEM;
		}
		count++;
	}
	if (is_json)
		fputs("]\n", ctl->out);
	return r < 0 ? r : (int)count;
}

/* CTL_OK, CTL_FAILED after telling, or -1: the daemon cannot be asked. */
static int ask_daemon(struct ctl *ctl, bool is_json)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_message_ sd_bus_message *call = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

	if (!ctl->bus_address && (ctl->root || access(BUS_SOCKET, F_OK) < 0))
		return -1;
	if (bus_open(ctl) != CTL_OK)
		return -1;
	int r = bus_new_call(ctl, "Logins", &call);
	if (r >= 0)
		r = bus_send(ctl, call, &reply, &error);
	if (r < 0 &&
	    (bus_is_absent(&error) ||
	     sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD) ||
	     sd_bus_error_has_name(&error, SD_BUS_ERROR_NO_REPLY)))
		return -1;
	if (r < 0)
		return bus_tell(ctl, &error, r);
	r = take_logins(ctl, reply, is_json);
	if (r < 0)
		return bus_tell_garbled(ctl);
	if (r == 0 && !is_json)
		fprintf(ctl->out, _("Nobody is logged in.\n"));
	return CTL_OK;
}

/* The policy is root's to read; others ask. Silent where nobody answers: the
 * question for the sessions tells why. */
static void print_mode_of_daemon(struct ctl *ctl)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_message_ sd_bus_message *call = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_dict_ struct dict answer = {0};

	if (access(BUS_SOCKET, F_OK) < 0 || bus_open(ctl) != CTL_OK ||
	    bus_new_call(ctl, "LoginMode", &call) < 0 ||
	    bus_send(ctl, call, &reply, &error) < 0 ||
	    dict_read(reply, &answer) < 0)
		return;
	const char *mode = dict_str(&answer, "mode");
	fprintf(ctl->out, "%s: %s\n", _("Mode"),
		!mode			       ? "-"
		: strcmp(mode, "enforce") == 0 ? _("enforcing: fewer than two "
						   "factors are refused")
		: strcmp(mode, "off") == 0     ? _("off: logins are not judged")
					       : _("report only: nobody is "
						       "refused"));
}

/* ---- the records --------------------------------------------------------- */

static void print_record(const struct ctl *ctl,
			 const struct login_record *record)
{
	char factors[MFA_FACTORS_STR_SIZE];

	mfa_factors_to_str(record->factors, factors);
	text_print_padded(ctl->out, record->user, NAME_COLUMNS);
	text_print_padded(ctl->out, record->service, NAME_COLUMNS);
	text_print_padded(ctl->out, record->tty[0] ? record->tty : "-", 10);
	text_print_padded(ctl->out, login_outcome_to_str(record->outcome),
			  NAME_COLUMNS);
	fprintf(ctl->out, "%s\n", factors);
}

static void put_record(const struct ctl *ctl, const struct login_record *record)
{
	char factors[MFA_FACTORS_STR_SIZE];
	char buf[4096];
	struct json_out out;
	size_t len = 0;

	mfa_factors_to_str(record->factors, factors);
	json_out_init(&out, buf, sizeof(buf));
	json_out_object(&out, NULL);
	json_out_str(&out, "user", record->user, VALUE_MAX);
	json_out_u64(&out, "uid", record->uid);
	json_out_str(&out, "service", record->service, VALUE_MAX);
	json_out_str(&out, "tty", record->tty, VALUE_MAX);
	json_out_str(&out, "session", record->session, VALUE_MAX);
	json_out_u64(&out, "leader", record->process.pid);
	json_out_str(&out, "state", login_outcome_to_str(record->outcome),
		     VALUE_MAX);
	json_out_str(&out, "factors", factors, VALUE_MAX);
	json_out_end(&out);
	if (json_out_finish(&out, &len) == 0)
		fwrite(buf, 1, len, ctl->out);
}

static int read_records(const struct ctl *ctl, const struct login_view *view,
			bool is_json)
{
	int fd = openat(view->root_fd, RECORDS_DIR,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	unsigned count = 0;

	if (is_json)
		fputs("[", ctl->out);
	for (const struct dirent *entry;
	     dir && count < LOGINS_MAX && (entry = readdir(dir));) {
		_cleanup_free_ char *text = NULL;
		struct login_record record;

		if (entry->d_name[0] == '.' ||
		    read_small_file(dirfd(dir), entry->d_name,
				    LOGIN_TEXT_MAX_BYTES, &text, NULL) < 0 ||
		    login_record_parse(span_str(text), &record) < 0)
			continue;
		if (is_json && count)
			fputs(",\n ", ctl->out);
		if (is_json)
			put_record(ctl, &record);
		else
			print_record(ctl, &record);
		count++;
	}
	if (is_json)
		fputs("]\n", ctl->out);
	else if (count == 0)
		fprintf(ctl->out, _("Nobody is logged in.\n"));
	return CTL_OK;
}

int login_status(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_login_view_ struct login_view view = {.root_fd = -1};
	const char *rest = NULL;
	bool is_json = false;

	int r = report_arguments(ctl, argc, argv, &is_json, &rest);
	if (r != CTL_OK)
		return r;
	if (rest)
		return ctl_usage(ctl, "login", _("unexpected argument '%s'"),
				 rest);
	r = login_view_open(ctl, &view);
	if (r != CTL_OK)
		return r;
	if (!is_json && (ctl->root || geteuid() == 0))
		login_print_mode(ctl, &view);
	else if (!is_json)
		print_mode_of_daemon(ctl);
	r = ask_daemon(ctl, is_json);
	if (r >= 0)
		return r;
	r = login_want_root(ctl);
	return r == CTL_OK ? read_records(ctl, &view, is_json) : r;
}
