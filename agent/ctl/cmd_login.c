/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: finds the subcommand, and reads what all of them stand on.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/ctl/login.h"
#include "agent/ctl/text.h"
#include "policy/mfa_text.h"

#define BOOT_ID_FILE "proc/sys/kernel/random/boot_id"

static const struct {
	const char *name;
	int (*run)(struct ctl *ctl, int argc, char **argv);
} subcommands[] = {
	{"lint", login_lint},	    {"status", login_status},
	{"test", login_test},	    {"enforce", login_enforce},
	{"confirm", login_confirm}, {"report", login_report},
	{"prove", login_prove},
};

int cmd_login(struct ctl *ctl, int argc, char **argv)
{
	for (size_t i = 0;
	     argc > 1 && i < sizeof(subcommands) / sizeof(*subcommands); i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].run(ctl, argc - 1, argv + 1);
	if (argc > 1)
		return ctl_usage(ctl, argv[0], _("there is no command '%s'"),
				 argv[1]);
	return ctl_usage(ctl, argv[0], "%s", _("a command is missing"));
}

/* A file that root wrote, or nothing: the module looks as closely. */
static char *read_trusted(const struct login_view *view, const char *path,
			  size_t max)
{
	const struct lint_source source = {view->root_fd, view->trusted_uid,
					   &view->policy};
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	if (lint_is_roots(&source, path) != 0 ||
	    read_small_file(view->root_fd, path + 1, max, &text, &size) < 0)
		return NULL;
	return TAKE_PTR(text);
}

static void read_policy(struct login_view *view)
{
	static const char *const files[] = {LOGIN_POLICY_FILE,
					    LOGIN_POLICY_FILE_INSTALLED};
	unsigned line = 0;

	login_policy_default(&view->policy);
	for (size_t i = 0; i < 2 && !view->has_policy; i++) {
		_cleanup_free_ char *text = read_trusted(view, files[i],
							 LOGIN_TEXT_MAX_BYTES);

		view->has_policy = text && login_policy_parse(span_str(text),
							      &view->policy,
							      &line) == 0;
	}
	_cleanup_free_ char *text = read_trusted(view, LOGIN_SWITCH_FILE,
						 LOGIN_SWITCH_MAX_BYTES);
	struct login_switch sw;
	view->has_switch = text && login_switch_parse(span_str(text), &sw) == 0;
	if (view->has_switch)
		login_switch_apply(&sw, &view->policy);
}

int login_view_open(const struct ctl *ctl, struct login_view *ret_view)
{
	const char *root = ctl->root ? ctl->root : "/";

	*ret_view = (struct login_view){
		.root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.trusted_uid = ctl->root ? getuid() : 0,
		.boot_now_ns = clock_boot_ns(),
	};
	if (ret_view->root_fd < 0) {
		text_print(ctl->err, root);
		fprintf(ctl->err, ": %s\n", strerror(errno));
		return CTL_FAILED;
	}
	/* Unknown is empty: a trial then counts as over. */
	if (read_line_file(ret_view->root_fd, BOOT_ID_FILE, ret_view->boot_id,
			   sizeof(ret_view->boot_id)) < 0)
		ret_view->boot_id[0] = '\0';
	read_policy(ret_view);
	return CTL_OK;
}

void login_view_close(struct login_view *view)
{
	if (view->root_fd >= 0)
		(void)close(view->root_fd); /* only read */
	view->root_fd = -1;
}

enum login_mode login_view_mode(const struct login_view *view)
{
	return login_policy_mode(&view->policy, view->boot_id,
				 view->boot_now_ns);
}

int login_want_root(const struct ctl *ctl)
{
	if (ctl->root || geteuid() == 0)
		return CTL_OK;
	fprintf(ctl->err,
		_("Only root can do this. Run it again with sudo.\n"));
	return CTL_FAILED;
}

void login_print_mode(const struct ctl *ctl, const struct login_view *view)
{
	enum login_mode mode = login_view_mode(view);
	bool is_trial = view->policy.mode == LOGIN_MODE_ENFORCE &&
			view->policy.trial_until_boot_ns != 0;
	char left[TEXT_SHORT_MAX];

	fprintf(ctl->out, "%s: ", _("Mode"));
	if (mode == LOGIN_MODE_OFF) {
		fputs(_("off: logins are not judged"), ctl->out);
	} else if (mode == LOGIN_MODE_ENFORCE && is_trial) {
		text_duration(ctl,
			      (view->policy.trial_until_boot_ns -
			       view->boot_now_ns) /
				      NS_PER_S,
			      left);
		fprintf(ctl->out,
			_("enforcing on trial, for another %s; keep it with: "
			  "sekimorictl login confirm"),
			left);
	} else if (mode == LOGIN_MODE_ENFORCE) {
		fputs(_("enforcing: fewer than two factors are refused"),
		      ctl->out);
	} else if (is_trial) {
		fputs(_("report only: the trial ran out"), ctl->out);
	} else {
		fputs(_("report only: nobody is refused"), ctl->out);
	}
	fputc('\n', ctl->out);
}
