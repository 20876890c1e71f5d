/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login lint: the findings of agent/pam/lint in the words of the person who
 * has to mend them. Judges as if logins were enforced: that is the question.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/ctl/login.h"
#include "agent/ctl/report.h"
#include "agent/ctl/text.h"
#include "policy/json_out.h"

#define VALUE_MAX 512u /* code points of one value in JSON */

static const char *const meanings[] = {
	[LINT_GATE_MISSING] = N_("no gate: this service lets in without two "
				 "factors"),
	[LINT_GATE_BYPASS] = N_("a way to success goes past the gate"),
	[LINT_GATE_REPORT] = N_("this gate only reports"),
	[LINT_AFTER_GATE] = N_("a factor after the gate is not counted"),
	[LINT_LINE] = N_("pam_sekimori.so refuses this line"),
	[LINT_DENIED_ARGUMENT] = N_("this argument lets the module succeed "
				    "without a proof"),
	[LINT_NOT_A_FACTOR] = N_("this module proves no factor"),
	[LINT_OVERCLAIM] = N_("the line claims more than the module proves"),
	[LINT_SELF_ENROLLED] = N_("the user can write the enrolment, or it is "
				  "missing"),
	[LINT_UNWRAPPED] = N_("a factor that nobody counts: wrap the line"),
	[LINT_TOO_FEW] = N_("nobody could prove enough factors here"),
	[LINT_MODULE] = N_("the module is missing, or others can change it"),
	[LINT_FILE_MISSING] = N_("a file is missing"),
	[LINT_FILE_LOOSE] = N_("others than root can change this file"),
	[LINT_SYNTAX] = N_("libpam does not understand this line"),
	[LINT_INCLUDE_EMPTY] = N_("an include without a line of this type"),
	[LINT_INCLUDE_LOOP] = N_("includes go too deep"),
	[LINT_TOO_LARGE] = N_("more than is looked at"),
	[LINT_OTHER_OPEN] = N_("unknown services are let in"),
	[LINT_SERVICE_UNKNOWN] = N_("not known to us, and not gated"),
	[LINT_AUTOLOGIN] = N_("somebody is logged in without being asked"),
	[LINT_CRON_OPEN] = N_("users may leave jobs that run without a login"),
	[LINT_LINGER] = N_("a user's programs run without a session"),
	[LINT_CARD_CONFIG] = N_("the module's settings take the proof out"),
};
_Static_assert(sizeof(meanings) / sizeof(*meanings) == LINT_CODE_COUNT,
	       "every code has its meaning");

int login_lint_run(const struct ctl *ctl, const struct login_view *view,
		   struct lint_report *ret_report,
		   char ret_hash[DIGEST_HEX_SIZE])
{
	_cleanup_buf_ struct buf stacks = BUF_INIT(LINT_TEXT_MAX);
	struct login_policy policy = view->policy;
	const struct lint_source source = {view->root_fd, view->trusted_uid,
					   &policy};
	struct lint_report report = {
		.findings = calloc(LOGIN_FINDINGS_MAX,
				   sizeof(struct lint_finding)),
		.capacity = LOGIN_FINDINGS_MAX,
	};

	policy.mode = LOGIN_MODE_ENFORCE;
	int r = report.findings ? lint_run(&source, &report, &stacks) : -ENOMEM;
	if (r == 0)
		r = lint_hash(&stacks, ret_hash);
	if (r < 0) {
		fprintf(ctl->err, _("The PAM stacks cannot be looked at: %s\n"),
			strerror(-r));
		free(report.findings);
		return CTL_FAILED;
	}
	*ret_report = report;
	return CTL_OK;
}

static void print_place(const struct lint_finding *finding, FILE *to)
{
	if (finding->file[0])
		fputs(" [/", to);
	else
		return;
	text_print(to, finding->file);
	if (finding->line)
		fprintf(to, ":%u", finding->line);
	fputc(']', to);
}

void login_lint_print(const struct ctl *ctl, const struct lint_finding *finding,
		      FILE *to)
{
	const char *meaning = meanings[finding->code];

	fprintf(to, "%s  ", finding->is_error ? _("error") : _("note"));
	if (finding->service[0]) {
		text_print(to, finding->service);
		fprintf(to, "%s%s: ", finding->type[0] ? " " : "",
			finding->type);
	}
	fputs(_(meaning), to);
	/* What the linter adds: a module, an argument, a name. */
	if (strcmp(finding->what, meaning) != 0) {
		fputs(" (", to);
		text_print(to, finding->what);
		fputc(')', to);
	}
	print_place(finding, to);
	fputc('\n', to);
}

static void put_finding(const struct lint_finding *finding,
			struct json_out *out)
{
	json_out_object(out, NULL);
	json_out_str(out, "code", lint_code_to_str(finding->code), VALUE_MAX);
	json_out_bool(out, "error", finding->is_error);
	json_out_str(out, "service", finding->service, VALUE_MAX);
	json_out_str(out, "type", finding->type, VALUE_MAX);
	json_out_str(out, "file", finding->file, VALUE_MAX);
	json_out_u64(out, "line", finding->line);
	json_out_str(out, "what", finding->what, VALUE_MAX);
	json_out_end(out);
}

static int print_json(const struct ctl *ctl, const struct lint_report *report,
		      const char *hash)
{
	_cleanup_free_ char *buf = malloc(LOGIN_JSON_MAX);
	struct json_out out;
	size_t len = 0;

	if (!buf) {
		fprintf(ctl->err, _("Out of memory.\n"));
		return CTL_FAILED;
	}
	json_out_init(&out, buf, LOGIN_JSON_MAX);
	json_out_object(&out, NULL);
	json_out_str(&out, "stack-sha256", hash, VALUE_MAX);
	json_out_u64(&out, "errors", report->error_count);
	json_out_array(&out, "findings");
	for (size_t i = 0; i < report->count; i++)
		put_finding(&report->findings[i], &out);
	json_out_end(&out);
	json_out_end(&out);
	if (json_out_finish(&out, &len) < 0) {
		fprintf(ctl->err, _("The answer is too large to show.\n"));
		return CTL_FAILED;
	}
	fwrite(buf, 1, len, ctl->out);
	fputc('\n', ctl->out);
	return CTL_OK;
}

static void print_findings(const struct ctl *ctl,
			   const struct lint_report *report, const char *hash)
{
	for (size_t i = 0; i < report->count; i++)
		login_lint_print(ctl, &report->findings[i], ctl->out);
	if (report->dropped)
		fprintf(ctl->out, _("and %zu more\n"), report->dropped);
	if (report->error_count == 0)
		fprintf(ctl->out, _("No way in past two factors was found.\n"));
	else
		fprintf(ctl->out, _("%zu errors: see pam_sekimori(8).\n"),
			report->error_count);
	fprintf(ctl->out, _("stack hash %s\n"), hash);
}

int login_lint(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_login_view_ struct login_view view = {.root_fd = -1};
	struct lint_report report = {0};
	char hash[DIGEST_HEX_SIZE];
	const char *rest = NULL;
	bool is_json = false;

	int r = report_arguments(ctl, argc, argv, &is_json, &rest);
	if (r != CTL_OK)
		return r;
	if (rest)
		return ctl_usage(ctl, "login", _("unexpected argument '%s'"),
				 rest);
	r = login_view_open(ctl, &view);
	if (r == CTL_OK)
		r = login_lint_run(ctl, &view, &report, hash);
	if (r != CTL_OK)
		return r;
	if (is_json)
		r = print_json(ctl, &report, hash);
	else
		print_findings(ctl, &report, hash);
	free(report.findings);
	return r == CTL_OK && report.error_count ? CTL_FAILED : r;
}
