/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login test USER: could this person prove two factors, and if not, what is
 * missing. A dry run: nobody is asked, nothing is recorded.
 */
#include <errno.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/ctl/login.h"
#include "agent/ctl/report.h"
#include "agent/ctl/text.h"
#include "policy/json_out.h"

#define SERVICE	     "login" /* the console: every way in includes the same */
#define VALUE_MAX    256u
#define NAME_COLUMNS 26

static const char *enrolled_words[] = {
	[LOGIN_ENROLLED_NO] = N_("not enrolled"),
	[LOGIN_ENROLLED_YES] = N_("enrolled"),
	[LOGIN_ENROLLED_UNKNOWN] = N_("known to the module alone"),
};

static const char *line_state(const struct login_try_line *line)
{
	return line->factors ? enrolled_words[line->enrolled]
			     : N_("would not be counted: see login lint");
}

static void print_try(const struct ctl *ctl, const struct login_person *person,
		      const struct login_try *result)
{
	for (size_t i = 0; i < result->line_count; i++) {
		const struct login_try_line *line = &result->lines[i];
		char factors[MFA_FACTORS_STR_SIZE];

		mfa_factors_to_str(line->factors, factors);
		text_print_padded(ctl->out, line->module, NAME_COLUMNS);
		text_print_padded(ctl->out, factors, NAME_COLUMNS);
		fprintf(ctl->out, "%s\n", _(line_state(line)));
	}
	text_print(ctl->out, person->name);
	fputs(": ", ctl->out);
	if (result->is_enough && result->has_gate)
		fprintf(ctl->out, _("can prove two factors.\n"));
	else if (!result->has_gate)
		fprintf(ctl->out, _("no gate counts: see login lint.\n"));
	else if (result->is_possible)
		fprintf(ctl->out, _("can perhaps prove two factors; only a "
				    "login shows it.\n"));
	else
		fprintf(ctl->out, _("cannot prove two factors, and would be "
				    "refused.\n"));
}

static const char *verdict_word(const struct login_try *result)
{
	return !result->has_gate     ? "no-gate"
	       : result->is_enough   ? "yes"
	       : result->is_possible ? "perhaps"
				     : "no";
}

static void print_json(const struct ctl *ctl, const struct login_person *person,
		       const struct login_try *result)
{
	static const char *const words[] = {"no", "yes", "unknown"};
	char buf[8192];
	struct json_out out;
	size_t len = 0;

	json_out_init(&out, buf, sizeof(buf));
	json_out_object(&out, NULL);
	json_out_str(&out, "user", person->name, VALUE_MAX);
	json_out_str(&out, "two-factors", verdict_word(result), VALUE_MAX);
	json_out_array(&out, "lines");
	for (size_t i = 0; i < result->line_count; i++) {
		char factors[MFA_FACTORS_STR_SIZE];

		mfa_factors_to_str(result->lines[i].factors, factors);
		json_out_object(&out, NULL);
		json_out_str(&out, "module", result->lines[i].module,
			     VALUE_MAX);
		json_out_str(&out, "factors", factors, VALUE_MAX);
		json_out_str(&out, "enrolled", words[result->lines[i].enrolled],
			     VALUE_MAX);
		json_out_end(&out);
	}
	json_out_end(&out);
	json_out_end(&out);
	if (json_out_finish(&out, &len) == 0) {
		fwrite(buf, 1, len, ctl->out);
		fputc('\n', ctl->out);
	}
}

static int find_person(const struct ctl *ctl, const struct login_view *view,
		       const char *name, struct login_person *ret_person)
{
	int r = login_person_find(view, name, ret_person);

	if (r == 0)
		return CTL_OK;
	text_print(ctl->err, name);
	fputs(": ", ctl->err);
	fputs(r == -ENOENT ? _("there is no such user in the local files")
			   : strerror(-r),
	      ctl->err);
	fputc('\n', ctl->err);
	return CTL_FAILED;
}

int login_test(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_login_view_ struct login_view view = {.root_fd = -1};
	struct login_person person;
	struct login_try result;
	const char *name = NULL;
	bool is_json = false;

	int r = report_arguments(ctl, argc, argv, &is_json, &name);
	if (r != CTL_OK)
		return r;
	if (!name)
		return ctl_usage(ctl, "login", "%s", _("a user is missing"));
	r = login_want_root(ctl);
	if (r == CTL_OK)
		r = login_view_open(ctl, &view);
	if (r == CTL_OK)
		r = find_person(ctl, &view, name, &person);
	if (r != CTL_OK)
		return r;
	if (login_try_person(&view, SERVICE, &person, &result) < 0) {
		fprintf(ctl->err, _("Out of memory.\n"));
		return CTL_FAILED;
	}
	if (is_json)
		print_json(ctl, &person, &result);
	else
		print_try(ctl, &person, &result);
	return result.is_enough && result.has_gate ? CTL_OK : CTL_FAILED;
}
